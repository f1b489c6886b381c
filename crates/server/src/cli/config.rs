//! `config`: the reference, whether a file can be used, and what instances were started with.

use super::engine::Engine;
use super::failure::{Ended, Failure};
use super::output;
use super::place::{Place, Target, raw_config};
use super::remote::Remote;
use crate::admin::Token;
use crate::audit::configuration::ConfigurationVersion;
use crate::config::{Config as Resolved, REFERENCE, read};
use crate::instance::{Instance, InstanceError, InstanceOptions};
use crate::report::envelope::short_time;
use crate::report::page::{Align, Grid};
use crate::report::terminal;
use clap::{Args, Subcommand};
use http::Method;
use millstream_event::{Kind, Lane};
use millstream_store::Reading;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// Checks a configuration, shows the commented reference, makes tokens, lists and restores earlier
/// configurations.
#[derive(Args, Clone, Debug)]
pub struct Config {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Clone, Debug)]
enum Action {
    /// Says whether a file, with the environment over it, can be used.
    Check {
        /// The file.
        file: PathBuf,
    },
    /// Prints the configuration that would be used, or the commented reference.
    Show {
        /// The commented reference: every key with its default.
        #[arg(long)]
        defaults: bool,
        /// The file.
        #[arg(long, value_name = "FILE", env = "MILLSTREAM_CONFIG")]
        config: Option<PathBuf>,
    },
    /// Has a running instance read its destinations' files again. A broken one leaves the version in force.
    Reload(Place),
    /// Lists the configuration files that instances on a data directory were started with.
    History {
        /// Prints the file of this version.
        #[arg(long, value_name = "VERSION")]
        version: Option<u32>,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
        /// Where.
        #[command(flatten)]
        place: Place,
    },
    /// Writes the configuration of an earlier version to the file given with --config; it takes effect
    /// when the instance is started again.
    Restore {
        /// Which, as listed by `config history`.
        version: u32,
        /// Where.
        #[command(flatten)]
        place: Place,
    },
    /// Makes a random token for the admin plane and the hash to configure it with.
    Token,
}

impl Config {
    /// Does what was asked.
    pub fn run(&self) -> Result<Ended, Failure> {
        match &self.action {
            Action::Check { file } => {
                resolve(Some(file))?;
                output::print(&format!("{} can be used\n", file.display()))?;
            }
            Action::Show { defaults: true, .. } => output::print(REFERENCE)?,
            Action::Show { config, .. } => {
                let resolved = resolve(config.as_ref())?;
                output::print(&format!("{resolved:#?}\n"))?;
            }
            Action::Reload(place) => return reload(place),
            Action::History { version: Some(version), place, .. } => {
                output::print(&wanted(versions(place)?, *version)?.text)?;
            }
            Action::History { json: true, place, .. } => output::print_json(&versions(place)?)?,
            Action::History { place, .. } => output::print(&table(&versions(place)?))?,
            Action::Restore { version, place } => restore(*version, place)?,
            Action::Token => {
                let token =
                    Token::generate().map_err(|error| Failure::new("no token was made", error))?;
                output::print(&format!("token   {}\nsha256  {}\n", token.reveal(), token.hash()))?;
            }
        }
        Ok(Ended::Done)
    }
}

fn reload(place: &Place) -> Result<Ended, Failure> {
    let Target::Remote(mut remote) = place.open(false)? else {
        return Err(Failure::known(
            "nothing was read again",
            "no instance runs on this data directory",
            "start it with `millstream serve`: it reads its files then",
        ));
    };
    let answer = remote.send_json(Method::POST, "/api/config/reload", &json!({}))?;
    let done: Value = serde_json::from_slice(&answer).unwrap_or_default();
    output::print_json(&done)?;
    let refused = done["refused"].as_array().is_some_and(|refused| !refused.is_empty());
    Ok(if refused { Ended::DoneWithRefusals } else { Ended::Done })
}

fn resolve(file: Option<&PathBuf>) -> Result<Resolved, Failure> {
    let raw = raw_config(file)?;
    Resolved::resolve(raw).map_err(|error| Failure::new("the configuration cannot be used", error))
}

/// Records what an instance is started with. One that cannot be recorded holds nothing up.
pub fn record(engine: &Engine, file: Option<&Path>) {
    let text = file.map_or_else(|| Ok(String::new()), fs::read_to_string);
    engine.caught_up_with_controls();
    let recorded = match text {
        Ok(text) => engine.editor.configure(&text, (engine.clock)()).map_err(|e| e.to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = recorded {
        tracing::warn!(error, "the configuration is not in its history");
    }
}

/// Every version there was. The directory is not put to work: its state stays as it is, whatever the
/// configuration says now.
fn versions(place: &Place) -> Result<Vec<ConfigurationVersion>, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new("the history of configurations cannot be read", error)
    };
    let remote = |url: &str| -> Result<Vec<ConfigurationVersion>, Failure> {
        let mut remote = Remote::new(url, place.token.clone())?;
        serde_json::from_slice(&remote.get("/api/config/history")?).map_err(|error| failed(&error))
    };
    if let Some(url) = &place.url {
        return remote(url);
    }
    let dir = match &place.data_dir {
        Some(dir) => dir.clone(),
        None => place.config()?.data_dir,
    };
    if !dir.join("log").is_dir() {
        return Err(Failure::known(
            format!("there is no data in {}", dir.display()),
            "the folder does not exist or holds no log",
            "name the right one with --data-dir",
        ));
    }
    match Instance::open(&dir, &InstanceOptions::default()) {
        Ok(instance) => known(&instance).map_err(|error| failed(&*error)),
        Err(InstanceError::Running { admin: Some(url), .. }) => remote(&url),
        Err(error) => Err(failed(&error)),
    }
}

/// What the state knows, and what the log has after it: an instance that was killed had not folded
/// everything.
fn known(
    instance: &Instance,
) -> Result<Vec<ConfigurationVersion>, Box<dyn std::error::Error + Send + Sync>> {
    let state = instance.in_force();
    let mut found = ConfigurationVersion::all(&Reading(&*state.store), state.generation)?;
    let mut next = state.store.head(state.generation, Lane::CONTROL)?.next;
    while next < instance.log.heads().get(Lane::CONTROL) {
        let record = instance.log.read_at(Lane::CONTROL, next)?;
        if let Some(record) = record.filter(|record| record.header.kind == Kind::Control) {
            let control = serde_json::from_slice(&record.payload)?;
            ConfigurationVersion::follow(&mut found, next, control);
        }
        next = next.next();
    }
    Ok(found)
}

fn wanted(
    versions: Vec<ConfigurationVersion>,
    version: u32,
) -> Result<ConfigurationVersion, Failure> {
    versions.into_iter().find(|one| one.version == version).ok_or_else(|| {
        Failure::known(
            format!("there is no configuration of version {version}"),
            "no instance was ever started with it",
            "list those there are with `millstream config history`",
        )
    })
}

fn table(versions: &[ConfigurationVersion]) -> String {
    let columns = ["Version", "First started with", "Lines", "Changed"];
    let empty = "No instance was started here with a configuration file yet.";
    let mut grid = Grid::new("", &columns, empty);
    grid.columns[1].1 = Align::Left;
    grid.columns[3].1 = Align::Prose;
    let row = |one: &ConfigurationVersion| {
        let lines = one.text.lines().count().to_string();
        vec![one.version.to_string(), short_time(one.changed), lines, one.summary()]
    };
    grid.rows = versions.iter().rev().map(row).collect();
    terminal::compose(&[], &[grid], output::terminal_width().unwrap_or(120))
}

fn restore(version: u32, place: &Place) -> Result<(), Failure> {
    let Some(file) = &place.config else {
        return Err(Failure::usage(
            "nothing says where the configuration goes",
            "--config is missing",
            format!("millstream config restore {version} --config FILE"),
        ));
    };
    // The file in place may be the one that cannot be used: it is not read to find the history.
    let found = wanted(versions(&Place { config: None, ..place.clone() })?, version)?;
    let unusable = |error: &dyn std::fmt::Display| {
        Failure::new(format!("version {version} cannot be used by this program"), error)
    };
    let name = format!("version {version}");
    let raw = read(Some((&name, &found.text)), &[]).map_err(|error| unusable(&error))?;
    Resolved::resolve(raw).map_err(|error| unusable(&error))?;
    let written = |path: &Path| {
        let what = format!("{} cannot be written", path.display());
        move |error: std::io::Error| Failure::new(what, error)
    };
    let replaced = beside(file, "replaced");
    if file.exists() {
        fs::copy(file, &replaced).map_err(written(&replaced))?;
    }
    let fresh = beside(file, "restored");
    fs::write(&fresh, &found.text).map_err(written(&fresh))?;
    fs::rename(&fresh, file).map_err(written(file))?;
    output::print(&format!(
        "{} is that of version {version}; what it was is in {}. It takes effect when the instance is started again.\n",
        file.display(),
        replaced.display()
    ))
}

fn beside(file: &Path, word: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{word}"));
    PathBuf::from(name)
}
