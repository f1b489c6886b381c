//! What an answer means.

use super::destination::Destination;
use super::expression::Expression;
use super::value::of_json;
use bytes::Bytes;
use cel::Value;
use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use serde_json::json;
use std::time::{Duration, SystemTime};

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as far as it is read.
    pub body: Bytes,
}

/// What it means for the events sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They were taken.
    Accepted,
    /// They may be taken later, and not before a time that was asked for.
    Later(Option<Duration>),
    /// They never will be.
    Refused,
}

/// Judges an answer by its status and by the destination's own expressions.
pub fn judge(destination: &Destination, answer: &Answer) -> Verdict {
    let status = answer.status.as_u16();
    if answer.status.is_success() {
        let taken = destination.accepted.is_none() || holds(destination, answer, true);
        return match taken {
            true => Verdict::Accepted,
            false if holds(destination, answer, false) => Verdict::Later(retry_after(answer)),
            false => Verdict::Refused,
        };
    }
    let retryable = destination.retryable.contains(&status) || holds(destination, answer, false);
    if retryable { Verdict::Later(retry_after(answer)) } else { Verdict::Refused }
}

/// Whether `answer.accepted`, or else `answer.retry`, is true of the answer.
fn holds(destination: &Destination, answer: &Answer, accepted: bool) -> bool {
    let asked = if accepted { &destination.accepted } else { &destination.retries };
    matches!(
        asked.as_ref().and_then(|asked| said(destination, asked, answer)),
        Some(Value::Bool(true))
    )
}

/// What an expression makes of the answer; none when it fails on it.
fn said(destination: &Destination, expression: &Expression, answer: &Answer) -> Option<Value> {
    let body = serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap_or_default();
    let seen = json!({ "status": answer.status.as_u16(), "body": body });
    let mut scope = destination.context.new_inner_scope();
    scope.add_variable_from_value("answer", of_json(&seen));
    expression.value(&scope).ok()
}

/// Which events of a request that was taken are refused all the same, by their place in it.
pub fn refused_places(destination: &Destination, answer: &Answer) -> Vec<usize> {
    let told = destination.refused.as_ref().and_then(|asked| said(destination, asked, answer));
    let Some(Value::List(places)) = told else { return Vec::new() };
    let place = |value: &Value| match value {
        Value::Int(place) => usize::try_from(*place).ok(),
        Value::UInt(place) => usize::try_from(*place).ok(),
        _ => None,
    };
    places.iter().filter_map(place).collect()
}

/// Seconds, or a date.
fn retry_after(answer: &Answer) -> Option<Duration> {
    let text = answer.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}
