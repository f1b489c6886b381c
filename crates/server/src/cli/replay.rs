//! `replay`: logged events and quarantined things read again by the rules of today.

use super::engine::Engine;
use super::failure::{Ended, Failure};
use super::output;
use super::place::{Place, Target};
use super::progress::Bar;
use super::remote::encoded;
use crate::replay::{ReplayError, ReplayParts, Replayed, Selection, replay};
use crate::report::number::grouped;
use crate::report::page::plain;
use clap::Args;
use http::Method;
use millstream_event::control::Settings;
use millstream_event::mending::Mending;
use std::sync::Arc;

/// Reads logged events, or things in quarantine, again by the rules of today. What comes out otherwise
/// counts in the place of what was read before; the same replay again changes nothing.
#[derive(Args, Clone, Debug)]
pub struct Replay {
    /// Events received from then on: 2026-11-22 or 2026-11-22T12:00:00Z.
    #[arg(long, value_name = "INSTANT")]
    pub from: Option<String>,
    /// Events received before then.
    #[arg(long, value_name = "INSTANT")]
    pub to: Option<String>,
    /// Events with this id; may be given again.
    #[arg(long, value_name = "ID")]
    pub event: Vec<String>,
    /// Things in quarantine for this reason, or for `any`.
    #[arg(long, value_name = "REASON")]
    pub quarantine: Option<String>,
    /// Only count what would change.
    #[arg(long)]
    pub dry_run: bool,
    /// table or json.
    #[arg(long, default_value = "table", value_parser = ["table", "json"])]
    pub format: String,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

impl Replay {
    fn parameters(&self) -> Vec<(String, String)> {
        let named = [("from", &self.from), ("to", &self.to), ("quarantine", &self.quarantine)];
        let named = named.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)));
        let events = self.event.iter().map(|id| ("event", id.clone()));
        let dry = self.dry_run.then(|| ("dry_run", "true".to_owned()));
        named.chain(events).chain(dry).map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Does it, and tells what came of it.
    pub fn run(&self) -> Result<Ended, Failure> {
        let parameters = self.parameters();
        let selection = Selection::parse(&parameters).map_err(|error| {
            let text = error.to_string();
            let (why, fix) = text.split_once(": ").unwrap_or((text.as_str(), "see --help"));
            Failure::usage("this cannot be replayed", why, fix)
        })?;
        let failed = |error: &dyn std::fmt::Display| Failure::new("the replay failed", error);
        let replayed = match self.place.open(false)? {
            Target::Local(engine) => {
                engine.drain().map_err(|error| failed(&error))?;
                let bar = Bar::records("reading again");
                let replayed = engine
                    .replay(&selection, &|done, of| bar.at(done, of))
                    .map_err(|error| failed(&error))?;
                engine.drain().map_err(|error| failed(&error))?;
                engine.close();
                replayed
            }
            Target::Remote(mut remote) => {
                let query: Vec<String> = parameters
                    .iter()
                    .map(|(name, value)| format!("{name}={}", encoded(value)))
                    .collect();
                let path = format!("/api/replay?{}", query.join("&"));
                let answer = remote.send_json(Method::POST, &path, &serde_json::json!({}))?;
                serde_json::from_slice(&answer).map_err(|error| failed(&error))?
            }
        };
        match self.format.as_str() {
            "json" => output::print_json(&replayed)?,
            _ => output::print(&told(&replayed))?,
        }
        let broken = replayed.still_broken + replayed.without_text > 0;
        Ok(if broken { Ended::DoneWithRefusals } else { Ended::Done })
    }
}

pub(super) fn told(replayed: &Replayed) -> String {
    let would =
        if replayed.dry_run { "would be read otherwise" } else { "read otherwise and replayed" };
    let mut text = format!(
        "selected        {}\nreplayed        {}   {would}\nunchanged       {}\n",
        grouped(replayed.selected),
        grouped(replayed.replayed),
        grouped(replayed.unchanged),
    );
    for (moved, count) in &replayed.moved {
        text.push_str(&format!("moved           {}   {}\n", grouped(*count), plain(moved)));
    }
    for (rule, count) in &replayed.mended {
        text.push_str(&format!("mended          {}   by rule {}\n", grouped(*count), plain(rule)));
    }
    if replayed.still_broken + replayed.without_text > 0 {
        text.push_str(&format!(
            "still broken    {}   stay in quarantine\nwithout text    {}   not kept: too long, without consent, or naming an address\n",
            grouped(replayed.still_broken),
            grouped(replayed.without_text),
        ));
    }
    text
}

impl Engine {
    /// Replays what is selected.
    ///
    /// # Errors
    /// See [`ReplayError`].
    pub fn replay(
        &self,
        selection: &Selection,
        told: &dyn Fn(u64, u64),
    ) -> Result<Replayed, ReplayError> {
        let rules = (self.registry.settings(), self.registry.mending());
        self.replay_with((selection, rules), told)
    }

    /// The same by other rules: those that tell where visitors come from, and those that mend.
    ///
    /// # Errors
    /// See [`ReplayError`].
    pub fn replay_with(
        &self,
        (selection, (settings, mending)): (&Selection, (Arc<Settings>, Arc<Mending>)),
        told: &dyn Fn(u64, u64),
    ) -> Result<Replayed, ReplayError> {
        let view = self.view().map_err(|error| {
            ReplayError::State(millstream_pipeline::ReadError::Store(error.to_string()))
        })?;
        let parts = ReplayParts {
            log: &*self.instance.log,
            state: &*view.state,
            generation: view.generation(),
            properties: &view.active.parameters.properties,
            registry: &self.registry,
            settings,
            mending,
            consent: &self.config.capture.consent,
            subject_key: self.instance.keys.subject,
            click_key: self.instance.keys.click,
        };
        let replayed = replay(&parts, selection, told);
        if !selection.dry_run {
            // What is read otherwise bears the stamps it had.
            self.pasts.forget();
        }
        replayed
    }
}
