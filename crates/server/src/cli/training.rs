//! Training on what is folded, and what becomes of it.

use super::engine::Engine;
use super::routes;
use super::visits::all_visits;
use crate::admin::decision_metrics::{DecisionMeasures, UseCaseMeasures};
use crate::admin::parts::{DecisionDesk, TransferError};
use crate::decide::{External, Late, Models, ModelsError, PlaceKind, Served, forest};
use crate::report::ReportError;
use millstream_decide::Stage;
use millstream_decide::prefetch::VISITORS_LEAST;
use millstream_decide::train::{Distilled, Judged, Trained, distill, train};
use millstream_log::LogError;
use millstream_pipeline::measured::HintSums;
use millstream_pipeline::query::ReadError;
use millstream_store::StoreError;
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Why nothing was trained.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// No such use case.
    #[error("there is no use case `{0}`; configure it as one of [[decide.use_cases]]")]
    Unknown(String),
    /// Too little data.
    #[error(
        "there are fewer than two visits to learn from; send events with product_id or item_id, and consent to personalization"
    )]
    NoVisits,
    /// Nothing to learn hints from.
    #[error(
        "no page or use case leads to another one that {VISITORS_LEAST} visitors have been to; send page events, or ask for decisions, with consent to personalization"
    )]
    NoWays,
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The state.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The artefacts.
    #[error(transparent)]
    Models(#[from] ModelsError),
}

/// What came of a training.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Training {
    use_case: String,
    version: u32,
    promoted: bool,
    visits: usize,
    items: usize,
    judged: Judged,
    /// How a distilled first pass does; where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    distilled: Option<Distilled>,
}

/// What is wanted of a training beside the usual.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// A LightGBM text model as the heavy ranking.
    pub rerank: Option<String>,
    /// Fit the first pass to the session neighbours.
    pub distill: bool,
}

fn served<'a>(engine: &'a Engine, use_case: &str) -> Result<&'a Arc<Served>, TrainError> {
    let service = engine.deciding.service();
    service
        .and_then(|service| service.find(use_case))
        .ok_or_else(|| TrainError::Unknown(use_case.to_owned()))
}

/// Trains a use case; what is better than popularity alone is put in force.
///
/// # Errors
/// See [`TrainError`].
pub fn run(engine: &Engine, use_case: &str, wanted: Wanted) -> Result<Training, TrainError> {
    let served = served(engine, use_case)?;
    if let Some(text) = &wanted.rerank {
        forest(text)?;
    }
    let models = Models::of(&engine.instance.dir, use_case);
    let version = models.versions().last().map_or(1, |last| last + 1);
    let visits = all_visits(engine, &served.configured.use_case)?;
    let trained = train(&visits, (version, (engine.clock)())).ok_or(TrainError::NoVisits)?;
    let usual = trained.judged.first_pass;
    let (trained, distilled) = match wanted.distill {
        false => (trained, None),
        true => distill(trained, &visits)
            .map(|(trained, told)| (trained, Some(told)))
            .ok_or(TrainError::NoVisits)?,
    };
    let trained = Trained { rerank: wanted.rerank, ..trained };
    models.save(version, &trained)?;
    // A distilled first pass must be as good as what it stands for, and as what it would replace.
    let fits = distilled.is_none_or(|it| it.non_inferior && trained.judged.first_pass >= usual);
    let promoted = fits && (trained.judged.is_better() || trained.rerank.is_some());
    if promoted {
        models.promote(version)?;
        let loaded = models.load(&served.configured.use_case.candidates)?;
        if let Some(module) = &loaded.module {
            models.emit(version, module)?;
        }
        served.install(loaded);
    }
    Ok(Training {
        use_case: use_case.to_owned(),
        version,
        promoted,
        visits: trained.visits,
        items: trained.popularity.get("").map_or(0, |all| all.len()),
        judged: trained.judged,
        distilled,
    })
}

/// Goes back to the version before.
///
/// # Errors
/// See [`TrainError`].
pub fn roll_back(engine: &Engine, use_case: &str) -> Result<Value, TrainError> {
    let served = served(engine, use_case)?;
    let models = Models::of(&engine.instance.dir, use_case);
    let version = models.roll_back()?;
    served.install(models.load(&served.configured.use_case.candidates)?);
    Ok(json!({ "use_case": use_case, "version": version, "rolled_back": true }))
}

/// The same through the admin plane.
pub struct Desk(pub Arc<Engine>);

impl From<TrainError> for TransferError {
    fn from(error: TrainError) -> Self {
        match error {
            TrainError::Unknown(_) | TrainError::NoVisits | TrainError::NoWays => {
                Self::Request(error.to_string())
            }
            TrainError::Models(ModelsError::NoEarlier) => Self::Request(error.to_string()),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl DecisionDesk for Desk {
    fn train(&self, use_case: &str, distill: bool) -> Result<Value, TransferError> {
        told(&run(&self.0, use_case, Wanted { rerank: None, distill })?)
    }

    fn roll_back(&self, use_case: &str) -> Result<Value, TransferError> {
        Ok(roll_back(&self.0, use_case)?)
    }

    fn train_pages(&self) -> Result<Value, TransferError> {
        told(&routes::run(&self.0)?)
    }

    fn roll_back_pages(&self) -> Result<Value, TransferError> {
        Ok(routes::roll_back(&self.0)?)
    }

    fn measures(&self) -> DecisionMeasures {
        let deciding = &self.0.deciding;
        let Some(service) = deciding.service() else { return DecisionMeasures::default() };
        let use_case = |served: &Arc<Served>| {
            let (gauge, counts) = (served.gauge(), &served.counts);
            UseCaseMeasures {
                use_case: served.configured.use_case.name.clone(),
                rungs: counts.rungs(),
                timed_out: count(&counts.timed_out),
                overrun: count(&counts.overrun),
                margin_s: gauge.margin.as_millis() / 1e3,
                given_up: gauge.given_up,
            }
        };
        DecisionMeasures {
            use_cases: service.all().map(use_case).collect(),
            hints: service.followed().since_start(),
            profiles: deciding.profiles().map(|profiles| profiles.lookups()).unwrap_or_default(),
        }
    }

    fn standing(&self) -> Value {
        let use_case = |served: &Arc<Served>| {
            let (gauge, counts) = (served.gauge(), &served.counts);
            let estimates: serde_json::Map<String, Value> = gauge
                .estimates
                .iter()
                .map(|(stage, took): &(Stage, _)| {
                    (stage.as_str().to_owned(), took.as_millis().into())
                })
                .collect();
            json!({
                "use_case": served.configured.use_case.name,
                "budget_ms": served.configured.use_case.budget.as_millis(),
                "margin_ms": gauge.margin.as_millis(),
                "stages_given_up": gauge.given_up,
                "estimates_ms": estimates,
                "recent_p95_ms": gauge.recent.map(millstream_decide::Micros::as_millis),
                "http": served.external().map(|external| http_standing(external)),
                "rungs": counts.rungs(),
                "reasons": counts.causes(),
                "timed_out": count(&counts.timed_out),
                "overrun": count(&counts.overrun),
            })
        };
        let deciding = &self.0.deciding;
        let service = deciding.service();
        let uses: Vec<Value> =
            service.iter().flat_map(|service| service.all()).map(use_case).collect();
        let lookups = deciding.profiles().map(|profiles| profiles.lookups());
        let (hits, misses) = lookups.unwrap_or_default();
        json!({
            "use_cases": uses,
            "waiting": service.map_or(0, |service| service.waiting()),
            "hints": self.measures().hints.iter().map(hint_standing).collect::<Vec<_>>(),
            "late": service.map(|service| late_standing(service.late())),
            "profiles": { "hits": hits, "misses": misses },
        })
    }
}

fn told(training: &impl Serialize) -> Result<Value, TransferError> {
    serde_json::to_value(training)
        .map_err(|error| TransferError::Failed(ReportError::encode(error).to_string()))
}

fn count(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn http_standing(external: &External) -> Value {
    let (counts, (breaker, opened)) = (&external.counts, external.breaker_state());
    json!({
        "breaker": breaker,
        "opened": opened,
        "asked": count(&counts.asked),
        "in_time": count(&counts.in_time),
        "late": count(&counts.late),
        "failed": count(&counts.failed),
        "spared": count(&counts.spared),
    })
}

fn hint_standing((use_case, kind, sums): &(Box<str>, PlaceKind, HintSums)) -> Value {
    json!({
        "use_case": use_case,
        "kind": kind.as_str(),
        "given": sums.given,
        "went_on": sums.went_on,
        "hits": sums.hits,
        "popular": sums.popular,
    })
}

fn late_standing(late: &Late) -> Value {
    json!({
        "kept": late.len(),
        "expected": count(&late.counts.expected),
        "came": count(&late.counts.came),
        "told": count(&late.counts.told),
    })
}
