//! `train`: batch models from the events, versioned, judged before they come into force.

use super::engine::Engine;
use super::failure::{Ended, Failure};
use super::output;
use super::place::{Place, Target};
use super::remote::encoded;
use super::routes;
use super::training::{self, TrainError, Wanted};
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
    let (name, version) = (&outcome["use_case"], &outcome["version"]);
    let name = name.as_str().unwrap_or_default();
    if outcome["rolled_back"] == true {
        return format!("{name}: version {version} is in force again.\n");
    }
    let judged = &outcome["judged"];
    let share = |value: &Value| format!("{:.1} %", 100.0 * value.as_f64().unwrap_or(0.0));
    let fresh = judged["freshness"].as_array().cloned().unwrap_or_default();
    let curve: Vec<String> = ["0", "1", "2", "3", "5"]
        .iter()
        .zip(&fresh)
        .map(|(stale, hits)| format!("{stale}: {}", share(hits)))
        .collect();
    let distilled = &outcome["distilled"];
    let verdict = match outcome["promoted"] == true {
        true => "in force",
        false if distilled.is_object() => {
            "kept, not in force: what was distilled must be no worse than the neighbours, and than the usual first pass"
        }
        false => "kept, not in force: it is no better than popularity alone",
    };
    let mut text = format!(
        "{name}: version {version}, {verdict}.\n\
         learned from {} visits over {} items; judged on the latest fifth, {} next items:\n\
         \x20 among the first 20   first pass ({}) {}, neighbours {}, popularity {}\n\
         \x20 by events of staleness   {}\n",
        outcome["visits"],
        outcome["items"],
        judged["asked"],
        judged["method"].as_str().unwrap_or_default(),
        share(&judged["first_pass"]),
        share(&judged["neighbours"]),
        share(&judged["popularity"]),
        curve.join(", "),
    );
    if distilled.is_object() {
        let percent = |value: &Value| format!("{:+.1}", 100.0 * value.as_f64().unwrap_or(0.0));
        text.push_str(&format!(
            "  distilled   {} of the neighbours' first 20 are among its own; it hits {} where they hit {} ({} to {} points): {}\n",
            share(&distilled["agreement"]),
            share(&distilled["light"]),
            share(&distilled["heavy"]),
            percent(&distilled["low"]),
            percent(&distilled["high"]),
            if distilled["non_inferior"] == true { "no worse" } else { "worse, or not known" },
        ));
    }
    text
}
