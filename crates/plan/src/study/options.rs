//! What could be done about the fullest hops: each option is an overlay, applied and measured.

use super::Study;
use super::candidates::{Candidate, at_hop, spare};
use super::end_to_end::time;
use super::feedback::{From, settle};
use super::loaded::{Loaded, Scenario};
use super::storms::storm_at;
use super::topology::Topology;
use crate::inventory::Plan;
use crate::report::{Effect, FailureReport, Remedy, RemedyKind, ScenarioReport, State};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Hops for which options are worked out.
const HOPS_MAX: usize = 6;
/// Options shown.
const OPTIONS_MAX: usize = 24;
/// Plans with more flows get options for the bottleneck alone.
const FLOWS_SMALL: usize = 2_000;

/// Options under the judged load, best first.
pub(super) fn options(
    plan: &Plan,
    judged: &Loaded<'_, '_>,
    report: &ScenarioReport,
    failures: &[FailureReport],
    study: &Study,
) -> Vec<Remedy> {
    let small = plan.flows.len() <= FLOWS_SMALL;
    let mut hops: Vec<(f64, usize)> = (0..judged.loads.len())
        .filter(|hop| matches!(report.hops[*hop].state, State::Tight | State::Unstable))
        .map(|hop| (judged.utilisation(hop), hop))
        .collect();
    hops.sort_by(|one, two| two.0.total_cmp(&one.0).then(one.1.cmp(&two.1)));
    hops.truncate(if small { HOPS_MAX } else { 1 });
    let bottleneck = report.bottleneck.as_ref().and_then(|one| judged.topology.position(&one.hop));
    let calm = hops.is_empty();
    if let Some(hop) = bottleneck.filter(|_| calm && small) {
        hops.push((judged.utilisation(hop), hop));
    }
    let before = Measure::of(judged, study);
    let mut remedies = Vec::new();
    for (_, hop) in &hops {
        for candidate in at_hop(judged, *hop) {
            remedies.extend(measure(plan, judged, *hop, candidate, (&before, study)));
        }
    }
    if small {
        for candidate in spare(judged, failures) {
            let Some(hop) = judged.topology.position(&candidate.hop) else { continue };
            remedies.extend(measure(plan, judged, hop, candidate, (&before, study)));
        }
    }
    // Where every hop keeps its headroom, doing nothing goes without saying: the advice says it.
    if let Some(hop) = bottleneck.filter(|_| !calm) {
        remedies.extend(tolerate(judged, hop, &before, &remedies));
    }
    rank(&mut remedies, &hops, judged);
    remedies.truncate(OPTIONS_MAX);
    remedies
}

/// Options for the fullest hop before those for the next,
/// cures before comforts, by what they are worth; second instances, which help when something fails, last.
fn rank(remedies: &mut [Remedy], hops: &[(f64, usize)], judged: &Loaded<'_, '_>) {
    let group = |remedy: &Remedy| match remedy.kind {
        RemedyKind::Failover => 2,
        RemedyKind::Tolerate => 3,
        _ => 1,
    };
    let place = |remedy: &Remedy| {
        hops.iter()
            .position(|(_, hop)| judged.topology.components[*hop].name == remedy.hop)
            .unwrap_or(hops.len())
    };
    let net = |remedy: &Remedy| {
        remedy.saves_per_month.unwrap_or(0.0) - remedy.cost_per_month.unwrap_or(0.0)
    };
    remedies.sort_by(|one, two| {
        group(one)
            .cmp(&group(two))
            .then(place(one).cmp(&place(two)))
            .then(two.cures.cmp(&one.cures))
            .then(net(two).total_cmp(&net(one)))
            .then(one.cost_per_month.is_none().cmp(&two.cost_per_month.is_none()))
            .then(one.effect.utilisation_after.total_cmp(&two.effect.utilisation_after))
            .then_with(|| one.what.cmp(&two.what))
    });
}

/// What is looked at before and after.
struct Measure {
    /// p99 of each flow; `None` when a hop on its path is unstable.
    p99: Vec<(String, Option<f64>)>,
    cost: Option<f64>,
    bottleneck: Option<String>,
}

impl Measure {
    /// Of a load with the retries that it makes, where the study asks for them.
    fn of(loaded: &Loaded<'_, '_>, study: &Study) -> Self {
        let bottleneck = super::bottleneck::bottleneck(loaded).map(|one| one.hop);
        let settled = if study.retries { settle(loaded, From::Calm) } else { None };
        let plain = super::goodput::carried(loaded);
        let loaded = settled.as_ref().unwrap_or(loaded);
        let carried = super::goodput::carried(loaded);
        let mut p99 = Vec::with_capacity(loaded.journeys.len());
        let (mut cost, mut endless) = (None, false);
        for flow in 0..loaded.journeys.len() {
            let whole = time(loaded, flow).whole;
            p99.push((loaded.flow(flow).name.clone(), whole.map(|whole| whole.quantile(0.99))));
            let report = super::flow_report::report(loaded, flow, (&plain, &carried), None);
            let priced = loaded.flow(flow).cost_of_delay.per_event_second.is_some();
            endless |= priced && report.cost_of_delay_per_month.is_none();
            if let Some(more) = report.cost_of_delay_per_month {
                cost = Some(cost.unwrap_or(0.0) + more.value);
            }
        }
        Self { p99, cost: cost.filter(|_| !endless), bottleneck }
    }

    fn p99_of(&self, name: &str) -> Option<f64> {
        self.p99.iter().find(|(flow, _)| flow == name).and_then(|(_, p99)| *p99)
    }
}

/// The scenario of a name on another plan.
fn scenario(topology: &Topology<'_>, name: &str) -> Option<Scenario> {
    Scenario::all(topology).into_iter().find(|scenario| scenario.name == name)
}

fn measure(
    plan: &Plan,
    judged: &Loaded<'_, '_>,
    hop: usize,
    candidate: Candidate,
    (before, study): (&Measure, &Study),
) -> Option<Remedy> {
    let patched = plan.overlaid("option", &candidate.overlay).ok()?;
    let topology = Topology::new(&patched);
    let scenario = scenario(&topology, &judged.scenario.name)?;
    let loaded = Loaded::new(&topology, &scenario);
    let name = &judged.topology.components[hop].name;
    let place = topology.position(name)?;
    let after = Measure::of(&loaded, study);
    let (utilisation_before, utilisation_after) =
        (judged.utilisation(hop), loaded.utilisation(place));
    let flow = most_changed(judged, hop, before, &after);
    let saves = before.cost.zip(after.cost).map(|(before, after)| before - after);
    let effect = Effect {
        scenario: judged.scenario.name.clone(),
        utilisation_before,
        utilisation_after,
        p99_before_s: flow.as_ref().and_then(|flow| before.p99_of(flow)),
        p99_after_s: flow.as_ref().and_then(|flow| after.p99_of(flow)),
        flow,
        cost_of_delay_before: before.cost,
        cost_of_delay_after: after.cost,
        bottleneck_after: after.bottleneck,
    };
    let storm_ends = |place: usize| {
        let lasts = |loaded: &Loaded<'_, '_>, hop: usize| {
            storm_at(loaded, hop).is_some_and(|storm| storm.lasts())
        };
        lasts(judged, hop) && !lasts(&loaded, place)
    };
    let worthwhile =
        candidate.kind == RemedyKind::Failover || is_felt(&effect) || storm_ends(place);
    worthwhile.then(|| Remedy {
        kind: candidate.kind,
        hop: name.clone(),
        what: candidate.what,
        overlay: candidate.overlay,
        cost_per_month: candidate.cost_per_month,
        saves_per_month: saves,
        effect,
        cures: utilisation_after <= 1.0 - loaded.headroom_policy(place) + 1e-9,
    })
}

/// Smallest relative change that is worth a line.
const FELT: f64 = 0.002;

/// True when something gets better: the hop, the flow's tail, or the cost.
fn is_felt(effect: &Effect) -> bool {
    let less = |before: Option<f64>, after: Option<f64>| match (before, after) {
        (Some(before), Some(after)) => after < before * (1.0 - FELT),
        (None, Some(_)) => true,
        _ => false,
    };
    less(Some(effect.utilisation_before), Some(effect.utilisation_after))
        || less(effect.p99_before_s, effect.p99_after_s)
        || less(effect.cost_of_delay_before, effect.cost_of_delay_after)
}

/// The flow at a hop whose p99 falls most, relative; one that becomes stable before all others.
fn most_changed(
    judged: &Loaded<'_, '_>,
    hop: usize,
    before: &Measure,
    after: &Measure,
) -> Option<String> {
    let gain = |name: &str| match (before.p99_of(name), after.p99_of(name)) {
        (None, Some(_)) => 2.0,
        (Some(before), Some(after)) if before > 0.0 => 1.0 - after / before,
        (Some(_), None) => -2.0,
        _ => 0.0,
    };
    let names = judged.visits(hop).map(|(flow, _)| judged.flow(flow).name.as_str());
    names
        .max_by(|one, two| gain(one).total_cmp(&gain(two)).then_with(|| two.cmp(one)))
        .map(ToString::to_string)
}

/// What to make of the options, in a sentence or two.
pub(super) fn advice(scenarios: &[ScenarioReport], options: &[Remedy]) -> String {
    let short = |state: State| matches!(state, State::Tight | State::Unstable);
    let calm = !scenarios.iter().flat_map(|load| &load.hops).any(|hop| short(hop.state));
    let Some(first) = options.first() else {
        return String::from(if calm {
            "Nothing has to be done: every hop keeps its headroom under every load."
        } else {
            "No option that is known here makes it better: change the load, or the paths."
        });
    };
    if calm {
        return String::from(
            "Nothing has to be done: every hop keeps its headroom under every load. This is what would still help.",
        );
    }
    let cures = options.iter().filter(|option| option.cures).count();
    let free = options.iter().filter(|one| one.cures && one.cost_per_month == Some(0.0)).count();
    let mut text = match (cures, options.len()) {
        (0, 1) => format!("The one option does not bring `{}` inside its headroom.", first.hop),
        (0, all) => {
            format!("None of {all} options alone brings `{}` inside its headroom.", first.hop)
        }
        (1, 1) => String::from("The one option brings its hop inside its headroom."),
        (1, all) => format!("One of {all} options brings its hop inside its headroom."),
        (some, all) => format!("{some} of {all} options bring their hop inside its headroom."),
    };
    if free > 0 {
        let cost = if free == 1 { "costs" } else { "cost" };
        text.push_str(&format!(" {free} of them {cost} nothing but work."));
    }
    text
}

/// Doing nothing, where every known cure costs more than it saves.
fn tolerate(
    judged: &Loaded<'_, '_>,
    hop: usize,
    before: &Measure,
    remedies: &[Remedy],
) -> Option<Remedy> {
    let net = |remedy: &Remedy| {
        remedy.saves_per_month.zip(remedy.cost_per_month).map(|(saves, cost)| saves - cost)
    };
    let worth = remedies.iter().filter_map(net).fold(f64::NEG_INFINITY, f64::max);
    let utilisation = judged.utilisation(hop);
    if !(worth.is_finite() && worth < 0.0) || utilisation >= 1.0 {
        return None;
    }
    Some(Remedy {
        kind: RemedyKind::Tolerate,
        hop: judged.topology.components[hop].name.clone(),
        what: "nothing: the delay costs less than every cure that has a price".to_string(),
        overlay: String::new(),
        cost_per_month: Some(0.0),
        saves_per_month: before.cost.map(|_| 0.0),
        effect: Effect {
            scenario: judged.scenario.name.clone(),
            utilisation_before: utilisation,
            utilisation_after: utilisation,
            flow: None,
            p99_before_s: None,
            p99_after_s: None,
            cost_of_delay_before: before.cost,
            cost_of_delay_after: before.cost,
            bottleneck_after: before.bottleneck.clone(),
        },
        cures: false,
    })
}
