//! Who gets how much where more is offered than fits.

use super::loaded::Loaded;
use crate::inventory::Scheduling;
use crate::network::share::{Demand, progressive_filling};
use crate::network::tcp;
use crate::report::Resource;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;

/// Share of what each flow offers that every hop on its path can carry, and the hop that limits it.
pub(super) struct Carried {
    pub(super) share: Vec<f64>,
    pub(super) limited_by: Vec<Option<usize>>,
}

/// Max-min fair by weight among flows that cross a hop with too much, priority by priority where such a hop
/// keeps priorities. Flows that cross none get all they want.
pub(super) fn carried(loaded: &Loaded<'_, '_>) -> Carried {
    let flows = loaded.journeys.len();
    let mut result = Carried { share: vec![1.0; flows], limited_by: vec![None; flows] };
    let full: Vec<usize> =
        (0..loaded.loads.len()).filter(|hop| loaded.utilisation(*hop) > 1.0).collect();
    if full.is_empty() {
        return result;
    }
    let resources = full_resources(loaded, &full);
    let mut capacities = vec![1.0; resources.len()];
    let mut uses: BTreeMap<usize, Vec<(usize, f64)>> = BTreeMap::new();
    for (number, (hop, resource)) in resources.iter().enumerate() {
        let (component, capacity) = (loaded.topology.components[*hop], &loaded.capacities[*hop]);
        for (flow, visit) in loaded.visits(*hop) {
            let part = visit.load.part_of(*resource, component, capacity);
            uses.entry(flow).or_default().push((number, part));
        }
    }
    let kept =
        |hop: &usize| loaded.topology.components[*hop].scheduling == Scheduling::StrictPriority;
    let ordered = full.iter().any(kept);
    let level = |flow: usize| if ordered { loaded.flow(flow).priority.0 } else { 1 };
    let levels: BTreeSet<u32> = uses.keys().map(|flow| level(*flow)).collect();
    for one in levels {
        let members: Vec<usize> = uses.keys().copied().filter(|flow| level(*flow) == one).collect();
        let demand = |flow: &usize| {
            // In units of what the flow offers: 1 is all of it.
            let uses = uses.get(flow).cloned().unwrap_or_default();
            let most = uses.iter().map(|(_, part)| *part).fold(0.0, f64::max);
            let weight = loaded.flow(*flow).weight.0 / if most > 0.0 { most } else { 1.0 };
            Demand { wants: 1.0, weight, uses }
        };
        let demands: Vec<Demand> = members.iter().map(demand).collect();
        for (flow, (given, demand)) in
            members.iter().zip(progressive_filling(&capacities, &demands).iter().zip(&demands))
        {
            result.share[*flow] = given.clamp(0.0, 1.0);
            demand.uses.iter().for_each(|(number, part)| {
                capacities[*number] = (capacities[*number] - given * part).max(0.0)
            });
        }
    }
    for (flow, uses) in &uses {
        if result.share[*flow] < 1.0 - 1e-9 {
            let tightest =
                uses.iter().min_by(|one, two| capacities[one.0].total_cmp(&capacities[two.0]));
            result.limited_by[*flow] = tightest.map(|(number, _)| resources[*number].0);
        }
    }
    result
}

fn full_resources(loaded: &Loaded<'_, '_>, full: &[usize]) -> Vec<(usize, Resource)> {
    let mut resources = Vec::new();
    for hop in full {
        let uses = loaded.loads[*hop]
            .utilisations(loaded.topology.components[*hop], &loaded.capacities[*hop]);
        resources.extend(
            uses.iter().filter(|one| one.utilisation > 1.0).map(|one| (*hop, one.resource)),
        );
    }
    resources
}

/// TCP's ceiling of a flow in events per second and which law makes it: window over round trip, loss.
pub(super) fn tcp_ceiling(loaded: &Loaded<'_, '_>, flow: usize) -> Option<(f64, &'static str)> {
    let (described, journey) = (loaded.flow(flow), &loaded.journeys[flow]);
    if described.protocol == crate::inventory::Protocol::Udp
        || journey.content_bits_per_event <= 0.0
    {
        return None;
    }
    let hop = |visit: &super::visit::Visit| {
        let wait = loaded.queues[visit.hop].wait.map_or(0.0, |wait| wait.mean);
        2.0 * loaded.topology.components[visit.hop].propagation.0 + wait
    };
    // A round trip is never shorter than the machine's own, about 50 microseconds.
    let round_trip = journey.visits.iter().map(hop).sum::<f64>().max(50e-6);
    let connections = f64::from(described.concurrency.0.max(described.senders.0));
    let mut ceiling: Option<(f64, &'static str)> = None;
    if let Some(window) = described.window {
        ceiling = Some((tcp::window_limited(window.0, round_trip), "tcp window"));
    }
    if described.loss.0 > 0.0 {
        let rate = if described.loss.0 > 0.02 {
            tcp::loss_limited_with_timeouts(journey.segment_bytes, round_trip, described.loss.0)
        } else {
            tcp::loss_limited(
                journey.segment_bytes,
                round_trip,
                described.loss.0,
                tcp::MATHIS_DELAYED,
            )
        };
        if ceiling.is_none_or(|(least, _)| rate < least) {
            ceiling = Some((rate, "tcp loss"));
        }
    }
    ceiling.map(|(rate, law)| (connections * rate / journey.content_bits_per_event, law))
}
