//! What the tests of all formats share: a source, an hour, settings, and how events are shown.

use millstream_event::control::Settings;
use millstream_event::wire::{Outcome, Receipt};
use millstream_event::{SourceId, Timestamp};
use serde_json::{Value, json};

/// 2026-11-22T03:00:00Z: a little after the fixtures were recorded.
pub const RECEIVED: Timestamp = Timestamp(1_795_316_400_000_000);

pub fn receipt(settings: &Settings) -> Receipt<'_> {
    let source = SourceId::parse("shop").expect("a valid id");
    Receipt::new(source, RECEIVED, settings)
}

/// An outcome as golden files hold it, with readable times.
pub fn shown(outcome: &Outcome) -> Value {
    match outcome {
        Ok(parsed) => {
            let text = parsed.event.encode().expect("an event encodes");
            let mut event: Value = serde_json::from_slice(&text).expect("an event is JSON");
            for name in ["t", "rx"] {
                let micros = event[name].as_i64().expect("a stamp");
                event[name] = json!(Timestamp(micros).to_rfc3339());
            }
            let stated = [parsed.stated.granted.bits(), parsed.stated.denied.bits()];
            json!({ "event": event, "stated": stated, "address": parsed.address })
        }
        Err(quarantine) => json!({ "quarantine": quarantine }),
    }
}
