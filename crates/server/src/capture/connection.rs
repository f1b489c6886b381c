//! One connection: handshake, requests, and an end when nothing comes.

use super::counters::add;
use super::dispatch::dispatch;
use super::exchange::Peer;
use super::options::Timeouts;
use super::plane::Plane;
use super::seldom::Seldom;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

/// After being asked to end, a connection is given this long before it is cut.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// HTTP/2 connections are pinged this often while they have open streams.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// Headers of one request.
const HEADERS_MAX: usize = 100;

/// When a connection last began or ended a request.
#[derive(Debug)]
struct Activity {
    opened: Instant,
    active: AtomicU32,
    requests: AtomicU64,
    last_ms: AtomicU64,
}

impl Activity {
    fn new() -> Self {
        Self {
            opened: Instant::now(),
            active: AtomicU32::new(0),
            requests: AtomicU64::new(0),
            last_ms: AtomicU64::new(0),
        }
    }

    fn mark(&self) {
        let elapsed = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.store(elapsed, Ordering::Relaxed);
    }

    /// How long until the connection has been silent for too long: before its first request it has
    /// `head` to send one, later `idle`. `None` when that time is over.
    fn patience(&self, head: Duration, idle: Duration) -> Option<Duration> {
        let allowed = if self.requests.load(Ordering::Relaxed) == 0 { head } else { idle };
        if self.active.load(Ordering::Relaxed) > 0 {
            return Some(allowed);
        }
        let last = Duration::from_millis(self.last_ms.load(Ordering::Relaxed));
        allowed
            .checked_sub(self.opened.elapsed().saturating_sub(last))
            .filter(|left| !left.is_zero())
    }
}

/// A request in progress on a connection.
struct Busy(Arc<Activity>);

impl Busy {
    fn begin(activity: &Arc<Activity>) -> Self {
        activity.active.fetch_add(1, Ordering::Relaxed);
        activity.requests.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(activity))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.mark();
        self.0.active.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The settings of HTTP/1.1 and HTTP/2, made once.
pub(super) fn protocol(plane: &Plane) -> auto::Builder<TokioExecutor> {
    let (limits, timeouts) = (&plane.options.limits, &plane.options.timeouts);
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        // Without a timer the header timeout below does nothing.
        .timer(TokioTimer::new())
        .header_read_timeout(timeouts.head)
        .max_headers(HEADERS_MAX)
        // Not `pipeline_flush`: with it the answer to a broken head is never sent.
        .max_buf_size(limits.head_bytes.max(8_192));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_per_connection)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(timeouts.head);
    builder
}

/// Serves a connection until it ends, falls silent, or the plane closes.
pub(super) async fn serve<Stream>(
    plane: Arc<Plane>,
    protocol: Arc<auto::Builder<TokioExecutor>>,
    peer: Peer,
    stream: Stream,
    closing: watch::Receiver<bool>,
) where
    Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = Arc::new(Activity::new());
    let (served, counted) = (Arc::clone(&plane), Arc::clone(&activity));
    let service = service_fn(move |request| {
        let (plane, busy) = (Arc::clone(&served), Busy::begin(&counted));
        async move {
            let answer = dispatch(&plane, peer, request).await;
            drop(busy);
            Ok::<_, Infallible>(answer)
        }
    });
    let mut connection = pin!(protocol.serve_connection(TokioIo::new(stream), service));
    let watching = Arc::clone(&activity);
    let ending = {
        let timeouts = plane.options.timeouts.clone();
        Seldom::new(async move { reason_to_end(&watching, &timeouts, closing).await })
    };
    let patience = tokio::select! {
        biased;
        ended = connection.as_mut() => return ended_with(&plane, ended.is_err()),
        reason = ending => match reason {
            Reason::Silent => {
                add(&plane.counters.connections_idle_closed, 1);
                LAST_WORDS
            }
            Reason::Closing => plane.options.timeouts.shutdown,
        },
    };
    connection.as_mut().graceful_shutdown();
    // Whatever has not ended by then is cut.
    if let Ok(ended) = tokio::time::timeout(patience, connection).await {
        ended_with(&plane, ended.is_err());
    }
}

fn ended_with(plane: &Plane, failed: bool) {
    add(&plane.counters.connections_failed, u64::from(failed));
}

/// Why a connection is asked to end.
enum Reason {
    Silent,
    Closing,
}

/// Returns once the connection has been silent for too long, or the plane closes.
async fn reason_to_end(
    activity: &Activity,
    timeouts: &Timeouts,
    mut closing: watch::Receiver<bool>,
) -> Reason {
    while let Some(pause) = activity.patience(timeouts.head, timeouts.idle) {
        // An error means that the plane itself is gone.
        if tokio::time::timeout(pause, closing.changed()).await.is_ok() {
            return Reason::Closing;
        }
    }
    Reason::Silent
}
