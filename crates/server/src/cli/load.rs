//! `load`: open-loop traffic against a running instance.

use super::failure::{Ended, Failure};
use super::output::{self, Shown};
use crate::load::{self, LoadError, LoadOptions, Profile, Shape};
use clap::Args;
use std::time::Duration;

/// Sends requests at a fixed rate, whatever the server does, and measures latency from the time
/// each was due.
#[derive(Args, Clone, Debug)]
pub struct Load {
    /// Public plane of the instance.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// What to send.
    #[arg(long, value_enum, default_value_t = Profile::Events)]
    pub profile: Profile,
    /// Requests a second.
    #[arg(long, default_value_t = 1_000.0)]
    pub rate: f64,
    /// Seconds.
    #[arg(long, default_value_t = 10.0)]
    pub duration: f64,
    /// Connections: the bound of requests in progress.
    #[arg(long, default_value_t = 64)]
    pub connections: usize,
    /// Links to follow; may be repeated.
    #[arg(long = "slug")]
    pub slugs: Vec<String>,
    /// The use case of decisions.
    #[arg(long, default_value = "home")]
    pub use_case: String,
    /// Write key.
    #[arg(long, default_value = "load")]
    pub write_key: String,
    /// Events in one batch.
    #[arg(long, default_value_t = 100)]
    pub batch_events: usize,
    /// Different devices.
    #[arg(long, default_value_t = 10_000)]
    pub devices: u64,
    /// Equal seeds send equal events; drawn from the clock when not given.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Allow a target beyond this machine: only with its owner's consent.
    #[arg(long)]
    pub allow_remote: bool,
    /// How to print the outcome.
    #[arg(long, value_enum, default_value_t = Shown::Table)]
    pub format: Shown,
}

impl Load {
    /// Sends and sums up.
    pub fn run(&self) -> Result<Ended, Failure> {
        if !(self.duration > 0.0 && self.duration <= 86_400.0) {
            return Err(Failure::usage(
                "the duration cannot be used",
                "it must be above 0 and at most a day",
                "give seconds, such as --duration 30",
            ));
        }
        let clock = || {
            std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .map_or(0, |now| now.as_secs())
        };
        let options = LoadOptions {
            url: self.url.clone(),
            shape: Shape {
                profile: self.profile,
                slugs: self.slugs.clone(),
                use_case: self.use_case.clone(),
                write_key: self.write_key.clone(),
                batch_events: self.batch_events.max(1),
                devices: self.devices,
                seed: self.seed.unwrap_or_else(clock),
            },
            rate: self.rate,
            duration: Duration::from_secs_f64(self.duration),
            connections: self.connections,
            allow_remote: self.allow_remote,
        };
        let summary = load::run(&options).map_err(|error| match error {
            LoadError::Options(why) => {
                Failure::usage("the load cannot be made so", why, "see `millstream load --help`")
            }
            other => Failure::new("the load was not sent", other),
        })?;
        match self.format {
            Shown::Table => output::print(&summary.table())?,
            Shown::Json => output::print_json(&summary)?,
        }
        Ok(if summary.is_clean() { Ended::Done } else { Ended::DoneWithRefusals })
    }
}
