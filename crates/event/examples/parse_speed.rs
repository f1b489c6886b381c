//! How fast batches become logged payloads, against the parse limit: the same batches through
//! bare `serde_json` (an envelope whose free parts stay raw text), on one core.
//!
//! `cargo run --release -p millstream-event --example parse_speed`

#![allow(clippy::expect_used, reason = "a measurement that cannot go on stops")]

use millstream_event::control::Settings;
use millstream_event::wire::segment::Body;
use millstream_event::wire::{Limits, Receipt};
use millstream_event::{SourceId, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::hint::black_box;
use std::time::{Duration, Instant};

const EVENTS_PER_BATCH: usize = 100;
/// Rounds are short, and the best counts, so that other work on the machine does not.
const ROUND: Duration = Duration::from_millis(3);
const ROUNDS: usize = 300;

/// The envelope as the bare parser sees it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    kind: &'a str,
    message_id: &'a str,
    anonymous_id: &'a str,
    user_id: Option<&'a str>,
    timestamp: &'a str,
    event: Option<&'a str>,
    #[serde(borrow)]
    properties: Option<&'a RawValue>,
    #[serde(borrow)]
    context: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Batch<'a> {
    #[serde(borrow)]
    batch: Vec<&'a RawValue>,
}

fn batch(properties: usize) -> String {
    let items: Vec<String> = (0..EVENTS_PER_BATCH).map(|n| item(n, properties)).collect();
    format!(
        r#"{{"batch":[{}],"sentAt":"2026-11-22T02:56:20.438Z","writeKey":"wk"}}"#,
        items.join(",")
    )
}

fn item(n: usize, properties: usize) -> String {
    let filler: Vec<String> =
        (0..properties).map(|p| format!(r#""property_{p}":"some value {p}""#)).collect();
    format!(
        r#"{{"type":"track","event":"Product Viewed","messageId":"ajs-next-{n:032}","anonymousId":"840d5f20-403e-404b-98f2-9a85b9c8952a","userId":null,"timestamp":"2026-11-22T02:56:20.421Z","properties":{{"product_id":"p{n}","price":12.5,"value":12.5,"currency":"EUR",{}}},"context":{{"library":{{"name":"analytics.js","version":"next-1.70.0"}},"locale":"en-US","timezone":"Europe/Paris","userAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36","page":{{"path":"/product/{n}","url":"https://shop.example/product/{n}?utm_source=google&utm_medium=cpc","search":"?utm_source=google&utm_medium=cpc","referrer":"https://www.google.com/","title":"Product {n}"}}}}}}"#,
        filler.join(",")
    )
}

fn bare(body: &str) -> usize {
    let batch: Batch<'_> = serde_json::from_str(body).expect("a batch");
    let envelopes = batch.batch.iter().map(|item| {
        let envelope: Envelope<'_> = serde_json::from_str(item.get()).expect("an envelope");
        let raw = envelope.properties.map_or(0, |raw| raw.get().len())
            + envelope.context.map_or(0, |raw| raw.get().len());
        black_box((envelope.kind, envelope.message_id, envelope.anonymous_id));
        black_box((envelope.user_id, envelope.timestamp, envelope.event, raw));
    });
    envelopes.count()
}

fn whole(body: &str, receipt: &Receipt<'_>, limits: &Limits) -> usize {
    let body = Body::batch(body.as_bytes(), limits).expect("a batch");
    let logged = body.outcomes(receipt, limits).map(|outcome| {
        let payload = outcome.expect("an event").event.encode().expect("encodes");
        black_box(payload.len());
    });
    logged.count()
}

fn events_per_second(mut run: impl FnMut() -> usize) -> f64 {
    let mut best = 0.0f64;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let mut events = 0;
        while start.elapsed() < ROUND {
            events += run();
        }
        best = best.max(events as f64 / start.elapsed().as_secs_f64());
    }
    best
}

fn main() {
    let settings = Settings::default();
    let source = SourceId::parse("bench").expect("an id");
    let receipt = Receipt::new(source, Timestamp(1_795_316_400_000_000), &settings);
    let limits = Limits::default();
    for properties in [4, 20, 100] {
        let body = batch(properties);
        let bytes = body.len() / EVENTS_PER_BATCH;
        let limit = events_per_second(|| bare(&body));
        let reached = events_per_second(|| whole(&body, &receipt, &limits));
        println!(
            "{bytes:>5} B/event: parse limit {limit:>9.0} events/s, parsed, built and encoded {reached:>9.0} events/s, ratio {:.2}",
            reached / limit
        );
    }
}
