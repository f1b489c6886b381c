//! The whole network under one load.

use super::hop_queue::{Delay, Direction, HopQueue, Standing};
use super::topology::{Capacity, HopLoad, Topology};
use super::variability::{self, Arrivals};
use super::visit::{Journey, Offer, Visit, burst_seconds, peak_rate};
use crate::inventory::{Flow, Peak, Scheduling};
use crate::report::ScenarioKind;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// A load: what each flow offers, by position.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scenario {
    pub(super) name: String,
    pub(super) kind: ScenarioKind,
    pub(super) offers: Vec<Offer>,
    /// Seconds it lasts, where that is known.
    pub(super) lasts: Option<f64>,
}

impl Scenario {
    /// Every flow at its mean.
    pub(super) fn mean(topology: &Topology<'_>) -> Self {
        Self::of(topology, "mean", ScenarioKind::Mean, |flow| flow.rate.0)
    }

    /// Every flow at its own peak; `None` when none has one.
    pub(super) fn peak(topology: &Topology<'_>) -> Option<Self> {
        let mut scenario = Self::of(topology, "peak", ScenarioKind::Peak, peak_rate);
        let bursting = topology.flows.iter().filter(|flow| peak_rate(flow) > flow.rate.0);
        let lasts: Vec<Option<f64>> = bursting.map(|flow| burst_seconds(flow)).collect();
        if lasts.is_empty() {
            return None;
        }
        scenario.lasts = lasts
            .iter()
            .copied()
            .collect::<Option<Vec<f64>>>()
            .map(|all| all.into_iter().fold(0.0, f64::max));
        Some(scenario)
    }

    /// A named peak.
    pub(super) fn named(topology: &Topology<'_>, peak: &Peak) -> Self {
        let rate = |flow: &Flow| {
            let campaigns = peak.forecast.iter().filter(|line| line.flow == flow.name);
            own_rate(flow, peak) + campaigns.map(|line| line.events.0).sum::<f64>()
        };
        let mut scenario = Self::of(topology, &peak.name, ScenarioKind::NamedPeak, rate);
        scenario.lasts = peak.duration.map(|duration| duration.0);
        scenario
    }

    fn of(
        topology: &Topology<'_>,
        name: &str,
        kind: ScenarioKind,
        rate: impl Fn(&Flow) -> f64,
    ) -> Self {
        let offers =
            topology.flows.iter().map(|flow| Offer { rate: rate(flow), payload: 1.0 }).collect();
        Self { name: name.into(), kind, offers, lasts: None }
    }

    /// `mean`, `peak` where there is one, and the named peaks in order of name.
    pub(super) fn all(topology: &Topology<'_>) -> Vec<Self> {
        let named = topology.plan.policies.peaks.values().map(|peak| Self::named(topology, peak));
        let peak = Self::peak(topology);
        [Self::mean(topology)].into_iter().chain(peak).chain(named).collect()
    }
}

/// Events per second of a flow in a named peak, campaigns apart.
pub(super) fn own_rate(flow: &Flow, peak: &Peak) -> f64 {
    let times =
        peak.classes.get(&flow.class).or(peak.multiplier.as_ref()).map_or(1.0, |times| times.0);
    peak.flows.get(&flow.name).map_or(flow.rate.0 * times, |rate| rate.0)
}

/// A flow at a hop: its position and that of the visit on its path.
pub(super) type Presence = (u32, u32);

/// The network under one load, computed once and read by every report.
pub(super) struct Loaded<'t, 'p> {
    pub(super) topology: &'t Topology<'p>,
    pub(super) scenario: &'t Scenario,
    pub(super) journeys: Vec<Journey>,
    pub(super) present: Vec<Vec<Presence>>,
    pub(super) loads: Vec<HopLoad>,
    pub(super) capacities: Vec<Capacity>,
    pub(super) arrivals: Vec<Arrivals>,
    pub(super) queues: Vec<HopQueue>,
}

impl<'t, 'p> Loaded<'t, 'p> {
    pub(super) fn new(topology: &'t Topology<'p>, scenario: &'t Scenario) -> Self {
        let journeys: Vec<Journey> = topology
            .flows
            .iter()
            .zip(&topology.paths)
            .zip(&scenario.offers)
            .map(|((flow, path), offer)| Journey::new(topology, flow, path, *offer))
            .collect();
        Self::of_journeys(topology, scenario, journeys)
    }

    /// The network with these journeys on it.
    pub(super) fn of_journeys(
        topology: &'t Topology<'p>,
        scenario: &'t Scenario,
        journeys: Vec<Journey>,
    ) -> Self {
        let mut present: Vec<Vec<Presence>> = vec![Vec::new(); topology.components.len()];
        for (flow, journey) in journeys.iter().enumerate() {
            for (at, visit) in journey.visits.iter().enumerate() {
                if visit.load.requests > 0.0 {
                    present[visit.hop].push((flow as u32, at as u32));
                }
            }
        }
        let sum = |present: &Vec<Presence>| {
            let mut load = HopLoad::default();
            present.iter().for_each(|(flow, at)| {
                load.add(&journeys[*flow as usize].visits[*at as usize].load)
            });
            load
        };
        let loads: Vec<HopLoad> = present.iter().map(sum).collect();
        let whole = |component: &&crate::inventory::Component| {
            Capacity::of(component, 0).unwrap_or(NOTHING)
        };
        let capacities: Vec<Capacity> = topology.components.iter().map(whole).collect();
        let (arrivals, queues) = (Vec::new(), Vec::new());
        let mut loaded =
            Self { topology, scenario, journeys, present, loads, capacities, arrivals, queues };
        loaded.arrivals = variability::arrivals(&loaded);
        loaded.queues = (0..loaded.loads.len()).map(|hop| loaded.queue(hop)).collect();
        for (queue, behind) in variability::behind_losses(&loaded).into_iter().enumerate() {
            if behind {
                loaded.queues[queue].is_behind_losses();
            }
        }
        loaded
    }

    /// The queue of a hop under its load and arrivals.
    pub(super) fn queue(&self, hop: usize) -> HopQueue {
        let component = self.topology.components[hop];
        HopQueue::new(component, &self.capacities[hop], &self.loads[hop], self.arrivals[hop])
    }

    pub(super) fn flow(&self, at: usize) -> &'p Flow {
        self.topology.flows[at]
    }

    /// The visits to a hop, in the order of flows.
    pub(super) fn visits(&self, hop: usize) -> impl Iterator<Item = (usize, &Visit)> {
        self.present[hop]
            .iter()
            .map(|(flow, at)| (*flow as usize, &self.journeys[*flow as usize].visits[*at as usize]))
    }

    /// The wait of a flow at one of its visits; `None` when there is none that ends.
    pub(super) fn wait(&self, flow: usize, visit: &Visit) -> Option<Delay> {
        let component = self.topology.components[visit.hop];
        let standing = if component.scheduling == Scheduling::Fifo {
            Standing { above: 0.0, with: 0.0, slowness: 1.0 }
        } else {
            let others = self.visits(visit.hop).map(|(other, visit)| (self.flow(other), visit));
            Standing::of(self.flow(flow), others, self.capacities[visit.hop].servers)
        };
        self.queues[visit.hop].wait_of(component.scheduling, standing)
    }

    /// Time at one visit apart from propagation: line, wait, service.
    pub(super) fn stay(&self, flow: usize, visit: &Visit) -> Option<Delay> {
        let bits = self.journeys[flow].request_bits;
        let line =
            self.queues[visit.hop].line(bits, &self.capacities[visit.hop], Direction::Forward)?;
        let service = Delay {
            mean: visit.service_mean,
            variance: (visit.service_second - visit.service_mean * visit.service_mean).max(0.0),
            confidence: crate::confidence::Confidence::Exact,
        };
        Some(line.then(self.wait(flow, visit)?).then(service))
    }

    /// Utilisation of a hop's fullest resource.
    pub(super) fn utilisation(&self, hop: usize) -> f64 {
        self.loads[hop].fullest(self.topology.components[hop], &self.capacities[hop]).0
    }

    /// Share of capacity that a hop keeps free: what the riskiest flow on it asks for.
    pub(super) fn headroom_policy(&self, hop: usize) -> f64 {
        let headroom = &self.topology.plan.policies.headroom;
        self.visits(hop).map(|(flow, _)| headroom.of(self.flow(flow).risk)).fold(0.0, f64::max)
    }
}

/// A capacity of nothing; components always have an instance, so it is never used.
const NOTHING: Capacity =
    Capacity { bits: None, line_bits: None, packets: None, events: None, servers: 1, vendor: None };
