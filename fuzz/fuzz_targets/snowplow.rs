//! Snowplow tp2 bodies.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millstream_event::control::Settings;
use millstream_event::envelope::{CONTRACT_VERSION, decode};
use millstream_event::wire::{Limits, Receipt, snowplow};
use millstream_event::{SourceId, Timestamp};

fuzz_target!(|bytes: &[u8]| {
    let settings = Settings::default();
    let source = SourceId::parse("fuzz").expect("a valid id");
    let receipt = Receipt::new(source, Timestamp(1_790_000_000_000_000), &settings);
    if let Ok(outcomes) = snowplow::parse(bytes, &receipt, &Limits::default()) {
        for parsed in outcomes.into_iter().flatten() {
            let payload = parsed.event.encode().expect("an event encodes");
            assert_eq!(decode(CONTRACT_VERSION, &payload).expect("it decodes"), parsed.event);
        }
    }
});
