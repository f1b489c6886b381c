//! Starting and closing the public plane.

use super::clients::Clients;
use super::clock::ReceiveClock;
use super::counters::Counters;
use super::error::CaptureError;
use super::listener::{self, Acceptor};
use super::location::Destinations;
use super::options::CaptureOptions;
use super::plane::{CaptureParts, Plane};
use super::redirect::LINKS_SOURCE;
use super::sources::{OPEN_SOURCE, Sources};
use super::tls;
use super::tokens::Tokens;
use millstream_event::SourceId;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};

/// The running public plane. Dropping it closes the listener and cuts every connection;
/// [`CaptureHandle::shutdown`] lets requests in progress end first.
pub struct CaptureHandle {
    /// Where it listens: the port that was taken when 0 was asked for.
    pub address: SocketAddr,
    /// What it counts.
    pub counters: Arc<Counters>,
    closing: watch::Sender<bool>,
    open: mpsc::Receiver<()>,
    patience: std::time::Duration,
    runtime: Option<Runtime>,
}

/// Starts the public plane on threads of its own.
///
/// # Errors
/// [`CaptureError`] when it must not or cannot listen.
pub fn start(options: CaptureOptions, parts: CaptureParts) -> Result<CaptureHandle, CaptureError> {
    if options.sources.is_empty() && !options.listen.ip().is_loopback() {
        return Err(CaptureError::NoSources(options.listen));
    }
    let tls = options.tls.as_ref().map(tls::acceptor).transpose()?;
    let runtime = Builder::new_multi_thread()
        .worker_threads(options.threads.max(1))
        .thread_name("capture")
        .enable_all()
        .build()
        .map_err(CaptureError::Runtime)?;
    let wanted = options.listen;
    let patience = options.timeouts.shutdown;
    let plane = Arc::new(plane(options, parts)?);
    let counters = Arc::clone(&plane.counters);
    let listener = {
        let _inside = runtime.enter();
        listener::listen(wanted)?
    };
    let address =
        listener.local_addr().map_err(|source| CaptureError::Bind { address: wanted, source })?;
    let (closing, closed) = watch::channel(false);
    let (hold, open) = mpsc::channel(1);
    runtime.spawn(Acceptor { plane, tls, closing: closed, open: hold }.run(listener));
    Ok(CaptureHandle { address, counters, closing, open, patience, runtime: Some(runtime) })
}

fn plane(options: CaptureOptions, parts: CaptureParts) -> Result<Plane, CaptureError> {
    let limits = options.limits.clone();
    let source = |name: &str| SourceId::parse(name).ok_or(CaptureError::SourceName);
    Ok(Plane {
        sources: Sources::new(options.sources.clone(), source(OPEN_SOURCE)?),
        links_source: source(LINKS_SOURCE)?,
        options,
        parts,
        clock: ReceiveClock::default(),
        counters: Arc::new(Counters::default()),
        tokens: Tokens::new().map_err(CaptureError::Random)?,
        destinations: Destinations::new(),
        connections_of: Clients::new(limits.connections_per_client),
        requests_of: Clients::new(limits.requests_per_client),
    })
}

impl CaptureHandle {
    /// Stops accepting, lets requests in progress end within the configured patience, then stops
    /// the threads. Blocks; true when every connection had ended by itself.
    pub fn shutdown(mut self) -> bool {
        let Some(runtime) = self.runtime.take() else { return true };
        // An acceptor that has already ended has nothing left to hear.
        let _ = self.closing.send(true);
        let (ended, wait) = std::sync::mpsc::channel();
        let (_, empty) = mpsc::channel(1);
        let mut open = std::mem::replace(&mut self.open, empty);
        runtime.spawn(async move {
            while open.recv().await.is_some() {}
            // Nobody listens any more once the patience below is over.
            let _ = ended.send(());
        });
        let graceful = wait.recv_timeout(self.patience).is_ok();
        runtime.shutdown_background();
        graceful
    }
}

impl Drop for CaptureHandle {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
