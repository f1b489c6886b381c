//! The public listener: accepts within its limits, hands connections over, closes in good order.

use super::clients::Hold;
use super::connection::{self, Connection};
use super::counters::add;
use super::error::CaptureError;
use super::exchange::Peer;
use super::plane::Plane;
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;

/// Connections that may wait to be accepted; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: u32 = 4_096;
/// Pause after a failed accept: out of file descriptors, mostly, which only time heals.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Binds the address.
pub(super) fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Accepts connections until the plane closes.
pub(super) struct Acceptor {
    pub(super) plane: Arc<Plane>,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) closing: watch::Receiver<bool>,
    /// Held by every connection; the plane has closed when all are gone.
    pub(super) open: mpsc::Sender<()>,
}

/// What a connection holds until it ends.
struct Seat {
    plane: Arc<Plane>,
    _client: Option<Hold>,
    _open: mpsc::Sender<()>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.plane.counters.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Acceptor {
    /// Runs until the plane closes.
    pub(super) async fn run(mut self, listener: TcpListener) {
        let protocol = Arc::new(connection::protocol(&self.plane));
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, address)) => self.admit(stream, address.ip(), &protocol),
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                _ = self.closing.changed() => return,
            }
        }
    }

    /// Serves the connection in a task of its own, or closes it at once at a limit.
    fn admit(
        &self,
        stream: TcpStream,
        address: IpAddr,
        protocol: &Arc<auto::Builder<TokioExecutor>>,
    ) {
        let address = address.to_canonical();
        let Some(seat) = self.seat(address) else {
            add(&self.plane.counters.connections_refused, 1);
            return;
        };
        // Answers are small: waiting to fill a packet would only delay them.
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let plane = Arc::clone(&self.plane);
        let protocol = Arc::clone(protocol);
        let (tls, closing) = (self.tls.clone(), self.closing.clone());
        tokio::spawn(async move {
            let peer = Peer { address, tls: tls.is_some() };
            let patience = plane.options.timeouts.head;
            let counters = Arc::clone(&plane.counters);
            let connection = Connection { plane, protocol, peer };
            match tls {
                None => connection.serve(stream, closing).await,
                Some(tls) => match tokio::time::timeout(patience, tls.accept(stream)).await {
                    Ok(Ok(stream)) => connection.serve(stream, closing).await,
                    Ok(Err(_)) => add(&counters.connections_failed, 1),
                    Err(_) => add(&counters.connections_idle_closed, 1),
                },
            }
            drop(seat);
        });
    }

    fn seat(&self, address: IpAddr) -> Option<Seat> {
        let options = &self.plane.options;
        let taken = self.plane.counters.connections.fetch_add(1, Ordering::Relaxed);
        let mut seat =
            Seat { plane: Arc::clone(&self.plane), _client: None, _open: self.open.clone() };
        if taken >= options.limits.connections as u64 {
            return None;
        }
        // Many clients share the address of a trusted proxy: there, only their requests are limited.
        if !options.trusted_proxies.contains(&address) {
            seat._client = Some(self.plane.connections_of.hold(address)?);
        }
        Some(seat)
    }
}

/// Starts listening.
pub(super) fn listen(address: SocketAddr) -> Result<TcpListener, CaptureError> {
    bind(address).map_err(|source| CaptureError::Bind { address, source })
}
