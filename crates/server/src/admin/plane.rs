//! The plane itself: its options, its shared state, its start and end.

use super::gate::Gate;
use super::listener;
use super::live::Campaigns;
use super::parts::AdminParts;
use super::pulse::{self, Pulse};
use super::routes;
use super::token::Tokens;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};

/// How the plane is set up.
#[derive(Clone, Debug)]
pub struct AdminOptions {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Tokens that are accepted; without any, only loopback addresses may be listened on.
    pub tokens: Tokens,
    /// Names under which the plane is reached, besides loopback ones. Empty beyond loopback: any.
    pub hosts: Vec<String>,
    /// TLS, where configured.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Most connections at once.
    pub connections_max: usize,
    /// Most reports that run at once.
    pub reports_max: usize,
    /// Most reports that wait for their turn.
    pub reports_waiting_max: usize,
    /// Most live streams at once.
    pub live_max: usize,
    /// Threads that serve requests.
    pub threads: usize,
}

impl Default for AdminOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8_081)),
            tokens: Tokens::default(),
            hosts: Vec::new(),
            tls: None,
            connections_max: 256,
            reports_max: 2,
            reports_waiting_max: 16,
            live_max: 64,
            threads: 2,
        }
    }
}

/// Why the plane could not start.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Beyond loopback without tokens.
    #[error(
        "the admin plane will not listen on {0} without tokens, anyone who reaches it could read and change everything: configure `[[admin.tokens]]` or listen on 127.0.0.1"
    )]
    Unprotected(SocketAddr),
    /// The address is not to be had.
    #[error(
        "the admin plane cannot listen on {address}: {source}; choose another with --admin-listen"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// No threads.
    #[error("the admin plane cannot start its threads: {0}; raise the limit of processes")]
    Threads(std::io::Error),
}

/// How long a report may wait for its turn.
const REPORT_PATIENCE: Duration = Duration::from_secs(5);
/// How long a change may wait for the one before it.
const CHANGE_PATIENCE: Duration = Duration::from_secs(35);
/// Changes that may wait for their turn.
const CHANGES_WAITING_MAX: usize = 16;
/// How long a report of an earlier state waits for those before it.
const EARLIER_PATIENCE: Duration = Duration::from_secs(3_600);
/// Most reports of earlier states that wait.
const EARLIER_WAITING_MAX: usize = 4;
/// Exports that may run at once.
const EXPORTS_MAX: usize = 2;
/// Questions in SQL that may run at once.
const QUESTIONS_MAX: usize = 2;
/// Questions in SQL that may wait for their turn.
const QUESTIONS_WAITING_MAX: usize = 8;
/// How long running requests may go on after the end was asked for.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(2);

/// What every handler shares.
pub struct Plane {
    /// The rest of the process.
    pub parts: AdminParts,
    /// Who may do what.
    pub tokens: Tokens,
    /// Names that a request may be addressed to; none: any.
    pub hosts: Option<Vec<String>>,
    /// Bounds reports.
    pub gate: Gate,
    /// Bounds reports of earlier states, which take long: one at a time, in the way of no others.
    pub earlier: Gate,
    /// Bounds changes: one at a time.
    pub changes: Gate,
    /// Bounds imports: one at a time, and none waits.
    pub imports: Gate,
    /// Bounds backups: one at a time, and none waits.
    pub backups: Gate,
    /// Bounds questions in SQL.
    pub questions: Gate,
    /// Bounds exports.
    pub exports: Arc<Semaphore>,
    /// Bounds live streams.
    pub live: Arc<Semaphore>,
    /// Campaign reports of the live streams, one per pulse and question.
    pub campaigns: Campaigns,
    pulses: watch::Receiver<Arc<Pulse>>,
}

impl Plane {
    /// The latest pulse.
    pub fn pulse(&self) -> Arc<Pulse> {
        Arc::clone(&self.pulses.borrow())
    }

    /// A subscription to pulses.
    pub fn pulses(&self) -> watch::Receiver<Arc<Pulse>> {
        self.pulses.clone()
    }

    /// The shared state of a plane with these options; pulses come through the sender.
    pub fn new(options: &AdminOptions, parts: AdminParts) -> (Self, watch::Sender<Arc<Pulse>>) {
        let (publish, pulses) = watch::channel(Arc::new(Pulse::default()));
        let hosts = if options.listen.ip().is_loopback() || !options.hosts.is_empty() {
            Some(options.hosts.clone())
        } else {
            None
        };
        let plane = Self {
            parts,
            tokens: options.tokens.clone(),
            hosts,
            gate: Gate::new(options.reports_max, options.reports_waiting_max, REPORT_PATIENCE),
            earlier: Gate::new(1, EARLIER_WAITING_MAX, EARLIER_PATIENCE),
            changes: Gate::new(1, CHANGES_WAITING_MAX, CHANGE_PATIENCE),
            imports: Gate::new(1, 0, Duration::ZERO),
            backups: Gate::new(1, 0, Duration::ZERO),
            questions: Gate::new(QUESTIONS_MAX, QUESTIONS_WAITING_MAX, REPORT_PATIENCE),
            exports: Arc::new(Semaphore::new(EXPORTS_MAX)),
            live: Arc::new(Semaphore::new(options.live_max)),
            campaigns: Campaigns::default(),
            pulses,
        };
        (plane, publish)
    }
}

/// A running plane. Dropping it stops it.
pub struct AdminHandle {
    address: SocketAddr,
    runtime: Option<Runtime>,
    stop: Option<mpsc::Sender<()>>,
    pulse: Option<JoinHandle<()>>,
}

impl AdminHandle {
    /// The address it listens on, with the port that was given when 0 was asked for.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops it: nothing new is accepted, running requests get two seconds.
    pub fn shutdown(mut self) {
        drop(self.stop.take());
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(SHUTDOWN_PATIENCE);
        }
        if let Some(pulse) = self.pulse.take() {
            // A panic of that thread has been printed by it; there is nothing left to save.
            drop(pulse.join());
        }
    }
}

impl Drop for AdminHandle {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Starts the plane on its own threads.
///
/// # Errors
/// See [`AdminError`].
pub fn start(options: AdminOptions, parts: AdminParts) -> Result<AdminHandle, AdminError> {
    if !options.listen.ip().is_loopback() && options.tokens.is_empty() {
        return Err(AdminError::Unprotected(options.listen));
    }
    let taken = |source| AdminError::Listen { address: options.listen, source };
    let socket = TcpListener::bind(options.listen).map_err(taken)?;
    socket.set_nonblocking(true).map_err(taken)?;
    let address = socket.local_addr().map_err(taken)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(options.threads.max(1))
        .thread_name("admin")
        .enable_all()
        .build()
        .map_err(AdminError::Threads)?;
    let (plane, publish) = Plane::new(&options, parts.clone());
    let (stop, stopped) = mpsc::channel();
    let pulse = std::thread::Builder::new()
        .name("admin-pulse".to_owned())
        .spawn(move || pulse::run(&parts, &publish, &stopped))
        .map_err(AdminError::Threads)?;
    let router = routes::router(Arc::new(plane));
    let accepting = {
        let _inside = runtime.enter();
        tokio::net::TcpListener::from_std(socket).map_err(taken)?
    };
    runtime.spawn(listener::serve(accepting, router, options));
    Ok(AdminHandle { address, runtime: Some(runtime), stop: Some(stop), pulse: Some(pulse) })
}
