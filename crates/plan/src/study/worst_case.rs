//! Bounds that hold whatever the order of events, for flows inside their bursts: network calculus in units of
//! a hop's fullest resource. [Le Boudec and Thiran 2001]

use super::loaded::Loaded;
use super::visit::{burst_seconds, peak_rate};
use crate::inventory::Scheduling;
use crate::report::Resource;
use alloc::vec;
use alloc::vec::Vec;

/// Rounds until bursts stop growing; without that there is no bound.
const ROUNDS_MAX: u32 = 60;

/// Worst-case seconds: of each hop for all that cross it, and of each flow end to end.
pub(super) struct WorstCase {
    pub(super) hops: Vec<Option<f64>>,
    pub(super) flows: Vec<Option<f64>>,
}

/// One flow's claim on a hop.
#[derive(Clone, Copy)]
struct Claim {
    flow: usize,
    hop: usize,
    /// Part of the hop for one event a second.
    per_event: f64,
    /// Part of the hop at its rate.
    part: f64,
}

/// Computes the bounds of a load.
pub(super) fn worst_case(loaded: &Loaded<'_, '_>) -> WorstCase {
    let hops = loaded.loads.len();
    let mut none = WorstCase { hops: vec![None; hops], flows: vec![None; loaded.journeys.len()] };
    let claims = claims(loaded);
    let mut parts = vec![0.0; hops];
    let mut latency: Vec<f64> =
        loaded.topology.components.iter().map(|component| component.propagation.0).collect();
    let mut largest = vec![0.0_f64; hops];
    for claim in claims.iter().flatten() {
        parts[claim.hop] += claim.part;
        largest[claim.hop] = largest[claim.hop]
            .max(claim.per_event * loaded.journeys[claim.flow].filling.events_mean);
    }
    latency.iter_mut().zip(&largest).for_each(|(latency, largest)| *latency += largest);
    // A burst grows by what comes while it waits upstream: b + r D.
    let mut delays = vec![0.0; hops];
    let mut settled = false;
    for _ in 0..ROUNDS_MAX {
        let bursts = bursts(loaded, &claims, &delays, &parts);
        let next: Vec<f64> = (0..hops)
            .map(|hop| if parts[hop] < 1.0 { latency[hop] + bursts[hop] } else { 0.0 })
            .collect();
        let moved = next
            .iter()
            .zip(&delays)
            .any(|(next, before): (&f64, &f64)| next - before > 1e-9 * next.max(1e-12));
        delays = next;
        if !moved {
            settled = true;
            break;
        }
    }
    if !settled {
        return none;
    }
    for hop in 0..hops {
        none.hops[hop] = (parts[hop] < 1.0).then_some(delays[hop]);
    }
    let sums = bursts(loaded, &claims, &delays, &parts);
    for (flow, claims) in claims.iter().enumerate() {
        none.flows[flow] = separate(loaded, claims, &parts, &delays, (&latency, &sums));
    }
    none
}

fn claims(loaded: &Loaded<'_, '_>) -> Vec<Vec<Claim>> {
    let claim = |flow: usize, visit: &super::visit::Visit| {
        let (component, capacity) =
            (loaded.topology.components[visit.hop], &loaded.capacities[visit.hop]);
        let resource =
            loaded.loads[visit.hop].fullest(component, capacity).1.unwrap_or(Resource::Service);
        let part = visit.load.part_of(resource, component, capacity);
        let rate = loaded.scenario.offers[flow].rate;
        let per_event = if rate > 0.0 { part / rate } else { 0.0 };
        Claim { flow, hop: visit.hop, per_event, part }
    };
    let of_flow = |(flow, journey): (usize, &super::visit::Journey)| {
        journey.visits.iter().map(|visit| claim(flow, visit)).collect()
    };
    loaded.journeys.iter().enumerate().map(of_flow).collect()
}

/// Events that a flow may bring at once: its burst over its mean, and one batch.
fn burst_events(loaded: &Loaded<'_, '_>, flow: usize) -> f64 {
    let described = loaded.flow(flow);
    let rate = loaded.scenario.offers[flow].rate;
    let excess = (peak_rate(described) - rate).max(0.0) * burst_seconds(described).unwrap_or(0.0);
    excess + loaded.journeys[flow].filling.events_mean
}

/// Work in seconds that may come to each hop at once.
fn bursts(
    loaded: &Loaded<'_, '_>,
    claims: &[Vec<Claim>],
    delays: &[f64],
    parts: &[f64],
) -> Vec<f64> {
    let mut sums = vec![0.0; delays.len()];
    for (flow, claims) in claims.iter().enumerate() {
        let mut burst = burst_events(loaded, flow);
        for claim in claims {
            sums[claim.hop] += claim.per_event * burst;
            if parts[claim.hop] < 1.0 {
                burst += loaded.scenario.offers[flow].rate * delays[claim.hop];
            }
        }
    }
    sums
}

/// Separate flow analysis: what each hop leaves, joined; the flow's own burst is paid once.
fn separate(
    loaded: &Loaded<'_, '_>,
    claims: &[Claim],
    parts: &[f64],
    delays: &[f64],
    (latency, sums): (&[f64], &[f64]),
) -> Option<f64> {
    let flow = claims.first()?.flow;
    let rate = loaded.scenario.offers[flow].rate;
    let own = burst_events(loaded, flow);
    let mut burst = own;
    let mut waits = 0.0;
    let mut slowest = f64::INFINITY;
    for claim in claims {
        if parts[claim.hop] >= 1.0 {
            return None;
        }
        let others = (parts[claim.hop] - claim.part).max(0.0);
        let beside = (sums[claim.hop] - claim.per_event * burst).max(0.0);
        let arbitrary = loaded.topology.components[claim.hop].scheduling != Scheduling::Fifo;
        waits += if arbitrary {
            (latency[claim.hop] + beside) / (1.0 - others)
        } else {
            latency[claim.hop] + beside
        };
        if claim.per_event > 0.0 {
            slowest = slowest.min((1.0 - others) / claim.per_event);
        }
        burst += rate * delays[claim.hop];
    }
    let bound = waits + if slowest.is_finite() { own / slowest } else { 0.0 };
    let linger = loaded.journeys[flow].filling.wait_max?;
    Some(bound + linger)
}
