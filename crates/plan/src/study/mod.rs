//! From a plan to its report.
//!
//! One way: topology (names resolved), load (what each flow brings to each hop), queues, then the figures of
//! hops and flows, failures, findings and options. Offered load is not throttled upstream: what a hop would
//! be asked for is what decides whether it is the bottleneck.

mod bottleneck;
mod candidates;
mod end_to_end;
mod failure;
mod feedback;
mod findings;
mod flow_report;
mod goodput;
mod growth;
mod hop_queue;
mod hop_report;
mod investment;
mod loaded;
mod mix;
mod options;
mod overlay;
mod rung_settle;
mod rungs;
mod sensitivity;
mod settle;
mod storms;
mod topology;
mod variability;
mod visit;
mod worst_case;

pub use failure::PAIRS_MAX;

use crate::inventory::Plan;
use crate::report::{FailureReport, PlanReport, ScenarioReport};
use alloc::string::String;
use alloc::vec::Vec;
use failure::Failures;
use loaded::{Loaded, Scenario};
use topology::Topology;

/// How much is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Study {
    /// Options are worked out and ranked.
    pub options: bool,
    /// Inputs are varied to see which matter.
    pub sensitivity: bool,
    /// Timeouts and full buffers make retries, which make load; without it each attempt is taken to succeed as
    /// the plan says. What failures and changed inputs do is always told without.
    pub retries: bool,
    /// What formulas leave open is simulated from this seed.
    pub seed: Option<u64>,
}

impl Study {
    /// Without what takes longest: options, sensitivity, simulation.
    pub const QUICK: Self = Self { options: false, sensitivity: false, retries: true, seed: None };
}

impl Default for Study {
    fn default() -> Self {
        Self { options: true, sensitivity: true, retries: true, seed: Some(1) }
    }
}

impl Plan {
    /// The whole answer. The same plan and study give the same report, to the last bit.
    pub fn study(&self, study: &Study) -> PlanReport {
        let topology = Topology::new(self);
        let scenarios = Scenario::all(&topology);
        let mean = Loaded::new(&topology, &scenarios[0]);
        let reports: Vec<ScenarioReport> = scenarios
            .iter()
            .map(|scenario| scenario_report(&Loaded::new(&topology, scenario), &mean, study))
            .collect();
        let failures = failures(&topology, &scenarios);
        let worst = worst(&reports);
        let judged = Loaded::new(&topology, &scenarios[worst]);
        let options = if study.options {
            options::options(self, &judged, &reports[worst], &failures, study)
        } else {
            Vec::new()
        };
        PlanReport {
            title: self.title.clone(),
            currency: self.policies.currency.clone(),
            as_of: self.policies.as_of.clone(),
            failures_at: self.policies.failures_at.clone(),
            fails_in_order: findings::fails_in_order(&mean),
            shared_hops: findings::shared_hops(&judged),
            advice: if study.options { options::advice(&reports, &options) } else { String::new() },
            options,
            overruns: findings::overruns(self, &reports),
            metastable: storms::metastable(&judged),
            hidden: findings::hidden(self),
            sensitivity: if study.sensitivity {
                sensitivity::sensitivity(self, &judged)
            } else {
                Vec::new()
            },
            investments: investment::investments(&mean),
            settled: study.seed.map_or_else(Vec::new, |seed| settle::settle(&judged, seed)),
            warnings: findings::warnings(self, &reports, &failures),
            assumptions: findings::assumptions(self),
            scenarios: reports,
            failures,
        }
    }
}

/// The load under which the fullest hop is fullest; the first of equals.
fn worst(reports: &[ScenarioReport]) -> usize {
    let utilisation =
        |report: &ScenarioReport| report.bottleneck.as_ref().map_or(0.0, |one| one.utilisation);
    let mut worst = 0;
    for (at, report) in reports.iter().enumerate() {
        if utilisation(report) > utilisation(&reports[worst]) {
            worst = at;
        }
    }
    worst
}

/// Times are those with the retries that the load makes; utilisation is told without them, and beside it with.
fn scenario_report(
    loaded: &Loaded<'_, '_>,
    mean: &Loaded<'_, '_>,
    study: &Study,
) -> ScenarioReport {
    let topology = loaded.topology;
    let settled = if study.retries { feedback::settle(loaded, feedback::From::Calm) } else { None };
    let settled = settled.as_ref().unwrap_or(loaded);
    let bounds = worst_case::worst_case(loaded);
    let carried = (&goodput::carried(loaded), &goodput::carried(settled));
    let hop = |hop: usize| hop_report::report(loaded, hop, bounds.hops[hop], mean, settled);
    let flow = |flow: usize| {
        let mut report = flow_report::report(settled, flow, carried, bounds.flows[flow]);
        if settled.journeys[flow].sender_attempts > loaded.journeys[flow].sender_attempts {
            report.amplification.confidence = feedback::CONFIDENCE;
        }
        report
    };
    let flows: Vec<_> = (0..topology.flows.len()).map(flow).collect();
    let costs = flows.iter().filter_map(|flow| flow.cost_of_delay_per_month);
    let cost = costs.reduce(|sum, more| crate::Figure {
        value: sum.value + more.value,
        confidence: sum.confidence.and(more.confidence),
    });
    ScenarioReport {
        name: loaded.scenario.name.clone(),
        kind: loaded.scenario.kind,
        mix: mix::mix(topology, &loaded.scenario.name),
        hops: (0..topology.components.len()).map(hop).collect(),
        flows,
        bottleneck: bottleneck::bottleneck(loaded),
        rungs: rungs::rungs(topology, loaded),
        cost_of_delay_per_month: cost,
    }
}

fn failures(topology: &Topology<'_>, scenarios: &[Scenario]) -> Vec<FailureReport> {
    let at = &topology.plan.policies.failures_at;
    let scenario = scenarios.iter().find(|scenario| scenario.name == *at).unwrap_or(&scenarios[0]);
    let mut loaded = Loaded::new(topology, scenario);
    let faults = failure::faults(&loaded);
    let mut failures = Failures::new(&mut loaded);
    faults.iter().map(|fault| failures.report(fault)).collect()
}
