//! GA4 Measurement Protocol: `POST /mp/collect`, and `/debug/mp/collect`, which only judges.

use super::answer::{self, Answer};
use super::body;
use super::exchange::Exchange;
use super::intake::{self, Setting};
use super::refusal::Refusal;
use http::StatusCode;
use hyper::body::Incoming;
use millstream_event::SourceId;
use millstream_event::wire::ga4;
use serde_json::json;

/// Every event durable: 204, as Google answers.
pub(super) async fn collect(
    exchange: &mut Exchange<'_>,
    incoming: Incoming,
) -> Result<Answer, Refusal> {
    let source = source(exchange)?;
    let content = body::read(exchange, incoming).await?;
    let setting = Setting::of(exchange);
    let receipt = setting.receipt(exchange, source, &content.bytes);
    let limits = exchange.plane.options.limits.of_events();
    let outcomes = ga4::parse(&content.bytes, &receipt, &limits)?;
    let sent = (outcomes.into_iter(), content.bytes.len());
    intake::keep(exchange, &setting, sent).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// What is wrong with each event, in the form of Google's validation server; nothing is kept.
pub(super) async fn validate(
    exchange: &mut Exchange<'_>,
    incoming: Incoming,
) -> Result<Answer, Refusal> {
    let source = source(exchange)?;
    let content = body::read(exchange, incoming).await?;
    let setting = Setting::of(exchange);
    let receipt = setting.receipt(exchange, source, &content.bytes);
    let limits = exchange.plane.options.limits.of_events();
    let message = |path: String, description: &str, code: &str| json!({ "fieldPath": path, "description": description, "validationCode": code });
    let messages: Vec<_> = match ga4::parse(&content.bytes, &receipt, &limits) {
        Err(refusal) => vec![message(String::new(), &refusal.to_string(), "VALUE_INVALID")],
        Ok(outcomes) => outcomes
            .iter()
            .enumerate()
            .filter_map(|(place, outcome)| {
                let item = outcome.as_ref().err()?;
                Some(message(format!("events[{place}]"), &item.detail, item.reason.as_str()))
            })
            .collect(),
    };
    Ok(answer::json(StatusCode::OK, json!({ "validationMessages": messages }).to_string()))
}

/// The `api_secret` of the query is the write key.
fn source(exchange: &Exchange<'_>) -> Result<SourceId, Refusal> {
    exchange.source(exchange.query_value("api_secret").as_deref())
}
