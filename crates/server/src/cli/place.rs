//! Where a command works: on a data directory itself, or through the instance that has it open.

use super::engine::{Engine, EngineError};
use super::failure::Failure;
use super::remote::Remote;
use crate::config::{Config, raw::Raw, read};
use crate::instance::InstanceError;
use clap::Args;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long to wait for an instance that has the directory open, but does not say yet where it
/// listens.
const PATIENCE: Duration = Duration::from_secs(5);

/// Options of every command that reads or changes data.
#[derive(Args, Clone, Debug, Default)]
pub struct Place {
    /// The data directory; opened, or reached through the instance that runs on it.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Admin plane of a running instance, instead of a data directory.
    #[arg(long, value_name = "URL", conflicts_with = "data_dir")]
    pub url: Option<String>,
    /// Configuration file.
    #[arg(long, value_name = "FILE", env = "MILLSTREAM_CONFIG")]
    pub config: Option<PathBuf>,
    /// Token for the admin plane; better given as the variable, which no process list shows.
    #[arg(long, value_name = "TOKEN", env = "MILLSTREAM_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
}

/// What a command works on.
pub enum Target {
    /// The data directory, opened by this process.
    Local(Box<Engine>),
    /// A running instance.
    Remote(Box<Remote>),
}

/// Reads a configuration file, and the environment over it.
pub fn raw_config(file: Option<&PathBuf>) -> Result<Raw, Failure> {
    let text = match file {
        None => None,
        Some(path) => {
            let shown = path.display().to_string();
            let text = std::fs::read_to_string(path)
                .map_err(|source| crate::config::ConfigError::Read { path: shown.clone(), source })
                .map_err(|error| Failure::new("the configuration cannot be used", error))?;
            Some((shown, text))
        }
    };
    let environment: Vec<_> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    read(text.as_ref().map(|(name, text)| (name.as_str(), text.as_str())), &environment)
        .map_err(|error| Failure::new("the configuration cannot be used", error))
}

impl Place {
    /// The configuration with this command's data directory.
    pub fn config(&self) -> Result<Config, Failure> {
        let mut raw = raw_config(self.config.as_ref())?;
        if let Some(dir) = &self.data_dir {
            raw.server.data_dir.clone_from(dir);
        }
        Config::resolve(raw)
            .map_err(|error| Failure::new("the configuration cannot be used", error))
    }

    /// Opens the data directory, or finds the instance that has it open. A directory that does not
    /// exist is made only when `create` is true.
    pub fn open(&self, create: bool) -> Result<Target, Failure> {
        if let Some(url) = &self.url {
            return Ok(Target::Remote(Box::new(Remote::new(url, self.token.clone())?)));
        }
        let config = self.config()?;
        let dir = config.data_dir.clone();
        if !create && !dir.join("log").is_dir() {
            return Err(Failure::known(
                format!("there is no data in {}", dir.display()),
                "the folder does not exist or holds no log",
                "name the right one with --data-dir, or fill it with `millstream import` or `millstream demo`",
            ));
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            match Engine::open(config.clone()) {
                Ok(engine) => return Ok(Target::Local(Box::new(engine))),
                Err(EngineError::Instance(InstanceError::Running { admin: Some(url), .. })) => {
                    return Ok(Target::Remote(Box::new(Remote::new(&url, self.token.clone())?)));
                }
                Err(EngineError::Instance(InstanceError::Running { .. }))
                    if Instant::now() < deadline =>
                {
                    std::thread::sleep(Duration::from_millis(100));
                }
                Err(error) => {
                    return Err(Failure::new(format!("cannot open {}", dir.display()), error));
                }
            }
        }
    }
}
