//! How long a flow takes from end to end: means and variances add, a gamma distribution is fitted.

use super::hop_queue::{Delay, Direction};
use super::loaded::Loaded;
use crate::confidence::{Confidence, Figure};
use crate::queue::fork_join::quorum_mean;
use crate::queue::phase_type::PhaseType;
use crate::queue::special::{gamma_quantile, gamma_tail};
use alloc::vec::Vec;
use libm::sqrt;

/// Known relative error of a gamma fit to two moments, at the median and 95th percentile, and at the 99th.
const FIT_ERROR: [f64; 2] = [0.05, 0.1];
/// Known relative error of independent copies for a quorum.
const QUORUM_ERROR: f64 = 0.2;

/// The distribution of an end-to-end time: a constant part and a part that varies.
#[derive(Clone, Debug)]
pub(super) struct EndToEnd {
    constant: f64,
    varying: Delay,
    /// Rates of the exponential stages, when all that varies is such stages.
    exact: Option<PhaseType>,
}

/// The time of every visit and of the whole; the whole is `None` when one of them never ends.
pub(super) struct Timing {
    pub(super) whole: Option<EndToEnd>,
    pub(super) stages: Vec<Option<Delay>>,
}

/// Times a flow.
pub(super) fn time(loaded: &Loaded<'_, '_>, flow: usize) -> Timing {
    let stages = stages(loaded, flow);
    Timing { whole: whole(loaded, flow, &stages), stages }
}

fn stages(loaded: &Loaded<'_, '_>, flow: usize) -> Vec<Option<Delay>> {
    loaded.journeys[flow]
        .visits
        .iter()
        .map(|visit| {
            let propagation = loaded.topology.components[visit.hop].propagation.0;
            let constant = Delay { mean: propagation, ..Delay::NONE };
            Some(constant.then(loaded.stay(flow, visit)?))
        })
        .collect()
}

/// The time from sending a request to its acknowledgement, once; `None` when it never ends.
pub(super) fn attempt(loaded: &Loaded<'_, '_>, flow: usize) -> Option<EndToEnd> {
    let stages = stages(loaded, flow);
    let last = loaded.journeys[flow].acknowledged;
    let asked = stages.get(..=last).unwrap_or(&stages);
    let (constant, there) = one_way(loaded, flow, asked)?;
    let varying = there.then(way_back(loaded, flow, asked.len())?);
    let exact = exponential_stages(loaded, flow, varying);
    Some(EndToEnd { constant: 2.0 * constant, varying, exact })
}

/// The answer on the lines of the first visits.
fn way_back(loaded: &Loaded<'_, '_>, flow: usize, visits: usize) -> Option<Delay> {
    let journey = &loaded.journeys[flow];
    let mut back = Delay::NONE;
    for visit in journey.visits.iter().take(visits) {
        let capacity = &loaded.capacities[visit.hop];
        let queue = &loaded.queues[visit.hop];
        back = back.then(queue.line(journey.response_bits, capacity, Direction::Reverse)?);
    }
    Some(back)
}

/// Propagation and the rest of the way of a request, copies and their quorum included.
fn one_way(loaded: &Loaded<'_, '_>, flow: usize, stages: &[Option<Delay>]) -> Option<(f64, Delay)> {
    let journey = &loaded.journeys[flow];
    let described = loaded.flow(flow);
    let propagation =
        |visit: usize| loaded.topology.components[journey.visits[visit].hop].propagation.0;
    let constant: f64 = (0..stages.len()).map(propagation).sum();
    let mut varying = Delay::NONE;
    let mut copied = Delay::NONE;
    for (at, stage) in stages.iter().enumerate() {
        let stage = (*stage)?;
        let part = Delay { mean: (stage.mean - propagation(at)).max(0.0), ..stage };
        if at >= journey.copied_from {
            copied = copied.then(part);
        } else {
            varying = varying.then(part);
        }
    }
    if let Some(fan_out) = described.fan_out.as_ref().filter(|fan_out| fan_out.copies.0 > 1) {
        varying = varying.then(quorum(copied, fan_out.copies.0, fan_out.quorum.0));
    }
    Some((constant, varying))
}

fn whole(loaded: &Loaded<'_, '_>, flow: usize, stages: &[Option<Delay>]) -> Option<EndToEnd> {
    let journey = &loaded.journeys[flow];
    let described = loaded.flow(flow);
    let (mut constant, there) = one_way(loaded, flow, stages)?;
    let mut varying = filling(journey.filling.wait_mean).then(there);
    if described.round_trip {
        constant *= 2.0;
        varying = varying.then(way_back(loaded, flow, journey.visits.len())?);
    }
    // An attempt that fails costs its timeout, or as long as one that succeeds.
    let failed = journey.sender_attempts - 1.0;
    if failed > 0.0 {
        let once = constant + varying.mean;
        let lost = failed * described.timeout.map_or(once, |timeout| timeout.0);
        let variance = lost * lost * (1.0 / failed.min(1.0));
        let confidence = Confidence::Approximation { error: FIT_ERROR[1] };
        varying = varying.then(Delay { mean: lost, variance, confidence });
    }
    let exact = exponential_stages(loaded, flow, varying);
    Some(EndToEnd { constant, varying, exact })
}

/// The wait for a batch to fill, taken as uniform.
fn filling(mean: f64) -> Delay {
    let confidence = if mean > 0.0 {
        Confidence::Approximation { error: FIT_ERROR[0] }
    } else {
        Confidence::Exact
    };
    Delay { mean, variance: mean * mean / 3.0, confidence }
}

/// The k-th of n copies, taken as independent with times of a constant and an exponential part.
fn quorum(one: Delay, copies: u32, quorum: u32) -> Delay {
    let spread = sqrt(one.variance).min(one.mean);
    let orders = (copies - quorum.min(copies) + 1)..=copies;
    let variance: f64 = orders.map(|order| 1.0 / (f64::from(order) * f64::from(order))).sum();
    Delay {
        mean: one.mean - spread + spread * quorum_mean(copies, quorum),
        variance: spread * spread * variance,
        confidence: one.confidence.and(Confidence::Approximation { error: QUORUM_ERROR }),
    }
}

/// Rates of the stages when each is an M/M/1 queue and nothing else varies: such times are independent, so
/// the end-to-end time is hypoexponential. [Burke 1956, Reich 1957]
fn exponential_stages(loaded: &Loaded<'_, '_>, flow: usize, varying: Delay) -> Option<PhaseType> {
    let journey = &loaded.journeys[flow];
    let mut rates = Vec::with_capacity(journey.visits.len());
    for visit in &journey.visits {
        let queue = &loaded.queues[visit.hop];
        let capacity = &loaded.capacities[visit.hop];
        if visit.service_mean <= 0.0 && capacity.bits.is_none() && capacity.packets.is_none() {
            continue;
        }
        let plain = queue.is_markovian
            && queue.loss.is_none()
            && capacity.bits.is_none()
            && capacity.packets.is_none();
        let wait = queue.wait.filter(|_| plain)?;
        rates.push(1.0 / (wait.mean + visit.service_mean));
    }
    let sum: f64 = rates.iter().map(|rate| 1.0 / rate).sum();
    let all = !rates.is_empty() && libm::fabs(sum - varying.mean) <= 1e-9 * varying.mean;
    let fastest = rates.iter().copied().fold(0.0, f64::max);
    (all && fastest * varying.mean < 1e4).then(|| PhaseType::in_series(&rates))
}

impl EndToEnd {
    /// Mean.
    pub(super) fn mean(&self) -> f64 {
        self.constant + self.varying.mean
    }

    /// Mean as a figure.
    pub(super) fn mean_figure(&self) -> Option<Figure> {
        Figure::new(self.mean(), self.varying.confidence)
    }

    fn shape(&self) -> Option<(f64, f64)> {
        let Delay { mean, variance, .. } = self.varying;
        (mean > 0.0 && variance > 0.0).then(|| (mean * mean / variance, variance / mean))
    }

    /// The time exceeded with probability 1 - q.
    pub(super) fn quantile(&self, q: f64) -> f64 {
        if let Some(exact) = &self.exact {
            return self.constant + exact.quantile(q);
        }
        let varying = self
            .shape()
            .map_or(self.varying.mean, |(shape, scale)| gamma_quantile(shape, 1.0 - q) * scale);
        self.constant + varying
    }

    /// That time as a figure.
    pub(super) fn quantile_figure(&self, q: f64) -> Option<Figure> {
        let confidence = match (&self.exact, self.shape()) {
            (Some(_), _) | (None, None) => self.varying.confidence,
            (None, Some(_)) => {
                let error = if q > 0.95 { FIT_ERROR[1] } else { FIT_ERROR[0] };
                self.varying.confidence.and(Confidence::Approximation { error })
            }
        };
        Figure::new(self.quantile(q), confidence)
    }

    /// True when a limit is so far off that reaching it is out of the question: some 40 times the larger of the
    /// spread and the decay of the tail over the mean.
    pub(super) fn is_far_below(&self, limit: f64) -> bool {
        let Delay { mean, variance, .. } = self.varying;
        let reach = sqrt(variance).max(variance / mean.max(1e-300));
        self.constant + mean + 40.0 * reach < limit
    }

    /// P(time > limit).
    pub(super) fn tail(&self, limit: f64) -> f64 {
        let left = limit - self.constant;
        if left < 0.0 {
            return 1.0;
        }
        if let Some(exact) = &self.exact {
            return exact.tail(left);
        }
        match self.shape() {
            Some((shape, scale)) => gamma_tail(shape, left / scale),
            None => f64::from(u8::from(self.varying.mean > left)),
        }
    }

    /// How far a tail can be trusted.
    pub(super) fn confidence(&self) -> Confidence {
        match (&self.exact, self.shape()) {
            (Some(_), _) | (None, None) => self.varying.confidence,
            _ => self.varying.confidence.and(Confidence::Approximation { error: FIT_ERROR[1] }),
        }
    }
}
