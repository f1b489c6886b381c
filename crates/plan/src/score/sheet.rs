//! The sheet: criteria with weights, offers with scores and evidence, what work and delay cost.

use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;

/// The best score; 0 is the worst.
pub const SCORE_MAX: f64 = 5.0;

/// What a score rests on, from firm to soft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Measured on our own traffic.
    Measured,
    /// Tried out by us.
    Tested,
    /// Written in documents that bind the maker.
    Documented,
    /// Somebody said so.
    Claimed,
}

impl Basis {
    /// Every basis, from firm to soft.
    pub const ALL: [Self; 4] = [Self::Measured, Self::Tested, Self::Documented, Self::Claimed];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Tested => "tested",
            Self::Documented => "documented",
            Self::Claimed => "claimed",
        }
    }
}

/// What kind of option it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Made and run by ourselves.
    Build,
    /// A product or service of somebody else.
    Buy,
    /// Some of both.
    Hybrid,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Build, Self::Buy, Self::Hybrid];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Buy => "buy",
            Self::Hybrid => "hybrid",
        }
    }
}

/// A row of the scorecard.
#[derive(Clone, Debug, PartialEq)]
pub struct Criterion {
    /// Key in the sheet.
    pub id: String,
    /// As people say it.
    pub name: String,
    /// What a score answers.
    pub question: String,
    /// How much it counts, in any unit: only proportions matter.
    pub weight: f64,
    /// An option that scores less is ruled out.
    pub must: Option<f64>,
}

/// A score and what it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// From 0 to [`SCORE_MAX`].
    pub score: f64,
    /// How firm it is.
    pub basis: Basis,
    /// The evidence in words.
    pub evidence: String,
}

/// An option, with a mark for each criterion in the order of the sheet.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// Its name.
    pub name: String,
    /// Build, buy or hybrid.
    pub kind: Kind,
    /// A mark for each criterion.
    pub marks: Vec<Mark>,
    /// Fee a year, in the sheet's currency.
    pub licence_per_year: f64,
    /// By how much the fee rises each year, in percent.
    pub licence_growth_percent: f64,
    /// Machines, storage and traffic a year.
    pub infrastructure_per_year: f64,
    /// Engineering until it runs.
    pub setup_person_months: f64,
    /// Engineering to keep it running.
    pub upkeep_person_months_per_year: f64,
    /// Outages and wrong figures to expect.
    pub incidents_per_year: f64,
    /// How long one lasts.
    pub incident_hours: f64,
    /// From an event to the report that shows it.
    pub reporting_delay_hours: f64,
}

/// What work and delay cost, the same for every option.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// A person-month of engineering.
    pub person_month: f64,
    /// An hour of incident.
    pub incident_hour: f64,
    /// A decision that waits an hour for its figure.
    pub delay_hour: f64,
    /// How many decisions wait for figures in a year.
    pub decisions_per_year: f64,
}

/// A whole sheet, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// What is to be decided.
    pub title: String,
    /// Of all amounts.
    pub currency: String,
    /// How long costs are counted.
    pub years: f64,
    /// What work and delay cost.
    pub rates: Rates,
    /// The rows.
    pub criteria: Vec<Criterion>,
    /// The options.
    pub offers: Vec<Offer>,
}
