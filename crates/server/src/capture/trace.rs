//! Trace context (W3C Trace Context, level 2): continued when the caller sends one.

use super::tokens::Tokens;
use http::HeaderValue;

/// Length of `00-{32 hex}-{16 hex}-{2 hex}`.
const TRACEPARENT_BYTES: usize = 55;

/// The trace a request belongs to, and our own part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trace {
    /// 32 lowercase hexadecimal digits.
    id: Box<str>,
    /// The caller's span.
    parent: Box<str>,
    /// Our span.
    span: Box<str>,
    sampled: bool,
}

impl Trace {
    /// Continues the trace of a `traceparent` header; anything malformed is as if it was not sent.
    pub(super) fn continued(header: &str, tokens: &Tokens) -> Option<Self> {
        let text = header.trim();
        let mut parts = text.split('-');
        let (version, id, parent, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let sizes = [version.len(), id.len(), parent.len(), flags.len()];
        let whole = version != "00" || text.len() == TRACEPARENT_BYTES;
        let hexadecimal = [version, id, parent, flags]
            .iter()
            .all(|part| part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
        let zero = |part: &str| part.bytes().all(|byte| byte == b'0');
        if sizes != [2, 32, 16, 2]
            || !whole
            || !hexadecimal
            || version == "ff"
            || zero(id)
            || zero(parent)
        {
            return None;
        }
        let sampled = u8::from_str_radix(flags, 16).is_ok_and(|flags| flags & 1 == 1);
        let span = format!("{:016x}", tokens.draw().low64() | 1);
        Some(Self { id: id.into(), parent: parent.into(), span: span.into(), sampled })
    }

    /// The span that everything logged for the request stands in.
    pub(super) fn span(&self) -> tracing::Span {
        tracing::info_span!("request", trace_id = %self.id, parent_id = %self.parent, span_id = %self.span)
    }

    /// The value of `traceresponse`.
    pub(super) fn response(&self) -> Option<HeaderValue> {
        let flags = if self.sampled { "01" } else { "00" };
        HeaderValue::from_str(&format!("00-{}-{}-{flags}", self.id, self.span)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn a_trace_is_continued_under_a_span_of_our_own() {
        let tokens = Tokens::new().unwrap();
        let trace = Trace::continued(&format!("00-{ID}-00f067aa0ba902b7-01"), &tokens).unwrap();
        assert_eq!((&*trace.id, &*trace.parent), (ID, "00f067aa0ba902b7"));
        let response = trace.response().unwrap();
        assert_eq!(response.to_str().unwrap(), format!("00-{ID}-{}-01", trace.span));
        assert_ne!(trace.span, trace.parent);
        assert!(Trace::continued(&format!("01-{ID}-00f067aa0ba902b7-00-more"), &tokens).is_some());
    }

    #[test]
    fn malformed_ones_are_ignored() {
        let tokens = Tokens::new().unwrap();
        for header in [
            String::new(),
            "00".into(),
            format!("00-{ID}-00f067aa0ba902b7"),
            format!("00-{ID}-00f067aa0ba902b7-01-more"),
            format!("ff-{ID}-00f067aa0ba902b7-01"),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{ID}-{}-01", "0".repeat(16)),
            format!("00-{}-00f067aa0ba902b7-01", ID.to_uppercase()),
            format!("00-{ID}-00f067aa0ba902bü-01"),
        ] {
            assert_eq!(Trace::continued(&header, &tokens), None, "{header}");
        }
    }
}
