//! How regular the requests are that reach each hop, told by the squared coefficient of variation of the times
//! between them: a queue smooths or roughens what passes it, paths part and join. An approximation, save where
//! everything is Poisson. [Queueing Network Analyzer, Whitt 1983; several flows at one queue, Bitran and
//! Tirupati 1988]
//!
//! All figures are what a coefficient has over 1, so that Poisson streams are exactly zero and stay so.

use super::loaded::Loaded;
use super::topology::{Capacity, HopLoad, has_service};
use super::visit::arrival_scv;
use crate::inventory::{Component, Scheduling};
use alloc::vec;
use alloc::vec::Vec;
use libm::{fabs, sqrt};

/// Sweeps over the network until nothing moves; cycles of flows that cross each other need several.
const SWEEPS_MAX: u32 = 100;
/// A change that counts as one.
const MOVED: f64 = 1e-7;
/// Farther than this from Poisson is not Poisson.
const POISSON: f64 = 1e-9;
/// Loss at a full buffer from which what leaves is no longer what came.
const LOSS_FELT: f64 = 1e-9;

/// The arrivals of a hop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Arrivals {
    /// Squared coefficient of variation less 1: zero is Poisson, below is smoother, above is burstier.
    pub(super) excess: f64,
    /// What is known of it: stated, or worked out along the paths.
    pub(super) origin: Origin,
}

/// Where the variability of arrivals comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Poisson, or one flow as its plan states it.
    Stated,
    /// Worked out from the queues before and the streams that join.
    Derived,
}

impl Arrivals {
    /// Independent requests at a constant rate.
    pub(super) const POISSON: Self = Self { excess: 0.0, origin: Origin::Stated };

    /// True when they may be taken as Poisson.
    pub(super) fn is_poisson(self) -> bool {
        fabs(self.excess) < POISSON
    }
}

/// What a hop's servers do to the stream that passes them.
#[derive(Clone, Copy)]
struct Server {
    utilisation: f64,
    /// Squared coefficient of variation of service, less 1.
    excess: f64,
    servers: f64,
}

impl Server {
    fn of(component: &Component, capacity: &Capacity, load: &HopLoad) -> Option<Self> {
        if load.requests <= 0.0 {
            return None;
        }
        if !has_service(component) {
            let ceiling = capacity.events?;
            let utilisation = (load.events / ceiling).min(1.0);
            return Some(Self { utilisation, excess: 0.0, servers: 1.0 });
        }
        let (mean, servers) = (load.work / load.requests, f64::from(capacity.servers));
        if mean <= 0.0 {
            return None;
        }
        let excess = load.second / load.requests / (mean * mean) - 2.0;
        let excess = if fabs(excess) < POISSON { 0.0 } else { excess };
        Some(Self { utilisation: (load.work / servers).min(1.0), excess, servers })
    }

    /// The stream that leaves: 1 + (1 - rho^2)(ca2 - 1) + rho^2 (cs2 - 1) / sqrt(c).
    fn departures(self, arrivals: f64) -> f64 {
        let square = self.utilisation * self.utilisation;
        (1.0 - square) * arrivals + square * self.excess / sqrt(self.servers)
    }

    /// How much of the variability of streams is left where they join; `alike` is how many equal ones they
    /// are like. The fuller the queue, the longer the times over which it looks at them.
    fn joined(self, alike: f64) -> f64 {
        let free = 1.0 - self.utilisation;
        1.0 / (1.0 + 4.0 * free * free * (alike - 1.0).max(0.0))
    }
}

/// One flow at one hop, as its stream passes.
#[derive(Clone, Copy)]
struct Step {
    stream: usize,
    /// Whether the path goes on: the stream of the next visit stands behind this one.
    goes_on: bool,
    /// Its part of the hop's requests.
    share: f64,
    /// The part of it that goes on: dropping some at random makes the rest more like Poisson.
    kept: f64,
}

/// A hop as streams see it.
struct Passage {
    server: Option<Server>,
    weight: f64,
    steps: Vec<Step>,
}

/// The arrivals at every hop of a load whose queues need not be known yet.
pub(super) fn arrivals(loaded: &Loaded<'_, '_>) -> Vec<Arrivals> {
    let hops = loaded.loads.len();
    let components = loaded.topology.components.iter().zip(&loaded.capacities).zip(&loaded.loads);
    let servers: Vec<Option<Server>> = components
        .map(|((component, capacity), load)| Server::of(component, capacity, load))
        .collect();
    let calm = |server: &Option<Server>| server.is_none_or(|server| server.excess == 0.0);
    if loaded.topology.sends_poisson && servers.iter().all(calm) {
        return vec![Arrivals::POISSON; hops];
    }
    let mut first = Vec::with_capacity(loaded.journeys.len());
    let mut visits = 0;
    for journey in &loaded.journeys {
        first.push(visits);
        visits += journey.visits.len();
    }
    let mut streams = vec![0.0; visits];
    for (flow, at) in first.iter().enumerate().filter(|(_, at)| **at < visits) {
        streams[*at] = arrival_scv(loaded.flow(flow)) - 1.0;
    }
    let passages: Vec<Passage> = servers
        .iter()
        .enumerate()
        .map(|(hop, server)| passage(loaded, hop, *server, &first))
        .collect();
    let mut excess = vec![0.0; hops];
    for _ in 0..SWEEPS_MAX {
        if sweep(&passages, &mut streams, &mut excess) < MOVED {
            break;
        }
    }
    let arrivals = |(hop, excess): (usize, &f64)| {
        let stated = matches!(loaded.present[hop].as_slice(), [(_, 0)]) || fabs(*excess) < POISSON;
        let origin = if stated { Origin::Stated } else { Origin::Derived };
        Arrivals { excess: excess.max(-1.0), origin }
    };
    excess.iter().enumerate().map(arrivals).collect()
}

fn passage(
    loaded: &Loaded<'_, '_>,
    hop: usize,
    server: Option<Server>,
    first: &[usize],
) -> Passage {
    let all = loaded.loads[hop].requests;
    let step = |(flow, at): &(u32, u32)| {
        let (flow, at) = (*flow as usize, *at as usize);
        let visits = &loaded.journeys[flow].visits;
        let here = visits[at].load.requests;
        let next = visits.get(at + 1).map(|next| next.load.requests / next.copies);
        let before = here / visits[at].copies;
        Step {
            stream: first[flow] + at,
            goes_on: next.is_some(),
            share: if all > 0.0 { (here / all).min(1.0) } else { 0.0 },
            kept: next.filter(|_| before > 0.0).map_or(1.0, |after| (after / before).min(1.0)),
        }
    };
    let steps: Vec<Step> = loaded.present[hop].iter().map(step).collect();
    let squares: f64 = steps.iter().map(|step| step.share * step.share).sum();
    let weight = server.map_or(1.0, |server| server.joined(1.0 / squares.max(1e-300)));
    Passage { server, weight, steps }
}

/// Carries every stream one hop further, hops in order; gives the largest change.
fn sweep(passages: &[Passage], streams: &mut [f64], excess: &mut [f64]) -> f64 {
    let mut moved: f64 = 0.0;
    for (passage, excess) in passages.iter().zip(excess) {
        let joined: f64 = passage.steps.iter().map(|step| step.share * streams[step.stream]).sum();
        let joined = passage.weight * joined;
        moved = moved.max(fabs(joined - *excess));
        *excess = joined;
        for step in passage.steps.iter().filter(|step| step.goes_on) {
            let own = streams[step.stream];
            let left = passage.server.map_or(own, |server| {
                // Among many, a flow keeps its own pattern; alone, it takes that of the queue.
                let others = 1.0 - step.share;
                step.share * server.departures(joined) + others * others * own
            });
            moved = moved.max(fabs(step.kept * left - streams[step.stream + 1]));
            streams[step.stream + 1] = step.kept * left;
        }
    }
    moved
}

/// Marks hops behind a queue whose departures are not the stream that the formula says: what a full buffer
/// lets through is no Poisson stream even where what comes is.
pub(super) fn behind_losses(loaded: &Loaded<'_, '_>) -> Vec<bool> {
    let lossy = |hop: usize| {
        let queue = &loaded.queues[hop];
        queue.loss.is_some_and(|loss| loss.value > LOSS_FELT)
            || (loaded.topology.components[hop].scheduling != Scheduling::Fifo
                && loaded.present[hop].len() > 1
                && queue.wait.is_some_and(|wait| wait.mean > 0.0))
    };
    let lossy: Vec<bool> = (0..loaded.loads.len()).map(lossy).collect();
    let mut behind = vec![false; lossy.len()];
    for journey in &loaded.journeys {
        let mut after = false;
        for visit in &journey.visits {
            behind[visit.hop] |= after;
            after |= lossy[visit.hop];
        }
    }
    behind
}
