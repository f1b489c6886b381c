//! Starting and closing the public plane.

use super::acknowledged::Acknowledgements;
use super::clients::Clients;
use super::clock::ReceiveClock;
use super::counters::Counters;
use super::error::CaptureError;
use super::express::date::DateHeader;
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
use std::num::NonZero;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

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
    runtime: Handle,
    running: Option<Running>,
}

/// The thread that holds the runtime; with one thread in all it is the one that does the work.
struct Running {
    end: oneshot::Sender<()>,
    thread: JoinHandle<()>,
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
    let runtime = runtime(options.threads).map_err(CaptureError::Runtime)?;
    let wanted = options.listen;
    let patience = options.timeouts.shutdown;
    let (closing, closed) = watch::channel(false);
    let plane = Arc::new(plane(options, parts, closed.clone())?);
    let counters = Arc::clone(&plane.counters);
    let listener = {
        let _inside = runtime.enter();
        listener::listen(wanted)?
    };
    let address =
        listener.local_addr().map_err(|source| CaptureError::Bind { address: wanted, source })?;
    let (hold, open) = mpsc::channel(1);
    runtime.spawn(Arc::clone(&plane.acknowledgements).hand_out());
    runtime.spawn(Acceptor { plane, tls, closing: closed, open: hold }.run(listener));
    let handle = runtime.handle().clone();
    let running = Some(run(runtime).map_err(CaptureError::Runtime)?);
    Ok(CaptureHandle { address, counters, closing, open, patience, runtime: handle, running })
}

/// A runtime of as many threads as wanted, though no more than there are cores: more would only take
/// the core from each other. One thread needs no runtime that could move work between threads.
fn runtime(threads: usize) -> std::io::Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(usize::MAX, NonZero::get);
    match threads.clamp(1, cores) {
        1 => Builder::new_current_thread().enable_all().build(),
        threads => Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("capture")
            .enable_all()
            .build(),
    }
}

/// Runs it until it is told to end.
fn run(runtime: Runtime) -> std::io::Result<Running> {
    let (end, ended) = oneshot::channel::<()>();
    let thread = std::thread::Builder::new().name("capture".into()).spawn(move || {
        // The other end gone says the same as a word from it.
        let _ = runtime.block_on(ended);
        runtime.shutdown_background();
    })?;
    Ok(Running { end, thread })
}

fn plane(
    options: CaptureOptions,
    parts: CaptureParts,
    closing: watch::Receiver<bool>,
) -> Result<Plane, CaptureError> {
    let limits = options.limits.clone();
    let source = |name: &str| SourceId::parse(name).ok_or(CaptureError::SourceName);
    Ok(Plane {
        acknowledgements: Acknowledgements::of(&*parts.log),
        sources: Sources::new(options.sources.clone(), source(OPEN_SOURCE)?),
        links_source: source(LINKS_SOURCE)?,
        options,
        parts,
        clock: ReceiveClock::default(),
        counters: Arc::new(Counters::default()),
        tokens: Tokens::new().map_err(CaptureError::Random)?,
        destinations: Destinations::new(),
        date: DateHeader::new(),
        connections_of: Clients::new(limits.connections_per_client),
        requests_of: Clients::new(limits.requests_per_client),
        streams_of: Clients::new(limits.event_streams_per_client),
        streams: Arc::new(Semaphore::new(limits.event_streams)),
        closing,
    })
}

impl CaptureHandle {
    /// Stops accepting, lets requests in progress end within the configured patience, then stops
    /// the threads. Blocks; true when every connection had ended by itself.
    pub fn shutdown(mut self) -> bool {
        // An acceptor that has already ended has nothing left to hear.
        let _ = self.closing.send(true);
        let (ended, wait) = std::sync::mpsc::channel();
        let (_, empty) = mpsc::channel(1);
        let mut open = std::mem::replace(&mut self.open, empty);
        self.runtime.spawn(async move {
            while open.recv().await.is_some() {}
            // Nobody listens any more once the patience below is over.
            let _ = ended.send(());
        });
        let graceful = wait.recv_timeout(self.patience).is_ok();
        drop(self);
        graceful
    }
}

impl Drop for CaptureHandle {
    fn drop(&mut self) {
        let Some(Running { end, thread }) = self.running.take() else { return };
        drop(end);
        // Were it a panic, its hook has told why, and there is nothing left to end.
        let _reported = thread.join();
    }
}
