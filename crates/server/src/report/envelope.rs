//! The envelope of every report: what it is, how fresh, how complete, and what is missing.

use super::arrival::Arrivals;
use super::budgets::BudgetReport;
use super::campaigns::CampaignReport;
use super::delivery::DeliveryReport;
use super::forecast::ForecastReport;
use super::number;
use super::page::Page;
use super::personalization::PersonalizationReport;
use super::query::ReportKind;
use super::sensitivity::SensitivityReport;
use super::sessions::SessionReport;
use super::stitching::StitchingReport;
use millstream_event::Timestamp;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// How fresh a view is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freshness {
    /// When the view was taken.
    pub as_of: Timestamp,
    /// Everything received before this instant is in it; none before anything was received.
    pub complete_until: Option<Timestamp>,
    /// True while something logged is not yet counted.
    pub provisional: bool,
}

impl Freshness {
    /// A sentence for people.
    pub fn sentence(&self) -> String {
        let Some(until) = self.complete_until else {
            return "Nothing has been received yet.".to_owned();
        };
        let until_text = short_time(until);
        if self.provisional {
            let behind = number::span(self.as_of - until);
            format!(
                "Provisional: complete until {until_text}, {behind} behind; figures may still change."
            )
        } else {
            format!("Everything received is counted (as of {}).", short_time(self.as_of))
        }
    }
}

/// `2026-11-22 12:03:10 UTC`.
pub fn short_time(stamp: Timestamp) -> String {
    let text = stamp.to_rfc3339();
    match (text.get(..10), text.get(11..19)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        _ => text,
    }
}

/// What is known not to be in the figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Gaps {
    /// Broke the contract; kept until the rule is fixed.
    pub quarantined: u64,
    /// Came later than the horizon after they happened. They are counted.
    pub late: u64,
    /// Turned away under overload.
    pub shed: u64,
    /// Counted without being stored, because consent forbids it.
    pub unconsented: u64,
    /// Conversions with more touches in their window than are credited: the latest were.
    pub shortened: u64,
}

impl Gaps {
    /// A sentence for people; none when nothing is missing.
    pub fn sentence(&self) -> Option<String> {
        let parts: Vec<String> = [
            (self.quarantined, "quarantined"),
            (self.late, "late"),
            (self.shed, "turned away"),
            (self.unconsented, "without consent to be stored"),
            (self.shortened, "credited to the latest 1,000 touches alone"),
        ]
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", number::grouped(*count)))
        .collect();
        (!parts.is_empty()).then(|| format!("Known gaps: {}.", parts.join(", ")))
    }
}

/// The figures of one kind of report.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// See [`CampaignReport`].
    Campaigns(CampaignReport),
    /// See [`BudgetReport`].
    Budgets(BudgetReport),
    /// See [`SessionReport`].
    Sessions(SessionReport),
    /// See [`DeliveryReport`].
    Delivery(DeliveryReport),
    /// See [`StitchingReport`].
    Stitching(StitchingReport),
    /// See [`PersonalizationReport`].
    Personalization(PersonalizationReport),
    /// See [`SensitivityReport`].
    Sensitivity(SensitivityReport),
    /// See [`ForecastReport`].
    Forecast(ForecastReport),
}

/// One field of a row, as machines read it.
#[derive(Clone, Debug, PartialEq)]
pub enum Field {
    /// Text.
    Text(String),
    /// A count.
    Count(u64),
    /// Minor units of money.
    Minor(i64),
    /// A fraction.
    Real(f64),
    /// Not known.
    Unknown,
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Count(count) => serializer.serialize_u64(*count),
            Self::Minor(minor) => serializer.serialize_i64(*minor),
            Self::Real(real) => serializer.serialize_f64(*real),
            Self::Unknown => serializer.serialize_none(),
        }
    }
}

/// One row, as machines read it: names and values in a fixed order.
#[derive(Clone, Debug, PartialEq)]
pub struct Row(pub Vec<(&'static str, Field)>);

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, field)| (name, field)))
    }
}

/// A report: envelope and figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// How fresh.
    pub freshness: Freshness,
    /// How much of the latest conversions has arrived; none where that is not known.
    pub arrivals: Option<Arrivals>,
    /// What is missing.
    pub gaps: Gaps,
    /// The figures.
    pub body: Body,
}

impl Report {
    /// Which report it is.
    pub const fn kind(&self) -> ReportKind {
        match self.body {
            Body::Campaigns(_) => ReportKind::Campaigns,
            Body::Budgets(_) => ReportKind::Budgets,
            Body::Sessions(_) => ReportKind::Sessions,
            Body::Delivery(_) => ReportKind::Delivery,
            Body::Stitching(_) => ReportKind::Stitching,
            Body::Personalization(_) => ReportKind::Personalization,
            Body::Sensitivity(_) => ReportKind::Sensitivity,
            Body::Forecast(_) => ReportKind::Forecast,
        }
    }

    /// The rows as machines read them.
    pub fn rows(&self) -> Vec<Row> {
        match &self.body {
            Body::Campaigns(report) => report.machine_rows(),
            Body::Budgets(report) => report.machine_rows(),
            Body::Sessions(report) => report.machine_rows(),
            Body::Delivery(report) => report.machine_rows(),
            Body::Stitching(report) => report.machine_rows(),
            Body::Personalization(report) => report.machine_rows(),
            Body::Sensitivity(report) => report.machine_rows(),
            Body::Forecast(report) => report.machine_rows(),
        }
    }

    /// The names of the columns, in the order of every row.
    pub fn columns(&self) -> Vec<&'static str> {
        match &self.body {
            Body::Campaigns(report) => report.columns(),
            Body::Budgets(_) => BudgetReport::COLUMNS.to_vec(),
            Body::Sessions(_) => SessionReport::COLUMNS.to_vec(),
            Body::Delivery(_) => DeliveryReport::COLUMNS.to_vec(),
            Body::Stitching(report) => report.columns(),
            Body::Personalization(_) => PersonalizationReport::COLUMNS.to_vec(),
            Body::Sensitivity(_) => SensitivityReport::COLUMNS.to_vec(),
            Body::Forecast(_) => ForecastReport::COLUMNS.to_vec(),
        }
    }

    /// The report as people read it.
    pub fn page(&self) -> Page {
        let (title, meaning, grids) = match &self.body {
            Body::Campaigns(report) => ("Campaigns", report.meaning(), report.grids()),
            Body::Budgets(report) => ("Budgets", report.meaning(), report.grids()),
            Body::Sessions(report) => ("Sessions", report.meaning(), report.grids()),
            Body::Delivery(report) => ("Delivery", report.meaning(), report.grids()),
            Body::Stitching(report) => ("Stitching", report.meaning(), report.grids()),
            Body::Personalization(report) => ("Personalization", report.meaning(), report.grids()),
            Body::Sensitivity(report) => ("Sensitivity", report.meaning(), report.grids()),
            Body::Forecast(report) => ("Forecast", report.meaning(), report.grids()),
        };
        Page {
            title: title.to_owned(),
            meaning,
            freshness: self.freshness.sentence(),
            arrivals: self.arrivals.as_ref().and_then(Arrivals::sentence),
            gaps: self.gaps.sentence(),
            grids,
        }
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", self.kind().as_str())?;
        map.serialize_entry("as_of", &self.freshness.as_of.to_rfc3339())?;
        map.serialize_entry(
            "complete_until",
            &self.freshness.complete_until.map(Timestamp::to_rfc3339),
        )?;
        map.serialize_entry("provisional", &self.freshness.provisional)?;
        if matches!(self.body, Body::Campaigns(_) | Body::Budgets(_)) {
            map.serialize_entry("arrivals", &self.arrivals)?;
        }
        map.serialize_entry("gaps", &self.gaps)?;
        if let Body::Campaigns(report) = &self.body {
            map.serialize_entry("query", &report.question())?;
        }
        if let Body::Stitching(report) = &self.body {
            map.serialize_entry("trust", &report.trust)?;
        }
        map.serialize_entry("rows", &self.rows())?;
        match &self.body {
            Body::Campaigns(report) => {
                map.serialize_entry("totals", &report.totals)?;
                map.serialize_entry("unmatched_spend", &report.strays())?;
                if !report.uncosted.is_empty() {
                    map.serialize_entry("unknown_costs", &report.unpriced())?;
                }
                map.serialize_entry("unconverted", &report.unconverted())?;
            }
            Body::Budgets(report) => map.serialize_entry("totals", &report.totals())?,
            Body::Sessions(report) => map.serialize_entry("totals", &report.totals)?,
            Body::Delivery(report) => map.serialize_entry("totals", &report.totals())?,
            Body::Stitching(report) => map.serialize_entry("totals", &report.totals())?,
            Body::Personalization(report) => map.serialize_entry("totals", &report.totals())?,
            Body::Sensitivity(report) => map.serialize_entry("totals", &report.totals())?,
            Body::Forecast(report) => {
                map.serialize_entry("totals", &report.peak)?;
                map.serialize_entry("pages", &report.pages)?;
                map.serialize_entry("forecast", &report.plan())?;
            }
        }
        map.end()
    }
}
