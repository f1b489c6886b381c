//! `quarantine`: what broke the contract, by reason, with its text where that was kept.

use super::failure::{Ended, Failure};
use super::mending::Wanted;
use super::output;
use super::place::{Place, Target};
use super::remote::encoded;
use crate::admin::quarantine::{ITEMS_MAX, listing};
use crate::report::number::grouped;
use crate::report::page::{Align, Grid, plain};
use crate::report::terminal;
use clap::Args;
use millstream_event::QuarantineReason;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;

/// Lists what broke the contract, by reason, the latest first. `replay --quarantine` tries it again.
#[derive(Args, Clone, Debug)]
pub struct Quarantine {
    /// Only this reason.
    #[arg(long, value_parser = reason)]
    pub reason: Option<QuarantineReason>,
    /// Most things listed, 1 to 1000.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=ITEMS_MAX as u64))]
    pub limit: u64,
    /// Show the text of each, where it was kept.
    #[arg(long)]
    pub raw: bool,
    /// Tell which rule of this TOML file would mend how many; nothing is changed.
    #[arg(long, value_name = "FILE", group = "mending")]
    pub try_rules: Option<PathBuf>,
    /// Put the rules of this TOML file in force; `replay --quarantine` applies them.
    #[arg(long, value_name = "FILE", group = "mending")]
    pub set_rules: Option<PathBuf>,
    /// Show the rules in force and earlier ones.
    #[arg(long, group = "mending")]
    pub rules: bool,
    /// Put the rules of an earlier control version in force again; 0 for none.
    #[arg(long, value_name = "VERSION", group = "mending")]
    pub restore_rules: Option<u32>,
    /// table or json.
    #[arg(long, default_value = "table", value_parser = ["table", "json"])]
    pub format: String,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

fn reason(text: &str) -> Result<QuarantineReason, String> {
    QuarantineReason::ALL.into_iter().find(|reason| reason.as_str() == text).ok_or_else(|| {
        let known = QuarantineReason::ALL.map(QuarantineReason::as_str).join(", ");
        format!("there is no such reason; use one of {known}")
    })
}

impl Quarantine {
    /// Lists it, or works on its rules.
    pub fn run(&self) -> Result<Ended, Failure> {
        if let Some(wanted) = Wanted::of(self)? {
            return wanted.run(&self.place, &self.format);
        }
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new("what is in quarantine cannot be read", error)
        };
        let listed: Value = match self.place.open(false)? {
            Target::Local(engine) => {
                engine.drain().map_err(|error| failed(&error))?;
                let limit = usize::try_from(self.limit).unwrap_or(ITEMS_MAX);
                let parts = Arc::new(*engine).admin_parts(None);
                let listed = listing(&parts, self.reason, limit).map_err(|error| failed(&error))?;
                serde_json::to_value(listed).map_err(|error| failed(&error))?
            }
            Target::Remote(mut remote) => {
                let mut path = format!("/api/quarantine?limit={}", self.limit);
                if let Some(reason) = self.reason {
                    path.push_str(&format!("&reason={}", encoded(reason.as_str())));
                }
                serde_json::from_slice(&remote.get(&path)?).map_err(|error| failed(&error))?
            }
        };
        match self.format.as_str() {
            "json" => output::print_json(&listed)?,
            _ => output::print(&self.table(&listed))?,
        }
        Ok(Ended::Done)
    }

    fn table(&self, listed: &Value) -> String {
        let total = listed["total"].as_u64().unwrap_or(0);
        if total == 0 {
            return "Nothing is in quarantine.\n".to_owned();
        }
        let things = if total == 1 { "thing is" } else { "things are" };
        let tells = format!("{} {things} in quarantine.", grouped(total));
        let list = |name: &str| listed[name].as_array().cloned().unwrap_or_default();
        let mut groups = Grid::new("", &["Reason", "Things"], "");
        groups.rows = list("groups")
            .iter()
            .map(|group| {
                vec![text(&group["reason"]), grouped(group["count"].as_u64().unwrap_or(0))]
            })
            .collect();
        let title = format!("The latest, at most {}", self.limit);
        let columns = ["Id", "Received", "Source", "Reason", "What is wrong"];
        let mut items = Grid::new(&title, &columns, "None for this reason.");
        for column in &mut items.columns[1..] {
            column.1 = Align::Prose;
        }
        items.rows = list("items").iter().map(|item| self.row(item)).collect();
        let width = output::terminal_width().unwrap_or(100);
        terminal::compose(&[&tells], &[groups, items], width)
    }

    fn row(&self, item: &Value) -> Vec<String> {
        let mut wrong = text(&item["detail"]);
        match (self.raw, item["raw"].as_str()) {
            (true, Some(raw)) => wrong.push_str(&format!(" | {}", plain(raw))),
            (true, None) => wrong.push_str(" | its text was not kept"),
            (false, _) => {}
        }
        let names = ["id", "received", "source", "reason"];
        names.iter().map(|name| text(&item[*name])).chain([wrong]).collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| "–".to_owned(), plain)
}
