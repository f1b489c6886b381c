//! One connection: the express counter, then the HTTP library, and an end when nothing comes.

use super::activity::{Activity, Busy, Reason, reason_to_end};
use super::counters::add;
use super::dispatch::dispatch;
use super::exchange::Peer;
use super::express::rewound::Rewound;
use super::express::{self, Over};
use super::plane::Plane;
use super::seldom::Seldom;
use bytes::Bytes;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

/// After being asked to end, a connection is given this long before it is cut.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// HTTP/2 connections are pinged this often while they have open streams.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// Headers of one request.
const HEADERS_MAX: usize = 100;

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

/// A connection, and what serves it.
pub(super) struct Connection {
    pub(super) plane: Arc<Plane>,
    pub(super) protocol: Arc<auto::Builder<TokioExecutor>>,
    pub(super) peer: Peer,
}

impl Connection {
    /// Serves it until it ends, falls silent, or the plane closes.
    pub(super) async fn serve<Stream>(self, mut stream: Stream, closing: watch::Receiver<bool>)
    where
        Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let activity = Arc::new(Activity::new());
        let watching = Arc::clone(&activity);
        let timeouts = self.plane.options.timeouts.clone();
        let mut ending =
            Seldom::new(async move { reason_to_end(&watching, &timeouts, closing).await });
        if let Some(unread) = self.express(&activity, &mut stream, Pin::new(&mut ending)).await {
            self.hyper(&activity, Rewound { unread, stream }, ending).await;
        }
    }

    /// The express counter; what it read last when it hands the connection over.
    async fn express<Stream>(
        &self,
        activity: &Activity,
        stream: &mut Stream,
        ending: Pin<&mut impl Future<Output = Reason>>,
    ) -> Option<Bytes>
    where
        Stream: AsyncRead + AsyncWrite + Unpin,
    {
        let plane = &*self.plane;
        let mut serving = pin!(express::serve(plane, self.peer, activity, stream));
        let over = tokio::select! {
            biased;
            over = serving.as_mut() => over,
            reason = ending => match reason {
                // An answer that nobody takes is silence, too.
                Reason::Silent => {
                    add(&plane.counters.connections_idle_closed, 1);
                    return None;
                }
                Reason::Closing if activity.busy() => {
                    activity.ask_to_end();
                    // Whatever has not ended by then is cut.
                    tokio::time::timeout(plane.options.timeouts.shutdown, serving).await.ok()?
                }
                Reason::Closing => return None,
            },
        };
        match over {
            Over::Ended { failed } => {
                self.ended(failed);
                None
            }
            Over::HandedOver(unread) => Some(unread),
        }
    }

    async fn hyper<Stream>(
        &self,
        activity: &Arc<Activity>,
        stream: Stream,
        ending: impl Future<Output = Reason>,
    ) where
        Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (peer, served, counted) = (self.peer, Arc::clone(&self.plane), Arc::clone(activity));
        let service = service_fn(move |request| {
            let (plane, busy) = (Arc::clone(&served), Busy::begin(&counted));
            async move {
                let mut answer = dispatch(&plane, peer, request).await;
                answer.body_mut().occupy(busy);
                Ok::<_, Infallible>(answer)
            }
        });
        let mut connection = pin!(self.protocol.serve_connection(TokioIo::new(stream), service));
        let patience = tokio::select! {
            biased;
            ended = connection.as_mut() => return self.ended(ended.is_err()),
            reason = ending => match reason {
                Reason::Silent => {
                    add(&self.plane.counters.connections_idle_closed, 1);
                    LAST_WORDS
                }
                Reason::Closing => self.plane.options.timeouts.shutdown,
            },
        };
        connection.as_mut().graceful_shutdown();
        // Whatever has not ended by then is cut.
        if let Ok(ended) = tokio::time::timeout(patience, connection).await {
            self.ended(ended.is_err());
        }
    }

    fn ended(&self, failed: bool) {
        add(&self.plane.counters.connections_failed, u64::from(failed));
    }
}
