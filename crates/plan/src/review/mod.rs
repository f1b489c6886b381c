//! Reviews from a plan: the questions a team asks every week, month and quarter, with the figures filled
//! in from the planner's answer.
//!
//! A review says nothing that the report does not hold; it puts figures beside their baselines (the
//! named peaks) and says of each question whether something is to be done.

mod month;
mod quarter;
mod week;

use crate::PlanReport;
use crate::inventory::Plan;
use crate::named::named;
use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;

/// Most figures of one question, the most telling first.
pub const FIGURES_MAX: usize = 12;

named! {
    /// How often it is asked.
    Period {
        /// Utilisation, loss, queues, lag, backlogs, shared paths.
        Week = "week",
        /// Peaks recomputed, recovery, savings, segments.
        Month = "month",
        /// The whole bottleneck, vendors, egress, recovery.
        Quarter = "quarter",
    }
}

named! {
    /// What the answer asks of the reader.
    Standing {
        /// Nothing.
        Fine = "fine",
        /// To look again.
        Watch = "watch",
        /// To do something.
        Act = "act",
        /// To write down what is missing in the plan.
        Unknown = "unknown",
    }
}

named! {
    /// What a figure counts.
    Unit {
        /// Part of a whole.
        Share = "share",
        /// Seconds.
        Seconds = "seconds",
        /// Bits per second.
        Bits = "bits_per_s",
        /// Events, requests or packets per second.
        Rate = "per_s",
        /// How many.
        Count = "count",
        /// Money per month, in the plan's currency.
        Money = "money_per_month",
        /// Times as much.
        Times = "times",
        /// Months from the day of the figures.
        Months = "months",
    }
}

/// What a figure is held against.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Baseline {
    /// A load: `peak`, `launch`, `quarter end`; or `limit`, `window`, `now`.
    pub of: String,
    /// The figure there; `None` when there is no finite one.
    pub value: Option<f64>,
}

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReviewFigure {
    /// Of what.
    pub what: String,
    /// Its unit.
    pub unit: Unit,
    /// The value; `None` when there is no finite one.
    pub value: Option<f64>,
    /// What it is held against.
    pub baselines: Vec<Baseline>,
}

/// A question with its answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Question {
    /// The question.
    pub question: &'static str,
    /// The answer in a sentence.
    pub answer: String,
    /// What it asks of the reader.
    pub standing: Standing,
    /// The figures behind it.
    pub figures: Vec<ReviewFigure>,
}

/// A whole review.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Review {
    /// How often it is held.
    pub period: Period,
    /// The plan's title.
    pub title: String,
    /// Of all amounts.
    pub currency: String,
    /// The day of the figures.
    pub as_of: Option<String>,
    /// The questions.
    pub questions: Vec<Question>,
}

impl Review {
    /// Fills in the review of a period from a plan and its report.
    pub fn of(period: Period, plan: &Plan, report: &PlanReport) -> Self {
        let subject = Subject { plan, report };
        let questions = match period {
            Period::Week => week::questions(&subject),
            Period::Month => month::questions(&subject),
            Period::Quarter => quarter::questions(&subject),
        };
        Self {
            period,
            title: report.title.clone(),
            currency: report.currency.clone(),
            as_of: report.as_of.clone(),
            questions,
        }
    }
}

/// What is reviewed.
struct Subject<'s> {
    plan: &'s Plan,
    report: &'s PlanReport,
}

/// `a`, `a and b`, `a, b and 3 more`
fn listed(names: &[&str]) -> String {
    const NAMED_MAX: usize = 3;
    match names {
        [] => "none".into(),
        [one] => (*one).into(),
        [most @ .., last] if names.len() <= NAMED_MAX => {
            alloc::format!("{} and {last}", most.join(", "))
        }
        all => alloc::format!(
            "{} and {} more",
            all[..NAMED_MAX - 1].join(", "),
            all.len() - (NAMED_MAX - 1)
        ),
    }
}

/// Whole per cent, for sentences.
fn percent(share: f64) -> String {
    alloc::format!("{:.0} %", share * 100.0)
}

impl Subject<'_> {
    /// The figure of every load but the mean: what a figure of an ordinary day is held against.
    fn baselines(
        &self,
        figure: impl Fn(&crate::report::ScenarioReport) -> Option<f64>,
    ) -> Vec<Baseline> {
        let others = self.report.scenarios.iter().skip(1);
        others.map(|load| Baseline { of: load.name.clone(), value: figure(load) }).collect()
    }

    fn mean(&self) -> Option<&crate::report::ScenarioReport> {
        self.report.scenarios.first()
    }
}
