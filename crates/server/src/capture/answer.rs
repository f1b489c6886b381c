//! Answers: bodies, and the headers that every answer carries.

use super::exchange::Exchange;
use super::outgoing::Outgoing;
use super::refusal::Refusal;
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW,
    CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER, VARY, WWW_AUTHENTICATE,
};
use http::{HeaderValue, Response, StatusCode};

/// An answer: nearly every one is held whole, the largest a settings document.
pub(super) type Answer = Response<Outgoing>;

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
const TIMING_ALLOW_ORIGIN: HeaderName = HeaderName::from_static("timing-allow-origin");
const TRACE_RESPONSE: HeaderName = HeaderName::from_static("traceresponse");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// How long browsers may remember a preflight: Chromium's own upper bound, two hours.
const PREFLIGHT_AGE: HeaderValue = HeaderValue::from_static("7200");
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, OPTIONS");
const HEADERS: HeaderValue = HeaderValue::from_static(
    "content-type, content-encoding, authorization, anonymousid, traceparent",
);

/// An answer with a body that must not be cached.
pub(super) fn with_body(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Outgoing::from(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, NO_STORE);
    answer
}

/// A JSON answer.
pub(super) fn json(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    with_body(status, "application/json", body)
}

/// What SDKs expect when everything they sent is durable.
pub(super) fn success() -> Answer {
    json(StatusCode::OK, Bytes::from_static(b"{\"success\":true}"))
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Outgoing::from(Bytes::new()));
    *answer.status_mut() = status;
    answer
}

/// The body of a refusal.
pub(super) fn error_body(refusal: &Refusal) -> String {
    serde_json::json!({
        "success": false,
        "error": { "code": refusal.code(), "message": refusal.to_string() },
    })
    .to_string()
}

/// A refusal: why, in JSON, and when to try again.
pub(super) fn refusal(refusal: &Refusal) -> Answer {
    let mut answer = json(refusal.status(), error_body(refusal));
    let headers = answer.headers_mut();
    if let Some(seconds) = refusal.retry_after_s() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(methods) = refusal.allow() {
        headers.insert(ALLOW, HeaderValue::from_static(methods));
    }
    if *refusal == Refusal::Unauthorized {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"write key\""));
    }
    answer
}

/// The answer to a CORS preflight; the origin itself is added by [`finish`].
pub(super) fn preflight(exchange: &Exchange<'_>) -> Answer {
    let mut answer = empty(StatusCode::NO_CONTENT);
    let wanted = exchange.head.headers().first("access-control-request-headers");
    let wanted = wanted.and_then(|value| HeaderValue::from_bytes(value).ok());
    let headers = answer.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.unwrap_or(HEADERS));
    headers.insert(ACCESS_CONTROL_MAX_AGE, PREFLIGHT_AGE);
    answer
}

/// Adds what every answer carries: timing, the trace, and leave for the page to read it.
pub(super) fn finish(exchange: &Exchange<'_>, total: std::time::Duration, answer: &mut Answer) {
    let headers = answer.headers_mut();
    if let Some(timing) = exchange.stopwatch.server_timing(total) {
        headers.insert(SERVER_TIMING, timing);
    }
    if let Some(response) = exchange.trace.as_ref().and_then(super::trace::Trace::response) {
        headers.insert(TRACE_RESPONSE, response);
    }
    let origin = exchange.head.headers().first("origin");
    let Some(origin) = origin.and_then(|value| HeaderValue::from_bytes(value).ok()) else { return };
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("server-timing, traceresponse, retry-after, etag"),
    );
    headers.insert(TIMING_ALLOW_ORIGIN, origin);
    headers.append(VARY, HeaderValue::from_static("origin"));
}
