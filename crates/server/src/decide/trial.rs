//! Experiments on use cases: who takes part in which arm, and what that changes.

use super::options::Configured;
use millstream_decide::experiment::{Arm, Experiment, Layer};
use millstream_decide::{Treatment, Visitor};
use millstream_event::EntityId;
use std::collections::BTreeMap;

/// The arm of visitors that are never personalized, in the experiment that a holdout is.
pub const HELD_OUT: &str = "holdout";
/// The other arm of it.
pub const PERSONALIZED: &str = "personalized";

/// An experiment as configured.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// The use case that it changes.
    pub use_case: Box<str>,
    /// The layer: visitors take part in one experiment of a layer at most.
    pub layer: Box<str>,
    /// Its stretch of the layer, and its arms, the control first.
    pub experiment: Experiment,
    /// What each arm changes.
    pub treatments: Vec<Treatment>,
    /// The share of the control's rate that a loss must pass to matter.
    pub negligible: f64,
}

/// The name of the experiment that a use case's holdout is.
pub fn holdout_name(use_case: &str) -> Box<str> {
    format!("{use_case}.holdout").into()
}

/// What reports ask of one experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The experiment.
    pub experiment: Box<str>,
    /// The use case.
    pub use_case: Box<str>,
    /// The event that tells of success.
    pub goal: Box<str>,
    /// Arms with their weights, the control first.
    pub arms: Vec<Arm>,
    /// What each arm changes.
    pub treatments: Vec<Treatment>,
    /// The share of the control's rate that a loss must pass to matter.
    pub negligible: f64,
}

impl Plan {
    /// True when its arms differ in delay, staleness or architecture.
    pub fn is_of_timing(&self) -> bool {
        self.treatments.iter().any(Treatment::is_of_timing)
    }
}

/// Every experiment there is, holdouts included, in order of use cases.
pub fn plans(use_cases: &[Configured], trials: &[Trial]) -> Vec<Plan> {
    let mut plans = Vec::new();
    for configured in use_cases {
        let use_case = &configured.use_case;
        let plan = |experiment: Box<str>, arms: Vec<Arm>, treatments, negligible| Plan {
            experiment,
            use_case: use_case.name.clone(),
            goal: use_case.goal.clone(),
            arms,
            treatments,
            negligible,
        };
        if use_case.holdout_ppm > 0 {
            let arm = |name: &str, weight| Arm { name: name.into(), weight };
            let arms = vec![
                arm(HELD_OUT, use_case.holdout_ppm),
                arm(PERSONALIZED, 1_000_000 - use_case.holdout_ppm),
            ];
            let treatments = vec![Treatment::NONE; 2];
            plans.push(plan(holdout_name(&use_case.name), arms, treatments, 0.0));
        }
        let own = trials.iter().filter(|trial| trial.use_case == use_case.name);
        plans.extend(own.map(|trial| {
            let experiment = trial.experiment.name.clone();
            let (arms, treatments) = (trial.experiment.arms.clone(), trial.treatments.clone());
            plan(experiment, arms, treatments, trial.negligible)
        }));
    }
    plans
}

/// What experiments make of one visitor of one use case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Assignment {
    /// Arms by experiment.
    pub arms: BTreeMap<Box<str>, Box<str>>,
    /// What they change together.
    pub treatment: Treatment,
    /// The anonymous segment, where there are arms.
    pub segment: String,
}

/// The experiments of one use case, by layer.
#[derive(Clone, Debug, Default)]
pub(super) struct Trials {
    holdout: Option<Box<str>>,
    layers: Vec<Layer>,
    treatments: BTreeMap<(Box<str>, Box<str>), Treatment>,
}

impl Trials {
    pub(super) fn of(configured: &Configured, trials: &[Trial]) -> Self {
        let use_case = &configured.use_case;
        let mut made = Self {
            holdout: (use_case.holdout_ppm > 0).then(|| holdout_name(&use_case.name)),
            ..Self::default()
        };
        for trial in trials.iter().filter(|trial| trial.use_case == use_case.name) {
            let experiment = &trial.experiment;
            for (arm, treatment) in experiment.arms.iter().zip(&trial.treatments) {
                let name = (experiment.name.clone(), arm.name.clone());
                made.treatments.insert(name, treatment.clone());
            }
            match made.layers.iter_mut().find(|layer| layer.name == trial.layer) {
                Some(layer) => layer.experiments.push(experiment.clone()),
                None => made.layers.push(Layer {
                    name: trial.layer.clone(),
                    experiments: vec![experiment.clone()],
                }),
            }
        }
        made
    }

    /// Who cannot be personalized takes part in nothing; who is held out in nothing else.
    pub(super) fn assign(&self, visitor: Visitor, unit: Option<EntityId>) -> Assignment {
        let mut assigned = Assignment::default();
        let (Some(unit), Visitor::Known(_) | Visitor::HeldOut) = (unit, visitor) else {
            return assigned;
        };
        let held_out = visitor == Visitor::HeldOut;
        if let Some(holdout) = &self.holdout {
            let arm = if held_out { HELD_OUT } else { PERSONALIZED };
            assigned.arms.insert(holdout.clone(), arm.into());
        }
        for (experiment, arm) in self.layers.iter().filter_map(|layer| layer.assign(unit)) {
            if held_out {
                break;
            }
            let name = (experiment.name.clone(), arm.name.clone());
            if let Some(treatment) = self.treatments.get(&name) {
                assigned.treatment = assigned.treatment.with(treatment);
            }
            assigned.arms.insert(name.0, name.1);
        }
        assigned
    }
}
