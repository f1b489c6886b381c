//! Campaigns: who earned what, by channel, source, campaign or link.

use super::envelope::{Field, Row};
use super::error::ReportError;
use super::figures::{CampaignSum, Figures, PARTS_PER_WHOLE};
use super::number;
use super::page::{Grid, NOT_KNOWN, plain};
use super::query::{By, Model, ReportQuery};
use millstream_event::{Currency, Money, Timestamp};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// One group in one currency. A group that earned in several currencies has one row for each; its
/// counts stand in the first of them, so that rows always sum to the totals.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CampaignRow {
    /// The channel, source, campaign or link.
    pub key: String,
    /// Redirects followed.
    pub clicks: u64,
    /// Touches.
    pub touches: u64,
    /// Sessions that began with a touch of this group.
    pub sessions: u64,
    /// Credited conversions, in parts per billion.
    pub conversions_ppb: u64,
    /// Credited revenue in minor units of `currency`.
    pub revenue_minor: i64,
    /// The currency; none where there is neither revenue nor cost.
    pub currency: Option<Currency>,
    /// Known spend in minor units; none where no spend is known.
    pub cost_minor: Option<i64>,
    /// Ends of the 95 % interval of the conversions, where the model has one.
    pub range: Option<(f64, f64)>,
}

impl CampaignRow {
    /// Cost per conversion in minor units, rounded half up; none without cost or conversions.
    pub fn cac_minor(&self) -> Option<i64> {
        let cost = i128::from(self.cost_minor?);
        let conversions = i128::from(self.conversions_ppb);
        if conversions == 0 {
            return None;
        }
        let whole = i128::from(PARTS_PER_WHOLE);
        i64::try_from((cost * whole * 2 + conversions).div_euclid(conversions * 2)).ok()
    }

    /// Revenue over cost; none without cost.
    pub fn roas(&self) -> Option<f64> {
        let cost = self.cost_minor.filter(|cost| *cost != 0)?;
        Some(self.revenue_minor as f64 / cost as f64)
    }
}

/// Revenue in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// The currency.
    pub currency: Currency,
    /// Minor units.
    pub revenue_minor: i64,
}

/// Sums over all rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CampaignTotals {
    /// Redirects followed.
    pub clicks: u64,
    /// Touches.
    pub touches: u64,
    /// Sessions.
    pub sessions: u64,
    /// Conversions.
    pub conversions: f64,
    /// Revenue, where there is at most one currency; else see `revenue`.
    pub revenue_minor: Option<i64>,
    /// The one currency.
    pub currency: Option<Currency>,
    /// Known spend, where there is one currency.
    pub cost_minor: Option<i64>,
    /// Revenue per currency.
    pub revenue: Vec<Amount>,
}

/// The campaign report.
#[derive(Clone, Debug, PartialEq)]
pub struct CampaignReport {
    /// What was asked.
    pub query: ReportQuery,
    /// Rows, greatest revenue first.
    pub rows: Vec<CampaignRow>,
    /// Sums.
    pub totals: CampaignTotals,
}

/// Builds the report.
///
/// # Errors
/// When the figures cannot be read.
pub fn build(figures: &dyn Figures, query: &ReportQuery) -> Result<CampaignReport, ReportError> {
    let mut rows: Vec<CampaignRow> =
        figures.campaigns(query)?.into_iter().flat_map(rows_of).collect();
    rows.sort_by(|a, b| {
        (b.revenue_minor, b.conversions_ppb, b.touches, b.clicks)
            .cmp(&(a.revenue_minor, a.conversions_ppb, a.touches, a.clicks))
            .then_with(|| (&a.key, a.currency).cmp(&(&b.key, b.currency)))
    });
    let totals = totals_of(&rows);
    Ok(CampaignReport { query: *query, rows, totals })
}

fn sums_by_currency(amounts: &[Money]) -> BTreeMap<Currency, i64> {
    let mut sums = BTreeMap::new();
    for amount in amounts {
        let sum: &mut i64 = sums.entry(amount.currency).or_default();
        *sum = sum.saturating_add(amount.minor);
    }
    sums
}

fn rows_of(sum: CampaignSum) -> Vec<CampaignRow> {
    let (revenue, cost) = (sums_by_currency(&sum.revenue), sums_by_currency(&sum.cost));
    let mut currencies: Vec<Option<Currency>> = revenue
        .keys()
        .chain(cost.keys())
        .copied()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .map(Some)
        .collect();
    currencies.sort_by_key(|currency| {
        let earned = currency.and_then(|currency| revenue.get(&currency)).copied();
        (std::cmp::Reverse(earned), *currency)
    });
    if currencies.is_empty() {
        currencies.push(None);
    }
    let mut rows: Vec<CampaignRow> = currencies
        .into_iter()
        .map(|currency| CampaignRow {
            key: sum.key.clone(),
            currency,
            revenue_minor: currency.and_then(|c| revenue.get(&c)).copied().unwrap_or(0),
            cost_minor: currency.and_then(|c| cost.get(&c)).copied(),
            ..CampaignRow::default()
        })
        .collect();
    if let Some(first) = rows.first_mut() {
        first.clicks = sum.clicks;
        first.touches = sum.touches;
        first.sessions = sum.sessions;
        first.conversions_ppb = sum.conversions_ppb;
        first.range = sum.range;
    }
    rows
}

fn totals_of(rows: &[CampaignRow]) -> CampaignTotals {
    let mut revenue: BTreeMap<Currency, i64> = BTreeMap::new();
    let mut cost: Option<i64> = None;
    for row in rows {
        if let Some(currency) = row.currency {
            let sum = revenue.entry(currency).or_default();
            *sum = sum.saturating_add(row.revenue_minor);
        }
        if let Some(spent) = row.cost_minor {
            cost = Some(cost.unwrap_or(0).saturating_add(spent));
        }
    }
    let mut single = revenue.iter().map(|(currency, minor)| (*currency, *minor));
    let (first, more) = (single.next(), single.next().is_some());
    let conversions_ppb: u64 = rows.iter().map(|row| row.conversions_ppb).sum();
    CampaignTotals {
        clicks: rows.iter().map(|row| row.clicks).sum(),
        touches: rows.iter().map(|row| row.touches).sum(),
        sessions: rows.iter().map(|row| row.sessions).sum(),
        conversions: whole(conversions_ppb),
        revenue_minor: if more { None } else { Some(first.map_or(0, |(_, minor)| minor)) },
        currency: if more { None } else { first.map(|(currency, _)| currency) },
        cost_minor: if more { None } else { cost },
        revenue: revenue
            .into_iter()
            .map(|(currency, revenue_minor)| Amount { currency, revenue_minor })
            .collect(),
    }
}

fn whole(parts_per_billion: u64) -> f64 {
    parts_per_billion as f64 / PARTS_PER_WHOLE as f64
}

/// What was asked, as machines read it.
#[derive(Serialize)]
pub struct Question {
    by: &'static str,
    model: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<u8>,
    window: String,
    from: Option<String>,
    to: Option<String>,
    bots: bool,
}

fn date(day: i32) -> String {
    Timestamp(i64::from(day) * 86_400_000_000).to_utc_date()
}

impl CampaignReport {
    /// What was asked.
    pub fn question(&self) -> Question {
        Question {
            by: self.query.by.as_str(),
            model: self.query.model.as_str(),
            order: (self.query.model == Model::Markov).then_some(self.query.order),
            window: format!("{}d", self.query.window.days()),
            from: self.query.range.from.map(date),
            to: self.query.range.to.map(date),
            bots: self.query.bots,
        }
    }

    /// Names of the columns.
    pub fn columns(&self) -> Vec<&'static str> {
        let mut columns = vec![
            self.query.by.as_str(),
            "clicks",
            "touches",
            "sessions",
            "conversions",
            "revenue_minor",
            "currency",
            "cost_minor",
            "cac_minor",
            "roas",
        ];
        if self.query.model.is_data_driven() {
            columns.extend(["conversions_low", "conversions_high"]);
        }
        columns
    }

    /// Rows as machines read them.
    pub fn machine_rows(&self) -> Vec<Row> {
        let columns = self.columns();
        // The ends of the interval stand last: without a model that has one they have no column.
        let end = |end: Option<f64>| end.map_or(Field::Unknown, Field::Real);
        let fields = |row: &CampaignRow| {
            [
                Field::Text(row.key.clone()),
                Field::Count(row.clicks),
                Field::Count(row.touches),
                Field::Count(row.sessions),
                Field::Real(whole(row.conversions_ppb)),
                Field::Minor(row.revenue_minor),
                row.currency.map_or(Field::Unknown, |code| Field::Text(code.to_string())),
                row.cost_minor.map_or(Field::Unknown, Field::Minor),
                row.cac_minor().map_or(Field::Unknown, Field::Minor),
                row.roas().map_or(Field::Unknown, Field::Real),
                end(row.range.map(|(low, _)| low)),
                end(row.range.map(|(_, high)| high)),
            ]
        };
        self.rows
            .iter()
            .map(|row| Row(columns.iter().copied().zip(fields(row)).collect()))
            .collect()
    }

    /// What the figures mean, in a sentence.
    pub fn meaning(&self) -> String {
        let credit = match self.query.model {
            Model::First => "the first touch earns each conversion",
            Model::Last => "the last touch earns each conversion",
            Model::LastNonDirect => "the last touch that is not direct earns each conversion",
            Model::Linear => "all touches share each conversion equally",
            Model::Position => "the first and the last touch earn 40 % each of a conversion",
            Model::Markov => match self.query.order {
                1 => "removal effects in a Markov chain of all journeys divide the conversions",
                2 => "removal effects in a Markov chain of order 2 divide the conversions",
                _ => "removal effects in a Markov chain of order 3 divide the conversions",
            },
            Model::Shapley => "Shapley values over all journeys divide the conversions",
            Model::TimeDecay => "a touch earns half as much for each week before the last one",
        };
        let group = match self.query.by {
            By::Channel => "channel",
            By::Source => "source",
            By::Campaign => "campaign",
            By::Link => "link",
        };
        let days = self.query.window.days();
        let range = match (self.query.range.from, self.query.range.to) {
            (None, None) => "over all data".to_owned(),
            (Some(from), None) => format!("from {}", date(from)),
            (None, Some(to)) => format!("until {}", date(to)),
            (Some(from), Some(to)) => format!("from {} to {}", date(from), date(to)),
        };
        let bots = if self.query.bots { ", bots included" } else { "" };
        let touches = if self.query.model.is_data_driven() {
            format!("with touches at most {days} days before them, 95 % intervals in brackets")
        } else {
            format!("within {days} days before it")
        };
        format!("Credit by {group}, {range}: {credit} {touches}{bots}.")
    }

    /// The tables for people.
    pub fn grids(&self) -> Vec<Grid> {
        let name = match self.query.by {
            By::Channel => "Channel",
            By::Source => "Source",
            By::Campaign => "Campaign",
            By::Link => "Link",
        };
        let with_cost = self.rows.iter().any(|row| row.cost_minor.is_some());
        let mut columns = vec![name, "Clicks", "Touches", "Sessions", "Conversions", "Revenue"];
        if with_cost {
            columns.extend(["Cost", "CAC", "ROAS"]);
        }
        let mut grid = Grid::new("", &columns, "No touches or conversions in this range yet.");
        grid.rows = self.rows.iter().map(|row| human(row, with_cost)).collect();
        grid.total = Some(self.human_totals(with_cost));
        vec![grid]
    }

    fn human_totals(&self, with_cost: bool) -> Vec<String> {
        let sums: u64 = self.rows.iter().map(|row| row.conversions_ppb).sum();
        let revenue = match self.totals.revenue.as_slice() {
            [] => NOT_KNOWN.to_owned(),
            amounts => amounts
                .iter()
                .map(|one| {
                    number::money(Money { minor: one.revenue_minor, currency: one.currency })
                })
                .collect::<Vec<_>>()
                .join("\n"),
        };
        let mut cells = vec![
            "Total".to_owned(),
            number::grouped(self.totals.clicks),
            number::grouped(self.totals.touches),
            number::grouped(self.totals.sessions),
            number::share(sums),
            revenue,
        ];
        if with_cost {
            let total = CampaignRow {
                conversions_ppb: sums,
                revenue_minor: self.totals.revenue_minor.unwrap_or(0),
                currency: self.totals.currency,
                cost_minor: self.totals.cost_minor,
                ..CampaignRow::default()
            };
            cells.extend(cost_cells(&total));
        }
        cells
    }
}

fn human(row: &CampaignRow, with_cost: bool) -> Vec<String> {
    let money = |minor| row.currency.map(|currency| number::money(Money { minor, currency }));
    let key = if row.key.is_empty() { "(none)".to_owned() } else { plain(&row.key) };
    let mut cells = vec![
        key,
        number::grouped(row.clicks),
        number::grouped(row.touches),
        number::grouped(row.sessions),
        match row.range {
            Some((low, high)) => format!(
                "{} ({}–{})",
                number::share(row.conversions_ppb),
                number::share(parts(low)),
                number::share(parts(high))
            ),
            None => number::share(row.conversions_ppb),
        },
        money(row.revenue_minor).unwrap_or_else(|| NOT_KNOWN.to_owned()),
    ];
    if with_cost {
        cells.extend(cost_cells(row));
    }
    cells
}

fn parts(conversions: f64) -> u64 {
    (conversions.max(0.0) * PARTS_PER_WHOLE as f64).round() as u64
}

fn cost_cells(row: &CampaignRow) -> [String; 3] {
    let money = |minor: Option<i64>| match (minor, row.currency) {
        (Some(minor), Some(currency)) => number::money(Money { minor, currency }),
        _ => NOT_KNOWN.to_owned(),
    };
    let roas = row.roas().map_or_else(|| NOT_KNOWN.to_owned(), |ratio| format!("{ratio:.2}"));
    [money(row.cost_minor), money(row.cac_minor()), roas]
}
