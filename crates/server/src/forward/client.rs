//! The client that requests go out through: addresses checked and pinned, connections kept, no
//! redirects, no proxies, answers bounded.

use super::answer::Answer;
use super::guard::Guard;
use super::local;
use super::request::Prepared;
use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The most that is read of an answer.
pub const ANSWER_BYTES_MAX: usize = 64 * 1_024;
/// How long an unused connection is kept.
const IDLE: Duration = Duration::from_secs(60);
/// Unused connections kept for one host.
const IDLE_MAX: usize = 32;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The address may not be sent to.
    #[error("{0}")]
    Address(String),
    /// The host's name leads nowhere.
    #[error("the host cannot be found: {0}")]
    Name(String),
    /// Nobody takes the connection, or not with TLS.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// It took too long.
    #[error("no answer in time")]
    Timeout,
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// A file cannot be written.
    #[error("cannot write {0}; check that the folder is writable and the disk has room")]
    File(String),
}

impl SendError {
    /// A stable word for figures.
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Address(_) => "address",
            Self::Name(_) => "name",
            Self::Connect(_) => "connect",
            Self::Timeout => "timeout",
            Self::Broken(_) => "broken",
            Self::File(_) => "file",
        }
    }
}

/// How names are looked up; a test has answers of its own.
pub(super) type Lookup = Arc<dyn Fn(String, u16) -> LookingUp + Send + Sync>;
pub(super) type LookingUp = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// See the module.
#[derive(Clone)]
pub struct Client {
    pool: Pool<Connector, Full<Bytes>>,
    guard: Arc<Guard>,
}

/// Why no client can be made.
#[derive(Debug, thiserror::Error)]
#[error("TLS cannot be set up: {0}; install the system's certificates (Debian: ca-certificates)")]
pub struct ClientError(String);

impl Client {
    /// A client that sends where `guard` allows. Trusts the system's certificates.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(guard: Guard) -> Result<Self, ClientError> {
        Self::looking_up(guard, Arc::new(|host, port| Box::pin(addresses(host, port))))
    }

    /// The same with names looked up in another way.
    pub(super) fn looking_up(guard: Guard, lookup: Lookup) -> Result<Self, ClientError> {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        let (added, _) = roots.add_parsable_certificates(found.certs);
        if added == 0 {
            tracing::warn!(
                "no certificates are installed: destinations cannot be reached over https"
            );
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| ClientError(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let guard = Arc::new(guard);
        let tls = TlsConnector::from(Arc::new(config));
        let connector = Connector { guard: Arc::clone(&guard), tls, lookup };
        let pool = Pool::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_MAX)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Ok(Self { pool, guard })
    }

    /// Sends a request and reads its answer, in `patience` altogether.
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn send(&self, prepared: Prepared, patience: Duration) -> Result<Answer, SendError> {
        if prepared.url.scheme() == local::SCHEME {
            // Not cut off: one that is begun ends, or the next attempt meets it.
            let put =
                tokio::task::spawn_blocking(move || local::put(&prepared.url, &prepared.body));
            return put.await.unwrap_or_else(|error| Err(SendError::File(error.to_string())));
        }
        check_address(&self.guard, &prepared)?;
        let broken = |error: &dyn std::fmt::Display| SendError::Broken(error.to_string());
        let mut request = Request::new(Full::new(prepared.body));
        *request.method_mut() = prepared.method;
        *request.uri_mut() =
            prepared.url.as_str().parse::<Uri>().map_err(|error| broken(&error))?;
        *request.headers_mut() = prepared.headers;
        let exchange = async {
            let answer = self.pool.request(request).await.map_err(|error| told(&error))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX);
            let read = body.collect().await;
            // A longer body is not read: the status tells what there is to know.
            let body = match read {
                Ok(body) => body.to_bytes(),
                Err(error) if error.is::<http_body_util::LengthLimitError>() => Bytes::new(),
                Err(error) => return Err(SendError::Broken(error.to_string())),
            };
            Ok(Answer { status: head.status, headers: head.headers, body })
        };
        tokio::time::timeout(patience, exchange).await.unwrap_or(Err(SendError::Timeout))
    }
}

async fn addresses(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok(tokio::net::lookup_host((host, port)).await?.collect())
}

/// What can be said of an address before its name is looked up.
fn check_address(guard: &Guard, prepared: &Prepared) -> Result<(), SendError> {
    let url = &prepared.url;
    let refused = |why: String| Err(SendError::Address(why));
    if !url.username().is_empty() || url.password().is_some() {
        return refused("an address with a user name is not sent to".to_owned());
    }
    let literal = match url.host() {
        Some(url::Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(url::Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        Some(url::Host::Domain(_)) => None,
        None => return refused("the address has no host".to_owned()),
    };
    if let Some(address) = literal {
        permit(guard, address)?;
    }
    match url.scheme() {
        "https" | "http" => Ok(()),
        other => refused(format!("{other} is not sent to: use https")),
    }
}

fn permit(guard: &Guard, address: IpAddr) -> Result<(), SendError> {
    guard.check(address).map_err(|kind| {
        SendError::Address(format!(
            "{address} is {kind}; if it is meant, name it in forward.allow_addresses"
        ))
    })
}

/// The error at the bottom, where it is one of ours.
fn told(error: &(dyn std::error::Error + 'static)) -> SendError {
    let mut at: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(one) = at {
        if let Some(ours) = one.downcast_ref::<SendError>() {
            return ours.clone();
        }
        at = one.source();
    }
    SendError::Broken(error.to_string())
}

/// Opens connections to addresses that were checked.
#[derive(Clone)]
struct Connector {
    guard: Arc<Guard>,
    tls: TlsConnector,
    lookup: Lookup,
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = SendError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, SendError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move { connector.open(&uri).await.map(TokioIo::new) })
    }
}

impl Connector {
    async fn open(&self, uri: &Uri) -> Result<Stream, SendError> {
        let secure = uri.scheme_str() == Some("https");
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let found = (self.lookup)(host.clone(), port)
            .await
            .map_err(|error| SendError::Name(error.to_string()))?;
        // One address that may not be sent to condemns the name: what answers so is not trusted.
        for address in &found {
            permit(&self.guard, address.ip())?;
            if !secure && !self.guard.allows_by_name(address.ip()) {
                let why = "http is sent only to addresses in forward.allow_addresses: use https";
                return Err(SendError::Address(why.to_owned()));
            }
        }
        let mut last = SendError::Name("it has no address".to_owned());
        for address in found {
            match TcpStream::connect(address).await {
                Ok(stream) => return self.secured(stream, &host, secure).await,
                Err(error) => last = SendError::Connect(error.to_string()),
            }
        }
        Err(last)
    }

    async fn secured(
        &self,
        stream: TcpStream,
        host: &str,
        secure: bool,
    ) -> Result<Stream, SendError> {
        let connect = |error: &dyn std::fmt::Display| SendError::Connect(error.to_string());
        stream.set_nodelay(true).map_err(|error| connect(&error))?;
        if !secure {
            return Ok(Stream::Plain(stream));
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|error| connect(&error))?;
        let stream = self.tls.connect(name, stream).await.map_err(|error| connect(&error))?;
        Ok(Stream::Secure(Box::new(stream)))
    }
}

/// A connection with or without TLS.
enum Stream {
    Plain(TcpStream),
    Secure(Box<TlsStream<TcpStream>>),
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Secure(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Secure(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Secure(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Secure(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
