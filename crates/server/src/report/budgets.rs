//! Budgets: what may be spent, what was, and whether it is on its way.
//!
//! Pace compares what was spent with an even spread over the period, up to the last day for which
//! spend was imported: a day that is not reported yet is no sign of anything. A verdict on what a
//! campaign earned is only given once its figures are final.

use super::arrival::Arrivals;
use super::envelope::{Field, Freshness, Row};
use super::error::ReportError;
use super::exchange::Exchange;
use super::figures::{BudgetSum, Figures, PARTS_PER_WHOLE};
use super::number;
use super::page::{Grid, NOT_KNOWN, plain};
use super::query::{By, ReportKind, ReportQuery};
use super::state::StateFigures;
use millstream_event::ledger::spelling;
use millstream_event::{Currency, Money, Timestamp};
use millstream_pipeline::query;
use serde::Serialize;

/// Spending this much less or more than an even spread is still on pace.
const TOLERANCE: f64 = 0.1;

/// One budget.
#[derive(Clone, Debug, PartialEq)]
pub struct BudgetRow {
    /// The budget and what came of it.
    pub sum: BudgetSum,
    /// Even spread up to the last day with spend, in minor units; none before there is one.
    pub expected_minor: Option<i64>,
    /// Where spending so far leads, in minor units.
    pub projected_minor: Option<i64>,
    /// `not_started`, `behind`, `on_pace`, `ahead`, `used_up`.
    pub pace: &'static str,
    /// `provisional`, `below_target`, `on_target`; none without a target.
    pub verdict: Option<&'static str>,
}

/// The budget report.
#[derive(Clone, Debug, PartialEq)]
pub struct BudgetReport {
    /// One row per budget, by first day.
    pub rows: Vec<BudgetRow>,
}

/// Sums over all rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BudgetTotals {
    /// How many budgets.
    budgets: u64,
    /// How many are not on pace.
    off_pace: u64,
    /// How many earn less than their target, for certain.
    below_target: u64,
}

/// Builds the report.
///
/// # Errors
/// When the figures cannot be read.
pub fn build(
    figures: &dyn Figures,
    query: &ReportQuery,
    (freshness, arrivals): (Freshness, Option<&Arrivals>),
) -> Result<BudgetReport, ReportError> {
    let today = freshness.as_of.utc_day();
    // Conversions of the last day may still be arriving, and so are those that its clicks will bring.
    let open = |last: i32| {
        let awaited = arrivals.is_some_and(|arrivals| arrivals.awaits(last, freshness.as_of));
        freshness.provisional || today <= last || awaited
    };
    let rows = figures.budgets(query)?.into_iter();
    let rows = rows.map(|sum| row(open(sum.budget.to) || sum.unconverted, sum));
    Ok(BudgetReport { rows: rows.collect() })
}

fn row(open: bool, sum: BudgetSum) -> BudgetRow {
    let budget = &sum.budget;
    let days = i64::from(budget.to) - i64::from(budget.from) + 1;
    let through = sum.spend_until.map(|until| i64::from(until) - i64::from(budget.from) + 1);
    let share = |minor: i64, over: i64, under: i64| {
        i64::try_from(i128::from(minor) * i128::from(over) / i128::from(under.max(1))).ok()
    };
    let expected = through.and_then(|through| share(budget.amount.minor, through, days));
    let projected = through.and_then(|through| share(sum.spent_minor, days, through));
    let ratio = expected.filter(|expected| *expected > 0);
    let ratio = ratio.map(|expected| sum.spent_minor as f64 / expected as f64);
    let pace = match ratio {
        _ if sum.spent_minor >= budget.amount.minor => "used_up",
        None => "not_started",
        Some(ratio) if ratio < 1.0 - TOLERANCE => "behind",
        Some(ratio) if ratio > 1.0 + TOLERANCE => "ahead",
        Some(_) => "on_pace",
    };
    let target = i128::from(budget.target_roas_permille);
    let below = i128::from(sum.revenue_minor) * 1_000 < target * i128::from(sum.spent_minor);
    let verdict = match (target, open, below) {
        (0, ..) => None,
        (_, true, _) => Some("provisional"),
        (_, false, true) => Some("below_target"),
        (_, false, false) => Some("on_target"),
    };
    BudgetRow { expected_minor: expected, projected_minor: projected, pace, verdict, sum }
}

/// Every budget with what was spent and earned in its period.
pub(super) fn read(
    figures: &StateFigures<'_>,
    question: &ReportQuery,
) -> Result<Vec<BudgetSum>, ReportError> {
    let (state, generation) = (figures.state, figures.generation);
    let mut budgets = Vec::new();
    query::budgets(state, generation, &mut |budget| {
        let range = question.range;
        let begins = range.to.is_none_or(|to| budget.from <= to);
        if begins && range.from.is_none_or(|from| from <= budget.to) {
            budgets.push(budget);
        }
        Ok(true)
    })?;
    budgets.sort_by(|a, b| (a.from, a.to, &a.campaign).cmp(&(b.from, b.to, &b.campaign)));
    let mut found = Vec::new();
    for budget in budgets {
        let exchange = Exchange::new(state, generation, budget.amount.currency)?;
        let mut sum = BudgetSum {
            spent_minor: 0,
            spend_until: None,
            unconverted: false,
            conversions_ppb: 0,
            revenue_minor: 0,
            budget,
        };
        spent(figures, &exchange, &mut sum)?;
        earned(figures, (question, exchange.currency), &mut sum)?;
        found.push(sum);
    }
    Ok(found)
}

fn spent(
    figures: &StateFigures<'_>,
    exchange: &Exchange,
    sum: &mut BudgetSum,
) -> Result<(), ReportError> {
    let days = sum.budget.from..=sum.budget.to;
    let campaign = spelling(&sum.budget.campaign).into_owned();
    query::spend(figures.state, figures.generation, days, &mut |row| {
        sum.spend_until = sum.spend_until.max(Some(row.day));
        if spelling(&row.on.campaign) == campaign {
            let cost = exchange.convert(row.day, row.cost);
            if cost.currency == exchange.currency {
                sum.spent_minor = sum.spent_minor.saturating_add(cost.minor);
            } else {
                sum.unconverted = true;
            }
        }
        Ok(true)
    })?;
    Ok(())
}

fn earned(
    figures: &StateFigures<'_>,
    (question, currency): (&ReportQuery, Currency),
    sum: &mut BudgetSum,
) -> Result<(), ReportError> {
    let mut asked = ReportQuery {
        kind: ReportKind::Campaigns,
        by: By::Campaign,
        currency: Some(currency),
        ..*question
    };
    asked.range.from = Some(sum.budget.from);
    asked.range.to = Some(sum.budget.to);
    let campaign = spelling(&sum.budget.campaign).into_owned();
    for group in figures.campaigns(&asked)?.sums {
        if spelling(&group.key) != campaign {
            continue;
        }
        sum.conversions_ppb += group.conversions_ppb;
        for amount in group.revenue {
            if amount.currency == currency {
                sum.revenue_minor = sum.revenue_minor.saturating_add(amount.minor);
            } else {
                sum.unconverted |= amount.minor != 0;
            }
        }
    }
    Ok(())
}

fn date(day: i32) -> String {
    Timestamp(i64::from(day) * 86_400_000_000).to_utc_date()
}

impl BudgetReport {
    /// Names of the columns.
    pub const COLUMNS: [&'static str; 14] = [
        "campaign",
        "from",
        "to",
        "currency",
        "budget_minor",
        "spent_minor",
        "spend_until",
        "expected_minor",
        "projected_minor",
        "pace",
        "conversions",
        "revenue_minor",
        "target_roas",
        "verdict",
    ];

    /// Sums over all rows.
    pub fn totals(&self) -> BudgetTotals {
        let count = |wanted: &dyn Fn(&BudgetRow) -> bool| {
            self.rows.iter().filter(|row| wanted(row)).count() as u64
        };
        BudgetTotals {
            budgets: self.rows.len() as u64,
            off_pace: count(&|row| matches!(row.pace, "behind" | "ahead")),
            below_target: count(&|row| row.verdict == Some("below_target")),
        }
    }

    /// Rows as machines read them.
    pub fn machine_rows(&self) -> Vec<Row> {
        let minor = |minor: Option<i64>| minor.map_or(Field::Unknown, Field::Minor);
        let text = |text: &str| Field::Text(text.to_owned());
        let fields = |row: &BudgetRow| {
            let BudgetSum { budget, .. } = &row.sum;
            let target = f64::from(budget.target_roas_permille) / 1_000.0;
            [
                text(&budget.campaign),
                Field::Text(date(budget.from)),
                Field::Text(date(budget.to)),
                text(budget.amount.currency.as_str()),
                Field::Minor(budget.amount.minor),
                Field::Minor(row.sum.spent_minor),
                row.sum.spend_until.map_or(Field::Unknown, |day| Field::Text(date(day))),
                minor(row.expected_minor),
                minor(row.projected_minor),
                text(row.pace),
                Field::Real(row.sum.conversions_ppb as f64 / PARTS_PER_WHOLE as f64),
                Field::Minor(row.sum.revenue_minor),
                if target > 0.0 { Field::Real(target) } else { Field::Unknown },
                row.verdict.map_or(Field::Unknown, text),
            ]
        };
        let named = |row| Row(Self::COLUMNS.into_iter().zip(fields(row)).collect());
        self.rows.iter().map(named).collect()
    }

    /// What the figures mean, in a sentence.
    pub fn meaning(&self) -> String {
        "Spend of each period beside an even spread up to the last day with imported spend; the target is judged once the period is over and its figures are final.".to_owned()
    }

    /// The tables for people.
    pub fn grids(&self) -> Vec<Grid> {
        let columns =
            ["Campaign", "Period", "Budget", "Spent", "Expected", "Projected", "Pace", "Target"];
        let empty = "No budgets yet: bring them with `millstream spend import --budgets FILE`.";
        let mut grid = Grid::new("", &columns, empty);
        grid.rows = self.rows.iter().map(human).collect();
        vec![grid]
    }
}

fn human(row: &BudgetRow) -> Vec<String> {
    let budget = &row.sum.budget;
    let money = |minor| number::money(Money { minor, currency: budget.amount.currency });
    let maybe = |minor: Option<i64>| minor.map_or_else(|| NOT_KNOWN.to_owned(), money);
    let spaced = |word: &str| word.replace('_', " ");
    vec![
        plain(&budget.campaign),
        format!("{} – {}", date(budget.from), date(budget.to)),
        money(budget.amount.minor),
        money(row.sum.spent_minor),
        maybe(row.expected_minor),
        maybe(row.projected_minor),
        spaced(row.pace),
        row.verdict.map_or_else(|| NOT_KNOWN.to_owned(), spaced),
    ]
}
