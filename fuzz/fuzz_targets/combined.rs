//! Lines of access logs: each gives an event or quarantine, and the same one again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millstream_event::control::Settings;
use millstream_event::wire::Receipt;
use millstream_event::wire::combined::{ReferrerHosts, parse};
use millstream_event::{SourceId, Timestamp};

fuzz_target!(|line: &[u8]| {
    let settings = Settings { own_domains: vec!["a.b".into()], ..Settings::default() };
    let source = SourceId::parse("fuzz").expect("a valid id");
    let receipt = Receipt::new(source, Timestamp(0), &settings);
    let outcome = parse(line, 1, &receipt);
    assert_eq!(outcome, parse(line, 1, &receipt));
    if let Ok(parsed) = outcome {
        assert!(parsed.event.encode().is_ok());
    }
    let mut hosts = ReferrerHosts::default();
    hosts.add(line);
    let _ = hosts.commonest();
});
