//! Single JSON values, read from their text.

use crate::sixteen;
use alloc::borrow::Cow;
use alloc::string::String;

/// The text of a JSON string; `None` for any other value and for lone surrogates.
pub fn text(value: &str) -> Option<Cow<'_, str>> {
    let inner = value.strip_prefix('"')?.strip_suffix('"')?;
    if sixteen::has(inner.as_bytes(), b'\\') {
        return serde_json::from_str::<String>(value).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

/// The text of a JSON string or number, as ids come: `"123"` and `123` are the same.
pub fn text_or_number(value: &str) -> Option<Cow<'_, str>> {
    match value.as_bytes().first()? {
        b'"' => text(value),
        b'-' | b'0'..=b'9' => Some(Cow::Borrowed(value)),
        _ => None,
    }
}

/// A JSON string that, trimmed, is not empty.
pub fn some_text(value: Option<&str>) -> Option<Cow<'_, str>> {
    value.and_then(text).filter(|text| !trim(text).is_empty())
}

/// As [`str::trim`], which looks for every kind of space that Unicode knows. Hardly any text begins or
/// ends with one.
pub fn trim(text: &str) -> &str {
    match text.as_bytes() {
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => text.trim(),
    }
}

/// `true` or `false`, also as text or number, as some tags send them.
pub fn boolean(value: &str) -> Option<bool> {
    match value.trim_matches('"') {
        "true" | "TRUE" | "True" | "1" | "granted" | "GRANTED" => Some(true),
        "false" | "FALSE" | "False" | "0" | "denied" | "DENIED" => Some(false),
        _ => None,
    }
}

/// A whole number of at most 64 bits.
pub fn whole(value: &str) -> Option<i64> {
    value.trim_matches('"').parse().ok()
}

/// True for a JSON object.
pub fn is_object(value: &str) -> bool {
    value.starts_with('{')
}

/// True for `{}`, `[]` and their spaced forms: clients in languages with one kind of list send an
/// empty map as `[]`.
pub fn is_empty(value: &str) -> bool {
    let inner = value.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let inner = inner.or_else(|| value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')));
    inner.is_some_and(|inner| inner.trim().is_empty())
}
