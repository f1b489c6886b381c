//! Strings of consent managers: whatever they hold, they grant nothing that a broken one would not,
//! and denial in one is never undone by another.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millstream_event::consent::{Consent, Purpose};
use millstream_event::signal::{Signals, gpp, tcf};

const ALL: [Purpose; 3] = [Purpose::Measurement, Purpose::Personalization, Purpose::Advertising];

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let mut parts = text.splitn(4, '\n');
    let [tcf, gpp_text, sections, gcs] = [(); 4].map(|()| parts.next());
    for vendor in [None, Some(1), Some(u64::MAX)] {
        let alone = Signals { tcf, ..Signals::default() }.stated(vendor);
        if let Some(Err(_)) = tcf.map(tcf::Tcf::decode) {
            assert!(ALL.iter().all(|purpose| alone.denied.allows(*purpose)), "{alone:?}");
        }
        let signals =
            Signals { tcf, gpp: gpp_text, gpp_sections: sections, gcs, ..Signals::default() };
        let all = signals.stated(vendor);
        let standing = Consent::DEFAULT_ALL.framed(all.granted, all.denied);
        for purpose in ALL.into_iter().filter(|purpose| alone.denied.allows(*purpose)) {
            assert!(!standing.granted.allows(purpose), "{all:?}");
        }
        if let Some(text) = gpp_text {
            let _ = gpp::stated(text, &[], vendor);
        }
    }
});
