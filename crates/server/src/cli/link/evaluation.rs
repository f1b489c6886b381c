//! How good the links are where the truth is known.

use millstream_stitch::linkage::{CurvePoint, Known, Thresholds, Volume, curve, fit, population};
use serde::Serialize;

/// What an evaluation came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// Seed of the people.
    pub seed: u64,
    /// How many people.
    pub people: u32,
    /// Pairs of one person's devices that no login proves.
    pub hidden_pairs: u64,
    /// How much the fit was made of.
    pub volume: Volume,
    /// How the model judges what logins prove.
    pub known: Known,
    /// Where links would begin with these data.
    pub thresholds: Thresholds,
    /// Precision and recall by threshold.
    pub curve: Vec<CurvePoint>,
}

impl Evaluation {
    /// Of so many made-up people.
    pub fn of(seed: u64, people: u32) -> Self {
        let population = population(seed, people);
        let thresholds = Thresholds::USUAL;
        let fit = fit(&population.profiles, thresholds);
        Self {
            seed,
            people,
            hidden_pairs: population.hidden_pairs(),
            volume: fit.volume,
            known: fit.known,
            thresholds,
            curve: curve(&fit, &population),
        }
    }
}
