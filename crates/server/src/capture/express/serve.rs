//! From a connection's bytes to the answer, and again.

use super::answer::write_answer;
use super::head;
use super::patience::Patience;
use crate::capture::activity::Activity;
use crate::capture::counters::{Endpoint, add};
use crate::capture::durable;
use crate::capture::exchange::{Exchange, Peer};
use crate::capture::head::Head;
use crate::capture::intake::Tally;
use crate::capture::location::Destination;
use crate::capture::plane::Plane;
use crate::capture::redirect::{self, Departure};
use crate::capture::refusal::Refusal;
use crate::capture::stopwatch::Stopwatch;
use bytes::Bytes;
use millstream_event::Timestamp;
use millstream_log::{AppendError, Draft};
use std::sync::Arc;
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes read at a time. A head that is not whole by then is the HTTP library's.
const READ_BYTES: usize = 8_192;
/// Bytes of most answers.
const ANSWER_BYTES: usize = 1_024;

/// How the express counter is done with a connection.
pub(in crate::capture) enum Over {
    /// The connection has ended.
    Ended {
        /// It broke.
        failed: bool,
    },
    /// The rest is for the HTTP library, beginning with these bytes.
    HandedOver(Bytes),
}

impl Over {
    const BROKEN: Self = Self::Ended { failed: true };
}

/// Answers the narrow requests that a connection begins with.
pub(in crate::capture) async fn serve<Stream>(
    plane: &Plane,
    peer: Peer,
    activity: &Activity,
    stream: &mut Stream,
) -> Over
where
    Stream: AsyncRead + AsyncWrite + Unpin,
{
    let mut unread = Vec::with_capacity(READ_BYTES);
    let mut answer = Vec::with_capacity(ANSWER_BYTES);
    let mut patience = Patience::new(plane.options.redirect_wait);
    loop {
        if unread.is_empty() {
            match stream.read_buf(&mut unread).await {
                Ok(0) => return Over::Ended { failed: stream.shutdown().await.is_err() },
                Ok(_) => {}
                Err(_) => return Over::BROKEN,
            }
        }
        let Some((mut visit, length)) = Visit::read(plane, peer, &unread) else {
            return Over::HandedOver(unread.into());
        };
        unread.drain(..length);
        activity.begin();
        let now = visit.log(plane, &mut patience).await;
        let last = activity.asked_to_end();
        answer.clear();
        write_answer(&mut answer, plane, &visit, (now, last));
        add(&plane.counters.click_express, 1);
        plane.counters.answered(Endpoint::Redirect, visit.stopwatch.until(now));
        activity.end(now);
        if stream.write_all(&answer).await.is_err() || stream.flush().await.is_err() {
            return Over::BROKEN;
        }
        if last {
            return Over::Ended { failed: stream.shutdown().await.is_err() };
        }
    }
}

/// A visitor on the way through.
pub(super) struct Visit {
    pub(super) destination: Arc<Destination>,
    pub(super) token: Option<String>,
    pub(super) cookie: Option<String>,
    pub(super) stopwatch: Stopwatch,
    records: Draft,
    tally: Tally,
}

impl Visit {
    /// The request that `bytes` begin with and its length. `None` when it is for the HTTP library;
    /// then nothing has happened.
    fn read(plane: &Plane, peer: Peer, bytes: &[u8]) -> Option<(Self, usize)> {
        let mut room = head::room();
        let (head, length) = head::read(bytes, &mut room)?;
        if redirect::is_signed(plane, head.query) {
            return None;
        }
        // One that ends some day is for the HTTP library, which knows the time by then.
        let destination = redirect::destination(plane, head.slug, Timestamp(i64::MIN))?;
        if destination.link().expires.is_some() {
            return None;
        }
        let mut exchange = Exchange::begin(plane, peer, Head::Narrow(head));
        let Departure { token, cookie, group } = Departure::of(&mut exchange, &destination)?;
        let (records, tally) = group.close(plane, exchange.started).ok()?;
        let stopwatch = exchange.stopwatch;
        Some((Self { destination, token, cookie, stopwatch, records, tally }, length))
    }

    /// Makes the click durable, or counts that the visitor went on without; the time afterwards.
    async fn log(&mut self, plane: &Plane, patience: &mut Patience) -> Instant {
        let queued = self.stopwatch.queued();
        let outcome = match durable::submit(plane, std::mem::take(&mut self.records)) {
            Err(refusal) => Err(refusal),
            Ok(receiver) => match patience.wait(queued, receiver).await {
                Some(Ok(outcome)) => outcome.map_err(Refusal::from),
                Some(Err(_)) => Err(Refusal::from(AppendError::Closed)),
                None => Err(Refusal::LogOverloaded),
            },
        };
        let now = Instant::now();
        let wait = now.saturating_duration_since(queued);
        self.stopwatch.logged(wait);
        match outcome {
            Ok(()) => self.tally.count(plane, wait),
            Err(refusal) => redirect::went_unlogged(plane, &refusal),
        }
        now
    }
}
