//! The hash that names an event without an id: of its JSON in a canonical form, so that member
//! order, spaces and escapes do not matter, while every value does.

use super::{members, scalar};
use crate::hash::Hash128;
use crate::ids::EventId;
use alloc::borrow::Cow;
use alloc::string::String;

/// Members that describe a sending and not the event; a retry changes them.
const SENDING: [&str; 5] = ["sentAt", "sent_at", "receivedAt", "writeKey", "stm"];

/// Deepest nesting that is put in order; deeper values count as written.
const ORDER_DEPTH_MAX: usize = 64;

/// The id of an event made from the canonical form of its JSON object and `extra`, which tells
/// equal payloads apart where they are different events.
pub fn event_id(payload: &str, extra: &[u8]) -> EventId {
    let mut canonical = String::with_capacity(payload.len());
    write_object(&mut canonical, payload, 0);
    EventId::of_hash(Hash128::of("payload", &[canonical.as_bytes(), extra]))
}

fn write(out: &mut String, value: &str, depth: usize) {
    match value.as_bytes().first() {
        Some(b'{') if depth < ORDER_DEPTH_MAX => write_object(out, value, depth),
        Some(b'[') if depth < ORDER_DEPTH_MAX => write_array(out, value, depth),
        Some(b'"') => match scalar::text(value) {
            Some(text) => members::push_text(out, &text),
            None => out.push_str(value),
        },
        _ => out.push_str(value),
    }
}

fn write_object(out: &mut String, value: &str, depth: usize) {
    let Ok(mut all) = members::all(value) else {
        out.push_str(value);
        return;
    };
    if depth == 0 {
        all.retain(|(name, _)| !SENDING.contains(&name.as_ref()));
    }
    all.sort_by(|(a, _): &(Cow<'_, str>, &str), (b, _)| a.cmp(b));
    out.push('{');
    for (name, member) in all {
        members::push_text(out, &name);
        out.push(':');
        write(out, member, depth + 1);
        out.push(',');
    }
    out.push('}');
}

fn write_array(out: &mut String, value: &str, depth: usize) {
    let Ok(elements) = members::elements(value) else {
        out.push_str(value);
        return;
    };
    out.push('[');
    for element in elements {
        write(out, element, depth + 1);
        out.push(',');
    }
    out.push(']');
}

#[cfg(test)]
mod tests {
    use super::event_id;

    #[test]
    fn order_spaces_escapes_and_sending_do_not_matter_and_values_do() {
        let id = event_id(r#"{"a":1,"b":{"x":"\u00e9","y":[1,2]},"sentAt":"1"}"#, b"");
        assert_eq!(id, event_id(r#"{ "b": {"y":[1, 2],"x":"é"}, "sentAt":"2", "a":1}"#, b""));
        assert_ne!(id, event_id(r#"{"a":1,"b":{"x":"é","y":[2,1]}}"#, b""));
        assert_ne!(id, event_id(r#"{"a":1,"b":{"x":"é","y":[1,2]}}"#, b"1"));
    }
}
