//! `config`: the reference, and whether a file can be used.

use super::failure::{Ended, Failure};
use super::output;
use super::place::{Place, Target, raw_config};
use crate::admin::Token;
use crate::config::{Config as Resolved, REFERENCE};
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Checks a configuration, shows the commented reference, makes tokens.
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
