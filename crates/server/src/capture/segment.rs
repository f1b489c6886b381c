//! Segment's calls, as Segment's and RudderStack's SDKs send them.

use super::answer::{self, Answer};
use super::body;
use super::exchange::Exchange;
use super::intake::{self, Setting};
use super::refusal::Refusal;
use hyper::body::Incoming;
use millstream_event::wire::segment::{Body, Call};

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// One call.
    Single(Call),
    /// A batch of calls, each with its own type.
    Batch,
}

impl Message {
    /// By path: the long names, the one-letter names of browser SDKs, and RudderStack's aliases.
    pub(super) fn of(path: &str) -> Option<Self> {
        let path = path.strip_suffix('/').unwrap_or(path);
        match path {
            "/v1/batch" | "/v1/b" | "/v1/import" | "/beacon/v1/batch" => Some(Self::Batch),
            // RudderStack's name for joining two ids.
            "/v1/merge" => Some(Self::Single(Call::Alias)),
            _ => path.strip_prefix("/v1/").and_then(Call::parse).map(Self::Single),
        }
    }
}

/// Everything in the body durable, or a refusal.
pub(super) async fn answer(
    exchange: &mut Exchange<'_>,
    message: Message,
    incoming: Incoming,
) -> Result<Answer, Refusal> {
    let body::Body { bytes, mut held } = body::read(exchange, incoming).await?;
    let limits = exchange.plane.options.limits.of_events();
    let calls = match message {
        Message::Single(call) => Body::single(Some(call), &bytes)?,
        Message::Batch => Body::batch(&bytes, &limits)?,
    };
    held.add(calls.held_bytes())?;
    let source = exchange.source(calls.write_key())?;
    let setting = Setting::of(exchange);
    let receipt = setting.receipt(exchange, source, &bytes);
    let sent = (calls.outcomes(&receipt, &limits), bytes.len());
    intake::keep(exchange, &setting, sent).await?;
    Ok(answer::success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_messages() {
        for (path, message) in [
            ("/v1/track", Some(Message::Single(Call::Track))),
            ("/v1/t", Some(Message::Single(Call::Track))),
            ("/v1/p/", Some(Message::Single(Call::Page))),
            ("/v1/merge", Some(Message::Single(Call::Alias))),
            ("/v1/b", Some(Message::Batch)),
            ("/v1/import", Some(Message::Batch)),
            ("/beacon/v1/batch", Some(Message::Batch)),
            ("/v1/x", None),
            ("/v1/", None),
            ("/v2/track", None),
        ] {
            assert_eq!(Message::of(path), message, "{path}");
        }
    }
}
