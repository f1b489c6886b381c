//! What the public plane counts: everything taken, refused or let through unlogged, by reason.

use super::histogram::{Histogram, HistogramSnapshot};
use super::refusal::Refusal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The calls whose latency is kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `GET /r/{slug}`
    Redirect,
    /// One event: `/v1/track` and its kin.
    Single,
    /// `/v1/batch`, `/v1/import`
    Batch,
    /// `/p.gif`
    Pixel,
    /// GA4 Measurement Protocol.
    MeasurementProtocol,
    /// Snowplow tracker payloads.
    Snowplow,
    /// `/v1/consent`
    Consent,
    /// `/v1/rum`
    Timing,
    /// `/v1/decide`
    Decide,
    /// `/ofrep/v1/evaluate/flags`
    Flags,
    /// Server-sent events, until the first of them.
    Stream,
    /// Settings that SDKs fetch at start.
    Settings,
    /// `/healthz`, `/readyz`
    Health,
    /// Preflights and paths that do not exist.
    Other,
}

impl Endpoint {
    /// Every endpoint, in the order of their numbers.
    pub const ALL: [Self; 14] = [
        Self::Redirect,
        Self::Single,
        Self::Batch,
        Self::Pixel,
        Self::MeasurementProtocol,
        Self::Snowplow,
        Self::Consent,
        Self::Timing,
        Self::Decide,
        Self::Flags,
        Self::Stream,
        Self::Settings,
        Self::Health,
        Self::Other,
    ];

    /// The stable name, used as a metric label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Redirect => "redirect",
            Self::Single => "single",
            Self::Batch => "batch",
            Self::Pixel => "pixel",
            Self::MeasurementProtocol => "measurement_protocol",
            Self::Snowplow => "snowplow",
            Self::Consent => "consent",
            Self::Timing => "timing",
            Self::Decide => "decide",
            Self::Flags => "flags",
            Self::Stream => "stream",
            Self::Settings => "settings",
            Self::Health => "health",
            Self::Other => "other",
        }
    }
}

/// Counts since the start of the process. Every field only grows, save `in_flight_bytes` and
/// `connections`.
#[derive(Debug, Default)]
pub struct Counters {
    /// Events made durable and acknowledged (clicks included).
    pub accepted: AtomicU64,
    /// Broken items made durable in quarantine.
    pub quarantined: AtomicU64,
    /// Events that consent turned into an aggregate count.
    pub aggregated: AtomicU64,
    /// Events from which consent removed fields.
    pub restricted: AtomicU64,
    /// Redirects answered before, or without, the click becoming durable.
    pub click_unlogged: AtomicU64,
    /// Redirects answered at the express counter, without the HTTP library.
    pub click_express: AtomicU64,
    /// Redirects to a slug that does not exist or is disabled.
    pub click_unknown: AtomicU64,
    /// Body bytes received, as they came (packed).
    pub body_bytes: AtomicU64,
    /// Requests answered.
    pub requests: AtomicU64,
    /// Open connections.
    pub connections: AtomicU64,
    /// Connections closed at once because a limit was reached.
    pub connections_refused: AtomicU64,
    /// Connections closed because they were silent or sent their head too slowly.
    pub connections_idle_closed: AtomicU64,
    /// Connections that ended with an error of the protocol or of TLS.
    pub connections_failed: AtomicU64,
    /// Body bytes held for requests in progress.
    pub in_flight_bytes: AtomicU64,
    refused: [AtomicU64; Refusal::CODES.len()],
    latency: [Histogram; Endpoint::ALL.len()],
    log_wait: Histogram,
}

impl Counters {
    /// Counts a refusal under its code.
    pub fn refuse(&self, refusal: &Refusal) {
        add(&self.refused[refusal.index()], 1);
    }

    /// Refusals as (code, count), every code once.
    pub fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Refusal::CODES
            .iter()
            .zip(&self.refused)
            .map(|(code, count)| (*code, count.load(Ordering::Relaxed)))
    }

    /// All refusals together.
    pub fn refused_total(&self) -> u64 {
        self.refused().map(|(_, count)| count).sum()
    }

    /// Counts an answered request.
    pub fn answered(&self, endpoint: Endpoint, total: Duration) {
        add(&self.requests, 1);
        self.latency[endpoint as usize].record(total);
    }

    /// Counts how long an append took to become durable.
    pub fn appended(&self, wait: Duration) {
        self.log_wait.record(wait);
    }

    /// Latencies of an endpoint, from the request's head to the answer's.
    pub fn latency(&self, endpoint: Endpoint) -> HistogramSnapshot {
        self.latency[endpoint as usize].snapshot()
    }

    /// How long appends took to become durable.
    pub fn log_wait(&self) -> HistogramSnapshot {
        self.log_wait.snapshot()
    }
}

/// Adds to a counter: no order between counters is promised.
pub(super) fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

/// Reads a counter.
pub fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
