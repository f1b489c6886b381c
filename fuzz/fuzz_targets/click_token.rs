//! Click tokens: nothing that this key did not sign is believed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millstream_event::ClickReference;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    assert!(ClickReference::from_token(&[7; 32], &text).is_err());
});
