//! What else a reader should know: shared hops, hidden flows, overspent budgets, warnings, assumptions.

use super::hop_report::parts;
use super::loaded::Loaded;
use super::topology::has_service;
use super::worst_case::is_bounded;
use crate::inventory::{Class, Kind, Plan, Risk, Scheduling};
use crate::report::{
    BudgetOverrun, FailureReport, Fate, Fault, HiddenFlow, ScenarioReport, SharedHop, State,
};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Most entries of a list of findings.
const LISTED_MAX: usize = 200;
/// Most names in one sentence.
const NAMES_MAX: usize = 6;

/// Hops on several paths, fullest first.
pub(super) fn shared_hops(loaded: &Loaded<'_, '_>) -> Vec<SharedHop> {
    let mut hops: Vec<(f64, usize)> = (0..loaded.loads.len())
        .filter(|hop| loaded.present[*hop].len() > 1)
        .map(|hop| (loaded.utilisation(hop), hop))
        .collect();
    hops.sort_by(|one, two| two.0.total_cmp(&one.0).then(one.1.cmp(&two.1)));
    let shared = |(_, hop): &(f64, usize)| {
        let component = loaded.topology.components[*hop];
        let resource = loaded.loads[*hop].fullest(component, &loaded.capacities[*hop]).1?;
        let parts = parts(loaded, *hop, Some(resource));
        let classes: BTreeSet<Class> =
            parts.iter().map(|(flow, _)| loaded.flow(*flow).class).collect();
        Some(SharedHop {
            hop: component.name.clone(),
            resource,
            mixed_classes: classes.len() > 1 && component.scheduling == Scheduling::Fifo,
            flows: parts
                .iter()
                .map(|(flow, part)| (loaded.flow(*flow).name.clone(), *part))
                .collect(),
        })
    };
    hops.iter().take(LISTED_MAX).filter_map(shared).collect()
}

/// Hops in the order in which rising load fills them, with the multiple of this load at which each is full.
pub(super) fn fails_in_order(loaded: &Loaded<'_, '_>) -> Vec<(String, f64)> {
    let mut order: Vec<(String, f64)> = (0..loaded.loads.len())
        .map(|hop| (loaded.topology.components[hop].name.clone(), loaded.utilisation(hop)))
        .filter(|(_, utilisation)| *utilisation > 0.0)
        .map(|(name, utilisation)| (name, 1.0 / utilisation))
        .collect();
    order.sort_by(|one, two| one.1.total_cmp(&two.1).then_with(|| one.0.cmp(&two.0)));
    order.truncate(LISTED_MAX);
    order
}

/// Hops that take more of a deadline than they may, and allowances that exceed it together.
pub(super) fn overruns(plan: &Plan, scenarios: &[ScenarioReport]) -> Vec<BudgetOverrun> {
    let mut found = Vec::new();
    for flow in plan.flows.values() {
        let sum: f64 = flow.budget.values().map(|budget| budget.0).sum();
        if let Some(deadline) = flow.usable_deadline().filter(|deadline| sum > *deadline) {
            found.push(BudgetOverrun {
                flow: flow.name.clone(),
                hop: String::from("(sum)"),
                scenario: String::from("as written"),
                allowed_s: deadline,
                taken_s: Some(sum),
            });
        }
    }
    for scenario in scenarios {
        for flow in &scenario.flows {
            for stage in &flow.stages {
                let Some(allowed) = stage.budget_s else { continue };
                let taken = stage.mean_s.map(|mean| mean.value);
                if taken.is_none_or(|taken| taken > allowed) {
                    found.push(BudgetOverrun {
                        flow: flow.name.clone(),
                        hop: stage.hop.clone(),
                        scenario: scenario.name.clone(),
                        allowed_s: allowed,
                        taken_s: taken,
                    });
                }
            }
        }
    }
    found.truncate(LISTED_MAX);
    found
}

/// Flows that such components usually have and that nobody listed.
pub(super) fn hidden(plan: &Plan) -> Vec<HiddenFlow> {
    let of_kind = |kinds: &[Kind]| -> Vec<String> {
        let kept = plan.components.values().filter(|component| kinds.contains(&component.kind));
        kept.map(|component| component.name.clone()).take(NAMES_MAX).collect()
    };
    let has_class = |class: Class| plan.flows.values().any(|flow| flow.class == class);
    let crosses = |kind: Kind| {
        let on = |name: &String| {
            plan.components.get(name).is_some_and(|component| component.kind == kind)
        };
        plan.flows.values().any(|flow| flow.path.iter().any(on))
    };
    let mut found = Vec::new();
    let mut add = |missing: bool, hops: Vec<String>, what: &str, usual: &str| {
        if missing && !hops.is_empty() {
            found.push(HiddenFlow { what: what.into(), hops, usual: usual.into() });
        }
    };
    let spread: Vec<String> = plan
        .components
        .values()
        .filter(|component| {
            matches!(component.kind, Kind::Broker | Kind::Store | Kind::Stream | Kind::Warehouse)
        })
        .filter(|component| {
            component.instances.0 > 1
                || component.domains.zones.len() + component.domains.regions.len() > 1
        })
        .map(|component| component.name.clone())
        .take(NAMES_MAX)
        .collect();
    add(
        !has_class(Class::Replication),
        spread,
        "replication",
        "each event once more for each further copy, on the same lines at the same time as ingest",
    );
    add(
        !has_class(Class::Telemetry) && !crosses(Kind::Monitoring),
        plan.components.keys().take(NAMES_MAX).cloned().collect(),
        "monitoring",
        "metrics every 10 to 60 s from every component, logs and traces: 1 to 5 % of the traffic they describe, most when things fail",
    );
    add(
        !crosses(Kind::SchemaRegistry),
        of_kind(&[Kind::Broker, Kind::Stream, Kind::Etl]),
        "schema registry",
        "a look-up per schema and process at start; all at once after a restart",
    );
    add(
        !has_class(Class::Control),
        of_kind(&[Kind::Broker, Kind::Store, Kind::Stream, Kind::Edge]),
        "metadata sync",
        "membership, configuration, offsets, leader elections: small, but everything waits for it when it is late",
    );
    found
}

fn names<'a>(all: impl Iterator<Item = &'a String>) -> String {
    let all: Vec<&String> = all.collect();
    let mut text = String::new();
    for (at, name) in all.iter().take(NAMES_MAX).enumerate() {
        text.push_str(if at == 0 { "" } else { ", " });
        text.push_str(&format!("`{name}`"));
    }
    if all.len() > NAMES_MAX {
        text.push_str(&format!(" and {} more", all.len() - NAMES_MAX));
    }
    text
}

/// Sentences about what goes wrong under one load.
fn troubles(scenario: &ScenarioReport) -> Vec<String> {
    let load = &scenario.name;
    let mut said = Vec::new();
    let unstable =
        scenario.hops.iter().filter(|hop| hop.state == State::Unstable).map(|hop| &hop.name);
    let unstable: Vec<&String> = unstable.collect();
    if !unstable.is_empty() {
        said.push(format!("{load}: more arrives than {} can serve", names(unstable.into_iter())));
    }
    let grown = scenario.hops.iter().filter_map(|hop| Some((hop, hop.utilisation_with_retries?)));
    let grown = grown.filter(|(hop, more)| *more > hop.utilisation * 1.01);
    if let Some((hop, more)) = grown.max_by(|one, two| one.1.total_cmp(&two.1)) {
        said.push(format!(
            "{load}: late and refused attempts are made again, so `{}` goes from {:.0} % to {:.0} %",
            hop.name,
            hop.utilisation * 100.0,
            more * 100.0
        ));
    }
    said.extend(scenario.rungs.iter().map(|rung| format!("{load}: {}", rung.says)));
    if let Some(last) = scenario.rungs.last().filter(|last| !last.holds) {
        let last = &last.name;
        said.push(format!("{load}: no rung holds this load: after `{last}` it still does not fit"));
    }
    for (fate, one, more) in [
        (Fate::Late, "misses its deadline at p99", "miss their deadlines at p99"),
        (Fate::Throttled, "does not arrive whole", "do not arrive whole"),
    ] {
        let such = scenario.flows.iter().filter(|flow| flow.fate == fate).map(|flow| &flow.name);
        let such: Vec<&String> = such.collect();
        if !such.is_empty() {
            let words = if such.len() == 1 { one } else { more };
            said.push(format!("{load}: {} {words}", names(such.into_iter())));
        }
    }
    let jittery = scenario.flows.iter().filter(|flow| flow.jitter_exceeded).map(|flow| &flow.name);
    let jittery: Vec<&String> = jittery.collect();
    if !jittery.is_empty() {
        let verb = if jittery.len() == 1 { "varies" } else { "vary" };
        said.push(format!("{load}: {} {verb} more than is tolerated", names(jittery.into_iter())));
    }
    said
}

/// Sentences about what goes wrong.
pub(super) fn warnings(
    plan: &Plan,
    scenarios: &[ScenarioReport],
    failures: &[FailureReport],
) -> Vec<String> {
    let mut said: Vec<String> = scenarios.iter().flat_map(troubles).collect();
    let risky = |name: &String| plan.flows.get(name).is_some_and(|flow| flow.risk >= Risk::High);
    let owned =
        |name: &str| plan.components.get(name).is_some_and(|component| component.kind != Kind::Sdk);
    for failure in failures {
        let ends: Vec<&String> = failure.lost.iter().filter(|name| risky(name)).collect();
        if let (Fault::Component { name }, false) = (&failure.fault, ends.is_empty())
            && owned(name)
        {
            let verb = if ends.len() == 1 { "ends" } else { "end" };
            let ends = names(ends.into_iter());
            said.push(format!("single point of failure: without `{name}` {ends} {verb}"));
        }
    }
    said.truncate(LISTED_MAX);
    said
}

/// What was taken for granted because nobody said.
pub(super) fn assumptions(plan: &Plan) -> Vec<String> {
    let mut said = Vec::from([String::from(
        "requests are sent as a Poisson process unless a flow states arrival_scv; queues on the way make them smoother or burstier",
    )]);
    let unknown: Vec<&String> = plan
        .components
        .values()
        .filter(|component| has_service(component) && component.service_scv.is_none())
        .map(|component| &component.name)
        .collect();
    if !unknown.is_empty() {
        said.push(format!(
            "service times of {} are taken as exponential: service_scv is not stated",
            names(unknown.into_iter())
        ));
    }
    let free: Vec<&String> = plan
        .components
        .values()
        .filter(|one| {
            one.bandwidth.is_none()
                && one.packets.is_none()
                && one.events.is_none()
                && !has_service(one)
        })
        .map(|component| &component.name)
        .collect();
    if !free.is_empty() {
        said.push(format!("{} never fill up: no capacity is stated", names(free.into_iter())));
    }
    let endless: Vec<&String> = plan
        .components
        .values()
        .filter(|one| !is_bounded(one))
        .map(|component| &component.name)
        .collect();
    if !endless.is_empty() {
        let where_to = names(endless.into_iter());
        said.push(format!(
            "no worst case through {where_to}: service times vary without limit, state service_max"
        ));
    }
    said.push(String::from(
        "worst cases hold for flows inside their peak and burst; a flow that states none is taken to come evenly",
    ));
    said.push(String::from(
        "TCP over IPv4 with timestamps on Ethernet, one acknowledgement for two segments",
    ));
    said.push(String::from(
        "retries of late and refused attempts count in times, tries and `with retries`; utilisation, options and failures are told without them",
    ));
    said
}
