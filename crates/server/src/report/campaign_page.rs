//! The campaign report as machines and people read it.

use super::campaigns::{Amount, CampaignReport, CampaignRow};
use super::envelope::{Field, Row};
use super::figures::PARTS_PER_WHOLE;
use super::goods::Uncosted;
use super::number;
use super::page::{Align, Grid, NOT_KNOWN, plain};
use super::query::{By, Links, Model};
use super::spend::UnmatchedSpend;
use millstream_event::{Currency, Money, Timestamp};
use serde::Serialize;

/// Parts per billion as a fraction.
pub fn whole(parts_per_billion: u64) -> f64 {
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
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<Currency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<&'static str>,
}

/// Spend on what was never met, as machines read it.
#[derive(Serialize)]
pub struct Stray<'a> {
    name: &'a str,
    nearest: &'a [String],
    cost: Vec<Cost>,
}

/// A product that was sold without a known cost, as machines read it.
#[derive(Serialize)]
pub struct Unpriced<'a> {
    product: &'a str,
    revenue: Vec<Amount>,
}

#[derive(Serialize)]
struct Cost {
    currency: Currency,
    cost_minor: i64,
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
            currency: self.query.currency,
            links: (self.query.links == Links::Probable).then_some(self.query.links.as_str()),
        }
    }

    /// Spend on what was never met.
    pub fn strays(&self) -> Vec<Stray<'_>> {
        let cost = |money: &Money| Cost { currency: money.currency, cost_minor: money.minor };
        let strays = self.unmatched.iter().map(|spend| Stray {
            name: &spend.name.name,
            nearest: &spend.name.nearest,
            cost: spend.cost.iter().map(cost).collect(),
        });
        strays.collect()
    }

    /// What was sold without a known cost.
    pub fn unpriced(&self) -> Vec<Unpriced<'_>> {
        let amount =
            |money: &Money| Amount { currency: money.currency, revenue_minor: money.minor };
        let products = self.uncosted.iter().map(|one| Unpriced {
            product: &one.product,
            revenue: one.revenue.iter().map(amount).collect(),
        });
        products.collect()
    }

    /// True when the cost of anything that was sold is known.
    fn knows_goods(&self) -> bool {
        self.rows.iter().any(|row| row.goods.is_some())
    }

    /// Currencies that stand apart because no rate of their days is known.
    pub fn unconverted(&self) -> Vec<Currency> {
        let Some(wanted) = self.query.currency else { return Vec::new() };
        let found = self.rows.iter().filter_map(|row| row.currency);
        let found: std::collections::BTreeSet<Currency> =
            found.filter(|found| *found != wanted).collect();
        found.into_iter().collect()
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
        if self.knows_goods() {
            columns.extend(["goods_minor", "goods_known", "margin_minor"]);
        }
        if self.query.model.is_data_driven() {
            columns.extend(["conversions_low", "conversions_high"]);
        }
        columns
    }

    /// Rows as machines read them.
    pub fn machine_rows(&self) -> Vec<Row> {
        let (columns, goods) = (self.columns(), self.knows_goods());
        let real = |real: Option<f64>| real.map_or(Field::Unknown, Field::Real);
        let minor = |minor: Option<i64>| minor.map_or(Field::Unknown, Field::Minor);
        let fields = |row: &CampaignRow| {
            let mut fields = vec![
                Field::Text(row.key.clone()),
                Field::Count(row.clicks),
                Field::Count(row.touches),
                Field::Count(row.sessions),
                Field::Real(whole(row.conversions_ppb)),
                Field::Minor(row.revenue_minor),
                row.currency.map_or(Field::Unknown, |code| Field::Text(code.to_string())),
                minor(row.cost_minor),
                minor(row.cac_minor()),
                real(row.roas()),
            ];
            if goods {
                let cost = minor(row.goods.map(|goods| goods.cost_minor));
                fields.extend([cost, real(row.goods_known()), minor(row.margin_minor())]);
            }
            // Without a model that has an interval its ends have no column.
            fields.extend([
                real(row.range.map(|(low, _)| low)),
                real(row.range.map(|(_, high)| high)),
            ]);
            fields
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
        let links = match self.query.links {
            Links::Certain => "",
            Links::Probable => ", as if probable links were certain",
        };
        let touches = if self.query.model.is_data_driven() {
            format!("with touches at most {days} days before them, 95 % intervals in brackets")
        } else {
            format!("within {days} days before it")
        };
        let money = match (self.query.currency, self.unconverted().as_slice()) {
            (None, _) => String::new(),
            (Some(currency), []) => format!(" Amounts in {currency} by the rate of each day."),
            (Some(currency), apart) => {
                let apart = apart.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                format!(
                    " Amounts in {currency} by the rate of each day; {apart} stands apart, for want of a rate."
                )
            }
        };
        format!("Credit by {group}, {range}: {credit} {touches}{bots}{links}.{money}")
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
        let mut grids = vec![grid];
        grids.extend(self.knows_goods().then(|| self.margin_grid(name)));
        grids.extend(self.stray_grid());
        grids.extend(self.unpriced_grid());
        grids
    }

    fn margin_grid(&self, name: &str) -> Grid {
        let columns = [name, "Revenue", "Cost of goods", "Known for", "Spend", "Margin"];
        let mut grid = Grid::new("Margin", &columns, "");
        let earned = |row: &&CampaignRow| row.margin_minor().is_some() || row.revenue_minor != 0;
        grid.rows =
            self.rows.iter().filter(earned).map(|row| margin(plain(&row.key), row)).collect();
        let whole = self.whole();
        grid.total = whole.currency.map(|_| margin("Total".to_owned(), &whole));
        grid
    }

    fn unpriced_grid(&self) -> Option<Grid> {
        let mut grid = Grid::new("", &["Sold without a known cost", "Revenue"], "");
        let row = |one: &Uncosted| vec![plain(&one.product), moneys(&one.revenue)];
        grid.rows = self.uncosted.iter().map(row).collect();
        (!grid.rows.is_empty()).then_some(grid)
    }

    fn stray_grid(&self) -> Option<Grid> {
        if self.unmatched.is_empty() {
            return None;
        }
        let columns = ["Spend on what was never met", "Cost", "Close to it"];
        let mut grid = Grid::new("", &columns, "");
        if let Some((_, align)) = grid.columns.last_mut() {
            *align = Align::Prose;
        }
        let near = |spend: &UnmatchedSpend| match spend.name.nearest.as_slice() {
            [] => NOT_KNOWN.to_owned(),
            names => names.iter().map(|name| plain(name)).collect::<Vec<_>>().join(", "),
        };
        let rows = self.unmatched.iter();
        grid.rows = rows
            .map(|spend| vec![plain(&spend.name.name), moneys(&spend.cost), near(spend)])
            .collect();
        Some(grid)
    }

    fn human_totals(&self, with_cost: bool) -> Vec<String> {
        let total = self.whole();
        let revenue = self.totals.revenue.iter();
        let revenue: Vec<Money> =
            revenue.map(|one| Money { minor: one.revenue_minor, currency: one.currency }).collect();
        let mut cells = vec![
            "Total".to_owned(),
            number::grouped(total.clicks),
            number::grouped(total.touches),
            number::grouped(total.sessions),
            number::share(total.conversions_ppb),
            if revenue.is_empty() { NOT_KNOWN.to_owned() } else { moneys(&revenue) },
        ];
        if with_cost {
            cells.extend(cost_cells(&total));
        }
        cells
    }
}

fn moneys(amounts: &[Money]) -> String {
    amounts.iter().map(|amount| number::money(*amount)).collect::<Vec<_>>().join("\n")
}

fn human(row: &CampaignRow, with_cost: bool) -> Vec<String> {
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
        money(Some(row.revenue_minor), row),
    ];
    if with_cost {
        cells.extend(cost_cells(row));
    }
    cells
}

fn parts(conversions: f64) -> u64 {
    (conversions.max(0.0) * PARTS_PER_WHOLE as f64).round() as u64
}

fn money(minor: Option<i64>, row: &CampaignRow) -> String {
    match (minor, row.currency) {
        (Some(minor), Some(currency)) => number::money(Money { minor, currency }),
        _ => NOT_KNOWN.to_owned(),
    }
}

fn cost_cells(row: &CampaignRow) -> [String; 3] {
    let roas = row.roas().map_or_else(|| NOT_KNOWN.to_owned(), |ratio| format!("{ratio:.2}"));
    [money(row.cost_minor, row), money(row.cac_minor(), row), roas]
}

/// Where the cost of some goods is not known, the margin is at most what is told.
fn margin(key: String, row: &CampaignRow) -> Vec<String> {
    let known = row.goods_known();
    let share = known.map_or_else(|| NOT_KNOWN.to_owned(), number::percent);
    let margin = money(row.margin_minor(), row);
    let most = row.margin_minor().is_some() && known.is_some_and(|known| known < 1.0);
    let margin = if most { format!("≤ {margin}") } else { margin };
    let cost = money(row.goods.map(|goods| goods.cost_minor), row);
    vec![key, money(Some(row.revenue_minor), row), cost, share, money(row.cost_minor, row), margin]
}
