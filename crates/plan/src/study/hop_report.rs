//! One component's figures.

use super::growth::{SECONDS_PER_MONTH, growth};
use super::loaded::Loaded;
use super::topology::has_service;
use crate::confidence::{Confidence, Figure};
use crate::inventory::Component;
use crate::queue::retry::Burst;
use crate::report::{HopReport, Overflow, Resource, ResourceUse, ScenarioKind, State};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Relative increase of a load by its own retries that is told.
const RETRIES_FELT: f64 = 1e-4;

/// Reports a hop; `bound` is its worst case, `settled` the load with the retries that it makes.
pub(super) fn report(
    loaded: &Loaded<'_, '_>,
    hop: usize,
    bound: Option<f64>,
    mean: &Loaded<'_, '_>,
    settled: &Loaded<'_, '_>,
) -> HopReport {
    let component = loaded.topology.components[hop];
    let (load, capacity, queue) =
        (&loaded.loads[hop], &loaded.capacities[hop], &settled.queues[hop]);
    let resources = load.utilisations(component, capacity);
    let fullest = resources.first().copied();
    let utilisation = fullest.map_or(0.0, |one| one.utilisation);
    let headroom_policy = loaded.headroom_policy(hop);
    let with_retries = settled.utilisation(hop);
    let with_retries = (with_retries > utilisation * (1.0 + RETRIES_FELT)).then_some(with_retries);
    let state = if loaded.present[hop].is_empty() {
        State::Idle
    } else if with_retries.unwrap_or(utilisation) >= 1.0 {
        State::Unstable
    } else if utilisation > 1.0 - headroom_policy {
        State::Tight
    } else {
        State::Ok
    };
    let wait = queue.wait.filter(|_| state != State::Unstable || queue.loss.is_some());
    let waiting = has_service(component) || capacity.events.is_some();
    HopReport {
        name: component.name.clone(),
        kind: component.kind,
        plane: component.plane,
        state,
        verdict: verdict(component, state, fullest.zip(Some(with_retries)), headroom_policy),
        events_per_s: load.events,
        requests_per_s: load.requests,
        forward_bits_per_s: load.forward_bits,
        reverse_bits_per_s: load.reverse_bits,
        forward_packets_per_s: load.forward_packets,
        reverse_packets_per_s: load.reverse_packets,
        utilisation,
        utilisation_with_retries: with_retries,
        limit: fullest.map(|one| one.resource),
        headroom_policy,
        headroom: 1.0 - utilisation,
        loss: queue.loss,
        wait_mean_s: wait
            .filter(|_| waiting)
            .and_then(|wait| Figure::new(wait.mean, wait.confidence)),
        wait_p99_s: wait.filter(|_| waiting).and_then(|_| queue.wait_p99()),
        queue_mean: wait
            .filter(|_| waiting)
            .and_then(|wait| Figure::new(wait.mean * settled.loads[hop].requests, wait.confidence)),
        overflow: overflow(loaded, hop, utilisation, mean),
        delay_bound_s: bound.filter(|_| state != State::Idle).and_then(Figure::bound),
        egress_cost_per_month: component
            .egress_cost_per_gb
            .and_then(|price| Figure::exact(price.0 * load.forward_bits / 8e9 * SECONDS_PER_MONTH)),
        growth: (loaded.scenario.kind == ScenarioKind::Mean && state != State::Idle)
            .then(|| growth(&loaded.topology.plan.policies, utilisation, headroom_policy)),
        flows: flows(loaded, hop, fullest.map(|one| one.resource)),
        resources,
    }
}

/// Names of the flows at a hop, the largest part of its fullest resource first.
pub(super) fn flows(
    loaded: &Loaded<'_, '_>,
    hop: usize,
    resource: Option<Resource>,
) -> Vec<String> {
    parts(loaded, hop, resource)
        .into_iter()
        .map(|(flow, _)| loaded.flow(flow).name.clone())
        .collect()
}

/// Flows at a hop with their parts of a resource, largest first.
pub(super) fn parts(
    loaded: &Loaded<'_, '_>,
    hop: usize,
    resource: Option<Resource>,
) -> Vec<(usize, f64)> {
    let (component, capacity) = (loaded.topology.components[hop], &loaded.capacities[hop]);
    let part = |(flow, visit): (usize, &super::visit::Visit)| {
        let part = match resource {
            Some(resource) => visit.load.part_of(resource, component, capacity),
            None => visit.load.forward_bits,
        };
        (flow, part)
    };
    let mut parts: Vec<(usize, f64)> = loaded.visits(hop).map(part).collect();
    parts.sort_by(|one, two| two.1.total_cmp(&one.1).then(one.0.cmp(&two.0)));
    parts
}

fn verdict(
    component: &Component,
    state: State,
    fullest: Option<(ResourceUse, Option<f64>)>,
    policy: f64,
) -> Option<String> {
    let (fullest, with_retries) = fullest?;
    let target = (1.0 - policy).max(0.05);
    let needed = fullest.utilisation / target;
    let head = match state {
        State::Unstable => match with_retries {
            None => format!("unstable at {:.2}: {}", fullest.utilisation, fullest.resource.name()),
            Some(more) => format!(
                "unstable at {more:.2} with the retries it causes, {:.2} without: {}",
                fullest.utilisation,
                fullest.resource.name()
            ),
        },
        State::Tight => format!(
            "{:.0} % used, the policy keeps {:.0} % free: {}",
            fullest.utilisation * 100.0,
            policy * 100.0,
            fullest.resource.name()
        ),
        _ => return None,
    };
    Some(format!("{head}; {} would fix it", cure(component, fullest, needed)))
}

/// What would bring a resource to its target, in words: `times` is how much more it takes.
pub(super) fn cure(component: &Component, fullest: ResourceUse, times: f64) -> String {
    let per_instance = fullest.capacity * times / f64::from(component.instances.0);
    match fullest.resource {
        Resource::ForwardBits | Resource::ReverseBits => {
            let bandwidth = per_instance * component.oversubscription.0;
            format!("a bandwidth of {:.3} Gbit/s", bandwidth / 1e9)
        }
        Resource::Packets => format!("{:.0} packets/s, or larger batches", per_instance),
        Resource::Service => {
            let servers = libm::ceil(fullest.capacity * times);
            format!("{servers:.0} servers in all instead of {:.0}", fullest.capacity)
        }
        Resource::Events => format!("a ceiling of {per_instance:.0} events/s"),
        Resource::VendorLimit => {
            format!("less load, or a limit of {:.0} events/s", fullest.capacity * times)
        }
    }
}

/// What an overload of known length does: the fluid model, in requests.
fn overflow(
    loaded: &Loaded<'_, '_>,
    hop: usize,
    utilisation: f64,
    mean: &Loaded<'_, '_>,
) -> Option<Overflow> {
    let lasts = loaded.scenario.lasts.filter(|_| utilisation > 1.0)?;
    let requests = loaded.loads[hop].requests;
    let capacity = requests / utilisation;
    let base = mean.utilisation(hop) * capacity;
    let burst = Burst::new(base, requests, lasts, capacity);
    let component = loaded.topology.components[hop];
    let room = super::hop_queue::room(component, &loaded.loads[hop], &loaded.capacities[hop]);
    let held = room.map_or(burst.backlog, |room| room.min(burst.backlog));
    let error = Confidence::Approximation { error: 0.05 };
    Some(Overflow {
        backlog: Figure::new(held, error)?,
        delay_s: Figure::new(held / capacity, error)?,
        drain_s: burst
            .drain
            .and_then(|drain| Figure::new(drain * held / burst.backlog.max(1e-300), error)),
        lost: Figure::new(burst.backlog - held, error)?,
    })
}
