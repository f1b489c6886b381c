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
const MOVED: f64 = 1e-9;
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
        fabs(self.excess) < MOVED
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
        let excess = if fabs(excess) < MOVED { 0.0 } else { excess };
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

/// A hop as streams see it.
struct Passage {
    server: Option<Server>,
    weight: f64,
}

/// The arrivals at every hop of a load whose queues need not be known yet.
pub(super) fn arrivals(loaded: &Loaded<'_, '_>) -> Vec<Arrivals> {
    let hops = loaded.loads.len();
    let passages: Vec<Passage> = (0..hops).map(|hop| passage(loaded, hop)).collect();
    let sources = (0..loaded.journeys.len()).map(|flow| arrival_scv(loaded.flow(flow)) - 1.0);
    let sources: Vec<f64> = sources.collect();
    let calm = |passage: &Passage| passage.server.is_none_or(|server| server.excess == 0.0);
    if sources.iter().all(|excess| *excess == 0.0) && passages.iter().all(calm) {
        return vec![Arrivals::POISSON; hops];
    }
    let mut streams: Vec<Vec<f64>> =
        loaded.journeys.iter().map(|journey| vec![0.0; journey.visits.len()]).collect();
    for (stream, source) in streams.iter_mut().zip(&sources) {
        stream.iter_mut().take(1).for_each(|first| *first = *source);
    }
    let mut excess = vec![0.0; hops];
    for _ in 0..SWEEPS_MAX {
        if sweep(loaded, &passages, &mut streams, &mut excess) < MOVED {
            break;
        }
    }
    let arrivals = |(hop, excess): (usize, &f64)| {
        let stated = matches!(loaded.present[hop].as_slice(), [(_, 0)]) || fabs(*excess) < MOVED;
        let origin = if stated { Origin::Stated } else { Origin::Derived };
        Arrivals { excess: excess.max(-1.0), origin }
    };
    excess.iter().enumerate().map(arrivals).collect()
}

fn passage(loaded: &Loaded<'_, '_>, hop: usize) -> Passage {
    let load = &loaded.loads[hop];
    let server = Server::of(loaded.topology.components[hop], &loaded.capacities[hop], load);
    let squares: f64 = loaded
        .visits(hop)
        .map(|(_, visit)| share(visit.load.requests, load))
        .map(|part| part * part)
        .sum();
    let weight = server.map_or(1.0, |server| server.joined(1.0 / squares.max(1e-300)));
    Passage { server, weight }
}

fn share(requests: f64, load: &HopLoad) -> f64 {
    if load.requests > 0.0 { (requests / load.requests).min(1.0) } else { 0.0 }
}

/// Carries every stream one hop further, hops in order; gives the largest change.
fn sweep(
    loaded: &Loaded<'_, '_>,
    passages: &[Passage],
    streams: &mut [Vec<f64>],
    excess: &mut [f64],
) -> f64 {
    let mut moved: f64 = 0.0;
    for (hop, passage) in passages.iter().enumerate() {
        let load = &loaded.loads[hop];
        let joined: f64 = loaded.present[hop]
            .iter()
            .map(|(flow, at)| {
                let (flow, at) = (*flow as usize, *at as usize);
                let requests = loaded.journeys[flow].visits[at].load.requests;
                share(requests, load) * streams[flow][at]
            })
            .sum();
        let joined = passage.weight * joined;
        moved = moved.max(fabs(joined - excess[hop]));
        excess[hop] = joined;
        for (flow, at) in &loaded.present[hop] {
            let (flow, at) = (*flow as usize, *at as usize);
            let visits = &loaded.journeys[flow].visits;
            let Some(next) = visits.get(at + 1) else { continue };
            let own = streams[flow][at];
            let left = passage.server.map_or(own, |server| {
                let part = share(visits[at].load.requests, load);
                // Among many, a flow keeps its own pattern; alone, it takes that of the queue.
                part * server.departures(joined) + (1.0 - part) * (1.0 - part) * own
            });
            let kept = thinned(&visits[at], next);
            moved = moved.max(fabs(kept * left - streams[flow][at + 1]));
            streams[flow][at + 1] = kept * left;
        }
    }
    moved
}

/// The part of requests that goes on: dropping some at random makes the rest more like Poisson.
fn thinned(here: &super::visit::Visit, next: &super::visit::Visit) -> f64 {
    let (before, after) = (here.load.requests / here.copies, next.load.requests / next.copies);
    if before > 0.0 { (after / before).min(1.0) } else { 1.0 }
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
