//! `/metrics`: the last pulse for Prometheus, named after the OpenTelemetry conventions.

use super::answer::{Refusal, typed};
use super::plane::Plane;
use super::pulse::Pulse;
use axum::extract::State;
use axum::response::Response;
use http::HeaderValue;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

pub(super) type Labels = Vec<(&'static str, String)>;
pub(super) type Counts = Family<Labels, Counter>;
pub(super) type Levels = Family<Labels, Gauge<f64, AtomicU64>>;

/// `GET /metrics`
///
/// # Errors
/// Only when the text cannot be written.
pub async fn get(State(plane): State<Arc<Plane>>) -> Result<Response, Refusal> {
    let mut text = String::new();
    let mut registry = registry(&plane.pulse());
    super::destination_metrics::register(&mut registry, &plane.parts.destinations.standings());
    super::decision_metrics::register(&mut registry, &plane.parts.decisions.measures());
    encode(&mut text, &registry).map_err(|e| Refusal::internal(e.to_string()))?;
    let media = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(typed(HeaderValue::from_static(media), text))
}

fn registry(pulse: &Pulse) -> Registry {
    let mut registry = Registry::with_prefix("millstream");
    events(&mut registry, pulse);
    requests(&mut registry, pulse);
    standing(&mut registry, pulse);
    timings(&mut registry, pulse);
    registry
}

pub(super) fn count(family: &Counts, labels: Labels, value: u64) {
    family.get_or_create(&labels).inc_by(value);
}

pub(super) fn level(family: &Levels, labels: Labels, value: f64) {
    family.get_or_create(&labels).set(value);
}

fn events(registry: &mut Registry, pulse: &Pulse) {
    let (delivery, outcomes) = (&pulse.delivery, &pulse.outcomes);
    let captured = Counts::default();
    for (outcome, value) in [
        ("accepted", delivery.accepted),
        ("quarantined", delivery.quarantined),
        ("shed", delivery.shed),
    ] {
        count(&captured, vec![("outcome", outcome.to_owned())], value);
    }
    registry.register("capture_events", "Events received since the start", captured);
    let folded = Counts::default();
    for (outcome, value) in [
        ("visible", outcomes.visible),
        ("duplicate", outcomes.duplicate),
        ("quarantined", outcomes.quarantined),
    ] {
        count(&folded, vec![("outcome", outcome.to_owned())], value);
    }
    registry.register("pipeline_events", "Logged events by what became of them", folded);
    let flagged = Counts::default();
    for (flag, value) in [
        ("degraded", outcomes.degraded),
        ("restricted", outcomes.restricted),
        ("late", outcomes.late),
        ("bot", outcomes.bot),
    ] {
        count(&flagged, vec![("flag", flag.to_owned())], value);
    }
    registry.register("pipeline_flagged_events", "Visible events by flag", flagged);
    let unlogged = Counts::default();
    count(&unlogged, Vec::new(), delivery.click_unlogged);
    registry.register(
        "capture_clicks_unlogged",
        "Redirects before their click was on disk",
        unlogged,
    );
    let express = Counts::default();
    count(&express, Vec::new(), delivery.click_express);
    registry.register(
        "capture_clicks_express",
        "Redirects answered at the express counter, in front of the HTTP library",
        express,
    );
}

fn requests(registry: &mut Registry, pulse: &Pulse) {
    let refused = Counts::default();
    for (reason, value) in &pulse.delivery.refused {
        count(&refused, vec![("error_type", reason.clone())], *value);
    }
    registry.register("capture_requests_refused", "Refused requests by reason", refused);
    let served = Counts::default();
    for endpoint in &pulse.delivery.endpoints {
        count(&served, vec![("http_route", endpoint.endpoint.clone())], endpoint.requests);
    }
    registry.register("http_server_requests", "Requests of the public plane by route", served);
}

fn standing(registry: &mut Registry, pulse: &Pulse) {
    let lag = Levels::default();
    for stage in &pulse.standing.lag {
        level(&lag, vec![("stage", stage.stage.to_owned())], stage.records as f64);
    }
    registry.register("pipeline_lag_records", "Records that wait before a stage", lag);
    let behind = Levels::default();
    let seconds = super::status::Lag::of(&pulse.standing).behind_ms as f64 / 1_000.0;
    level(&behind, Vec::new(), seconds);
    let about = "Time from the instant until which figures are complete to now";
    registry.register_with_unit("pipeline_freshness_delay", about, Unit::Seconds, behind);
    let sessions = Levels::default();
    for (kind, value) in [("person", pulse.totals.sessions), ("bot", pulse.totals.bot_sessions)] {
        level(&sessions, vec![("kind", kind.to_owned())], value as f64);
    }
    registry.register("sessions", "Sessions over all data", sessions);
}

fn timings(registry: &mut Registry, pulse: &Pulse) {
    let hops = Levels::default();
    for hop in &pulse.delivery.hops {
        for (quantile, micros) in [("0.5", hop.p50_us), ("0.95", hop.p95_us), ("0.99", hop.p99_us)]
        {
            let labels = vec![("hop", hop.hop.clone()), ("quantile", quantile.to_owned())];
            level(&hops, labels, micros as f64 / 1e6);
        }
    }
    registry.register_with_unit("hop_duration", "Time per hop", Unit::Seconds, hops);
    let routes = Levels::default();
    for route in &pulse.delivery.endpoints {
        for (quantile, micros) in
            [("0.5", route.p50_us), ("0.95", route.p95_us), ("0.99", route.p99_us)]
        {
            let Some(micros) = micros else { continue };
            let labels =
                vec![("http_route", route.endpoint.clone()), ("quantile", quantile.to_owned())];
            level(&routes, labels, micros as f64 / 1e6);
        }
    }
    let about = "Time from request to answer";
    registry.register_with_unit("http_server_request_duration", about, Unit::Seconds, routes);
}
