//! `doctor`: what on this machine would get in the way, and how to fix it.

use super::failure::{Ended, Failure};
use super::output;
use super::place::Place;
use crate::config::Config;
use crate::data_centres::DataCentres;
use clap::Args;
use std::fs::File;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Less free disk than this is a fault.
const DISK_BYTES_MIN: u64 = 1 << 30;
/// 2026-01-01: a clock before it has not been set.
const CLOCK_SECONDS_MIN: u64 = 1_767_225_600;
/// Writes timed.
const SYNCS: usize = 20;
/// A sync slower than this makes clicks wait.
const SYNC_SLOW: Duration = Duration::from_millis(20);
/// Files a process should be able to open beside its connections.
const FILES_SPARE: u64 = 256;

/// Checks machine, disk, clock, limits and configuration.
#[derive(Args, Clone, Debug)]
pub struct Doctor {
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

/// What one check found.
enum Found {
    Good(String),
    /// What is wrong, and how to fix it.
    Poor(String, &'static str),
    /// What is wrong, and how to fix it.
    Bad(String, &'static str),
}

impl Doctor {
    /// Prints every finding; fails when one of them is bad.
    pub fn run(&self) -> Result<Ended, Failure> {
        let config = self.place.config()?;
        let findings = [
            ("config", Found::Good("it can be used".to_owned())),
            ("disk", disk(&config.data_dir)),
            ("sync", sync(&config.data_dir)),
            ("clock", clock()),
            ("files", files(&config)),
            ("public", listener(config.capture.listen, config.capture.sources.is_empty())),
            ("dashboard", listener(config.admin_listen, config.tokens.is_empty())),
            ("country", country(&config)),
            ("data centres", data_centres(&config)),
            ("agents", agents()),
        ];
        let mut bad = 0;
        for (name, found) in findings {
            let line = match found {
                Found::Good(what) => format!("ok    {name:<12} {what}\n"),
                Found::Poor(what, fix) => {
                    format!("poor  {name:<12} {what}\n      {:<12} fix: {fix}\n", "")
                }
                Found::Bad(what, fix) => {
                    bad += 1;
                    format!("bad   {name:<12} {what}\n      {:<12} fix: {fix}\n", "")
                }
            };
            output::print(&line)?;
        }
        if bad == 0 {
            return Ok(Ended::Done);
        }
        Err(Failure::known(
            format!("{bad} of these checks failed"),
            "see above",
            "do what stands behind `fix:`",
        ))
    }
}

/// The nearest folder that exists.
fn existing(dir: &Path) -> &Path {
    let mut dir = dir;
    while !dir.as_os_str().is_empty() && !dir.exists() {
        dir = dir.parent().unwrap_or(Path::new(""));
    }
    if dir.as_os_str().is_empty() { Path::new(".") } else { dir }
}

fn disk(dir: &Path) -> Found {
    match rustix::fs::statvfs(existing(dir)) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let told = format!("{} MiB free under {}", free >> 20, dir.display());
            if free < DISK_BYTES_MIN {
                Found::Bad(told, "free at least 1 GiB, or choose another --data-dir")
            } else {
                Found::Good(told)
            }
        }
        Err(error) => Found::Bad(
            format!("{} cannot be looked at: {error}", dir.display()),
            "choose another --data-dir",
        ),
    }
}

fn sync(dir: &Path) -> Found {
    let path = existing(dir).join(format!(".millstream-doctor-{}", std::process::id()));
    let time = || -> std::io::Result<Vec<Duration>> {
        let mut file = File::create(&path)?;
        let mut times = Vec::with_capacity(SYNCS);
        for _ in 0..SYNCS {
            let begun = Instant::now();
            file.write_all(&[0; 4_096])?;
            file.sync_data()?;
            times.push(begun.elapsed());
        }
        Ok(times)
    };
    let timed = time();
    // Left behind it would be a stray file, not a fault.
    drop(std::fs::remove_file(&path));
    match timed {
        Ok(mut times) => {
            times.sort_unstable();
            let median = times[times.len() / 2];
            let told = format!(
                "a write is durable after {:.2} ms (median of {SYNCS})",
                median.as_secs_f64() * 1_000.0
            );
            if median > SYNC_SLOW {
                Found::Poor(
                    told,
                    "put the data directory on a faster disk: every click waits for it",
                )
            } else {
                Found::Good(told)
            }
        }
        Err(error) => Found::Bad(
            format!("{} cannot be written: {error}", dir.display()),
            "give this user the right to write, or choose another --data-dir",
        ),
    }
}

fn clock() -> Found {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    if seconds < CLOCK_SECONDS_MIN {
        return Found::Bad(
            "the clock says a year before 2026".to_owned(),
            "set the clock, best by NTP",
        );
    }
    Found::Good("the clock is set".to_owned())
}

fn files(config: &Config) -> Found {
    let limit =
        rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    let wanted = config.capture.limits.connections as u64 + FILES_SPARE;
    let told = format!("{limit} files may be open, {wanted} may be needed");
    if limit < wanted {
        Found::Poor(told, "raise `ulimit -n`, or lower capture.limits.connections")
    } else {
        Found::Good(told)
    }
}

fn listener(address: SocketAddr, unguarded: bool) -> Found {
    if unguarded && !address.ip().is_loopback() {
        return Found::Bad(
            format!("{address} is reachable by others and nothing guards it"),
            "configure [[sources]] for the public plane, [[admin.tokens]] for the dashboard",
        );
    }
    match TcpListener::bind(address) {
        Ok(_) => Found::Good(format!("{address} is free")),
        Err(error) => Found::Poor(
            format!("{address}: {error}"),
            "another process listens there, perhaps a running instance",
        ),
    }
}

fn country(config: &Config) -> Found {
    let opened = match &config.country_database {
        Some(path) => crate::country::Countries::open(path),
        None => crate::country::Countries::embedded(),
    };
    match opened {
        Ok(_) => Found::Good("the database of countries can be read".to_owned()),
        Err(error) => {
            Found::Bad(error.to_string(), "name another file in capture.country_database")
        }
    }
}

fn data_centres(config: &Config) -> Found {
    match config.data_centres.as_deref().map(DataCentres::open) {
        None => Found::Good("no list of data centres is configured".to_owned()),
        Some(Ok(_)) => Found::Good("the list of data centres can be read".to_owned()),
        Some(Err(error)) => {
            Found::Poor(error.to_string(), "mend it, or leave capture.data_centres out")
        }
    }
}

fn agents() -> Found {
    match crate::agents::AgentList::prepare() {
        Ok(()) => Found::Good("the lists of user agents can be used".to_owned()),
        Err(error) => Found::Bad(error.to_string(), "this build is broken: build it again"),
    }
}
