//! The payload of an event's record, written by hand: the JSON that serde would write, byte for
//! byte, at a fraction of its cost. Capture writes every event once, so this is its busiest loop.
//! A property test holds the two equal.

use crate::arrival::Arrival;
use crate::campaign::{Campaign, NetworkClick};
use crate::click_token::ClickReference;
use crate::consent::Consent;
use crate::envelope::{Correction, DeviceHints, Event, Flags, Hops, Page};
use crate::json::RawJson;
use crate::money::Money;
use crate::sixteen::has_mark;
use crate::time::Timestamp;
use alloc::vec::Vec;

/// Room that nearly every event needs beside its free objects.
const USUAL_BYTES: usize = 640;

/// Appends the event's payload to `out`.
pub(crate) fn write_event(out: &mut Vec<u8>, event: &Event) {
    let free = [&event.properties, &event.traits, &event.context, &event.integrations];
    let free: usize = free.into_iter().flatten().map(|object| object.get().len()).sum();
    out.reserve(USUAL_BYTES + free);
    write_identity(out, event);
    write_place(out, event);
    write_consent(out, event.consent);
    write_flags(out, event.flags);
    if let Some(Money { minor, currency }) = event.value {
        put(out, ",\"v\":{\"minor\":");
        write_integer(out, minor);
        put(out, ",\"currency\":");
        write_text(out, currency.as_str());
        put(out, "}");
    }
    member(out, ",\"o\":", event.order_id.as_ref().map(|id| id.as_str()));
    raw_member(out, ",\"p\":", event.properties.as_ref());
    raw_member(out, ",\"tr\":", event.traits.as_ref());
    raw_member(out, ",\"cx\":", event.context.as_ref());
    raw_member(out, ",\"int\":", event.integrations.as_ref());
    write_hops(out, &event.hops);
    put(out, "}");
}

/// From the id to the surface.
fn write_identity(out: &mut Vec<u8>, event: &Event) {
    put(out, "{\"id\":");
    write_text(out, event.id.as_str());
    put(out, ",\"k\":\"");
    put(out, event.kind.as_str());
    put(out, "\"");
    member(out, ",\"n\":", event.name.as_deref());
    put(out, ",\"src\":");
    write_text(out, event.source.as_str());
    member(out, ",\"a\":", event.anonymous_id.as_ref().map(|id| id.as_str()));
    member(out, ",\"u\":", event.user_id.as_ref().map(|id| id.as_str()));
    member(out, ",\"prev\":", event.previous_id.as_ref().map(|id| id.as_str()));
    member(out, ",\"grp\":", event.group_id.as_deref());
    if event.sequence != 0 {
        put(out, ",\"q\":");
        write_number(out, event.sequence);
    }
    if let Some(round_trip_ms) = event.round_trip_ms {
        put(out, ",\"rt\":");
        write_number(out, round_trip_ms.into());
    }
    put(out, ",\"t\":");
    write_integer(out, event.event_time.0);
    put(out, ",\"rx\":");
    write_integer(out, event.received.0);
    write_correction(out, &event.correction);
    put(out, ",\"sf\":\"");
    put(out, event.surface.as_str());
    put(out, "\"");
}

/// From the page to the device's hints.
fn write_place(out: &mut Vec<u8>, event: &Event) {
    let Page { url, referrer, title } = &event.page;
    put(out, ",\"pg\":");
    let texts = [("\"u\":", url), ("\"r\":", referrer), ("\"t\":", title)];
    write_texts(out, texts.map(|(name, text)| (name, text.as_deref())));
    write_campaign(out, &event.campaign);
    write_arrival(out, event.arrival.as_ref());
    if let Some(click) = &event.click {
        write_click(out, click);
    }
    member(out, ",\"ua\":", event.user_agent.as_deref());
    member(out, ",\"co\":", event.country.as_deref());
    member(out, ",\"rg\":", event.region.as_deref());
    if let Some(DeviceHints { locale, timezone, screen, connection, os }) = &event.device_hints {
        put(out, ",\"hint\":");
        let names = ["\"l\":", "\"z\":", "\"s\":", "\"c\":", "\"o\":"];
        let texts = [locale, timezone, screen, connection, os];
        let mut texts = texts.into_iter().map(|text| text.as_deref());
        write_texts(out, names.map(|name| (name, texts.next().flatten())));
    }
}

fn write_correction(out: &mut Vec<u8>, correction: &Correction) {
    let Correction { client, sent, shift } = correction;
    put(out, ",\"cor\":");
    let stamp = |stamp: &Option<Timestamp>| stamp.map(|stamp| stamp.0);
    let shift = (shift.0 != 0).then_some(shift.0);
    write_integers(out, [("\"c\":", stamp(client)), ("\"s\":", stamp(sent)), ("\"d\":", shift)]);
}

fn write_hops(out: &mut Vec<u8>, hops: &Hops) {
    let Hops { edge, request, queued } = hops;
    put(out, ",\"h\":");
    let stamps = [("\"e\":", edge), ("\"r\":", request), ("\"q\":", queued)];
    write_integers(out, stamps.map(|(name, stamp)| (name, stamp.map(|stamp| stamp.0))));
}

pub(crate) fn write_consent(out: &mut Vec<u8>, consent: Consent) {
    put(out, ",\"cs\":{\"granted\":");
    write_number(out, consent.granted.bits().into());
    put(out, ",\"source\":\"");
    put(out, consent.source.as_str());
    put(out, "\"}");
}

pub(crate) fn write_flags(out: &mut Vec<u8>, flags: Flags) {
    if flags.0 != 0 {
        put(out, ",\"f\":");
        write_number(out, flags.0.into());
    }
}

pub(crate) fn write_arrival(out: &mut Vec<u8>, arrival: Option<&Arrival>) {
    let Some(Arrival { source, medium, channel }) = arrival else { return };
    put(out, ",\"ar\":");
    let texts = [("\"s\":", &**source), ("\"m\":", &**medium), ("\"ch\":", channel.as_str())];
    write_texts(out, texts.map(|(name, text)| (name, Some(text))));
}

pub(crate) fn write_campaign(out: &mut Vec<u8>, campaign: &Campaign) {
    if campaign.is_empty() {
        return;
    }
    let Campaign { source, medium, name, term, content, ad_group, network_click } = campaign;
    nullable(out, ",\"cp\":{\"s\":", source.as_deref());
    nullable(out, ",\"m\":", medium.as_deref());
    nullable(out, ",\"n\":", name.as_deref());
    nullable(out, ",\"t\":", term.as_deref());
    nullable(out, ",\"c\":", content.as_deref());
    nullable(out, ",\"g\":", ad_group.as_deref());
    put(out, ",\"k\":");
    match network_click {
        None => put(out, "null"),
        Some(NetworkClick { parameter, value }) => {
            nullable(out, "{\"parameter\":", Some(parameter));
            nullable(out, ",\"value\":", Some(value));
            put(out, "}");
        }
    }
    put(out, "}");
}

fn write_click(out: &mut Vec<u8>, click: &ClickReference) {
    let ClickReference { id, issued, link, link_version, ms_id } = click;
    nullable(out, ",\"ck\":{\"i\":", Some(id.as_str()));
    put(out, ",\"t\":");
    write_integer(out, issued.0);
    nullable(out, ",\"l\":", Some(link));
    put(out, ",\"v\":");
    write_number(out, (*link_version).into());
    nullable(out, ",\"m\":", ms_id.as_ref().map(|id| id.as_str()));
    put(out, "}");
}

pub(crate) fn put(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// A member that is left out when it is absent. `name` is its beginning, comma and colon included.
pub(crate) fn member(out: &mut Vec<u8>, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        put(out, name);
        write_text(out, text);
    }
}

fn raw_member(out: &mut Vec<u8>, name: &str, value: Option<&RawJson>) {
    if let Some(value) = value {
        put(out, name);
        put(out, value.get());
    }
}

/// A member that is `null` when it is absent.
pub(crate) fn nullable(out: &mut Vec<u8>, name: &str, text: Option<&str>) {
    put(out, name);
    match text {
        Some(text) => write_text(out, text),
        None => put(out, "null"),
    }
}

/// An object of those texts that are there.
fn write_texts<const N: usize>(out: &mut Vec<u8>, members: [(&str, Option<&str>); N]) {
    let mut before = "{";
    for (name, text) in members {
        let Some(text) = text else { continue };
        put(out, before);
        put(out, name);
        write_text(out, text);
        before = ",";
    }
    put(out, if before == "{" { "{}" } else { "}" });
}

/// An object of those integers that are there.
fn write_integers<const N: usize>(out: &mut Vec<u8>, members: [(&str, Option<i64>); N]) {
    let mut before = "{";
    for (name, value) in members {
        let Some(value) = value else { continue };
        put(out, before);
        put(out, name);
        write_integer(out, value);
        before = ",";
    }
    put(out, if before == "{" { "{}" } else { "}" });
}

pub(crate) fn write_integer(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    write_number(out, value.unsigned_abs());
}

/// The two digits of every number below 100: half as many divisions as digit by digit.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < pairs.len() {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

pub(crate) fn write_number(out: &mut Vec<u8>, mut value: u64) {
    // The largest has 20 digits.
    let mut digits = [b'0'; 20];
    let mut begin = digits.len();
    // Eight digits at a time: their pairs do not wait for one another, as digit by digit they would.
    while value >= 100_000_000 {
        let low = (value % 100_000_000) as u32;
        value /= 100_000_000;
        begin -= 8;
        for (place, four) in [(0, low / 10_000), (4, low % 10_000)] {
            digits[begin + place..begin + place + 2].copy_from_slice(&PAIRS[(four / 100) as usize]);
            digits[begin + place + 2..begin + place + 4]
                .copy_from_slice(&PAIRS[(four % 100) as usize]);
        }
    }
    let mut value = value as u32;
    while value >= 100 {
        begin -= 2;
        digits[begin..begin + 2].copy_from_slice(&PAIRS[(value % 100) as usize]);
        value /= 100;
    }
    let [tens, ones] = PAIRS[value as usize];
    begin -= 1;
    digits[begin] = ones;
    if value >= 10 {
        begin -= 1;
        digits[begin] = tens;
    }
    out.extend_from_slice(&digits[begin..]);
}

pub(crate) fn write_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    // Hardly any text needs an escape.
    if has_mark(bytes) {
        bytes.iter().for_each(|byte| write_escaped(out, *byte));
    } else {
        out.extend_from_slice(bytes);
    }
    out.push(b'"');
}

/// Escapes as RFC 8259 names them, else by number.
fn write_escaped(out: &mut Vec<u8>, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let named = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0c => b'f',
        b'\r' => b'r',
        0..0x20 => {
            put(out, "\\u00");
            out.push(DIGITS[usize::from(byte >> 4)]);
            out.push(DIGITS[usize::from(byte & 15)]);
            return;
        }
        _ => {
            out.push(byte);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', named]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written<T>(value: T, write: impl Fn(&mut Vec<u8>, T)) -> std::string::String {
        let mut out = Vec::new();
        write(&mut out, value);
        std::string::String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_escape_is_serdes() {
        for byte in 0..=0x7f_u8 {
            let texts = [std::format!("{}", byte as char), std::format!("{:x>40}", byte as char)];
            for text in texts {
                let expected = serde_json::to_string(&text).unwrap();
                assert_eq!(written(text.as_str(), write_text), expected, "{byte:#x}");
            }
        }
    }

    #[test]
    fn the_ends_of_the_ranges_are_written_whole() {
        let edges = [
            i64::MIN,
            -1,
            0,
            1,
            9,
            10,
            99,
            100,
            101,
            999,
            1_000,
            99_999_999,
            100_000_000,
            100_000_001,
            10_000_000_000_000_000,
            i64::MAX,
        ];
        for value in edges {
            assert_eq!(written(value, write_integer), std::format!("{value}"));
        }
        assert_eq!(written(u64::MAX, write_number), std::format!("{}", u64::MAX));
    }

    proptest! {
        #[test]
        fn texts_and_numbers_are_serdes(text in any::<std::string::String>(), value in any::<i64>()) {
            prop_assert_eq!(written(text.as_str(), write_text), serde_json::to_string(&text).unwrap());
            prop_assert_eq!(written(value, write_integer), serde_json::to_string(&value).unwrap());
        }
    }
}
