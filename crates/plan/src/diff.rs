//! Two plans side by side: what moved.

use crate::report::{PlanReport, ScenarioReport, State};
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;

/// Smallest relative change that is shown.
const SHOWN_LEAST: f64 = 1e-6;

/// A hop in both plans; `None` where a plan does not have it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HopChange {
    /// The load.
    pub scenario: String,
    /// The hop.
    pub hop: String,
    /// Utilisation in the first plan.
    pub utilisation_before: Option<f64>,
    /// And in the second.
    pub utilisation_after: Option<f64>,
    /// How it stands in the first.
    pub state_before: Option<State>,
    /// And in the second.
    pub state_after: Option<State>,
}

/// A flow in both plans; times are `None` where a plan does not have it or a hop on its path is unstable.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FlowChange {
    /// The load.
    pub scenario: String,
    /// The flow.
    pub flow: String,
    /// p99 in the first plan, seconds.
    pub p99_before_s: Option<f64>,
    /// And in the second.
    pub p99_after_s: Option<f64>,
    /// Events per second that arrive in the first.
    pub goodput_before: Option<f64>,
    /// And in the second.
    pub goodput_after: Option<f64>,
}

/// The answer of one load in both plans.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScenarioChange {
    /// The load.
    pub scenario: String,
    /// The bottleneck of the first plan.
    pub bottleneck_before: Option<String>,
    /// And of the second.
    pub bottleneck_after: Option<String>,
    /// Cost of delay a month in the first.
    pub cost_before: Option<f64>,
    /// And in the second.
    pub cost_after: Option<f64>,
}

/// What moved from one plan to another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlanDiff {
    /// Each load.
    pub scenarios: Vec<ScenarioChange>,
    /// Hops that changed.
    pub hops: Vec<HopChange>,
    /// Flows that changed.
    pub flows: Vec<FlowChange>,
    /// Warnings that are new.
    pub new_warnings: Vec<String>,
    /// Warnings that are gone.
    pub gone_warnings: Vec<String>,
}

fn moved(before: Option<f64>, after: Option<f64>) -> bool {
    match (before, after) {
        (Some(before), Some(after)) => {
            libm::fabs(after - before) > SHOWN_LEAST * libm::fabs(before).max(1e-12)
        }
        (before, after) => before.is_some() != after.is_some(),
    }
}

/// Compares two reports.
pub fn diff(before: &PlanReport, after: &PlanReport) -> PlanDiff {
    let names: BTreeSet<&str> = before
        .scenarios
        .iter()
        .chain(&after.scenarios)
        .map(|scenario| scenario.name.as_str())
        .collect();
    let mut found = PlanDiff {
        scenarios: Vec::new(),
        hops: Vec::new(),
        flows: Vec::new(),
        new_warnings: after
            .warnings
            .iter()
            .filter(|one| !before.warnings.contains(one))
            .cloned()
            .collect(),
        gone_warnings: before
            .warnings
            .iter()
            .filter(|one| !after.warnings.contains(one))
            .cloned()
            .collect(),
    };
    for name in names {
        let (one, two) = (before.scenario(name), after.scenario(name));
        let bottleneck = |scenario: Option<&ScenarioReport>| {
            scenario?.bottleneck.as_ref().map(|found| found.hop.clone())
        };
        let cost = |scenario: Option<&ScenarioReport>| {
            scenario?.cost_of_delay_per_month.map(|cost| cost.value)
        };
        found.scenarios.push(ScenarioChange {
            scenario: name.into(),
            bottleneck_before: bottleneck(one),
            bottleneck_after: bottleneck(two),
            cost_before: cost(one),
            cost_after: cost(two),
        });
        found.hops.extend(hops(name, one, two));
        found.flows.extend(flows(name, one, two));
    }
    found
}

fn hops(name: &str, one: Option<&ScenarioReport>, two: Option<&ScenarioReport>) -> Vec<HopChange> {
    let one: Vec<_> = one.iter().flat_map(|scenario| &scenario.hops).collect();
    let two: Vec<_> = two.iter().flat_map(|scenario| &scenario.hops).collect();
    let names: BTreeSet<&String> = one.iter().chain(&two).map(|hop| &hop.name).collect();
    let change = |hop: &String| {
        let find = |hops: &[&crate::report::HopReport]| {
            hops.binary_search_by(|one| one.name.cmp(hop))
                .ok()
                .map(|at| (hops[at].utilisation, hops[at].state))
        };
        let (before, after) = (find(&one), find(&two));
        let change = HopChange {
            scenario: name.into(),
            hop: hop.clone(),
            utilisation_before: before.map(|(utilisation, _)| utilisation),
            utilisation_after: after.map(|(utilisation, _)| utilisation),
            state_before: before.map(|(_, state)| state),
            state_after: after.map(|(_, state)| state),
        };
        moved(change.utilisation_before, change.utilisation_after).then_some(change)
    };
    names.into_iter().filter_map(change).collect()
}

fn flows(
    name: &str,
    one: Option<&ScenarioReport>,
    two: Option<&ScenarioReport>,
) -> Vec<FlowChange> {
    let one: Vec<_> = one.iter().flat_map(|scenario| &scenario.flows).collect();
    let two: Vec<_> = two.iter().flat_map(|scenario| &scenario.flows).collect();
    let names: BTreeSet<&String> = one.iter().chain(&two).map(|flow| &flow.name).collect();
    let change = |flow: &String| {
        let find = |flows: &[&crate::report::FlowReport]| {
            let at = flows.binary_search_by(|one| one.name.cmp(flow)).ok()?;
            Some((flows[at].p99_s.map(|p99| p99.value), flows[at].goodput_per_s.value))
        };
        let (before, after) = (find(&one), find(&two));
        let change = FlowChange {
            scenario: name.into(),
            flow: flow.clone(),
            p99_before_s: before.and_then(|(p99, _)| p99),
            p99_after_s: after.and_then(|(p99, _)| p99),
            goodput_before: before.map(|(_, goodput)| goodput),
            goodput_after: after.map(|(_, goodput)| goodput),
        };
        let is_moved = moved(change.p99_before_s, change.p99_after_s)
            || moved(change.goodput_before, change.goodput_after);
        is_moved.then_some(change)
    };
    names.into_iter().filter_map(change).collect()
}
