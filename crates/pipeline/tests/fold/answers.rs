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
