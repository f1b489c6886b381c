//! Server-sent events: better answers to decisions, and word that flags have changed.
//!
//! A stream is bounded in number (of one client, and in all), in what waits to be sent, and in time. It
//! says that it is alive, and ends by itself when the plane closes.

use super::answer::{self, Answer};
use super::clients::Hold;
use super::decision;
use super::exchange::Exchange;
use super::outgoing::{Flow, Outgoing};
use super::person::{Named, Person};
use super::refusal::Refusal;
use crate::decide::{Service, Standing};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use millstream_event::Hash128;
use millstream_event::consent::StatedConsent;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::Instant;

/// Pieces that wait for the client to take them.
const PIECES_MAX: usize = 4;
/// The longest that word of changed flags is given on one connection; clients come back by themselves.
const FLAGS_FOR: Duration = Duration::from_secs(900);
/// What a client waits before it comes back.
const RETRY: &str = "retry: 3000\n";
/// Says nothing, and shows that the stream is alive.
const ALIVE: Bytes = Bytes::from_static(b": alive\n\n");
/// Proxies that gather answers are asked not to.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The writing end of a stream.
struct Writer {
    pieces: mpsc::Sender<Bytes>,
    closing: watch::Receiver<bool>,
    every: Duration,
    until: Instant,
}

/// What a writer met while it waited.
enum Met {
    /// What was waited for, or the end of it.
    Change(bool),
    /// The plane closes.
    Closing,
    /// Its time is over.
    Over,
    /// The client is gone, or takes nothing.
    Gone,
}

impl Writer {
    /// Hands a piece to the client; false when it does not take it.
    async fn write(&self, piece: impl Into<Bytes>) -> bool {
        let sent = tokio::time::timeout_at(self.until, self.pieces.send(piece.into())).await;
        matches!(sent, Ok(Ok(())))
    }

    async fn end(&self, why: &str) {
        // A client that does not take its end is cut off with its connection.
        self.write(format!("event: end\ndata: {{\"why\":\"{why}\"}}\n\n")).await;
    }

    /// Waits for a change, saying now and then that the stream is alive.
    async fn wait<T>(&mut self, watched: &mut watch::Receiver<T>) -> Met {
        loop {
            let pause = Instant::now() + self.every;
            tokio::select! {
                biased;
                changed = watched.changed() => return Met::Change(changed.is_ok()),
                // An error means that the plane itself is gone.
                _ = self.closing.changed() => return Met::Closing,
                () = self.pieces.closed() => return Met::Gone,
                () = tokio::time::sleep_until(self.until) => return Met::Over,
                () = tokio::time::sleep_until(pause) => {
                    // One that takes nothing misses nothing by a heartbeat less.
                    if let Err(mpsc::error::TrySendError::Closed(_)) = self.pieces.try_send(ALIVE) {
                        return Met::Gone;
                    }
                }
            }
        }
    }
}

/// A place among the streams.
fn places(exchange: &Exchange<'_>) -> Result<(Hold, OwnedSemaphorePermit), Refusal> {
    let plane = exchange.plane;
    let limit = plane.options.limits.event_streams_per_client;
    let of_client =
        plane.streams_of.hold(exchange.client()).ok_or(Refusal::ClientStreams(limit))?;
    let of_all = Arc::clone(&plane.streams).try_acquire_owned().map_err(|_| Refusal::Streams)?;
    Ok((of_client, of_all))
}

/// An answer that flows, and its writing end.
fn open(exchange: &Exchange<'_>, lasts: Duration) -> Result<(Answer, Writer), Refusal> {
    let places = places(exchange)?;
    let (pieces, receiver) = mpsc::channel(PIECES_MAX);
    let flow = Flow::new(receiver, places);
    let mut answer = Response::new(Outgoing::Flow(flow));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(BUFFERING, HeaderValue::from_static("no"));
    let plane = exchange.plane;
    let (closing, every) = (plane.closing.clone(), plane.options.timeouts.heartbeat);
    Ok((answer, Writer { pieces, closing, every, until: Instant::now() + lasts }))
}

/// `GET /v1/decide/stream?decision_id=...`: the better answer to an earlier decision, once it is there.
/// Nothing (204) where none is awaited, which also keeps clients from coming back.
pub(super) fn better(exchange: &Exchange<'_>) -> Result<Answer, Refusal> {
    let service = exchange.plane.parts.decide.clone().ok_or(Refusal::UnknownUseCase)?;
    let named = exchange.query_value("decision_id");
    let decision = named.as_deref().and_then(Hash128::parse_hex).ok_or_else(|| {
        Refusal::InvalidBody("name an earlier answer: /v1/decide/stream?decision_id=...".into())
    })?;
    let person = Person::of(exchange, Named::default(), StatedConsent::default());
    let awaited = service.late().follow(decision).filter(|_| person.may_be_known());
    let Some(mut standing) = awaited else { return Ok(answer::empty(StatusCode::NO_CONTENT)) };
    let (answer, mut writer) = open(exchange, service.late().keep_for())?;
    tokio::spawn(async move {
        if !writer.write(RETRY).await {
            return;
        }
        loop {
            let now = standing.borrow_and_update().clone();
            match now {
                Standing::Awaited => {}
                Standing::Nothing => return writer.end("nothing_better").await,
                Standing::Better(better) if !service.may_tell(&better) => {
                    return writer.end("no_consent").await;
                }
                Standing::Better(better) => {
                    let body = decision::late(&better, decision);
                    if writer.write(format!("event: answer\ndata: {body}\n\n")).await {
                        service.late().counts.told.fetch_add(1, Ordering::Relaxed);
                        writer.end("answered").await;
                    }
                    return;
                }
            }
            match writer.wait(&mut standing).await {
                Met::Change(true) => {}
                Met::Change(false) | Met::Over => return writer.end("too_late").await,
                Met::Closing => return writer.end("closing").await,
                Met::Gone => return,
            }
        }
    });
    Ok(answer)
}

/// `GET /ofrep/v1/events`: tells clients to evaluate again once flags have changed. It tells nothing of
/// anybody. `since` and `Last-Event-ID` name what the client knows.
pub(super) fn flags(exchange: &Exchange<'_>) -> Result<Answer, Refusal> {
    let service = exchange.plane.parts.decide.clone().ok_or(Refusal::NotFound)?;
    let header = exchange.header("last-event-id").and_then(|text| text.parse().ok());
    let known: Option<u64> =
        header.or_else(|| exchange.query_value("since").and_then(|text| text.parse().ok()));
    let (answer, writer) = open(exchange, FLAGS_FOR)?;
    tokio::spawn(tell_of_flags(writer, service, known));
    Ok(answer)
}

async fn tell_of_flags(mut writer: Writer, service: Arc<Service>, known: Option<u64>) {
    let mut changes = service.changes();
    // A stream must not hold what decides once the plane is gone.
    drop(service);
    let mut version = *changes.borrow_and_update();
    if !writer.write(format!("{RETRY}id: {version}\n\n")).await {
        return;
    }
    let mut known = known.unwrap_or(version);
    loop {
        if known != version {
            let word = format!("id: {version}\ndata: {{\"type\":\"refetchEvaluation\"}}\n\n");
            if !writer.write(word).await {
                return;
            }
            known = version;
        }
        match writer.wait(&mut changes).await {
            Met::Change(true) => version = *changes.borrow_and_update(),
            // The client comes back, and says what it knows.
            Met::Change(false) | Met::Over | Met::Closing | Met::Gone => return,
        }
    }
}
