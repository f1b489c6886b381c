//! `/api/live`: one server-sent event each second, for the dashboard.

use super::answer::{Refusal, typed};
use super::plane::Plane;
use super::pulse::Pulse;
use super::reports::{self, parameters};
use super::status::{Counts, GEAR, Lag};
use super::stream;
use crate::report::{By, HopTiming, Model, ReportError, ReportKind, ReportQuery, SessionTotals};
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use bytes::Bytes;
use http::HeaderValue;
use millstream_event::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// The campaign reports that live streams show: each question is answered once per pulse, however
/// many streams ask it.
#[derive(Default)]
pub struct Campaigns(Mutex<BTreeMap<Question, Answer>>);

/// Grouping and model.
type Question = (By, Model);
/// The pulse it was answered at, and the report.
type Answer = (u64, Arc<RawValue>);

impl Campaigns {
    fn known(&self, question: Question, pulse: u64) -> Option<Arc<RawValue>> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(&question).filter(|(number, _)| *number == pulse).map(|(_, text)| Arc::clone(text))
    }

    fn keep(&self, question: Question, pulse: u64, text: Arc<RawValue>) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert(question, (pulse, text));
    }
}

#[derive(Serialize)]
struct Hop<'a> {
    hop: &'a str,
    count: u64,
    p50_us: u64,
    p95_us: u64,
    p99_us: u64,
}

impl<'a> Hop<'a> {
    fn of(timing: &'a HopTiming) -> Self {
        Self {
            hop: &timing.hop,
            count: timing.count,
            p50_us: timing.p50_us,
            p95_us: timing.p95_us,
            p99_us: timing.p99_us,
        }
    }
}

#[derive(Serialize)]
struct Moment<'a> {
    gear: &'static str,
    as_of: String,
    complete_until: Option<String>,
    provisional: bool,
    lag: Lag,
    arrivals_per_second: u64,
    counts: Counts,
    visible: u64,
    late: u64,
    bot: u64,
    totals: &'a SessionTotals,
    hops: Vec<Hop<'a>>,
    campaigns: Option<&'a RawValue>,
    trouble: Option<&'a str>,
}

/// `GET /api/live`
///
/// # Errors
/// When a parameter is wrong, or too many streams are open.
pub async fn get(
    State(plane): State<Arc<Plane>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let mut question = ReportQuery::new(ReportKind::Campaigns);
    for (name, value) in parameters(query.as_deref()) {
        question.set(&name, &value)?;
    }
    if question.model.is_data_driven() {
        return Err(Refusal::from(ReportError::Invalid {
            what: "the model",
            given: question.model.to_string(),
            wanted: "it is computed anew from all journeys, so ask /api/report/campaigns for it",
        }));
    }
    let slot = Arc::clone(&plane.live).try_acquire_owned().map_err(|_| {
        Refusal::busy("too many dashboards are open: close one, or raise admin.live_max")
    })?;
    let (sender, body) = stream::body();
    tokio::spawn(async move {
        pump(&plane, question, &sender).await;
        drop(slot);
    });
    Ok(typed(HeaderValue::from_static("text/event-stream"), Body::new(body)))
}

async fn pump(plane: &Arc<Plane>, question: ReportQuery, sender: &mpsc::Sender<stream::Piece>) {
    let mut pulses = plane.pulses();
    let first = Arc::clone(&pulses.borrow_and_update());
    let mut piece = event("history", &first.history);
    let mut pulse = first;
    loop {
        let campaigns = campaigns(plane, question, pulse.number).await;
        piece.extend_from_slice(&event("moment", &moment(&pulse, campaigns.as_deref())));
        // The stream ends when the client is gone, or the plane.
        if sender.send(Ok(Bytes::from(std::mem::take(&mut piece)))).await.is_err() {
            return;
        }
        tokio::select! {
            changed = pulses.changed() => if changed.is_err() { return },
            () = sender.closed() => return,
        }
        pulse = Arc::clone(&pulses.borrow_and_update());
    }
}

async fn campaigns(plane: &Arc<Plane>, query: ReportQuery, pulse: u64) -> Option<Arc<RawValue>> {
    let question = (query.by, query.model);
    if let Some(known) = plane.campaigns.known(question, pulse) {
        return Some(known);
    }
    // A busy plane leaves the campaigns out of this moment; the client keeps the last ones.
    let report = reports::build(plane, query).await.ok()?;
    let text: Arc<RawValue> = serde_json::value::to_raw_value(&report).ok()?.into();
    plane.campaigns.keep(question, pulse, Arc::clone(&text));
    Some(text)
}

fn moment<'a>(pulse: &'a Pulse, campaigns: Option<&'a RawValue>) -> Moment<'a> {
    Moment {
        gear: GEAR,
        as_of: pulse.standing.as_of.to_rfc3339(),
        complete_until: pulse.standing.complete_until.map(Timestamp::to_rfc3339),
        provisional: !pulse.standing.drained,
        lag: Lag::of(&pulse.standing),
        arrivals_per_second: pulse.arrivals_per_second,
        counts: Counts::of(pulse),
        visible: pulse.outcomes.visible,
        late: pulse.outcomes.late,
        bot: pulse.outcomes.bot,
        totals: &pulse.totals,
        hops: pulse.delivery.hops.iter().map(Hop::of).collect(),
        campaigns,
        trouble: pulse.trouble.as_deref(),
    }
}

fn event(name: &str, data: &impl Serialize) -> Vec<u8> {
    let mut out = format!("event: {name}\ndata: ").into_bytes();
    if serde_json::to_writer(&mut out, data).is_err() {
        return Vec::new();
    }
    out.extend_from_slice(b"\n\n");
    out
}
