//! Tables of spend, budgets, rates and costs of goods, as files bring them.

use super::outcome::BrokenRow;
use crate::report::{DateRange, ReportError};
use millstream_event::ledger::{Budget, Ledger, Placement, Rate, Spend, UnitCost};
use millstream_event::{Campaign, Currency, Hash128, Money};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::str::FromStr;

/// Largest file.
pub const FILE_BYTES_MAX: usize = 16 << 20;
/// Most rows of one file.
pub const ROWS_MAX: u64 = 200_000;
/// Greatest amount, in minor units.
pub const AMOUNT_MINOR_MAX: u64 = 1_000_000_000_000_000;
/// Greatest target of revenue over spend.
const TARGET_ROAS_MAX: f64 = 1_000.0;

/// What the rows of a table are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerKind {
    /// What was spent, by day and campaign.
    #[default]
    Spend,
    /// What may be spent, by campaign and period.
    Budgets,
    /// What currencies were worth, by day.
    Rates,
    /// What a unit of a product costs, by the day from which on.
    Goods,
}

impl LedgerKind {
    /// The word that is typed and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spend => "spend",
            Self::Budgets => "budgets",
            Self::Rates => "rates",
            Self::Goods => "goods",
        }
    }

    /// Columns with their other names; those marked are required.
    const fn columns(self) -> &'static [(&'static str, &'static [&'static str], bool)] {
        match self {
            Self::Spend => &[
                ("date", &["day"], true),
                ("channel", &[], false),
                ("source", &["utm_source"], false),
                ("medium", &["utm_medium"], false),
                ("campaign", &["utm_campaign", "campaign_name"], false),
                ("ad_group", &["utm_adgroup", "adgroup"], false),
                ("cost", &["spend", "amount"], false),
                ("cost_minor", &["spend_minor", "amount_minor"], false),
                ("currency", &[], true),
            ],
            Self::Budgets => &[
                ("campaign", &["utm_campaign", "campaign_name"], true),
                ("from", &["start"], true),
                ("to", &["end"], true),
                ("amount", &["budget"], false),
                ("amount_minor", &["budget_minor"], false),
                ("currency", &[], true),
                ("target_roas", &[], false),
            ],
            Self::Rates => &[
                ("date", &["day"], true),
                ("base", &[], true),
                ("currency", &["quote"], true),
                ("rate", &[], true),
            ],
            Self::Goods => &[
                ("product", &["sku", "product_id", "item_id"], true),
                ("from", &["date", "day", "valid_from"], true),
                ("cost", &["unit_cost", "cost_of_goods"], false),
                ("cost_minor", &["unit_cost_minor"], false),
                ("currency", &[], true),
            ],
        }
    }
}

impl FromStr for LedgerKind {
    type Err = ReportError;

    fn from_str(text: &str) -> Result<Self, ReportError> {
        let all = [Self::Spend, Self::Budgets, Self::Rates, Self::Goods];
        all.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| ReportError::Unknown {
            what: "the table",
            given: text.chars().take(64).collect(),
            known: all.map(Self::as_str).join(", "),
        })
    }
}

/// Why a file is no such table at all.
#[derive(Debug, thiserror::Error)]
pub enum TableFault {
    /// It is too large.
    #[error("the table has more than {limit} {unit}: import it in pieces")]
    Large {
        /// The bound.
        limit: u64,
        /// Of what.
        unit: &'static str,
    },
    /// It is no CSV.
    #[error("the table cannot be read ({0}): save it as CSV in UTF-8 with a header")]
    Unreadable(#[from] csv::Error),
    /// A column is unknown, missing, or there twice.
    #[error("{problem}: name columns {known}")]
    Column {
        /// What is wrong.
        problem: String,
        /// What there can be.
        known: String,
    },
}

/// A table that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerTable {
    /// Its good rows.
    pub ledger: Ledger,
    /// How many rows there are.
    pub rows: u64,
    /// Every rule that a row breaks.
    pub broken: Vec<BrokenRow>,
}

/// Reads a table. Commas, semicolons and tabs are told apart by the header.
///
/// # Errors
/// See [`TableFault`].
pub fn read(kind: LedgerKind, text: &[u8]) -> Result<LedgerTable, TableFault> {
    if text.len() > FILE_BYTES_MAX {
        return Err(TableFault::Large { limit: FILE_BYTES_MAX as u64, unit: "bytes" });
    }
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(text))
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text);
    let columns = columns(kind, reader.headers()?)?;
    let mut table = LedgerTable::default();
    let mut names: BTreeMap<(i32, Hash128), u64> = BTreeMap::new();
    for record in reader.records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        table.rows += 1;
        if table.rows > ROWS_MAX {
            return Err(TableFault::Large { limit: ROWS_MAX, unit: "rows" });
        }
        let mut row = Row { cells: BTreeMap::new(), broken: Vec::new() };
        if record.len() > columns.len() {
            row.broken.push("row: it has more cells than the header; quote commas".to_owned());
        }
        for (column, cell) in columns.iter().zip(&record) {
            row.cells.insert(column, cell);
        }
        row.take(kind, line, &mut table, &mut names);
    }
    Ok(table)
}

fn delimiter(text: &[u8]) -> u8 {
    let header = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |wanted: u8| header.iter().filter(|byte| **byte == wanted).count();
    [b',', b';', b'\t'].into_iter().rev().max_by_key(|wanted| count(*wanted)).unwrap_or(b',')
}

/// The column that each cell of a row belongs to.
fn columns(kind: LedgerKind, header: &csv::StringRecord) -> Result<Vec<&'static str>, TableFault> {
    let known: Vec<&str> = kind.columns().iter().map(|(name, ..)| *name).collect();
    let wrong = |problem| TableFault::Column { problem, known: known.join(", ") };
    let mut found = Vec::new();
    for title in header {
        let title = title.to_ascii_lowercase();
        let same = |(name, others, _): &&(&str, &[&str], bool)| {
            *name == title || others.contains(&title.as_str())
        };
        match kind.columns().iter().find(same) {
            None => return Err(wrong(format!("there is no column {title:?}"))),
            Some((name, ..)) if found.contains(name) => {
                return Err(wrong(format!("the column {name} is there twice")));
            }
            Some((name, ..)) => found.push(*name),
        }
    }
    let missing = kind.columns().iter().find(|(name, _, must)| *must && !found.contains(name));
    match missing {
        Some((name, ..)) => Err(wrong(format!("the column {name} is missing"))),
        None => Ok(found),
    }
}

/// One row, and every rule that it breaks.
struct Row<'a> {
    cells: BTreeMap<&'static str, &'a str>,
    broken: Vec<String>,
}

impl Row<'_> {
    fn take(
        &mut self,
        kind: LedgerKind,
        line: u64,
        table: &mut LedgerTable,
        names: &mut BTreeMap<(i32, Hash128), u64>,
    ) {
        let name = match kind {
            LedgerKind::Spend => {
                kept(self.spend(), &mut table.ledger.spend, |row| (row.day, row.name()))
            }
            LedgerKind::Budgets => {
                kept(self.budget(), &mut table.ledger.budgets, |row| (row.from, row.name()))
            }
            LedgerKind::Rates => {
                kept(self.rate(), &mut table.ledger.rates, |row| (row.day, row.name()))
            }
            LedgerKind::Goods => {
                kept(self.unit_cost(), &mut table.ledger.goods, |row| (row.day, row.name()))
            }
        };
        if let Some(earlier) = name.and_then(|name| names.insert(name, line)) {
            self.broken.push(format!(
                "row: line {earlier} is about the same; add them up or keep one of them"
            ));
        }
        table.broken.extend(self.broken.drain(..).map(|rule| BrokenRow { line, rule }));
    }

    fn cell(&self, name: &str) -> Option<&str> {
        self.cells.get(name).copied().filter(|cell| !cell.is_empty())
    }

    /// The value of a cell, or a rule broken.
    fn must<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Option<T>,
        wanted: &str,
    ) -> Option<T> {
        let (value, given) = match self.cell(name) {
            Some(cell) => (parse(cell), format!("{cell:?} cannot be read")),
            None => (None, "it is empty".to_owned()),
        };
        if value.is_none() {
            self.broken.push(format!("{name}: {given}; {wanted}"));
        }
        value
    }

    fn day(&mut self, name: &str) -> Option<i32> {
        let parse = |cell: &str| DateRange::parse_day(cell).ok();
        self.must(name, parse, "write a day as YYYY-MM-DD, such as 2026-11-22")
    }

    fn currency(&mut self, name: &str) -> Option<Currency> {
        self.must(name, Currency::parse, "write three letters, such as EUR")
    }

    fn text(&mut self, name: &str) -> Box<str> {
        let text = self.cell(name).unwrap_or_default();
        let wrong = text.len() > Campaign::VALUE_BYTES_MAX || text.chars().any(char::is_control);
        let kept = text.into();
        if wrong {
            let limit = Campaign::VALUE_BYTES_MAX;
            self.broken.push(format!("{name}: at most {limit} bytes without control characters"));
        }
        kept
    }

    /// A decimal in major units, or whole minor units.
    fn amount(&mut self, major: &str, minor: &str) -> Option<Money> {
        let currency = self.currency("currency");
        let fits = |money: &Money| money.minor.unsigned_abs() <= AMOUNT_MINOR_MAX;
        let units = |text: &str| text.parse().ok();
        let unknown = currency.unwrap_or(Currency::USD);
        let money = match (self.cell(major).is_some(), self.cell(minor).is_some()) {
            (true, true) => {
                self.broken.push(format!("{major}: {minor} says it, too; keep one of them"));
                None
            }
            (false, true) => self
                .must(minor, units, "write whole minor units, such as 1250")
                .map(|minor| Money { minor, currency: unknown }),
            _ => {
                let decimal = |text: &str| Money::parse_decimal(text, unknown);
                self.must(major, decimal, "write a decimal with a point, such as 12.50")
            }
        };
        if money.is_some_and(|money| !fits(&money)) {
            self.broken.push(format!("{major}: beyond {AMOUNT_MINOR_MAX} minor units"));
        }
        money.filter(fits).filter(|_| currency.is_some())
    }

    fn spend(&mut self) -> Option<Spend> {
        let day = self.day("date");
        let on = Placement {
            channel: self.text("channel"),
            source: self.text("source"),
            medium: self.text("medium"),
            campaign: self.text("campaign"),
            ad_group: self.text("ad_group"),
        };
        if on == Placement::default() {
            self.broken.push(
                "campaign: it names nothing; say campaign, source, medium or channel".to_owned(),
            );
        }
        let cost = self.amount("cost", "cost_minor");
        Some(Spend { day: day?, on, cost: cost? })
    }

    fn budget(&mut self) -> Option<Budget> {
        let campaign = self.text("campaign");
        if campaign.is_empty() {
            self.broken.push("campaign: it is empty; name the campaign".to_owned());
        }
        let (from, to) = (self.day("from"), self.day("to"));
        if let (Some(from), Some(to)) = (from, to)
            && to < from
        {
            self.broken.push("to: it lies before from; swap them".to_owned());
        }
        let amount = self.amount("amount", "amount_minor");
        if amount.is_some_and(|amount| amount.minor < 0) {
            self.broken.push("amount: it is negative; 0 takes a budget back".to_owned());
        }
        let target = match self.cell("target_roas") {
            None => Some(0),
            Some(_) => self.must("target_roas", target, "write revenue over spend, such as 2.5"),
        };
        let (from, to, amount) = (from?, to?, amount?);
        Some(Budget { campaign, from, to, amount, target_roas_permille: target? })
    }

    /// Without an amount nobody knows from that day on.
    fn unit_cost(&mut self) -> Option<UnitCost> {
        let product = self.text("product");
        if product.is_empty() {
            self.broken.push("product: it is empty; name it as orders do".to_owned());
        }
        let day = self.day("from");
        let told = ["cost", "cost_minor"].iter().any(|name| self.cell(name).is_some());
        let cost = if told { self.amount("cost", "cost_minor").map(Some) } else { Some(None) };
        if cost.flatten().is_some_and(|cost| cost.minor < 0) {
            self.broken.push("cost: it is negative; leave it empty to take a cost back".to_owned());
        }
        Some(UnitCost { day: day?, product, cost: cost? })
    }

    fn rate(&mut self) -> Option<Rate> {
        let day = self.day("date");
        let (base, currency) = (self.currency("base"), self.currency("currency"));
        if base.is_some() && base == currency {
            self.broken.push("currency: it is the base itself; name another".to_owned());
        }
        let wanted = "write how many units one of the base was worth, such as 1.0875";
        let digits = self.must("rate", Rate::parse_decimal, wanted);
        let (mantissa, scale) = digits?;
        Some(Rate { day: day?, base: base?, currency: currency?, mantissa, scale })
    }
}

/// Keeps a good row; its name.
fn kept<T>(
    row: Option<T>,
    rows: &mut Vec<T>,
    name: impl FnOnce(&T) -> (i32, Hash128),
) -> Option<(i32, Hash128)> {
    let row = row?;
    let name = name(&row);
    rows.push(row);
    Some(name)
}

fn target(text: &str) -> Option<u32> {
    let ratio: f64 = text.parse().ok()?;
    let fits = ratio.is_finite() && ratio > 0.0 && ratio <= TARGET_ROAS_MAX;
    fits.then_some((ratio * 1_000.0).round() as u32)
}

#[cfg(test)]
mod tests;
