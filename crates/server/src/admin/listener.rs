//! Accepts connections: bounded, with a limit on the time that a request's head may take.

use super::plane::AdminOptions;
use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;

/// How long a client may take to send a request's head, or to keep a connection idle.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after a failed accept: out of file descriptors, most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts for ever. Over the limit of connections, new ones wait in the kernel's queue.
pub async fn serve(socket: TcpListener, router: Router, options: AdminOptions) {
    let slots = Arc::new(Semaphore::new(options.connections_max));
    let acceptor = options.tls.map(TlsAcceptor::from);
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        match socket.accept().await {
            Ok((stream, _)) => {
                // Only latency is at stake when the option cannot be set.
                drop(stream.set_nodelay(true));
                let (router, acceptor) = (router.clone(), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => connection(stream, router, slot).await,
                        Some(acceptor) => {
                            let shake = tokio::time::timeout(HEAD_TIMEOUT, acceptor.accept(stream));
                            match shake.await {
                                Ok(Ok(stream)) => connection(stream, router, slot).await,
                                Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
                                Err(_) => tracing::debug!("TLS handshake took too long"),
                            }
                        }
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the admin plane cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection<S>(stream: S, router: Router, slot: OwnedSemaphorePermit)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HEAD_TIMEOUT)
        .keep_alive_timeout(HEAD_TIMEOUT);
    let service = TowerToHyperService::new(router);
    if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection of the admin plane ended early");
    }
    drop(slot);
}
