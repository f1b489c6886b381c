//! `/api/status`: always answers, from the last pulse and the consumer's own counters.

use super::answer::{Refusal, json};
use super::parts::{StageLag, Standing};
use super::plane::Plane;
use super::pulse::Pulse;
use axum::extract::State;
use axum::response::Response;
use millstream_event::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Counts of everything that came in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Events acknowledged since the process started.
    pub accepted: u64,
    /// Copies found by the fold.
    pub duplicate: u64,
    /// Kept without some enrichment.
    pub degraded: u64,
    /// Consent removed fields.
    pub restricted: u64,
    /// Broke the contract.
    pub quarantined: u64,
    /// Requests refused since the process started.
    pub refused: u64,
    /// Turned away under overload since the process started.
    pub shed: u64,
}

impl Counts {
    /// The counts of one pulse.
    pub fn of(pulse: &Pulse) -> Self {
        let (delivery, outcomes) = (&pulse.delivery, &pulse.outcomes);
        Self {
            accepted: delivery.accepted,
            duplicate: outcomes.duplicate,
            degraded: outcomes.degraded,
            restricted: outcomes.restricted,
            quarantined: outcomes.quarantined,
            refused: delivery.refused_total(),
            shed: delivery.shed,
        }
    }
}

/// How far behind: in time and, per stage, in records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lag {
    /// Time from `complete_until` to now; 0 when nothing waits.
    pub behind_ms: i64,
    /// Records that wait before each stage.
    pub records: BTreeMap<&'static str, u64>,
}

impl Lag {
    /// The lag of a standing.
    pub fn of(standing: &Standing) -> Self {
        let behind = match standing.complete_until {
            Some(until) if !standing.drained => (standing.as_of - until).as_millis().max(0),
            _ => 0,
        };
        let record = |lag: &StageLag| (lag.stage, lag.records);
        Self { behind_ms: behind, records: standing.lag.iter().map(record).collect() }
    }
}

#[derive(Serialize)]
struct Status<'a> {
    gear: &'static str,
    version: &'static str,
    as_of: String,
    lag: Lag,
    watermark: Option<String>,
    complete_until: Option<String>,
    provisional: bool,
    refolding: bool,
    counts: Counts,
    refusals: BTreeMap<&'a str, u64>,
    trouble: Option<&'a str>,
}

/// The rung of the degradation ladder. Nothing degrades yet, so there is one.
pub const GEAR: &str = "normal";

/// `GET /api/status`
///
/// # Errors
/// Only when the answer cannot be written.
pub async fn get(State(plane): State<Arc<Plane>>) -> Result<Response, Refusal> {
    let standing = plane.parts.progress.standing();
    let pulse = plane.pulse();
    json(&Status {
        gear: GEAR,
        version: env!("CARGO_PKG_VERSION"),
        as_of: standing.as_of.to_rfc3339(),
        lag: Lag::of(&standing),
        watermark: standing.watermark.map(Timestamp::to_rfc3339),
        complete_until: standing.complete_until.map(Timestamp::to_rfc3339),
        provisional: standing.freshness().provisional,
        refolding: standing.refolding,
        counts: Counts::of(&pulse),
        refusals: pulse
            .delivery
            .refused
            .iter()
            .map(|(name, count)| (name.as_str(), *count))
            .collect(),
        trouble: pulse.trouble.as_deref(),
    })
}
