//! `/metrics` of decisions.

use super::metrics::{Counts, Labels, Levels, count, level};
use crate::decide::PlaceKind;
use millstream_pipeline::measured::HintSums;
use prometheus_client::registry::{Registry, Unit};
use std::collections::BTreeMap;

/// What decisions count since the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DecisionMeasures {
    /// By use case.
    pub use_cases: Vec<UseCaseMeasures>,
    /// Prefetch hints, by use case and kind of place.
    pub hints: Vec<(Box<str>, PlaceKind, HintSums)>,
    /// Profiles out of the cache, and from the state.
    pub profiles: (u64, u64),
}

/// What one use case counts.
#[derive(Clone, Debug, PartialEq)]
pub struct UseCaseMeasures {
    /// Its name.
    pub use_case: Box<str>,
    /// Answers by rung.
    pub rungs: BTreeMap<&'static str, u64>,
    /// Answers whose course was not over in time.
    pub timed_out: u64,
    /// Answers that passed their budget.
    pub overrun: u64,
    /// The room that its governor keeps free, in seconds.
    pub margin_s: f64,
    /// Heavy stages that it has given up.
    pub given_up: usize,
}

/// Adds what decisions count.
pub(super) fn register(registry: &mut Registry, measures: &DecisionMeasures) {
    let (answers, late) = (Counts::default(), Counts::default());
    let (margins, given_up) = (Levels::default(), Levels::default());
    for one in &measures.use_cases {
        for (rung, value) in &one.rungs {
            count(&answers, labels(&one.use_case, &[("rung", rung)]), *value);
        }
        for (outcome, value) in [("timed_out", one.timed_out), ("overrun", one.overrun)] {
            count(&late, labels(&one.use_case, &[("outcome", outcome)]), value);
        }
        level(&margins, labels(&one.use_case, &[]), one.margin_s);
        level(&given_up, labels(&one.use_case, &[]), one.given_up as f64);
    }
    registry.register("decide_answers", "Answers by use case and rung", answers);
    let about = "Answers whose course was not over in time, and those that passed their budget";
    registry.register("decide_late", about, late);
    let about = "Room that the governor keeps free of each budget";
    registry.register_with_unit("decide_margin", about, Unit::Seconds, margins);
    registry.register("decide_stages_given_up", "Heavy stages given up", given_up);
    let hints = Counts::default();
    for (use_case, kind, sums) in &measures.hints {
        for (outcome, value) in [
            ("given", sums.given),
            ("went_on", sums.went_on),
            ("hit", sums.hits),
            ("popular_hit", sums.popular),
        ] {
            let labels = labels(use_case, &[("kind", kind.as_str()), ("outcome", outcome)]);
            count(&hints, labels, value);
        }
    }
    let about = "Answers with prefetch hints, those whose visitor went on, to a place that was hinted at, and to one that is popular anyway";
    registry.register("decide_hints", about, hints);
    let profiles = Counts::default();
    for (outcome, value) in [("hit", measures.profiles.0), ("miss", measures.profiles.1)] {
        count(&profiles, vec![("outcome", outcome.to_owned())], value);
    }
    registry.register("decide_profile_lookups", "Profiles out of the cache, and not", profiles);
}

fn labels(use_case: &str, more: &[(&'static str, &str)]) -> Labels {
    let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
    [("use_case", use_case.to_owned())].into_iter().chain(more).collect()
}
