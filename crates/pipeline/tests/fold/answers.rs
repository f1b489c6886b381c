//! All answers as sorted text, without what describes the arrival itself.

use millstream_attribute::Model;
use millstream_event::{Currency, Span};
use millstream_pipeline::query::{self, By, CampaignQuery, StateRead};
use millstream_pipeline::rollup::Counts;
use millstream_pipeline::stitching::{Origin, Stitching};
use millstream_pipeline::sums::Scan;
use std::collections::BTreeMap;

pub const WINDOW: Span = Span::days(30);

/// Every table and sum, line by line.
pub fn all(state: &dyn StateRead) -> Vec<String> {
    let mut lines = tables(state);
    lines.extend(stitching(state));
    lines.push(format!("{:?}", counts(state)));
    for model in Model::ALL {
        for sum in query::campaigns(&Scan { state, generation: 0 }, &campaigns(model)).unwrap() {
            lines.push(format!("{model} {sum:?}"));
        }
    }
    lines
}

/// The tables alone: sessions, touches, conversions, credits, people, clicks.
pub fn tables(state: &dyn StateRead) -> Vec<String> {
    let mut lines = Vec::new();
    macro_rules! rows {
        ($table:ident $(, $window:expr)?) => {
            query::$table(state, 0 $(, $window)?, &mut |mut row| {
                row.revision = Default::default();
                lines.push(format!("{} {row:?}", stringify!($table)));
                Ok(true)
            })
            .unwrap()
        };
    }
    rows!(sessions);
    rows!(touches);
    rows!(conversions);
    rows!(credits, WINDOW);
    rows!(people);
    query::clicks(state, 0, &mut |row| {
        lines.push(format!("clicks {row:?}"));
        Ok(true)
    })
    .unwrap();
    lines.sort();
    lines
}

/// How events arrived, by day, bots and origin.
pub fn stitching(state: &dyn StateRead) -> Vec<String> {
    let mut all: Arrived = BTreeMap::new();
    query::stitching(state, 0, &(i32::MIN..=i32::MAX), &mut |found| {
        let place = (found.day, found.bot, found.sums.origin.clone());
        all.entry(place).or_default().add(&found.sums);
    })
    .unwrap();
    let mut lines = arrived(&all);
    let lags = query::lags(state, 0, &(i32::MIN..=i32::MAX)).unwrap();
    lines.extend(lags.iter().map(|(day, lags)| format!("lags {day} {lags:?}")));
    lines
}

/// Sums by day, bots and origin.
pub type Arrived = BTreeMap<(i32, bool, Origin), Stitching>;

/// One line for each.
pub fn arrived(all: &Arrived) -> Vec<String> {
    all.iter().map(|(place, sums)| format!("arrived {place:?} {sums:?}")).collect()
}

pub fn counts(state: &dyn StateRead) -> Counts {
    Counts { watermark: Default::default(), ..query::counts(state, 0).unwrap() }
}

fn campaigns(model: Model) -> CampaignQuery {
    CampaignQuery { by: By::Channel, model, days: i32::MIN..=i32::MAX, bots: true }
}

/// Credit by channel as the rollups have it: (conversions in ppb, revenue by currency).
pub fn credit_sums(
    state: &dyn StateRead,
    model: Model,
) -> BTreeMap<String, (i64, BTreeMap<Currency, i128>)> {
    let sums =
        query::campaigns(&Scan { state, generation: 0 }, &campaigns(model)).unwrap().into_iter();
    let credited = sums.filter(|sum| sum.conversions_ppb != 0 || !sum.revenue.is_empty());
    credited.map(|sum| (sum.key.into(), (sum.conversions_ppb, sum.revenue))).collect()
}

/// The same added up from the credits table.
pub fn credit_rows(
    state: &dyn StateRead,
    model: Model,
) -> BTreeMap<String, (i64, BTreeMap<Currency, i128>)> {
    let mut sums: BTreeMap<String, (i64, BTreeMap<Currency, i128>)> = BTreeMap::new();
    query::credits(state, 0, WINDOW, &mut |row| {
        if row.model == model.as_str() {
            let sum = sums.entry(row.channel.to_string()).or_default();
            sum.0 += i64::from(row.weight_ppb);
            if let Some(amount) = row.amount {
                *sum.1.entry(amount.currency).or_default() += i128::from(amount.minor);
            }
        }
        Ok(true)
    })
    .unwrap();
    sums
}

/// Goods by channel, product and currency: billionths of units, and what was paid for them.
pub type Goods = BTreeMap<(String, String, Currency), (i128, i64)>;

/// Goods as the rollups have them.
pub fn goods_sums(state: &dyn StateRead, model: Model) -> Goods {
    let mut sums = Goods::new();
    query::goods(&Scan { state, generation: 0 }, &campaigns(model), &mut |_, place, sum| {
        let name = (place.channel.to_string(), place.product.to_string(), place.currency.unwrap());
        let entry = sums.entry(name).or_default();
        (entry.0, entry.1) = (entry.0 + sum.amount, entry.1 + sum.count);
    })
    .unwrap();
    sums.retain(|_, sum| *sum != (0, 0));
    sums
}

/// The same from the tables of conversions and credits.
pub fn goods_rows(state: &dyn StateRead, model: Model) -> Goods {
    let (mut sums, mut sold) = (Goods::new(), BTreeMap::new());
    query::conversions(state, 0, &mut |row| {
        sold.insert(row.conversion_id, row.goods);
        Ok(true)
    })
    .unwrap();
    query::credits(state, 0, WINDOW, &mut |row| {
        let goods = &sold[&row.conversion_id];
        if row.model == model.as_str() {
            for line in millstream_attribute::credit::sold(goods, row.weight_ppb, row.amount) {
                let currency = row.amount.unwrap().currency;
                let name = (row.channel.to_string(), line.product.to_owned(), currency);
                let entry = sums.entry(name).or_default();
                (entry.0, entry.1) = (entry.0 + line.units_ppb, entry.1 + line.paid_minor);
            }
        }
        Ok(true)
    })
    .unwrap();
    sums.retain(|_, sum| *sum != (0, 0));
    sums
}

/// The lines that only one of two answers has; empty when they are equal.
pub fn differences(expected: &[String], found: &[String]) -> Vec<String> {
    let missing =
        expected.iter().filter(|line| !found.contains(line)).map(|line| format!("- {line}"));
    let surplus =
        found.iter().filter(|line| !expected.contains(line)).map(|line| format!("+ {line}"));
    let mut lines: Vec<String> = missing.chain(surplus).collect();
    if lines.is_empty() && expected.len() != found.len() {
        lines.push(format!("{} lines expected, {} found", expected.len(), found.len()));
    }
    lines
}
