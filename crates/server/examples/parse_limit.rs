//! The peer of `scripts/bench batch`: how many events a second one core can parse when it does
//! nothing else. `parse_limit FILE SECONDS fields` reads what every event has and passes over the
//! rest; `... document` makes a document of the whole body. Prints the figure.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

#[derive(Deserialize)]
struct Batch<'a> {
    #[serde(borrow)]
    batch: Vec<&'a RawValue>,
}

/// The fields every event has, typed; free objects stay text.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    kind: &'a str,
    #[serde(rename = "messageId", borrow)]
    message_id: &'a str,
    #[serde(rename = "anonymousId", borrow)]
    anonymous_id: &'a str,
    #[serde(borrow)]
    context: Option<&'a RawValue>,
    #[serde(borrow)]
    properties: Option<&'a RawValue>,
}

fn parse_fields(body: &[u8]) -> Result<u64, serde_json::Error> {
    let batch: Batch<'_> = serde_json::from_slice(body)?;
    for item in &batch.batch {
        let event: Envelope<'_> = serde_json::from_str(item.get())?;
        black_box((
            event.kind,
            event.message_id,
            event.anonymous_id,
            event.context,
            event.properties,
        ));
    }
    Ok(batch.batch.len() as u64)
}

fn parse_document(body: &[u8]) -> Result<u64, serde_json::Error> {
    let document: serde_json::Value = serde_json::from_slice(body)?;
    let events = document["batch"].as_array().map_or(0, Vec::len) as u64;
    black_box(document);
    Ok(events)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: parse_limit FILE SECONDS fields|document";
    let body = std::fs::read(arguments.next().ok_or(usage)?)?;
    let limit = Duration::from_secs(arguments.next().ok_or(usage)?.parse()?);
    let parse = match arguments.next().as_deref() {
        Some("fields") => parse_fields,
        Some("document") => parse_document,
        _ => return Err(usage.into()),
    };
    let (started, mut events) = (Instant::now(), 0);
    while started.elapsed() < limit {
        events += parse(black_box(&body))?;
    }
    println!("{:.0}", events as f64 / started.elapsed().as_secs_f64());
    Ok(())
}
