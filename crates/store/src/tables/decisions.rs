//! Decisions as they were answered, and who met which arm of an experiment.

use super::cell::{Cell, Column, Row};
use millstream_event::{AnonymousId, EntityId, Timestamp};
use millstream_pipeline::exposures::Exposure;
use std::cmp::Ordering;

/// One answered decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionRow {
    /// Its id, as the answer had it.
    pub decision_id: String,
    /// When it was asked.
    pub time: Timestamp,
    /// What was asked.
    pub use_case: String,
    /// Who asked.
    pub anonymous_id: Option<AnonymousId>,
    /// What was shown.
    pub choice: String,
    /// The rung.
    pub source: String,
    /// Why.
    pub reason: String,
    /// The chance that the choice had to be drawn, in parts per billion.
    pub propensity_ppb: i64,
    /// True when the time was up before everything was tried.
    pub timed_out: bool,
    /// What it took, in microseconds.
    pub took_us: i64,
    /// What it might have taken.
    pub budget_us: i64,
    /// Arms by experiment, as a JSON object.
    pub experiments: String,
}

impl Row for DecisionRow {
    const COLUMNS: &'static [Column] = &[
        Column::text("decision_id"),
        Column::time("time"),
        Column::text("use_case"),
        Column::text("anonymous_id"),
        Column::text("choice"),
        Column::text("source"),
        Column::text("reason"),
        Column::integer("propensity_ppb"),
        Column::flag("timed_out"),
        Column::integer("took_us"),
        Column::integer("budget_us"),
        Column::json("experiments"),
    ];

    fn revision(&self) -> Option<u64> {
        None
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.extend([
            self.decision_id.as_str().into(),
            Cell::Time(self.time),
            self.use_case.as_str().into(),
            Cell::maybe(self.anonymous_id.as_ref().map(AnonymousId::as_str)),
            self.choice.as_str().into(),
            self.source.as_str().into(),
            self.reason.as_str().into(),
            Cell::Integer(self.propensity_ppb),
            Cell::Flag(self.timed_out),
            Cell::Integer(self.took_us),
            Cell::Integer(self.budget_us),
            self.experiments.as_str().into(),
        ]);
    }

    fn order(&self, other: &Self) -> Ordering {
        (self.time, &self.decision_id).cmp(&(other.time, &other.decision_id))
    }
}

/// That a device met an arm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExposureRow {
    /// The device.
    pub device: EntityId,
    /// What it met.
    pub exposure: Exposure,
}

impl Row for ExposureRow {
    const COLUMNS: &'static [Column] = &[
        Column::text("experiment"),
        Column::text("arm"),
        Column::text("device_id"),
        Column::time("first_at"),
        Column::text("segment"),
        Column::integer("decisions"),
        Column::integer("personalized"),
    ];

    fn revision(&self) -> Option<u64> {
        None
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        let met = &self.exposure;
        out.extend([
            (&*met.experiment).into(),
            (&*met.arm).into(),
            self.device.into(),
            Cell::Time(met.first),
            (&*met.segment).into(),
            Cell::count(u64::from(met.decisions)),
            Cell::count(u64::from(met.personalized)),
        ]);
    }

    fn order(&self, other: &Self) -> Ordering {
        let place = |row: &Self| {
            (
                row.exposure.first,
                row.device,
                row.exposure.experiment.clone(),
                row.exposure.arm.clone(),
            )
        };
        place(self).cmp(&place(other))
    }
}
