//! Putting dispatcher, workers and ledger together, and the handle that holds them.

use super::client::{Client, ClientError};
use super::desk::Desk;
use super::desks::Desks;
use super::destination::{Destination, DestinationError};
use super::dispatch::{Begun, DispatchParts, Dispatcher};
use super::guard::Guard;
use super::ledger;
use super::worker::{self, Shop, Transport};
use crate::priority::step_back;
use millstream_event::Timestamp;
use millstream_event::delivery::Delivery;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time::Instant;

/// How often the log is told.
const TELL_EVERY: Duration = Duration::from_millis(200);
/// How long requests under way may take while everything ends.
const LAST_REQUESTS: Duration = Duration::from_secs(2);

/// How forwarding is done.
#[derive(Clone, Debug)]
pub struct ForwardOptions {
    /// Folder of the destinations' files.
    pub folder: PathBuf,
    /// Which addresses may be sent to.
    pub guard: Guard,
    /// How far its threads step back behind those of capture.
    pub niceness: u8,
    /// Threads that send.
    pub threads: usize,
}

/// The last records of a destination's lines.
pub type Told = Box<dyn Fn(&str) -> Result<Vec<Delivery>, String> + Send + Sync>;

/// What forwarding works with.
pub struct ForwardParts {
    /// Where events come from, and deliveries are told to.
    pub dispatch: DispatchParts,
    /// The receive clock.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Where destinations stood; asked when one is begun.
    pub told: Told,
}

/// Why forwarding cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// A file.
    #[error(transparent)]
    Destination(#[from] DestinationError),
    /// TLS.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The state.
    #[error("where destinations stood cannot be read: {0}")]
    State(String),
    /// Threads.
    #[error("cannot start threads that forward: {0}; raise the limit on processes")]
    Thread(std::io::Error),
}

/// Running forwarding. Dropping it ends it.
pub struct Forwarder {
    pub(super) desks: Arc<Desks>,
    pub(super) parts: DispatchParts,
    told: Told,
    /// Held while files are read again.
    pub(super) reloading: Mutex<()>,
    pub(super) begun: Arc<Begun>,
    pub(super) shop: Shop,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    closing: Arc<AtomicBool>,
    close: watch::Sender<bool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    pub(super) runtime: Mutex<Option<Runtime>>,
}

impl Forwarder {
    /// Begins to send to these destinations.
    ///
    /// # Errors
    /// See [`ForwardError`].
    pub fn start(
        options: &ForwardOptions,
        destinations: Vec<Destination>,
        parts: ForwardParts,
    ) -> Result<Self, ForwardError> {
        let runtime = runtime(options).map_err(ForwardError::Thread)?;
        let client = {
            let _inside = runtime.enter();
            Client::new(options.guard.clone())?
        };
        let transport: Transport = Arc::new(move |request, patience| {
            let client = client.clone();
            Box::pin(async move { client.send(request, patience).await })
        });
        let (close, watched) = watch::channel(false);
        let began = {
            let _inside = runtime.enter();
            Instant::now()
        };
        let clock = Arc::clone(&parts.clock);
        let shop = Shop { transport, clock: Arc::clone(&clock), began, closing: watched };
        let forwarder = Self {
            desks: Arc::default(),
            parts: parts.dispatch,
            told: parts.told,
            reloading: Mutex::default(),
            begun: Arc::default(),
            shop,
            clock,
            closing: Arc::default(),
            close,
            threads: Mutex::default(),
            runtime: Mutex::new(Some(runtime)),
        };
        for destination in destinations {
            forwarder.open(destination).map_err(ForwardError::State)?;
        }
        forwarder.begin(options.niceness).map_err(ForwardError::Thread)?;
        Ok(forwarder)
    }

    /// Opens a desk for a destination where its last records say it stood; returns its number.
    pub(super) fn open(&self, destination: Destination) -> Result<usize, String> {
        let told = (self.told)(&destination.name)?;
        let desk = Arc::new(Desk::new(destination, told, &self.parts.log.heads()));
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = &*runtime {
            runtime.spawn(worker::run(Arc::clone(&desk), self.shop.clone()));
        }
        drop(runtime);
        Ok(self.desks.add(desk))
    }

    fn begin(&self, niceness: u8) -> std::io::Result<()> {
        let (parts, desks) = (self.parts.clone(), Arc::clone(&self.desks));
        let dispatcher = Dispatcher::new(parts, desks, Arc::clone(&self.begun));
        let closing = Arc::clone(&self.closing);
        self.spawn("dispatcher", move || {
            step_back(niceness);
            dispatcher.run(&closing);
        })?;
        let (log, desks) = (Arc::clone(&self.parts.log), Arc::clone(&self.desks));
        let (closing, shop) = (Arc::clone(&self.closing), self.shop.clone());
        self.spawn("ledger", move || {
            step_back(niceness);
            while !closing.load(Ordering::Acquire) {
                let (now, desks) = (shop.now(), desks.all());
                for desk in desks.iter() {
                    desk.expire(now);
                }
                ledger::write(&*log, &desks, now.0);
                std::thread::park_timeout(TELL_EVERY);
            }
        })
    }

    fn spawn(&self, name: &str, body: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        let thread = std::thread::Builder::new().name(name.into()).spawn(body)?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    /// Ends: nothing new is begun, requests under way may end, the log is told. Called again it does
    /// nothing.
    pub fn shutdown(&self) {
        if self.closing.swap(true, Ordering::AcqRel) {
            return;
        }
        self.close.send_replace(true);
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            thread.thread().unpark();
            if thread.join().is_err() {
                tracing::error!("a thread that forwards ended with a panic");
            }
        }
        let deadline = std::time::Instant::now() + LAST_REQUESTS;
        while self.desks.all().iter().any(|desk| desk.standing().in_flight > 0)
            && std::time::Instant::now() < deadline
        {
            std::thread::sleep(Duration::from_millis(10));
        }
        ledger::write_last(&*self.parts.log, &self.desks.all(), (self.clock)());
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(runtime) = runtime {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.shutdown();
    }
}

fn runtime(options: &ForwardOptions) -> std::io::Result<Runtime> {
    let niceness = options.niceness;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(options.threads.max(1))
        .thread_name("forward")
        .on_thread_start(move || step_back(niceness))
        .enable_all()
        .build()
}
