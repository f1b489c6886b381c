//! One HTTP/1.1 connection, opened again when it breaks.

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;
use tokio::net::TcpStream;

/// Largest answer read.
pub const ANSWER_BYTES_MAX: usize = 1 << 30;
/// A request's body, whole or read while it is sent.
pub type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// A body that is there already.
pub fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// Patience for opening a connection.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The address is not usable.
    #[error("{url:?} is no address of an instance: write http://host:port")]
    Address {
        /// As given.
        url: String,
    },
    /// Nobody listens.
    #[error("cannot connect to {address}: {source}; is an instance running there?")]
    Connect {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// Nobody answered in time.
    #[error("no answer from {address} within {seconds} s: it is overloaded or unreachable")]
    TimedOut {
        /// Where.
        address: SocketAddr,
        /// The patience.
        seconds: u64,
    },
    /// The connection broke.
    #[error("the connection to {address} broke: {why}; try again")]
    Broken {
        /// Where.
        address: SocketAddr,
        /// What was said.
        why: String,
    },
}

/// An instance's address, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Where to connect.
    pub address: SocketAddr,
    /// What the `Host` header says.
    pub host: String,
}

impl Target {
    /// From `http://host:port` or `host:port`.
    ///
    /// # Errors
    /// [`ConnectionError::Address`] for anything else, TLS included: terminate it in front.
    pub fn parse(url: &str) -> Result<Self, ConnectionError> {
        let refused = || ConnectionError::Address { url: url.into() };
        let host = url.strip_prefix("http://").unwrap_or(url);
        if host.contains("://") {
            return Err(refused());
        }
        let host = host.split('/').next().unwrap_or_default();
        let name = if host.rsplit(']').next().is_some_and(|end| end.contains(':')) {
            host.to_owned()
        } else {
            format!("{host}:80")
        };
        let address = name.to_socket_addrs().ok().and_then(|mut found| found.next());
        Ok(Self { address: address.ok_or_else(refused)?, host: host.into() })
    }

    /// True for an address of this machine alone.
    pub const fn is_loopback(&self) -> bool {
        self.address.ip().is_loopback()
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// A connection that is opened when first used and after it broke.
pub struct Connection {
    target: Target,
    patience: Duration,
    sender: Option<SendRequest<Body>>,
}

impl Connection {
    /// A connection that waits at most `patience` for each answer.
    pub const fn new(target: Target, patience: Duration) -> Self {
        Self { target, patience, sender: None }
    }

    /// Sends a request and reads its answer. `Host` is added.
    ///
    /// # Errors
    /// [`ConnectionError`]; the next request opens a new connection.
    pub async fn send(&mut self, mut request: Request<Body>) -> Result<Answer, ConnectionError> {
        if let Ok(host) = self.target.host.parse() {
            request.headers_mut().entry(HOST).or_insert(host);
        }
        let address = self.target.address;
        let exchange = tokio::time::timeout(self.patience, self.exchange(request));
        let answer = exchange.await.unwrap_or_else(|_| {
            Err(ConnectionError::TimedOut { address, seconds: self.patience.as_secs() })
        });
        if answer.is_err() {
            self.sender = None;
        }
        answer
    }

    async fn exchange(&mut self, request: Request<Body>) -> Result<Answer, ConnectionError> {
        let address = self.target.address;
        let broken = |why: String| ConnectionError::Broken { address, why };
        let mut kept = self.sender.take();
        if let Some(sender) = &mut kept
            && sender.ready().await.is_err()
        {
            kept = None;
        }
        let ready = match kept {
            Some(sender) => sender,
            None => open(address).await?,
        };
        let sender = self.sender.insert(ready);
        let answer =
            sender.send_request(request).await.map_err(|error| broken(error.to_string()))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX)
            .collect()
            .await
            .map_err(|error| broken(error.to_string()))?
            .to_bytes();
        Ok(Answer { status: head.status, headers: head.headers, body })
    }
}

/// Opens a connection that sends at once what it is given.
pub(super) async fn open_stream(address: SocketAddr) -> Result<TcpStream, ConnectionError> {
    let connecting = tokio::time::timeout(CONNECT_PATIENCE, TcpStream::connect(address)).await;
    let late = ConnectionError::TimedOut { address, seconds: CONNECT_PATIENCE.as_secs() };
    let stream = connecting
        .map_err(|_| late)?
        .map_err(|source| ConnectionError::Connect { address, source })?;
    let delayed = stream.set_nodelay(true);
    delayed.map_err(|error| ConnectionError::Broken { address, why: error.to_string() })?;
    Ok(stream)
}

async fn open(address: SocketAddr) -> Result<SendRequest<Body>, ConnectionError> {
    let stream = open_stream(address).await?;
    let broken = |why: String| ConnectionError::Broken { address, why };
    let (sender, driver) =
        handshake(TokioIo::new(stream)).await.map_err(|error| broken(error.to_string()))?;
    // A fault of the connection shows at the request that uses it.
    tokio::spawn(driver);
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_and_without_scheme_and_port() {
        for (text, port) in [
            ("http://127.0.0.1:8080", 8080),
            ("127.0.0.1:9/x", 9),
            ("http://127.0.0.1/", 80),
            ("http://[::1]:7", 7),
        ] {
            let target = Target::parse(text).unwrap();
            assert_eq!(target.address.port(), port, "{text}");
            assert!(target.is_loopback());
        }
        for bad in
            ["https://127.0.0.1", "", "http://", "http://nowhere.invalid:1", "ftp://127.0.0.1"]
        {
            assert!(Target::parse(bad).is_err(), "{bad:?}");
        }
    }
}
