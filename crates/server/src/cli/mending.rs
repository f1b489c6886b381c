//! Rules that mend what is in quarantine: tried, put in force, listed, restored.

use super::engine::Engine;
use super::failure::{Ended, Failure};
use super::output;
use super::place::{Place, Target};
use super::quarantine::Quarantine;
use crate::admin::parts::{MendDesk, TransferError};
use crate::replay::{Replayed, Selection};
use crate::report::number::grouped;
use crate::report::page::{Align, Grid, plain};
use crate::report::terminal;
use http::Method;
use millstream_event::control::Control;
use millstream_event::mending::{MendRule, Mending};
use millstream_pipeline::query;
use millstream_store::Reading;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

/// Longest text of rules.
const RULES_BYTES_MAX: usize = crate::admin::routes::BODY_BYTES_MAX;

/// Rules as a file holds them, where a word that means nothing is a mistake.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    #[serde(default)]
    rule: Vec<MendRule>,
}

/// What is asked of the rules.
pub enum Wanted {
    /// Put a text in force, or only tell what it would mend.
    Put { text: String, dry_run: bool },
    /// Show them.
    Show,
    /// Put earlier ones in force again.
    Restore(u32),
}

impl Wanted {
    /// What a command line asks of them; none where it asks for the list of things.
    pub fn of(asked: &Quarantine) -> Result<Option<Self>, Failure> {
        let put = |file: &Path, dry_run| Ok(Some(Self::Put { text: read(file)?, dry_run }));
        match (&asked.try_rules, &asked.set_rules, asked.restore_rules) {
            (Some(file), ..) => put(file, true),
            (_, Some(file), _) => put(file, false),
            (.., Some(version)) => Ok(Some(Self::Restore(version))),
            _ => Ok(asked.rules.then_some(Self::Show)),
        }
    }

    /// Does it, and tells what came of it.
    pub fn run(&self, place: &Place, format: &str) -> Result<Ended, Failure> {
        let failed =
            |error: &dyn std::fmt::Display| Failure::new("the rules cannot be used", error);
        let told = match place.open(false)? {
            Target::Local(engine) => {
                engine.drain().map_err(|error| failed(&error))?;
                let bench = Bench(Arc::new(*engine));
                let told = match self {
                    Self::Show => bench.rules(),
                    Self::Put { text, dry_run } => bench.put(text, *dry_run),
                    Self::Restore(version) => bench.restore(*version),
                };
                bench.0.close();
                told.map_err(|error| failed(&error))?
            }
            Target::Remote(mut remote) => {
                let answer = match self {
                    Self::Show => remote.get("/api/quarantine/rules")?,
                    Self::Put { text, dry_run } => {
                        let path = format!("/api/quarantine/rules?dry_run={dry_run}");
                        remote.send_text(Method::PUT, &path, text)?
                    }
                    Self::Restore(version) => {
                        let path = format!("/api/quarantine/rules/{version}/restore");
                        remote.send_json(Method::PUT, &path, &json!({}))?
                    }
                };
                serde_json::from_slice(&answer).map_err(|error| failed(&error))?
            }
        };
        match format {
            "json" => output::print_json(&told)?,
            _ => output::print(&shown(&told))?,
        }
        Ok(Ended::Done)
    }
}

fn read(file: &Path) -> Result<String, Failure> {
    let failed = |why: String| {
        let what = format!("{} cannot be read", file.display());
        Failure::known(what, why, "name a TOML file of rules; docs/quarantine.md has an example")
    };
    let text = std::fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    match text.len() > RULES_BYTES_MAX {
        true => Err(failed(format!("it is longer than {RULES_BYTES_MAX} bytes"))),
        false => Ok(text),
    }
}

/// Where rules are worked on: one engine.
pub struct Bench(pub Arc<Engine>);

fn refused(error: &dyn std::fmt::Display) -> TransferError {
    TransferError::Request(error.to_string())
}

fn broken(error: &dyn std::fmt::Display) -> TransferError {
    TransferError::Failed(error.to_string())
}

impl Bench {
    /// Every set of rules there was, with its control version, oldest first.
    fn history(&self) -> Result<Vec<(u32, Mending)>, TransferError> {
        let view = self.0.view().map_err(|error| broken(&error))?;
        let mut found = Vec::new();
        query::controls(&Reading(&*view.state), view.generation(), &mut |(position, control)| {
            if let Control::Mending(mending) = control {
                found.push((u32::try_from(position.0 + 1).unwrap_or(u32::MAX), mending));
            }
            Ok(true)
        })
        .map_err(|error| broken(&error))?;
        Ok(found)
    }

    fn set(&self, mending: Mending) -> Result<Value, TransferError> {
        let engine = &self.0;
        engine.editor.mend(mending, (engine.clock)()).map_err(|error| broken(&error))?;
        self.rules()
    }
}

impl MendDesk for Bench {
    fn rules(&self) -> Result<Value, TransferError> {
        let history = self.history()?;
        let line = |(version, mending): &(u32, Mending)| {
            let names: Vec<&str> = mending.rules.iter().map(|rule| &*rule.name).collect();
            json!({ "version": version, "rules": names })
        };
        let earlier: Vec<Value> = history.iter().rev().skip(1).map(line).collect();
        let (version, mending) = history.last().cloned().unwrap_or_default();
        Ok(json!({ "version": version, "rules": mending.rules, "earlier": earlier }))
    }

    fn put(&self, text: &str, dry_run: bool) -> Result<Value, TransferError> {
        let RuleFile { rule } = toml::from_str(text).map_err(|error| refused(&error))?;
        let mending = Mending { rules: rule };
        mending.check().map_err(|error| refused(&error))?;
        if !dry_run {
            return self.set(mending);
        }
        let selection = Selection { reason: Some(None), dry_run, ..Selection::default() };
        let names: Vec<Box<str>> = mending.rules.iter().map(|rule| rule.name.clone()).collect();
        let replayed = {
            let rules = (self.0.registry.settings(), Arc::new(mending));
            self.0.replay_with((&selection, rules), &|_, _| {})
        };
        let Replayed { selected, replayed, still_broken, without_text, mended, .. } =
            replayed.map_err(|error| broken(&error))?;
        let count = |name: &str| mended.get(name).copied().unwrap_or(0);
        let rules: Vec<Value> =
            names.iter().map(|name| json!({ "name": name, "mends": count(name) })).collect();
        let readable = replayed - mended.values().sum::<u64>();
        Ok(json!({
            "dry_run": true, "selected": selected, "rules": rules, "readable_without": readable,
            "still_broken": still_broken, "without_text": without_text,
        }))
    }

    fn restore(&self, version: u32) -> Result<Value, TransferError> {
        let history = self.history()?;
        let wanted = history.iter().find(|(known, _)| *known == version);
        match (wanted, version) {
            (Some((_, mending)), _) => self.set(mending.clone()),
            (None, 0) => self.set(Mending::default()),
            (None, _) => {
                let known: Vec<String> = history.iter().map(|(it, _)| it.to_string()).collect();
                let known = if known.is_empty() { "none yet".to_owned() } else { known.join(", ") };
                Err(TransferError::Request(format!(
                    "no rules came with control version {version}: there are {known}, and 0 stands for none"
                )))
            }
        }
    }
}

fn shown(told: &Value) -> String {
    let count = |name: &str| grouped(told[name].as_u64().unwrap_or(0));
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().map(plain).unwrap_or_default();
    let width = output::terminal_width().unwrap_or(100);
    if told["dry_run"] == true {
        let tells = format!(
            "In quarantine: {}. Readable without a rule: {}; broken by every rule: {}; without text: {}. \
             Nothing was changed.",
            count("selected"),
            count("readable_without"),
            count("still_broken"),
            count("without_text"),
        );
        let mut grid = Grid::new("", &["Rule", "Would mend"], "The file has no rules.");
        let row =
            |rule: &Value| vec![text(&rule["name"]), grouped(rule["mends"].as_u64().unwrap_or(0))];
        grid.rows = list(&told["rules"]).iter().map(row).collect();
        return terminal::compose(&[&tells], &[grid], width);
    }
    let rules = list(&told["rules"]);
    let tells = match rules.len() {
        0 => "No rules are in force.".to_owned(),
        _ => format!(
            "In force since control version {}. `millstream replay --quarantine any` applies them.",
            count("version")
        ),
    };
    let mut grid = Grid::new("", &["Rule", "Reason", "Source", "Steps"], "None.");
    let any = |value: &Value| if value.is_null() { "any".to_owned() } else { text(value) };
    grid.columns[1].1 = Align::Left;
    grid.columns[2].1 = Align::Left;
    let row = |rule: &Value| {
        let steps = list(&rule["step"]).len().to_string();
        vec![text(&rule["name"]), any(&rule["reason"]), any(&rule["source"]), steps]
    };
    grid.rows = rules.iter().map(row).collect();
    let mut earlier = Grid::new("Earlier", &["Version", "Rules"], "None.");
    earlier.columns[1].1 = Align::Prose;
    let row = |line: &Value| {
        let names: Vec<String> = list(&line["rules"]).iter().map(text).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        vec![grouped(line["version"].as_u64().unwrap_or(0)), names]
    };
    earlier.rows = list(&told["earlier"]).iter().map(row).collect();
    terminal::compose(&[&tells], &[grid, earlier], width)
}
