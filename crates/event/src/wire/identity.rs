//! Ids as clients send them.

use super::receipt::Fault;
use super::scalar;

/// An id from JSON text: a string or a number. `null`, absent and blank are all no id.
///
/// # Errors
/// When it is there but cannot be an id.
pub fn from_json<T>(
    field: &str,
    value: Option<&str>,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Fault> {
    let Some(value) = value else {
        return Ok(None);
    };
    let text = scalar::text_or_number(value)
        .ok_or_else(|| Fault::invalid(field, "is not readable text or a number"))?;
    from_text(field, Some(&text), parse)
}

/// An id from plain text; blank is no id.
///
/// # Errors
/// When it is too long or holds control characters.
pub fn from_text<T>(
    field: &str,
    text: Option<&str>,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Fault> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
        return Ok(None);
    };
    let wrong = || Fault::invalid(field, "is too long or holds control characters");
    parse(text).map(Some).ok_or_else(wrong)
}
