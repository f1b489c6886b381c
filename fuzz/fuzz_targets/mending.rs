//! Rules that mend what is in quarantine: any that pass the check can be applied to any text, and
//! none of them touches consent.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millstream_event::mending::Mending;
use millstream_event::{QuarantineReason, SourceId};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let (rules, thing) = text.split_once('\n').unwrap_or((&text, "{}"));
    let Ok(mending) = serde_json::from_str::<Mending>(rules) else { return };
    if mending.check().is_err() {
        return;
    }
    let source = SourceId::parse("web").expect("a valid id");
    let consent = |text: &str| {
        let value: Option<serde_json::Value> = serde_json::from_str(text).ok();
        value.and_then(|value| value.get("context")?.get("consent").cloned())
    };
    for (_, mended) in mending.mended((QuarantineReason::NotAnObject, &source), thing) {
        if let Ok(serde_json::Value::Object(_)) = serde_json::from_str(thing) {
            assert_eq!(consent(&mended), consent(thing), "{mended}");
        }
    }
});
