//! `train`: batch models from the events, versioned, judged before they come into force.

use super::engine::Engine;
use super::failure::{Ended, Failure};
use super::output;
use super::place::{Place, Target};
use super::remote::encoded;
use super::routes;
use super::training::{self, TrainError, Wanted};
use crate::report::page::plain;
use crate::report::terminal::compose;
use crate::report::{Grid, number};
use clap::Args;
use http::Method;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Trains item-item weights, popularity by segment and session neighbours from what visitors looked
/// at; what is better than popularity alone on the latest visits comes into force.
#[derive(Args, Clone, Debug)]
pub struct Train {
    /// The use case.
    #[arg(value_name = "USE_CASE", required_unless_present = "pages")]
    pub use_case: Option<String>,
    /// Instead: from which page visitors go on to which, and from which use case, for prefetch hints.
    #[arg(long, conflicts_with_all = ["use_case", "rerank", "distill"])]
    pub pages: bool,
    /// A LightGBM text model as the heavy ranking, its features those of the candidates.
    #[arg(long, value_name = "FILE", conflicts_with = "rollback")]
    pub rerank: Option<PathBuf>,
    /// Fit the first pass to the session neighbours, and tell how far it agrees with them.
    #[arg(long, conflicts_with = "rollback")]
    pub distill: bool,
    /// Go back to the version before.
    #[arg(long)]
    pub rollback: bool,
    /// table or json.
    #[arg(long, default_value = "table", value_parser = ["table", "json"])]
    pub format: String,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

impl Train {
    /// Trains, and tells how well.
    pub fn run(&self) -> Result<Ended, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::new("nothing was trained", error);
        let outcome = match self.place.open(false)? {
            Target::Local(engine) => {
                engine.drain().map_err(|error| failed(&error))?;
                let outcome = self.local(&engine);
                engine.close();
                outcome?.map_err(|error| failed(&error))?
            }
            Target::Remote(mut remote) => {
                if self.rerank.is_some() {
                    return Err(Failure::known(
                        "nothing was trained",
                        "a model file cannot be sent to a running instance",
                        "stop the instance, train with --data-dir, and start it again",
                    ));
                }
                let what = match &self.use_case {
                    Some(use_case) => format!("use_case={}", encoded(use_case)),
                    None => "pages=true".to_owned(),
                };
                let (rollback, distill) = (self.rollback, self.distill);
                let path = format!("/api/train?{what}&rollback={rollback}&distill={distill}");
                let answer = remote.send_json(Method::POST, &path, &json!({}))?;
                serde_json::from_slice(&answer)
                    .map_err(|error| Failure::new("the instance's answer cannot be read", error))?
            }
        };
        match self.format.as_str() {
            "json" => output::print_json(&outcome)?,
            _ if self.pages => output::print(&routes::told(&outcome))?,
            _ => output::print(&told(&outcome))?,
        }
        Ok(Ended::Done)
    }

    fn local(&self, engine: &Engine) -> Result<Result<Value, TrainError>, Failure> {
        Ok(match (&self.use_case, self.rollback) {
            (Some(use_case), true) => training::roll_back(engine, use_case),
            (Some(use_case), false) => {
                let wanted = Wanted { rerank: self.rerank()?, distill: self.distill };
                training::run(engine, use_case, wanted).map(|training| json!(training))
            }
            (None, true) => routes::roll_back(engine),
            (None, false) => routes::run(engine).map(|training| json!(training)),
        })
    }

    fn rerank(&self) -> Result<Option<String>, Failure> {
        let Some(path) = &self.rerank else { return Ok(None) };
        std::fs::read_to_string(path)
            .map(Some)
            .map_err(|error| Failure::new(format!("{} cannot be read", path.display()), error))
    }
}

/// What came of it, for a person.
fn told(outcome: &Value) -> String {
    let (name, version) =
        (plain(outcome["use_case"].as_str().unwrap_or_default()), &outcome["version"]);
    if outcome["rolled_back"] == true {
        return format!("{name}: version {version} is in force again.\n");
    }
    let (judged, distilled) = (&outcome["judged"], &outcome["distilled"]);
    let verdict = match outcome["promoted"] == true {
        true => "is in force",
        false if distilled.is_object() => {
            "is kept, not in force: what is distilled must be no worse than the neighbours, and than the usual first pass"
        }
        false => "is kept, not in force: it is no better than popularity alone",
    };
    let mut sentences = vec![
        format!("{name}: version {version} {verdict}."),
        format!(
            "Learned from {} visits over {} items. Asked for {} next items of the latest fifth of the visits, which was not learned from: how often each is among the first {} told.",
            count(&outcome["visits"]),
            count(&outcome["items"]),
            count(&judged["asked"]),
            count(&judged["places"]),
        ),
    ];
    if distilled.is_object() {
        let points = |value: &Value| format!("{:+.1}", 100.0 * value.as_f64().unwrap_or(0.0));
        sentences.push(format!(
            "Distilled, {} of what the neighbours put first is among its own; it finds {} where they find {} ({} to {} points): {}.",
            share(&distilled["agreement"]),
            share(&distilled["light"]),
            share(&distilled["heavy"]),
            points(&distilled["low"]),
            points(&distilled["high"]),
            if distilled["non_inferior"] == true { "no worse" } else { "worse, or not known" },
        ));
    }
    let sentences: Vec<&str> = sentences.iter().map(String::as_str).collect();
    compose(&sentences, &[found(judged), stale(judged)], width())
}

/// How often each ranking finds the next item.
fn found(judged: &Value) -> Grid {
    let mut grid = Grid::new("How often the next item is found", &["Ranking", "Found"], "");
    let method = match judged["method"].as_str() {
        Some("item_item") => "item by item",
        Some("ease") => "EASE^R",
        other => other.unwrap_or_default(),
    };
    for (name, found) in [
        (format!("First pass, {method}"), &judged["first_pass"]),
        ("Session neighbours".to_owned(), &judged["neighbours"]),
        ("Popularity alone".to_owned(), &judged["popularity"]),
    ] {
        grid.rows.push(vec![name, share(found)]);
    }
    grid
}

/// What the first pass finds with profiles that lag behind.
fn stale(judged: &Value) -> Grid {
    let mut grid = Grid::new(
        "What the first pass finds when the profile lags some events behind",
        &["Events behind", "0", "1", "2", "3", "5"],
        "",
    );
    let curve = judged["freshness"].as_array().into_iter().flatten().map(share);
    grid.rows.push(std::iter::once("Found".to_owned()).chain(curve).collect());
    grid
}

/// Columns to write for.
pub(super) fn width() -> u16 {
    output::terminal_width().unwrap_or(80)
}

pub(super) fn count(value: &Value) -> String {
    number::grouped(value.as_u64().unwrap_or(0))
}

pub(super) fn share(value: &Value) -> String {
    format!("{:.1} %", 100.0 * value.as_f64().unwrap_or(0.0))
}
