//! What each failure does: traffic takes other paths or ends, hops fill up.
//!
//! Incremental: only hops that a failure touches are summed again, in the order in which a full computation
//! sums them, so that both give the same bits. What was changed is put back for the next failure.

use super::end_to_end::time;
use super::hop_queue::HopQueue;
use super::loaded::{Loaded, Presence};
use super::topology::{Capacity, HopLoad};
use super::variability::{self, Arrivals};
use super::visit::Journey;
use crate::inventory::{Component, Domains};
use crate::report::{FailureReport, Fault, FlowShift, HopShift};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// Most pairs of failures that are tried.
pub const PAIRS_MAX: usize = 20_000;

/// A fault and the instances it takes, by position of the component.
type Loss = (Fault, Vec<(usize, u32)>);

/// Every fault of a plan: components, instances, domains, and pairs where the policies ask for them.
pub(super) fn faults(loaded: &Loaded<'_, '_>) -> Vec<Loss> {
    let components = &loaded.topology.components;
    let mut faults: Vec<Loss> = Vec::new();
    for (at, component) in components.iter().enumerate() {
        let all = component.instances.0;
        if all > 1 {
            faults.push((Fault::Instance { name: component.name.clone() }, vec![(at, 1)]));
        }
        faults.push((Fault::Component { name: component.name.clone() }, vec![(at, all)]));
    }
    type Named = fn(String) -> Fault;
    type Places = fn(&Domains) -> &Vec<String>;
    let kinds: [(Places, Named); 3] = [
        (|domains| &domains.racks, |name| Fault::Rack { name }),
        (|domains| &domains.zones, |name| Fault::Zone { name }),
        (|domains| &domains.regions, |name| Fault::Region { name }),
    ];
    for (of, fault) in kinds {
        let mut domains: BTreeMap<&String, Vec<(usize, u32)>> = BTreeMap::new();
        for (at, component) in components.iter().enumerate() {
            let places = of(&component.domains);
            for place in places {
                let lost = component.instances.0.div_ceil(places.len() as u32);
                domains.entry(place).or_default().push((at, lost));
            }
        }
        faults.extend(domains.into_iter().map(|(name, lost)| (fault(name.clone()), lost)));
    }
    if loaded.topology.plan.policies.failure_pairs {
        faults.extend(pairs(components));
    }
    faults
}

fn pairs(components: &[&Component]) -> Vec<Loss> {
    let mut pairs = Vec::new();
    for (at, one) in components.iter().enumerate() {
        for (other_at, other) in components.iter().enumerate().skip(at + 1) {
            if pairs.len() >= PAIRS_MAX {
                return pairs;
            }
            let fault = Fault::Pair { name: one.name.clone(), other: other.name.clone() };
            pairs.push((fault, vec![(at, one.instances.0), (other_at, other.instances.0)]));
        }
    }
    pairs
}

/// What a failure does to the flows that cross what is down.
struct Detour {
    /// Flow and its new path; `None` when it ends.
    flows: Vec<(usize, Option<Vec<usize>>)>,
    failover: Option<f64>,
}

/// What has to be put back after a failure.
struct Undo {
    hops: Vec<(usize, Vec<Presence>, HopLoad, Capacity)>,
    journeys: Vec<(usize, Journey)>,
    arrivals: Vec<Arrivals>,
    queues: Vec<(usize, HopQueue)>,
}

/// Tries failures one after the other on one load.
pub(super) struct Failures<'l, 't, 'p> {
    loaded: &'l mut Loaded<'t, 'p>,
    /// Utilisation without failure, and hops by it, fullest first.
    before: Vec<f64>,
    fullest: Vec<usize>,
}

impl<'l, 't, 'p> Failures<'l, 't, 'p> {
    pub(super) fn new(loaded: &'l mut Loaded<'t, 'p>) -> Self {
        let before: Vec<f64> = (0..loaded.loads.len()).map(|hop| loaded.utilisation(hop)).collect();
        let mut fullest: Vec<usize> = (0..before.len()).collect();
        fullest.sort_by(|one, two| before[*two].total_cmp(&before[*one]).then(one.cmp(two)));
        Self { loaded, before, fullest }
    }

    /// The blast radius of one fault.
    pub(super) fn report(&mut self, (fault, lost): &Loss) -> FailureReport {
        let (down, smaller) = self.split(lost);
        let detour = self.detour(&down);
        let undo = self.apply(&detour, &down, &smaller);
        let report = self.read(fault, &detour, &down, &undo);
        self.restore(undo);
        report
    }

    /// Components that are gone, and those that lost a part.
    fn split(&self, lost: &[(usize, u32)]) -> (BTreeSet<usize>, Vec<(usize, u32)>) {
        let gone =
            |(at, lost): &&(usize, u32)| *lost >= self.loaded.topology.components[*at].instances.0;
        let down = lost.iter().filter(gone).map(|(at, _)| *at).collect();
        (down, lost.iter().filter(|one| !gone(one)).copied().collect())
    }

    fn detour(&self, down: &BTreeSet<usize>) -> Detour {
        let crossing = down
            .iter()
            .flat_map(|hop| self.loaded.present[*hop].iter().map(|(flow, _)| *flow as usize));
        let affected: BTreeSet<usize> = crossing.collect();
        let mut failover: Option<f64> = None;
        let flows = affected.into_iter().map(|flow| {
            let path = self.other_path(flow, down);
            if path.is_some() {
                let hops = self.loaded.topology.paths[flow].iter().filter(|hop| down.contains(hop));
                for time in
                    hops.filter_map(|hop| self.loaded.topology.components[*hop].failover_time)
                {
                    failover = Some(failover.map_or(time.0, |longest: f64| longest.max(time.0)));
                }
            }
            (flow, path)
        });
        let flows = flows.collect();
        Detour { flows, failover }
    }

    /// The first alternate without anything that is down; else the path with failovers in place.
    fn other_path(&self, flow: usize, down: &BTreeSet<usize>) -> Option<Vec<usize>> {
        let topology = self.loaded.topology;
        for alternate in &topology.flows[flow].alternates {
            let path = topology.resolve(alternate);
            if !path.is_empty() && path.iter().all(|hop| !down.contains(hop)) {
                return Some(path);
            }
        }
        let mut path = topology.paths[flow].clone();
        for at in 0..path.len() {
            if down.contains(&path[at]) {
                let standby = topology.resolve(&topology.components[path[at]].failover);
                let free =
                    standby.into_iter().find(|hop| !down.contains(hop) && !path.contains(hop))?;
                path[at] = free;
            }
        }
        Some(path)
    }

    fn apply(&mut self, detour: &Detour, down: &BTreeSet<usize>, smaller: &[(usize, u32)]) -> Undo {
        let topology = self.loaded.topology;
        let mut dirty: BTreeSet<usize> =
            down.iter().copied().chain(smaller.iter().map(|(hop, _)| *hop)).collect();
        let mut arriving: BTreeMap<usize, Vec<Presence>> = BTreeMap::new();
        let mut journeys = Vec::new();
        for (flow, path) in &detour.flows {
            dirty.extend(self.loaded.journeys[*flow].visits.iter().map(|visit| visit.hop));
            let Some(path) = path else { continue };
            let offer = self.loaded.scenario.offers[*flow];
            let journey = Journey::new(topology, topology.flows[*flow], path, offer);
            for (at, visit) in journey.visits.iter().enumerate() {
                dirty.insert(visit.hop);
                arriving.entry(visit.hop).or_default().push((*flow as u32, at as u32));
            }
            journeys.push((*flow, core::mem::replace(&mut self.loaded.journeys[*flow], journey)));
        }
        let affected: BTreeSet<u32> = detour.flows.iter().map(|(flow, _)| *flow as u32).collect();
        let lost: BTreeMap<usize, u32> = smaller.iter().copied().collect();
        let mut hops = Vec::with_capacity(dirty.len());
        for hop in dirty {
            let coming = arriving.remove(&hop).unwrap_or_default();
            hops.push(self.refill(hop, &affected, coming, lost.get(&hop).copied()));
        }
        let (arrivals, queues) = self.queue_again(&journeys);
        Undo { hops, journeys, arrivals, queues }
    }

    /// Sums a hop again, without the flows that left and with those that came; gives what was before.
    fn refill(
        &mut self,
        hop: usize,
        affected: &BTreeSet<u32>,
        coming: Vec<Presence>,
        lost: Option<u32>,
    ) -> (usize, Vec<Presence>, HopLoad, Capacity) {
        let loaded = &mut *self.loaded;
        let component = loaded.topology.components[hop];
        let staying =
            loaded.present[hop].iter().filter(|(flow, _)| !affected.contains(flow)).copied();
        let mut present: Vec<Presence> = staying.chain(coming).collect();
        present.sort_unstable();
        let mut load = HopLoad::default();
        present.iter().for_each(|(flow, at)| {
            load.add(&loaded.journeys[*flow as usize].visits[*at as usize].load)
        });
        let before = loaded.capacities[hop];
        let capacity = lost.and_then(|lost| Capacity::of(component, lost)).unwrap_or(before);
        (
            hop,
            core::mem::replace(&mut loaded.present[hop], present),
            core::mem::replace(&mut loaded.loads[hop], load),
            core::mem::replace(&mut loaded.capacities[hop], capacity),
        )
    }

    /// Works out the queues that flows on other paths meet: only their times are told.
    fn queue_again(
        &mut self,
        journeys: &[(usize, Journey)],
    ) -> (Vec<Arrivals>, Vec<(usize, HopQueue)>) {
        if journeys.is_empty() {
            return (Vec::new(), Vec::new());
        }
        let loaded = &mut *self.loaded;
        let arrivals = variability::arrivals(loaded);
        let arrivals = core::mem::replace(&mut loaded.arrivals, arrivals);
        let met: BTreeSet<usize> = journeys
            .iter()
            .flat_map(|(flow, _)| loaded.journeys[*flow].visits.iter().map(|visit| visit.hop))
            .collect();
        let queue = |hop: usize| {
            let queue = loaded.queue(hop);
            (hop, core::mem::replace(&mut loaded.queues[hop], queue))
        };
        let queues = met.into_iter().map(queue).collect();
        (arrivals, queues)
    }

    fn restore(&mut self, undo: Undo) {
        for (hop, present, load, capacity) in undo.hops {
            self.loaded.present[hop] = present;
            self.loaded.loads[hop] = load;
            self.loaded.capacities[hop] = capacity;
        }
        for (hop, queue) in undo.queues {
            self.loaded.queues[hop] = queue;
        }
        if !undo.arrivals.is_empty() {
            self.loaded.arrivals = undo.arrivals;
        }
        for (flow, journey) in undo.journeys {
            self.loaded.journeys[flow] = journey;
        }
    }

    fn read(
        &self,
        fault: &Fault,
        detour: &Detour,
        down: &BTreeSet<usize>,
        undo: &Undo,
    ) -> FailureReport {
        let loaded = &*self.loaded;
        let name = |hop: usize| loaded.topology.components[hop].name.clone();
        let mut hops = Vec::new();
        let mut unstable = Vec::new();
        let mut degraded = BTreeSet::new();
        let affected: BTreeSet<usize> = detour.flows.iter().map(|(flow, _)| *flow).collect();
        let (mut most, mut fullest) = (0.0, None);
        let mut offer = |hop: usize, utilisation: f64| {
            if utilisation > most {
                (most, fullest) = (utilisation, Some(hop));
            }
        };
        let touched: BTreeSet<usize> = undo.hops.iter().map(|one| one.0).collect();
        for hop in &touched {
            let (component, capacity) =
                (loaded.topology.components[*hop], &loaded.capacities[*hop]);
            let (after, limit) = loaded.loads[*hop].fullest(component, capacity);
            let gone = down.contains(hop);
            if !gone {
                offer(*hop, after);
            }
            if !gone && after >= 1.0 && self.before[*hop] < 1.0 {
                unstable.push(name(*hop));
                degraded.extend(
                    loaded.present[*hop]
                        .iter()
                        .map(|(flow, _)| *flow as usize)
                        .filter(|flow| !affected.contains(flow)),
                );
            }
            if gone || after != self.before[*hop] {
                let (after, limit) = if gone { (None, None) } else { (Some(after), limit) };
                hops.push(HopShift { hop: name(*hop), before: self.before[*hop], after, limit });
            }
        }
        if let Some(hop) = self.fullest.iter().find(|hop| !touched.contains(hop)) {
            offer(*hop, self.before[*hop]);
        }
        let flow_name = |flow: &usize| loaded.topology.flows[*flow].name.clone();
        let (lost_events, lost_value) = self.lost(detour);
        FailureReport {
            fault: fault.clone(),
            hops,
            lost: detour
                .flows
                .iter()
                .filter(|(_, path)| path.is_none())
                .map(|(flow, _)| flow_name(flow))
                .collect(),
            rerouted: self.rerouted(detour),
            degraded: degraded.iter().map(flow_name).collect(),
            unstable,
            utilisation_max: most,
            fullest: fullest.map(name),
            lost_events_per_s: lost_events,
            lost_value_per_hour: lost_value * 3600.0,
            failover_s: detour.failover,
            intolerable: self.intolerable(detour),
        }
    }

    fn rerouted(&self, detour: &Detour) -> Vec<FlowShift> {
        let taken =
            detour.flows.iter().filter_map(|(flow, path)| path.as_ref().map(|path| (*flow, path)));
        let shift = |(flow, path): (usize, &Vec<usize>)| {
            let whole = time(self.loaded, flow).whole;
            FlowShift {
                flow: self.loaded.topology.flows[flow].name.clone(),
                path: path
                    .iter()
                    .map(|hop| self.loaded.topology.components[*hop].name.clone())
                    .collect(),
                mean_s: whole.as_ref().map(|whole| whole.mean()).filter(|mean| mean.is_finite()),
                p99_s: whole
                    .as_ref()
                    .map(|whole| whole.quantile(0.99))
                    .filter(|p99| p99.is_finite()),
            }
        };
        taken.map(shift).collect()
    }

    /// Events and value per second that no longer arrive.
    fn lost(&self, detour: &Detour) -> (f64, f64) {
        let ended = detour.flows.iter().filter(|(_, path)| path.is_none());
        ended.fold((0.0, 0.0), |(events, value), (flow, _)| {
            let rate =
                self.loaded.scenario.offers[*flow].rate * self.loaded.journeys[*flow].success;
            let worth =
                self.loaded.topology.flows[*flow].value_per_event.map_or(0.0, |value| value.0);
            (events + rate, value + rate * worth)
        })
    }

    fn intolerable(&self, detour: &Detour) -> Vec<String> {
        let minds = |(flow, path): &&(usize, Option<Vec<usize>>)| {
            let tolerance = self.loaded.topology.flows[*flow].tolerance;
            let away = match path {
                None => f64::INFINITY,
                Some(_) => detour.failover.unwrap_or(0.0),
            };
            tolerance.is_some_and(|tolerance| away > tolerance.0)
        };
        let named = detour.flows.iter().filter(minds);
        named.map(|(flow, _)| self.loaded.topology.flows[*flow].name.clone()).collect()
    }
}
