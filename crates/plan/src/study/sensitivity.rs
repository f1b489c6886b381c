//! Which input moves the answer most, and which would be worth measuring.

use super::end_to_end::time;
use super::loaded::{Loaded, Scenario};
use super::topology::Topology;
use crate::inventory::{Component, Flow, Plan};
use crate::quantity::{Count, Ratio};
use crate::report::Sensitivity;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// How much each input is moved, relative.
const STEP: f64 = 0.01;
/// Uncertainty of what was stated, of forecasts of load, and of what nobody stated.
const STATED: f64 = 0.1;
const FORECAST: f64 = 0.25;
const UNSTATED: f64 = 0.5;
/// Components and flows whose inputs are varied; the rest matter less.
const COMPONENTS_MAX: usize = 12;
const FLOWS_MAX: usize = 8;
/// Above this many flows a plan is too large to be computed again for each input.
const LARGE: usize = 2_000;
/// Entries shown.
const SHOWN_MAX: usize = 20;

/// One number of a plan that can be moved.
struct Input {
    name: String,
    uncertainty: f64,
    change: Change,
}

enum Change {
    Component(String, fn(&mut Component, f64)),
    Flow(String, fn(&mut Flow, f64)),
}

/// Varies inputs round the bottleneck and the slowest flow.
pub(super) fn sensitivity(plan: &Plan, judged: &Loaded<'_, '_>) -> Vec<Sensitivity> {
    if plan.flows.len() > LARGE {
        return Vec::new();
    }
    let Some(target) = Target::of(judged) else { return Vec::new() };
    let mut found: Vec<Sensitivity> = inputs(judged, &target)
        .into_iter()
        .filter_map(|input| {
            let mut varied = plan.clone();
            match &input.change {
                Change::Component(name, change) => {
                    change(varied.components.get_mut(name)?, 1.0 + STEP)
                }
                Change::Flow(name, change) => change(varied.flows.get_mut(name)?, 1.0 + STEP),
            }
            let topology = Topology::new(&varied);
            let scenario = Scenario::all(&topology)
                .into_iter()
                .find(|one| one.name == judged.scenario.name)?;
            let answer = target.answer(&Loaded::new(&topology, &scenario))?;
            let elasticity = libm::log(answer / target.value) / libm::log(1.0 + STEP);
            let worth_measuring = libm::fabs(elasticity) * input.uncertainty;
            let answer = target.what.clone();
            elasticity.is_finite().then_some(Sensitivity {
                input: input.name,
                elasticity,
                uncertainty: input.uncertainty,
                worth_measuring,
                answer,
            })
        })
        .filter(|found| libm::fabs(found.elasticity) > 1e-6)
        .collect();
    found.sort_by(|one, two| {
        two.worth_measuring.total_cmp(&one.worth_measuring).then_with(|| one.input.cmp(&two.input))
    });
    found.truncate(SHOWN_MAX);
    found
}

/// The answer that is watched: the p99 of the flow nearest to its deadline, or, where it has none because a
/// hop is unstable, the utilisation of the bottleneck.
struct Target {
    what: String,
    flow: Option<String>,
    hop: String,
    value: f64,
}

impl Target {
    fn of(judged: &Loaded<'_, '_>) -> Option<Self> {
        let hop = super::bottleneck::bottleneck(judged)?;
        let tightness = |flow: usize| {
            let p99 = time(judged, flow).whole?.quantile(0.99);
            let deadline = judged.flow(flow).usable_deadline();
            Some((flow, deadline.map_or(p99 * 1e-9, |deadline| p99 / deadline), p99))
        };
        let tightest = (0..judged.journeys.len())
            .filter_map(tightness)
            .max_by(|one, two| one.1.total_cmp(&two.1).then(two.0.cmp(&one.0)));
        if hop.utilisation < 1.0
            && let Some((flow, _, p99)) = tightest.filter(|(_, _, p99)| *p99 > 0.0)
        {
            let name = judged.flow(flow).name.clone();
            return Some(Self {
                what: format!("p99 of `{name}`"),
                flow: Some(name),
                hop: hop.hop,
                value: p99,
            });
        }
        let what = format!("utilisation of `{}`", hop.hop);
        (hop.utilisation > 0.0).then_some(Self {
            what,
            flow: None,
            hop: hop.hop,
            value: hop.utilisation,
        })
    }

    fn answer(&self, loaded: &Loaded<'_, '_>) -> Option<f64> {
        match &self.flow {
            Some(name) => {
                let flow = loaded.topology.flows.iter().position(|flow| flow.name == *name)?;
                Some(time(loaded, flow).whole?.quantile(0.99))
            }
            None => Some(loaded.utilisation(loaded.topology.position(&self.hop)?)),
        }
        .filter(|answer| *answer > 0.0)
    }
}

fn inputs(judged: &Loaded<'_, '_>, target: &Target) -> Vec<Input> {
    let mut hops: Vec<usize> = judged.topology.position(&target.hop).into_iter().collect();
    if let Some(flow) =
        judged.topology.flows.iter().position(|flow| Some(&flow.name) == target.flow.as_ref())
    {
        for hop in &judged.topology.paths[flow] {
            if !hops.contains(hop) {
                hops.push(*hop);
            }
        }
    }
    let mut inputs = Vec::new();
    for hop in hops.iter().take(COMPONENTS_MAX) {
        component_inputs(judged.topology.components[*hop], &mut inputs);
    }
    let mut flows: Vec<usize> = Vec::new();
    for hop in &hops {
        for (flow, _) in super::hop_report::parts(
            judged,
            *hop,
            judged.loads[*hop]
                .fullest(judged.topology.components[*hop], &judged.capacities[*hop])
                .1,
        ) {
            if !flows.contains(&flow) && flows.len() < FLOWS_MAX {
                flows.push(flow);
            }
        }
    }
    for flow in flows {
        flow_inputs(judged.flow(flow), &mut inputs);
    }
    inputs
}

fn component_inputs(component: &Component, inputs: &mut Vec<Input>) {
    let mut add = |key: &str, stated: bool, change: fn(&mut Component, f64)| {
        inputs.push(Input {
            name: format!("components.{}.{key}", component.name),
            uncertainty: if stated { STATED } else { UNSTATED },
            change: Change::Component(component.name.clone(), change),
        });
    };
    if component.bandwidth.is_some() {
        add("bandwidth", true, |one, times| {
            one.bandwidth.iter_mut().for_each(|rate| rate.0 *= times)
        });
    }
    if component.packets.is_some() {
        add("packets", true, |one, times| one.packets.iter_mut().for_each(|rate| rate.0 *= times));
    }
    if component.events.is_some() {
        add("events", true, |one, times| one.events.iter_mut().for_each(|rate| rate.0 *= times));
    }
    if component.service.is_some() || component.service_per_request.is_some() {
        add("service", true, |one, times| {
            one.service
                .iter_mut()
                .chain(one.service_per_request.iter_mut())
                .for_each(|time| time.0 *= times);
        });
        add("service_scv", component.service_scv.is_some(), |one, times| {
            one.service_scv = Some(Ratio(one.service_scv.map_or(1.0, |scv| scv.0) * times));
        });
    }
    if component.propagation.0 > 0.0 {
        add("propagation", true, |one, times| one.propagation.0 *= times);
    }
}

fn flow_inputs(flow: &Flow, inputs: &mut Vec<Input>) {
    let mut add = |key: &str, uncertainty: f64, change: fn(&mut Flow, f64)| {
        inputs.push(Input {
            name: format!("flows.{}.{key}", flow.name),
            uncertainty,
            change: Change::Flow(flow.name.clone(), change),
        });
    };
    add("rate", FORECAST, |one, times| {
        one.rate.0 *= times;
        one.peak.iter_mut().for_each(|peak| peak.0 *= times);
    });
    add("payload", STATED, |one, times| one.payload.0 *= times);
    add("arrival_scv", if flow.arrival_scv.is_some() { STATED } else { UNSTATED }, |one, times| {
        one.arrival_scv = Some(Ratio(one.arrival_scv.map_or(1.0, |scv| scv.0) * times));
    });
    if flow.compression.0 > 1.0 {
        add("compression", FORECAST, |one, times| one.compression.0 *= times);
    }
    if flow.batch.0 >= 100 {
        add("batch", STATED, |one, times| {
            one.batch = Count((f64::from(one.batch.0) * times) as u32)
        });
    }
    if flow.linger.is_some() {
        add("linger", STATED, |one, times| one.linger.iter_mut().for_each(|time| time.0 *= times));
    }
}
