//! The run itself: tickets due at fixed times, taken by whichever connection is free.

use super::connection::{ConnectionError, Target};
use super::profile::{Operation, Profile, Shape};
use super::result::{Outcome, Summary, Tally};
use super::socket::Socket;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// Most connections of one run.
pub const CONNECTIONS_MAX: usize = 20_000;
/// Highest rate of one run, in requests a second.
pub const RATE_MAX: f64 = 1_000_000.0;
/// Patience for one answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why a run did not take place.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No usable target.
    #[error(transparent)]
    Target(#[from] ConnectionError),
    /// Another machine, without leave.
    #[error(
        "{address} is not this machine: load that was not agreed on is an attack; give --allow-remote if it was"
    )]
    Remote {
        /// The address.
        address: String,
    },
    /// Options out of range.
    #[error("{0}")]
    Options(&'static str),
    /// Requests that cannot be written.
    #[error("a request cannot be written: {0}; check --slug and --write-key")]
    Request(#[from] http::Error),
    /// No memory for the figures.
    #[error("the latency histogram cannot be made: {0}")]
    Histogram(#[from] hdrhistogram::CreationError),
    /// No runtime.
    #[error("cannot start the generator's threads: {0}")]
    Runtime(#[from] std::io::Error),
}

/// One run.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Public plane, `http://host:port`.
    pub url: String,
    /// What is sent.
    pub shape: Shape,
    /// Requests a second.
    pub rate: f64,
    /// How long requests fall due.
    pub duration: Duration,
    /// Connections, the bound of requests in progress.
    pub connections: usize,
    /// Whether a target beyond loopback was agreed on.
    pub allow_remote: bool,
}

struct Plan {
    shape: Shape,
    start: Instant,
    gap: Duration,
    total: u64,
    next: AtomicU64,
}

/// Runs to the end and sums up. Blocks; makes its own runtime.
///
/// # Errors
/// [`LoadError`] before anything is sent. What happens to single requests is in the summary.
pub fn run(options: &LoadOptions) -> Result<Summary, LoadError> {
    let target = checked(options)?;
    options.shape.request(0)?;
    runtime()?.block_on(drive(options, target))
}

/// On one core, nothing that could move work between threads.
fn runtime() -> std::io::Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let mut builder =
        if cores == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    builder.enable_all().build()
}

fn checked(options: &LoadOptions) -> Result<Target, LoadError> {
    if !(options.rate > 0.0 && options.rate <= RATE_MAX) {
        return Err(LoadError::Options(
            "the rate must be above 0 and at most 1,000,000 requests a second",
        ));
    }
    if !(1..=CONNECTIONS_MAX).contains(&options.connections) {
        return Err(LoadError::Options("use 1 to 20,000 connections"));
    }
    let follows_links = matches!(options.shape.profile, Profile::Redirects | Profile::Mixed);
    if follows_links && options.shape.slugs.is_empty() {
        return Err(LoadError::Options(
            "redirects need a link to follow: make one with `millstream links add` and name it with --slug",
        ));
    }
    let target = Target::parse(&options.url)?;
    if !target.is_loopback() && !options.allow_remote {
        return Err(LoadError::Remote { address: target.address.to_string() });
    }
    Ok(target)
}

async fn drive(options: &LoadOptions, target: Target) -> Result<Summary, LoadError> {
    let total = (options.rate * options.duration.as_secs_f64()).ceil().max(1.0) as u64;
    let plan = Arc::new(Plan {
        shape: options.shape.clone(),
        start: Instant::now() + Duration::from_millis(50),
        gap: Duration::from_secs_f64(1.0 / options.rate),
        total,
        next: AtomicU64::new(0),
    });
    let mut workers = JoinSet::new();
    for _ in 0..options.connections {
        let socket = Socket::new(target.clone(), PATIENCE);
        workers.spawn(work(Arc::clone(&plan), socket, fresh()?));
    }
    let mut tallies = fresh()?;
    while let Some(done) = workers.join_next().await {
        let theirs = done.map_err(std::io::Error::other)??;
        tallies.iter_mut().zip(&theirs).for_each(|(mine, theirs)| mine.add(theirs));
    }
    let seconds = plan.start.elapsed().as_secs_f64();
    let events = Operation::ALL.map(|operation| options.shape.events(operation));
    Ok(Summary::new((options.shape.seed, options.rate, seconds), &tallies, events))
}

fn fresh() -> Result<[Tally; Operation::ALL.len()], LoadError> {
    Ok([Tally::new()?, Tally::new()?, Tally::new()?, Tally::new()?])
}

async fn work(
    plan: Arc<Plan>,
    mut socket: Socket,
    mut tallies: [Tally; Operation::ALL.len()],
) -> Result<[Tally; Operation::ALL.len()], LoadError> {
    loop {
        let ticket = plan.next.fetch_add(1, Ordering::Relaxed);
        if ticket >= plan.total {
            return Ok(tallies);
        }
        let operation = plan.shape.operation(ticket);
        let request = plan.shape.request(ticket)?;
        let due = plan.start + plan.gap.mul_f64(ticket as f64);
        let ready_in_time = Instant::now() < due;
        if ready_in_time {
            sleep_until(due).await;
        }
        let counted_from = if ready_in_time { Instant::now() } else { due };
        let outcome = match socket.send(&request).await {
            Ok(status) => Outcome::of(operation, status),
            Err(_) => Outcome::Broken,
        };
        let micros = u64::try_from(counted_from.elapsed().as_micros()).unwrap_or(u64::MAX);
        tallies[operation.index()].record(outcome, micros);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    fn options(url: &str, profile: Profile) -> LoadOptions {
        let shape = Shape {
            profile,
            slugs: Vec::new(),
            use_case: "home".into(),
            write_key: "k".into(),
            batch_events: 2,
            devices: 5,
            seed: 3,
        };
        LoadOptions {
            url: url.into(),
            shape,
            rate: 500.0,
            duration: Duration::from_millis(100),
            connections: 2,
            allow_remote: false,
        }
    }

    #[test]
    fn nothing_is_sent_to_strangers_or_without_a_link() {
        let remote = run(&options("http://192.0.2.1:80", Profile::Events));
        assert!(matches!(remote, Err(LoadError::Remote { .. })));
        let linkless = run(&options("http://127.0.0.1:1", Profile::Redirects));
        assert!(matches!(linkless, Err(LoadError::Options(_))));
        let mut odd = options("http://127.0.0.1:1", Profile::Events);
        odd.connections = CONNECTIONS_MAX + 1;
        assert!(matches!(run(&odd), Err(LoadError::Options(_))));
        odd.connections = 1;
        odd.rate = 0.0;
        assert!(matches!(run(&odd), Err(LoadError::Options(_))));
    }

    #[test]
    fn every_request_due_is_sent_and_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                std::thread::spawn(move || {
                    let mut bytes = [0; 8_192];
                    while stream.read(&mut bytes).unwrap_or(0) > 0 {
                        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                        if stream.write_all(answer).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        let summary = run(&options(&url, Profile::Batches)).unwrap();
        assert!(summary.is_clean());
        assert_eq!(summary.lines.last().unwrap().done, 50);
    }
}
