//! Segment bodies: single calls and batches. What is accepted must survive the log and consent.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millstream_event::consent::{Consent, Purpose, Purposes, restrict};
use millstream_event::control::Settings;
use millstream_event::envelope::{CONTRACT_VERSION, decode};
use millstream_event::wire::segment::{Body, Call};
use millstream_event::wire::{Limits, Parsed, Receipt};
use millstream_event::{SourceId, Timestamp};

const KEY: [u8; 32] = [7; 32];

fn examine(parsed: Parsed) {
    let mut event = parsed.event;
    let payload = event.encode().expect("an event encodes");
    let read = decode(CONTRACT_VERSION, &payload).expect("what was encoded decodes");
    assert_eq!(read, event);
    let granted = Purposes::NONE.with(Purpose::Measurement);
    event.consent = Consent { granted, ..event.consent };
    let _ = restrict(event);
}

fuzz_target!(|bytes: &[u8]| {
    let settings = Settings { own_domains: vec!["a.b".into()], ..Settings::default() };
    let source = SourceId::parse("fuzz").expect("a valid id");
    let mut receipt = Receipt::new(source, Timestamp(1_790_000_000_000_000), &settings);
    receipt.click_key = Some(&KEY);
    receipt.keep_raw = true;
    let limits = Limits::default();
    for call in [None, Some(Call::Track), Some(Call::Page)] {
        if let Ok(body) = Body::single(call, bytes) {
            body.outcomes(&receipt, &limits).flatten().for_each(examine);
        }
    }
    if let Ok(body) = Body::batch(bytes, &limits) {
        assert_eq!(body.outcomes(&receipt, &limits).len(), body.len());
        body.outcomes(&receipt, &limits).flatten().for_each(examine);
    }
});
