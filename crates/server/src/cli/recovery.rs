//! `rules`: a rule that turned out to be wrong is taken out of force at once, and what it touched is read
//! again, as one step.
//!
//! The change is a control record; everything after it follows from that. A step that was broken off is
//! gone on with when it is asked for again, and doing it twice changes nothing.

use super::backfill::differing;
use super::engine::Engine;
use super::failure::{Ended, Failure};
use super::goods::costs_known;
use super::output;
use super::place::{Place, Target};
use super::remote::encoded;
use super::rules::FoldRules;
use super::succession::{Purpose, SuccessionError, figures};
use crate::admin::parts::{RuleDesk, TransferError};
use crate::consume::DrainError;
use crate::instance::InstanceError;
use crate::links::EditError;
use crate::replay::{ReplayError, Replayed, Selection};
use crate::report::difference::{Difference, differences};
use crate::report::page::{Align, Grid, plain};
use crate::report::{ReportError, terminal};
use crate::rule::{Rule, RuleError, RuleKind};
use clap::{Args, Subcommand};
use http::Method;
use millstream_event::control::Settings;
use millstream_pipeline::sums::Scan;
use millstream_store::{Reading, StoreError};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Takes a rule out of force at once and reads again what it touched; lists rules, and puts them back.
#[derive(Args, Clone, Debug)]
pub struct Rules {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Clone, Debug)]
enum Action {
    /// Lists the rules in force and those that were disabled.
    List(List),
    /// Disables a rule: own_domain:HOST, excluded_referrer:HOST or conversion:EVENT. Neither the
    /// configuration nor an import brings it back.
    Disable(Switch),
    /// Puts a rule back that was disabled.
    Enable(Switch),
}

#[derive(Args, Clone, Debug)]
struct List {
    /// table or json.
    #[arg(long, default_value = "table", value_parser = ["table", "json"])]
    format: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Args, Clone, Debug)]
struct Switch {
    /// Which, as `rules list` shows it.
    rule: String,
    /// Only tell what it touched, and what would be said of that.
    #[arg(long)]
    dry_run: bool,
    /// table or json.
    #[arg(long, default_value = "table", value_parser = ["table", "json"])]
    format: String,
    #[command(flatten)]
    place: Place,
}

impl Rules {
    /// Does what was asked.
    pub fn run(&self) -> Result<Ended, Failure> {
        match &self.action {
            Action::List(list) => list.run(),
            Action::Disable(switch) => switch.run(false),
            Action::Enable(switch) => switch.run(true),
        }
    }
}

impl List {
    fn run(&self) -> Result<Ended, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::new("rules cannot be listed", error);
        let listed = match self.place.open(false)? {
            Target::Local(engine) => {
                engine.drain().map_err(|error| failed(&error))?;
                let desk = Switchboard(Arc::from(engine));
                let listed = desk.rules();
                desk.0.close();
                listed
            }
            Target::Remote(mut remote) => serde_json::from_slice(&remote.get("/api/rules")?)
                .map_err(|error| failed(&error))?,
        };
        match self.format.as_str() {
            "json" => output::print_json(&listed)?,
            _ => {
                let mut grid = Grid::new("", &["Rule", "Standing"], "There are no rules.");
                grid.columns[1].1 = Align::Left;
                for (list, standing) in [("in_force", "in force"), ("disabled", "disabled")] {
                    let rules = listed[list].as_array().into_iter().flatten();
                    let rules = rules.filter_map(Value::as_str);
                    grid.rows.extend(rules.map(|rule| vec![plain(rule), standing.to_owned()]));
                }
                let width = output::terminal_width().unwrap_or(100);
                output::print(&terminal::compose(&[], &[grid], width))?;
            }
        }
        Ok(Ended::Done)
    }
}

impl Switch {
    fn run(&self, on: bool) -> Result<Ended, Failure> {
        let verb = if on { "enabled" } else { "disabled" };
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new(format!("{} was not {verb}", plain(&self.rule)), error)
        };
        if let Err(error) = self.rule.parse::<Rule>() {
            let text = error.to_string();
            let (why, fix) = text.split_once(": ").unwrap_or((&text, "see --help"));
            return Err(Failure::usage("this rule cannot be switched", why, fix));
        }
        let told = match self.place.open(false)? {
            Target::Local(engine) => {
                engine.drain().map_err(|error| failed(&error))?;
                let desk = Switchboard(Arc::from(engine));
                let told = desk.switch(&self.rule, on, self.dry_run);
                desk.0.close();
                told.map_err(|error| failed(&error))?
            }
            Target::Remote(mut remote) => {
                let how = if on { "enable" } else { "disable" };
                let rule = encoded(&self.rule);
                let path = format!("/api/rules/{how}?rule={rule}&dry_run={}", self.dry_run);
                let answer = remote.send_json(Method::POST, &path, &json!({}))?;
                serde_json::from_slice(&answer).map_err(|error| failed(&error))?
            }
        };
        match self.format.as_str() {
            "json" => output::print_json(&told)?,
            _ => output::print(&shown(&told))?,
        }
        Ok(Ended::Done)
    }
}

fn shown(told: &Value) -> String {
    let rule = told["rule"].as_str().map(plain).unwrap_or_default();
    let standing = match (told["dry_run"] == true, told["enabled"] == true) {
        (true, true) => "would be in force again",
        (true, false) => "would be out of force",
        (false, true) => "is in force",
        (false, false) => "is out of force",
    };
    let version = match told["dry_run"] == true {
        true => String::new(),
        false => format!(", as control version {}", told["version"]),
    };
    let mut text = format!("{rule} {standing}{version}.\n");
    if let Ok(replayed) = serde_json::from_value::<Replayed>(told["replayed"].clone()) {
        text.push_str(&super::replay::told(&replayed));
    }
    let found = told["differences"].as_array().cloned().unwrap_or_default();
    if !found.is_empty() {
        let width = output::terminal_width().unwrap_or(100);
        text.push_str(&terminal::compose(&[], &[differing(&found)], width));
    } else if told["dry_run"] == false {
        text.push_str("No figure changed.\n");
    }
    text
}

/// What came of switching a rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Switched {
    /// The rule.
    rule: String,
    /// Whether it is to be in force.
    enabled: bool,
    /// True when nothing was changed.
    dry_run: bool,
    /// The control version in force.
    version: u32,
    /// What was read again; none where the log is folded anew.
    replayed: Option<Replayed>,
    /// Figures that differ.
    differences: Vec<Difference>,
}

/// Why a rule was not switched.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    /// No such rule.
    #[error(transparent)]
    Name(#[from] RuleError),
    /// Neither in force nor disabled.
    #[error("{0} is neither in force nor disabled: `millstream rules list` shows those there are")]
    Unknown(Rule),
    /// The log did not take it.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// What it touched cannot be read again.
    #[error(
        "the rule is switched, but what it touched was not read again: {0}; ask for the same again"
    )]
    Replay(#[from] ReplayError),
    /// The log cannot be folded anew.
    #[error(transparent)]
    Fold(#[from] SuccessionError),
    /// The fold.
    #[error(transparent)]
    Drain(#[from] DrainError),
    /// The state cannot be read.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// The state cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The figures cannot be compared.
    #[error(transparent)]
    Report(#[from] ReportError),
}

impl Engine {
    /// Switches a rule and reads again what it touched.
    ///
    /// # Errors
    /// See `SwitchError`.
    pub fn switch(&self, rule: &Rule, on: bool, dry_run: bool) -> Result<Switched, SwitchError> {
        self.caught_up_with_controls();
        let settings = self.registry.settings();
        if !self.knows(rule) && !rule.is_disabled(&settings) {
            return Err(SwitchError::Unknown(rule.clone()));
        }
        // Whatever is in force already is not named twice.
        let idle = on && !rule.is_disabled(&settings);
        let wanted = if idle { Settings::clone(&settings) } else { rule.switched(&settings, on) };
        let (replayed, differences) = match (rule.kind, dry_run) {
            (RuleKind::Conversion, _) => (None, self.fold_by(wanted, dry_run)?),
            (_, true) => {
                let rules = (Arc::new(wanted), self.registry.mending());
                let selection = Selection { dry_run, ..Selection::default() };
                (Some(self.replay_with((&selection, rules), &|_, _| {})?), Vec::new())
            }
            (_, false) => {
                let (replayed, differences) = self.read_by(wanted)?;
                (Some(replayed), differences)
            }
        };
        let (rule, version) = (rule.to_string(), self.registry.control_version());
        Ok(Switched { rule, enabled: on, dry_run, version, replayed, differences })
    }

    /// True for a rule that the settings or the configuration have.
    fn knows(&self, rule: &Rule) -> bool {
        let settings = self.registry.settings();
        let has =
            |hosts: &[Box<str>]| hosts.iter().any(|host| host.eq_ignore_ascii_case(&rule.about));
        match rule.kind {
            RuleKind::OwnDomain => has(&settings.own_domains),
            RuleKind::ExcludedReferrer => has(&settings.excluded_referrers),
            RuleKind::Conversion => {
                self.config.pipeline.conversions.names().contains(&rule.about.as_str())
            }
        }
    }

    /// Folds the log anew by other settings, or tells what that would change.
    fn fold_by(&self, settings: Settings, dry_run: bool) -> Result<Vec<Difference>, SwitchError> {
        let known = costs_known(&self.active().state)?;
        let rules = FoldRules::wanted(&self.config, &self.agents, (known, &settings))
            .keeping(&self.active().parameters);
        if !dry_run {
            self.editor.set(settings, (self.clock)())?;
        }
        let active = self.active();
        if rules.of(active.state.generation) == active.parameters {
            return Ok(Vec::new());
        }
        // Whoever waits for readers of this generation must not wait for this one.
        drop(active);
        let purpose = if dry_run { Purpose::DryRun } else { Purpose::Rules };
        self.succession().begin(&rules, purpose)?;
        self.succession().wait(&mut |_| {})?;
        Ok(self.succession().last().map(|last| last.differences).unwrap_or_default())
    }

    /// Puts settings in force and reads again what is said otherwise by them.
    fn read_by(&self, settings: Settings) -> Result<(Replayed, Vec<Difference>), SwitchError> {
        let before = self.view()?;
        self.editor.set(settings, (self.clock)())?;
        let replayed = self.replay(&Selection::default(), &|_, _| {})?;
        if replayed.replayed == 0 {
            return Ok((replayed, Vec::new()));
        }
        self.drain()?;
        let after = self.view()?;
        let (of_before, of_after) = (Reading(&*before.state), Reading(&*after.state));
        let of_before = Scan { state: &of_before, generation: before.generation() };
        let of_after = Scan { state: &of_after, generation: after.generation() };
        let found = differences(
            &figures(&of_before, before.active.spans()),
            &figures(&of_after, after.active.spans()),
        )?;
        Ok((replayed, found))
    }
}

/// Rules behind the admin plane.
pub struct Switchboard(pub Arc<Engine>);

impl RuleDesk for Switchboard {
    fn rules(&self) -> Value {
        let (engine, settings) = (&self.0, self.0.registry.settings());
        let disabled: Vec<Rule> = Rule::disabled(&settings).collect();
        let own = settings.own_domains.iter().map(|host| Rule::own_domain(host));
        let excluded = settings.excluded_referrers.iter().map(|host| Rule::excluded_referrer(host));
        let converts = engine.config.pipeline.conversions.names().into_iter();
        let converts =
            converts.map(|name| Rule { kind: RuleKind::Conversion, about: name.to_owned() });
        let all = own.chain(excluded).chain(converts).filter(|rule| !disabled.contains(rule));
        let names = |rules: &mut dyn Iterator<Item = Rule>| -> Vec<String> {
            rules.map(|rule| rule.to_string()).collect()
        };
        json!({
            "in_force": names(&mut all.into_iter()),
            "disabled": names(&mut disabled.clone().into_iter()),
        })
    }

    fn switch(&self, rule: &str, on: bool, dry_run: bool) -> Result<Value, TransferError> {
        let asked = |error: &dyn std::fmt::Display| TransferError::Request(error.to_string());
        let rule: Rule = rule.parse().map_err(|error| asked(&error))?;
        match self.0.switch(&rule, on, dry_run) {
            Ok(switched) => Ok(json!(switched)),
            Err(error @ (SwitchError::Unknown(_) | SwitchError::Name(_))) => Err(asked(&error)),
            Err(error @ SwitchError::Fold(SuccessionError::Busy)) => Err(asked(&error)),
            Err(error) => Err(TransferError::Failed(error.to_string())),
        }
    }
}
