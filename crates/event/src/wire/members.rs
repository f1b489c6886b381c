//! Reading JSON objects without building them: values stay text until someone needs them.
//!
//! The formats that bring most events use [`crate::wire::outline`] instead, which is several times
//! faster.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use serde::de::{DeserializeSeed, Deserializer as _, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The values of `names` in the object `text`, in the order of `names`; `null` counts as absent,
/// the last of a repeated name counts, other members are checked for form and skipped.
///
/// # Errors
/// When `text` is not one JSON object.
pub fn check<'a, const N: usize>(
    text: &'a str,
    names: &[&str; N],
) -> Result<[Option<&'a str>; N], serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let slots = reader.deserialize_map(Named(names))?;
    reader.end()?;
    Ok(slots.map(|slot| slot.map(RawValue::get)))
}

/// All members of the object `text`, in order, repeated names included.
///
/// # Errors
/// When `text` is not one JSON object.
pub fn all(text: &str) -> Result<Vec<(Cow<'_, str>, &str)>, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let members = reader.deserialize_map(Every)?;
    reader.end()?;
    Ok(members)
}

/// The elements of the array `text`, one JSON value each.
///
/// # Errors
/// When `text` is not one JSON array.
pub fn elements(text: &str) -> Result<Vec<&str>, serde_json::Error> {
    let raw: Vec<&RawValue> = serde_json::from_str(text)?;
    Ok(raw.into_iter().map(RawValue::get).collect())
}

/// Adds `"name":value` to an object that is being written; `value` is JSON text.
pub fn push_member(object: &mut String, name: &str, value: &str) {
    object.push(if object.is_empty() { '{' } else { ',' });
    push_text(object, name);
    object.push(':');
    object.push_str(value);
}

/// Writes a JSON string.
pub fn push_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if (c as u32) < 0x20 => {
                out.push_str("\\u00");
                for nibble in [c as u32 >> 4, c as u32 & 15] {
                    out.push(char::from_digit(nibble, 16).unwrap_or('0'));
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

struct Named<'n, const N: usize>(&'n [&'n str; N]);

impl<'de, const N: usize> Visitor<'de> for Named<'_, N> {
    type Value = [Option<&'de RawValue>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut slots = [None; N];
        while let Some(place) = map.next_key_seed(Place(self.0))? {
            match place.and_then(|place| slots.get_mut(place)) {
                Some(slot) => {
                    let value = map.next_value::<&'de RawValue>()?;
                    *slot = (value.get() != "null").then_some(value);
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(slots)
    }
}

struct Place<'n>(&'n [&'n str]);

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Option<usize>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for Place<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|known| *known == name))
    }
}

struct Every;

impl<'de> Visitor<'de> for Every {
    type Value = Vec<(Cow<'de, str>, &'de str)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = map.next_key_seed(Name)? {
            members.push((name, map.next_value::<&'de RawValue>()?.get()));
        }
        Ok(members)
    }
}

struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_named_members_as_text() {
        let text = r#" {"a": 1, "b": null, "x": [1,{"a":2}], "c": "é", "a": {"k": "v"}} "#;
        assert_eq!(
            check(text, &["c", "b", "a"]).unwrap(),
            [Some("\"é\""), None, Some("{\"k\": \"v\"}")]
        );
        assert!(check("[1]", &["a"]).is_err());
        assert!(check("{} x", &["a"]).is_err());
        assert!(check("", &["a"]).is_err());
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = std::format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(check(&deep, &["a"]).unwrap()[0].map(str::len), Some(20_000));
        assert_eq!(all(&deep).unwrap().len(), 1);
    }

    #[test]
    fn writes_text_that_reads_back() {
        let mut out = String::new();
        push_text(&mut out, "a\"\\\n\u{1}é\u{7f}");
        assert_eq!(serde_json::from_str::<String>(&out).unwrap(), "a\"\\\n\u{1}é\u{7f}");
    }
}
