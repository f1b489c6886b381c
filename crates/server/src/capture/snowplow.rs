//! Snowplow tracker payloads: `POST /com.snowplowanalytics.snowplow/tp2`.

use super::answer::{self, Answer};
use super::body;
use super::exchange::Exchange;
use super::intake::{self, Setting};
use super::refusal::Refusal;
use bytes::Bytes;
use http::StatusCode;
use hyper::body::Incoming;
use millstream_event::wire::snowplow;
use serde::Deserialize;

/// Every event durable: `ok`, as trackers expect.
pub(super) async fn answer(
    exchange: &mut Exchange<'_>,
    incoming: Incoming,
) -> Result<Answer, Refusal> {
    let content = body::read(exchange, incoming).await?;
    let source = exchange.source(None).or_else(|_| {
        let application = application(&content.bytes);
        exchange.source(application.as_deref())
    })?;
    let setting = Setting::of(exchange);
    let receipt = setting.receipt(exchange, source, &content.bytes);
    let limits = exchange.plane.options.limits.of_events();
    let outcomes = snowplow::parse(&content.bytes, &receipt, &limits)?;
    let sent = (outcomes.into_iter(), content.bytes.len());
    intake::keep(exchange, &setting, sent).await?;
    Ok(answer::with_body(StatusCode::OK, "text/plain", Bytes::from_static(b"ok")))
}

/// Trackers know no write key: where none is sent, the application id of the first event, which is
/// as public as a browser's write key, stands for it.
fn application(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Message {
        data: Vec<Item>,
    }
    #[derive(Deserialize)]
    struct Item {
        aid: Option<String>,
    }
    let message: Message = serde_json::from_slice(body).ok()?;
    message.data.into_iter().next()?.aid
}
