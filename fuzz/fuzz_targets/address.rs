//! Addresses: splitting, classifying and cleaning them; a clean address holds no click identifier.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millstream_event::control::Settings;
use millstream_event::url::{Address, is_click_parameter, parameters, without_click_ids};
use millstream_event::{Arrival, Campaign};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let (page, referrer) = text.split_once('\n').unwrap_or((&text, ""));
    let mut campaign = Campaign::default();
    for (name, value) in parameters(Address::split(page).query) {
        campaign.take_parameter(&name, &value);
    }
    let settings = Settings { own_domains: vec![referrer.into()], ..Settings::default() };
    let _ = Arrival::classify(&campaign, Some(page), Some(referrer), &settings);
    let clean = without_click_ids(page);
    assert!(clean.len() <= page.len());
    let parts = Address::split(&clean);
    for (name, _) in parameters(parts.query).chain(parameters(parts.fragment)) {
        assert!(!is_click_parameter(&name), "{clean}");
    }
});
