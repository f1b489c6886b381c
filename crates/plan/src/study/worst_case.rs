//! Bounds that hold whatever the order of events, for flows inside their bursts: network calculus in units of
//! a hop's fullest resource. [Le Boudec and Thiran 2001]
//!
//! A flow brings at most min(M + p t, b + r t) in any time t: a message at once, its peak while it bursts, its
//! mean in the long run. A hop serves at least one second of its own time a second. Service times must have a
//! limit: constant ones (`service_scv = 0`), or `service_max`.

use super::loaded::Loaded;
use super::topology::has_service;
use super::visit::{Visit, burst_seconds, peak_rate};
use crate::inventory::{Component, Scheduling};
use crate::network::calculus::{Multiplexing, RateLatency, TokenBucket};
use crate::report::Resource;
use alloc::vec;
use alloc::vec::Vec;

/// Rounds until bursts stop growing; without that there is no bound.
const ROUNDS_MAX: u32 = 60;
/// Different burst lengths that are told apart at a hop; more are taken as bursts without length.
const LENGTHS_MAX: usize = 16;

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
    /// Seconds of the hop that one event takes.
    per_event: f64,
    /// Seconds that one message of the flow takes on one line and one server, however many there are.
    own: f64,
}

/// How a flow comes: events at once, peak, burst over the mean, mean.
#[derive(Clone, Copy)]
struct Coming {
    at_once: f64,
    peak: f64,
    burst: f64,
    mean: f64,
}

impl Coming {
    fn of(loaded: &Loaded<'_, '_>, flow: usize) -> Self {
        let described = loaded.flow(flow);
        let mean = loaded.scenario.offers[flow].rate;
        let at_once = loaded.journeys[flow].filling.events_mean.max(f64::from(described.batch.0));
        let peak = peak_rate(described).max(mean);
        let excess = (peak - mean) * burst_seconds(described).unwrap_or(0.0);
        // A peak of unknown length is no promise: the mean is then all there is to go by.
        Self {
            at_once,
            peak: if excess > 0.0 { peak } else { mean },
            burst: at_once + excess,
            mean,
        }
    }

    /// After a delay of at most d: all that came meanwhile may come at once.
    fn after(self, delay: f64) -> Self {
        Self {
            at_once: self.at_once + self.peak * delay,
            burst: self.burst + self.mean * delay,
            ..self
        }
    }

    fn within(self, time: f64) -> f64 {
        (self.at_once + self.peak * time).min(self.burst + self.mean * time)
    }

    /// Where its two lines meet: the length of its burst.
    fn length(self) -> Option<f64> {
        let meet = (self.burst - self.at_once) / (self.peak - self.mean);
        (self.peak > self.mean && meet > 0.0).then_some(meet)
    }
}

/// True when a component's time for an event has a limit.
pub(super) fn is_bounded(component: &Component) -> bool {
    let constant = component.service_scv.is_some_and(|scv| scv.0 == 0.0);
    !has_service(component) || constant || component.service_max.is_some()
}

struct Hops {
    claims: Vec<Vec<Claim>>,
    /// Utilisation at the means; infinite where there is no bound.
    parts: Vec<f64>,
    latency: Vec<f64>,
}

/// Computes the bounds of a load.
pub(super) fn worst_case(loaded: &Loaded<'_, '_>) -> WorstCase {
    let hops = loaded.loads.len();
    let mut found = WorstCase { hops: vec![None; hops], flows: vec![None; loaded.journeys.len()] };
    let known = Hops::of(loaded);
    let mut delays = vec![0.0; hops];
    let mut settled = false;
    for _ in 0..ROUNDS_MAX {
        let next = known.delays(loaded, &delays);
        let moved =
            next.iter().zip(&delays).any(|(next, before)| next - before > 1e-9 * next.max(1e-12));
        delays = next;
        if !moved {
            settled = true;
            break;
        }
    }
    if !settled {
        return found;
    }
    let stable = |(part, delay): (&f64, &f64)| (*part < 1.0).then_some(*delay);
    found.hops = known.parts.iter().zip(&delays).map(stable).collect();
    let at_once =
        |all: &Vec<(f64, Coming)>| all.iter().map(|(work, coming)| work * coming.burst).sum();
    let bursts: Vec<f64> = known.coming(loaded, &delays).iter().map(at_once).collect();
    for flow in 0..known.claims.len() {
        found.flows[flow] = known.end_to_end(loaded, flow, (&delays, &bursts));
    }
    found
}

impl Hops {
    fn of(loaded: &Loaded<'_, '_>) -> Self {
        let components = &loaded.topology.components;
        let claims: Vec<Vec<Claim>> = loaded
            .journeys
            .iter()
            .enumerate()
            .map(|(flow, journey)| {
                journey.visits.iter().map(|visit| claim(loaded, flow, visit)).collect()
            })
            .collect();
        let unbounded =
            |component: &&Component| if is_bounded(component) { 0.0 } else { f64::INFINITY };
        let mut parts: Vec<f64> = components.iter().map(unbounded).collect();
        let mut largest = vec![0.0_f64; components.len()];
        for claim in claims.iter().flatten() {
            let coming = Coming::of(loaded, claim.flow);
            parts[claim.hop] += claim.per_event * coming.mean;
            largest[claim.hop] = largest[claim.hop].max(claim.own);
        }
        // Work that was begun is finished first: one message of another flow.
        let latency = components
            .iter()
            .zip(&largest)
            .map(|(component, largest)| component.propagation.0 + largest);
        Self { latency: latency.collect(), claims, parts }
    }

    /// What comes to each hop, with the delays upstream.
    fn coming(&self, loaded: &Loaded<'_, '_>, delays: &[f64]) -> Vec<Vec<(f64, Coming)>> {
        let mut arrivals: Vec<Vec<(f64, Coming)>> = vec![Vec::new(); delays.len()];
        for (flow, claims) in self.claims.iter().enumerate() {
            let mut coming = Coming::of(loaded, flow);
            for claim in claims {
                arrivals[claim.hop].push((claim.per_event, coming));
                if self.parts[claim.hop] < 1.0 {
                    coming = coming.after(delays[claim.hop]);
                }
            }
        }
        arrivals
    }

    /// Delay of all that crosses each hop: the largest gap between what came and what was served.
    fn delays(&self, loaded: &Loaded<'_, '_>, before: &[f64]) -> Vec<f64> {
        let arrivals = self.coming(loaded, before);
        let delay = |hop: usize| {
            if self.parts[hop] >= 1.0 {
                return 0.0;
            }
            let all: f64 = arrivals[hop].iter().map(|(work, coming)| work * coming.burst).sum();
            if loaded.topology.components[hop].scheduling != Scheduling::Fifo {
                return (self.latency[hop] + all) / (1.0 - self.parts[hop]);
            }
            let mut lengths: Vec<f64> =
                arrivals[hop].iter().filter_map(|(_, coming)| coming.length()).collect();
            lengths.sort_by(f64::total_cmp);
            lengths.dedup_by(|one, two| *one - *two < 1e-9 * *one);
            if lengths.len() > LENGTHS_MAX {
                return self.latency[hop] + all;
            }
            let gap = |time: f64| {
                arrivals[hop].iter().map(|(work, coming)| work * coming.within(time)).sum::<f64>()
                    - time
            };
            self.latency[hop] + lengths.into_iter().map(gap).fold(gap(0.0), f64::max)
        };
        (0..before.len()).map(delay).collect()
    }

    /// The delays of the hops added, or, where it is less, what each hop leaves joined end to end, which pays
    /// the flow's own burst only once.
    fn end_to_end(
        &self,
        loaded: &Loaded<'_, '_>,
        flow: usize,
        (delays, bursts): (&[f64], &[f64]),
    ) -> Option<f64> {
        let claims = &self.claims[flow];
        if claims.iter().any(|claim| self.parts[claim.hop] >= 1.0) {
            return None;
        }
        let journey = &loaded.journeys[flow];
        let linger = journey.filling.wait_max?;
        let total: f64 = claims.iter().map(|claim| delays[claim.hop]).sum();
        let own = Coming::of(loaded, flow);
        let mut joined = RateLatency { rate: f64::INFINITY, latency: 0.0 };
        let mut coming = own;
        for claim in claims.iter().filter(|claim| claim.per_event > 0.0) {
            let hop = RateLatency { rate: 1.0, latency: self.latency[claim.hop] };
            let others = TokenBucket {
                burst: (bursts[claim.hop] - claim.per_event * coming.burst).max(0.0),
                rate: (self.parts[claim.hop] - claim.per_event * own.mean).max(0.0),
            };
            let order = match loaded.topology.components[claim.hop].scheduling {
                Scheduling::Fifo => Multiplexing::Fifo,
                _ => Multiplexing::Arbitrary,
            };
            let left = hop.beside(others, order)?;
            joined = joined
                .then(RateLatency { rate: left.rate / claim.per_event, latency: left.latency });
            coming = coming.after(delays[claim.hop]);
        }
        let idle: f64 = claims
            .iter()
            .filter(|claim| claim.per_event <= 0.0)
            .map(|claim| self.latency[claim.hop])
            .sum();
        let once = joined
            .delay(TokenBucket { burst: own.burst, rate: own.mean })
            .filter(|delay| delay.is_finite());
        let there = once.map_or(total, |once| total.min(once + idle));
        let back = if loaded.flow(flow).round_trip { self.back(loaded, flow) } else { 0.0 };
        Some(linger + there + back)
    }

    /// The way back of an answer on lines that are its own.
    fn back(&self, loaded: &Loaded<'_, '_>, flow: usize) -> f64 {
        let journey = &loaded.journeys[flow];
        let hop = |visit: &Visit| {
            let line = loaded.capacities[visit.hop]
                .line_bits
                .map_or(0.0, |line| journey.response_bits / line);
            loaded.topology.components[visit.hop].propagation.0 + line
        };
        journey.visits.iter().map(hop).sum()
    }
}

/// Seconds of a hop that an event takes of everything it needs there, one after the other: a line and its
/// servers work at the same time, so this is never too little.
fn claim(loaded: &Loaded<'_, '_>, flow: usize, visit: &Visit) -> Claim {
    let (component, capacity) =
        (loaded.topology.components[visit.hop], &loaded.capacities[visit.hop]);
    let rate = loaded.scenario.offers[flow].rate;
    if rate <= 0.0 {
        return Claim { flow, hop: visit.hop, per_event: 0.0, own: 0.0 };
    }
    let line = [Resource::ForwardBits, Resource::Packets, Resource::Events]
        .map(|resource| visit.load.part_of(resource, component, capacity))
        .iter()
        .sum::<f64>();
    let longest = component.service_max.or(component.service).map_or(0.0, |time| time.0);
    let request = component.service_per_request.map_or(0.0, |time| time.0);
    let work = visit.load.events * longest + visit.load.requests * request;
    let at_once = Coming::of(loaded, flow).at_once;
    let bits = capacity.line_bits.map_or(0.0, |line| loaded.journeys[flow].request_bits / line);
    let own = bits + request + at_once * longest;
    Claim {
        flow,
        hop: visit.hop,
        per_event: (line + work / f64::from(capacity.servers)) / rate,
        own,
    }
}
