//! The queue at a component: how long each flow waits there.

use super::topology::{Capacity, HopLoad, has_service};
use super::variability::{Arrivals, Origin};
use super::visit::Visit;
use crate::confidence::{Confidence, Figure};
use crate::inventory::{Buffer, Component, Flow, Scheduling};
use crate::queue::general::{self, Service};
use crate::queue::markovian::{Markovian, erlang_b};
use libm::{fabs, log, pow};

/// Known relative error of Allen and Cunneen's wait with the correction of Kraemer and Langenbach-Belz.
const TWO_MOMENT_ERROR: f64 = 0.1;
/// And where the variability of arrivals was itself worked out along the paths.
const DERIVED_ERROR: f64 = 0.25;
/// Known relative error of loss and wait in a finite buffer when times are not exponential.
const FINITE_ERROR: f64 = 0.3;
/// Known relative error of waits by weight.
const WEIGHTED_ERROR: f64 = 0.25;
/// Known relative error of processor sharing for messages of several packets.
const SHARING_ERROR: f64 = 0.1;

/// A mean, a variance and how far they can be trusted; seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Delay {
    pub(super) mean: f64,
    pub(super) variance: f64,
    pub(super) confidence: Confidence,
}

impl Delay {
    pub(super) const NONE: Self = Self { mean: 0.0, variance: 0.0, confidence: Confidence::Exact };

    /// Of two independent delays one after the other: means and variances add, percentiles never do.
    pub(super) fn then(self, next: Self) -> Self {
        Self {
            mean: self.mean + next.mean,
            variance: self.variance + next.variance,
            confidence: self.confidence.and(next.confidence),
        }
    }
}

/// The queue of a component's servers under one load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct HopQueue {
    /// Wait of a request under first come, first served; `None` when unstable without a buffer.
    pub(super) wait: Option<Delay>,
    /// Chance to wait at all.
    wait_chance: f64,
    /// Share of requests lost at the full buffer.
    pub(super) loss: Option<Figure>,
    /// Mean residual work that an arrival finds in service, for priorities.
    residual: f64,
    /// Utilisation of the servers.
    pub(super) utilisation: f64,
    forward_utilisation: f64,
    reverse_utilisation: f64,
    packet_utilisation: f64,
    /// The wait is that of M/M/1 alone, so that time in system is exponential.
    pub(super) is_markovian: bool,
}

/// The room of a component in requests of its mean size.
pub(super) fn room(component: &Component, load: &HopLoad, capacity: &Capacity) -> Option<f64> {
    let servers = f64::from(capacity.servers);
    // Instances that are left: a failed one takes its buffer with it.
    let instances = servers / f64::from(component.servers.0);
    let requests = match component.buffer? {
        Buffer::Requests(count) => f64::from(count.0),
        Buffer::Bytes(bytes) if load.requests > 0.0 && load.body_bytes > 0.0 => {
            bytes.0 * load.requests / load.body_bytes
        }
        Buffer::Bytes(_) => return None,
    };
    Some((requests * instances).max(servers))
}

/// Loss, mean number waiting and chance to wait of M/M/c/K in closed form. With p(c) = 1 the states below
/// sum to 1/B - 1, those above are geometric. `room` may be no whole number.
pub(super) fn finite(load: f64, servers: u32, room: f64) -> (f64, f64, f64) {
    let blocked = erlang_b(servers, load).max(1e-300);
    let ratio = load / f64::from(servers);
    let places = (room - f64::from(servers)).max(0.0);
    // Divide by ratio^places when it is over one, so that nothing overflows.
    let last = if ratio > 1.0 { 1.0 } else { pow(ratio, places) };
    let first = if ratio > 1.0 { pow(ratio, -places) } else { 1.0 };
    let (sum, held) = geometric(ratio, places, first, last);
    let total = first / blocked + sum;
    let loss = last / total;
    (loss, held / total, ((first + sum - last) / total / (1.0 - loss).max(1e-300)).clamp(0.0, 1.0))
}

/// Sums of first r^i and first i r^i over i = 1..=n, where last = first r^n.
fn geometric(ratio: f64, places: f64, first: f64, last: f64) -> (f64, f64) {
    if fabs(ratio - 1.0) < 1e-7 {
        return (places * first, 0.5 * places * (places + 1.0) * first);
    }
    let gap = 1.0 - ratio;
    let sum = ratio * (first - last) / gap;
    let held = (sum - places * ratio * last) / gap;
    (sum, held.max(0.0))
}

/// What the servers of a hop have to do.
#[derive(Clone, Copy)]
struct Work {
    /// Server-seconds per second.
    total: f64,
    /// Requests per second times E\[S^2\].
    second: f64,
    servers: u32,
    /// Requests that have room, those in service included.
    room: Option<f64>,
    arrivals: Arrivals,
}

impl HopQueue {
    pub(super) fn new(
        component: &Component,
        capacity: &Capacity,
        load: &HopLoad,
        arrivals: Arrivals,
    ) -> Self {
        let over =
            |load: f64, capacity: Option<f64>| capacity.map_or(0.0, |capacity| load / capacity);
        let half = component.duplex == crate::inventory::Duplex::Half;
        let both = load.forward_bits + load.reverse_bits;
        let mut queue = Self {
            wait: Some(Delay::NONE),
            wait_chance: 0.0,
            loss: None,
            residual: 0.0,
            utilisation: 0.0,
            forward_utilisation: over(if half { both } else { load.forward_bits }, capacity.bits),
            reverse_utilisation: over(if half { both } else { load.reverse_bits }, capacity.bits),
            packet_utilisation: over(load.forward_packets + load.reverse_packets, capacity.packets),
            is_markovian: false,
        };
        if load.requests <= 0.0 {
            return queue;
        }
        let room = room(component, load, capacity);
        if has_service(component) {
            let servers = capacity.servers;
            let work = Work { total: load.work, second: load.second, servers, room, arrivals };
            queue.serve(component, load, work);
        } else if let Some(events) = capacity.events {
            // A ceiling alone is a server that passes events one by one at that rate.
            let time = load.events / load.requests / events;
            let second = load.requests * 2.0 * time * time;
            let total = load.requests * time;
            queue.serve(component, load, Work { total, second, servers: 1, room, arrivals });
        }
        queue
    }

    fn serve(&mut self, component: &Component, load: &HopLoad, work: Work) {
        let Work { total: work, second, servers, room, arrivals } = work;
        let (mean, count) = (work / load.requests, f64::from(servers));
        self.utilisation = work / count;
        if mean <= 0.0 {
            return;
        }
        let service_scv = (second / load.requests / (mean * mean) - 1.0).max(0.0);
        let arrival_scv = if arrivals.is_poisson() { 1.0 } else { 1.0 + arrivals.excess };
        let variability = 0.5 * (arrival_scv + service_scv);
        let markovian = arrivals.is_poisson() && fabs(service_scv - 1.0) < 1e-9;
        self.residual = second / load.requests / (2.0 * mean * count);
        if let Some(room) = room {
            let effective = count + (room - count) / variability.max(0.05);
            let (loss, waiting, chance) =
                finite(work, servers, if markovian { room } else { effective });
            let error = if markovian {
                Confidence::Exact
            } else {
                Confidence::Approximation { error: FINITE_ERROR }
            };
            let taken = load.requests * (1.0 - loss);
            let wait = waiting / taken.max(1e-300) * if markovian { 1.0 } else { variability };
            let wait = wait.min(room * mean / count);
            self.loss = Figure::new(loss, error);
            self.wait_chance = chance;
            self.wait =
                Some(Delay { mean: wait, variance: spread(wait, chance), confidence: error });
            return;
        }
        let service = Service::new(mean, service_scv);
        self.wait = Markovian::new(load.requests, 1.0 / mean, servers).map(|queue| {
            self.wait_chance = queue.wait_chance();
            if servers == 1 && arrivals.is_poisson() {
                let wait = general::poisson_wait_mean(load.requests, service).unwrap_or(0.0);
                let variance =
                    general::poisson_wait_variance(load.requests, service).unwrap_or(0.0);
                return Delay { mean: wait, variance, confidence: Confidence::Exact };
            }
            if markovian {
                let variance = queue.wait_variance();
                return Delay { mean: queue.wait_mean(), variance, confidence: Confidence::Exact };
            }
            let wait = general::corrected_wait(&queue, arrival_scv, service_scv);
            let error = match arrivals.origin {
                Origin::Stated => TWO_MOMENT_ERROR,
                Origin::Derived => DERIVED_ERROR,
            };
            let confidence = Confidence::Approximation { error };
            Delay { mean: wait, variance: spread(wait, queue.wait_chance()), confidence }
        });
        self.is_markovian = markovian && servers == 1 && component.scheduling == Scheduling::Fifo;
    }

    /// What comes has lost some of its kind before, or was put in another order: no longer Poisson, even where
    /// its variability is about that of Poisson.
    pub(super) fn is_behind_losses(&mut self) {
        if let Some(wait) = self.wait.as_mut().filter(|wait| wait.mean > 0.0) {
            let error = Confidence::Approximation { error: TWO_MOMENT_ERROR };
            wait.confidence = wait.confidence.and(error);
        }
    }

    /// 99th percentile of the wait: P(wait > t) = C exp(-C t / Wq). Exact for M/M/c.
    pub(super) fn wait_p99(&self) -> Option<Figure> {
        let wait = self.wait?;
        let chance = self.wait_chance;
        let p99 = if chance <= 0.01 { 0.0 } else { log(chance / 0.01) * wait.mean / chance };
        let exact = self.is_markovian && self.loss.is_none();
        let confidence = if exact {
            wait.confidence
        } else {
            wait.confidence.and(Confidence::Approximation { error: TWO_MOMENT_ERROR })
        };
        Figure::new(p99, confidence)
    }

    /// The wait of one flow, by the component's order of service. `standing` says where the flow stands.
    pub(super) fn wait_of(&self, scheduling: Scheduling, standing: Standing) -> Option<Delay> {
        match scheduling {
            Scheduling::Fifo => self.wait,
            // Who is refused at a full buffer is refused whatever its priority: the mean order is kept.
            Scheduling::StrictPriority => {
                if standing.with >= 1.0 {
                    return self.loss.and(self.wait);
                }
                let mean = self
                    .wait
                    .map_or(self.residual, |wait| wait.mean * (1.0 - self.utilisation).max(0.0));
                let mean = mean / ((1.0 - standing.above) * (1.0 - standing.with));
                let confidence = self
                    .wait
                    .map_or(Confidence::Approximation { error: TWO_MOMENT_ERROR }, |wait| {
                        wait.confidence
                    });
                Some(Delay {
                    mean,
                    variance: spread(mean, self.wait_chance.max(standing.with)),
                    confidence,
                })
            }
            Scheduling::WeightedFair => {
                let wait = self.wait?;
                let mean = wait.mean * standing.slowness;
                let confidence =
                    wait.confidence.and(Confidence::Approximation { error: WEIGHTED_ERROR });
                Some(Delay { mean, variance: spread(mean, self.wait_chance), confidence })
            }
        }
    }

    /// Time on the line for a message: processor sharing, x / (1 - rho), variance about rho x^2 / (1 - rho)^2,
    /// and the wait for the packet engine. `None` when either is full.
    pub(super) fn line(
        &self,
        bits: f64,
        capacity: &Capacity,
        direction: Direction,
    ) -> Option<Delay> {
        let mut delay = Delay::NONE;
        if let Some(line) = capacity.line_bits.filter(|_| bits > 0.0) {
            let utilisation = match direction {
                Direction::Forward => self.forward_utilisation,
                Direction::Reverse => self.reverse_utilisation,
            };
            if utilisation >= 1.0 {
                return None;
            }
            let mean = bits / line / (1.0 - utilisation);
            let confidence = Confidence::Approximation { error: SHARING_ERROR };
            delay = delay.then(Delay { mean, variance: utilisation * mean * mean, confidence });
        }
        if let Some(packets) = capacity.packets {
            if self.packet_utilisation >= 1.0 {
                return None;
            }
            let mean = self.packet_utilisation / (2.0 * (1.0 - self.packet_utilisation)) / packets;
            let confidence = Confidence::Approximation { error: SHARING_ERROR };
            delay = delay.then(Delay { mean, variance: mean * mean, confidence });
        }
        Some(delay)
    }
}

/// Variance of a wait that is zero or, with chance C, exponential: Wq^2 (2/C - 1).
fn spread(mean: f64, chance: f64) -> f64 {
    if chance <= 0.0 { 0.0 } else { mean * mean * (2.0 / chance.min(1.0) - 1.0) }
}

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Forward,
    Reverse,
}

/// Where a flow stands among those of a hop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Standing {
    /// Utilisation by flows of higher priority.
    pub(super) above: f64,
    /// By those of higher and of its own priority.
    pub(super) with: f64,
    /// Its wait under weighted sharing over the mean wait: inversely proportional to its weight, the mean
    /// over requests unchanged.
    pub(super) slowness: f64,
}

impl Standing {
    /// Of a flow among the visits to a hop with so many servers.
    pub(super) fn of<'v>(
        flow: &Flow,
        visits: impl Iterator<Item = (&'v Flow, &'v Visit)>,
        servers: u32,
    ) -> Self {
        let count = f64::from(servers);
        let (mut above, mut with, mut requests, mut by_weight) = (0.0, 0.0, 0.0, 0.0);
        for (other, visit) in visits {
            let part = visit.load.work / count;
            above += if other.priority < flow.priority { part } else { 0.0 };
            with += if other.priority <= flow.priority { part } else { 0.0 };
            requests += visit.load.requests;
            by_weight += visit.load.requests / other.weight.0;
        }
        let slowness = if by_weight > 0.0 { requests / by_weight / flow.weight.0 } else { 1.0 };
        Self { above, with, slowness }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::finite::Finite;

    #[test]
    fn the_closed_form_of_a_finite_queue_is_the_sum_of_its_states() {
        for (load, servers, room) in
            [(0.9, 1, 10), (3.5, 4, 20), (12.0, 4, 50), (4.0, 4, 30), (1.0, 1, 9)]
        {
            let states = Finite::new(load, 1.0, servers, room).unwrap();
            let (loss, waiting, _) = finite(load, servers, f64::from(room));
            assert!(fabs(loss / states.loss() - 1.0) < 1e-9, "{load} {servers} {room}");
            let mean = waiting / (load * (1.0 - loss));
            assert!(fabs(mean - states.wait_mean()) < 1e-9 * states.wait_mean().max(1.0), "{load}");
        }
    }
}
