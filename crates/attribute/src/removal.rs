//! Removal effects: how many conversions a Markov chain loses when a channel's states lead nowhere.
//!
//! The share that still converts is found by letting the probability of the start flow through the
//! chain, state by state, until almost nothing is under way: what has arrived is a lower bound, and
//! what is under way bounds the error. Only sums of positive numbers occur, so rounding stays within
//! a few units of the last place. Eight channels are removed at a time, each in a lane of its own.

use crate::chain::{Chain, Flow};
use alloc::vec::Vec;

/// Channels removed at a time.
const LANES: usize = 8;
/// Most multiplications that one set of removal effects may cost: minutes on one core.
pub const WORK_MAX: u64 = 400_000_000_000;
/// What may still be under way at the end, as a part of all conversions, for an exact answer.
pub const EXACT: f64 = 1e-14;

type Lanes = [f64; LANES];

/// What is left without each channel.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remaining {
    /// Probability of converting.
    pub conversions: Vec<f64>,
    /// Mean value of a journey.
    pub value: Vec<f64>,
    /// Multiplications that it took.
    pub work: u64,
}

/// What is left without each channel; nothing where it would cost more than `work_max`. A walk that
/// comes to a state with the channel in it is lost there (redirect to null).
pub(crate) fn remaining(
    chain: &Chain,
    flow: &Flow,
    under_way_max: f64,
    work_max: u64,
) -> Option<Remaining> {
    let mut found = Remaining::default();
    for first in (0..chain.channels).step_by(LANES) {
        let mut walk = Walk::new(chain, flow, first);
        loop {
            let under_way = walk.sweep();
            found.work += (flow.edges.len() + 3 * chain.len()) as u64 * LANES as u64;
            if under_way <= under_way_max {
                break;
            }
            if found.work > work_max {
                return None;
            }
        }
        let lanes = LANES.min(chain.channels - first);
        found.conversions.extend(&walk.converted[..lanes]);
        found.value.extend(&walk.earned[..lanes]);
    }
    Some(found)
}

struct Walk<'a> {
    chain: &'a Chain,
    flow: &'a Flow,
    /// The channel that the first lane removes.
    first: usize,
    /// Probability under way at each state.
    mass: Vec<Lanes>,
    converted: Lanes,
    earned: Lanes,
}

impl<'a> Walk<'a> {
    fn new(chain: &'a Chain, flow: &'a Flow, first: usize) -> Self {
        let mass = flow.start.iter().map(|start| [*start; LANES]).collect();
        Self { chain, flow, first, mass, converted: [0.0; LANES], earned: [0.0; LANES] }
    }

    /// Lets every state pass on what it holds, in forward order; what is then still under way in the
    /// fullest lane.
    fn sweep(&mut self) -> f64 {
        for state in 0..self.chain.len() {
            let mut mass = core::mem::take(&mut self.mass[state]);
            for channel in self.chain.members(state) {
                if let Some(lane) = channel.checked_sub(self.first).filter(|lane| *lane < LANES) {
                    mass[lane] = 0.0;
                }
            }
            if mass.iter().all(|lane| *lane == 0.0) {
                continue;
            }
            add(&mut self.converted, &mass, self.flow.converts[state]);
            add(&mut self.earned, &mass, self.flow.value[state]);
            for edge in self.chain.starts[state]..self.chain.starts[state + 1] {
                let target = self.chain.targets[edge] as usize;
                add(&mut self.mass[target], &mass, self.flow.edges[edge]);
            }
        }
        let mut under_way = [0.0; LANES];
        for mass in &self.mass {
            add(&mut under_way, mass, 1.0);
        }
        under_way.into_iter().fold(0.0, f64::max)
    }
}

fn add(to: &mut Lanes, mass: &Lanes, part: f64) {
    for (to, mass) in to.iter_mut().zip(mass) {
        *to += mass * part;
    }
}

/// Effects from what is left of `all`: 1 when nothing is. Rounding cannot take one below zero.
pub(crate) fn effects(all: f64, remaining: &[f64]) -> Vec<f64> {
    let effect = |left: &f64| if all > 0.0 { (1.0 - left / all).clamp(0.0, 1.0) } else { 0.0 };
    remaining.iter().map(effect).collect()
}

/// Divides `total` in proportion to removal effects.
pub fn divide(effects: &[f64], total: f64) -> Vec<f64> {
    let sum: f64 = effects.iter().sum();
    let part = |effect: &f64| if sum > 0.0 { effect / sum * total } else { 0.0 };
    effects.iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::{EXACT, remaining};
    use crate::chain::{Chain, Order};
    use crate::paths::{Gathering, Outcome};
    use crate::split::Journeys;

    #[test]
    fn work_is_bounded() {
        let mut gathering = Gathering::default();
        let outcome = Outcome { conversions: 1, nulls: 999, value: 0 };
        gathering.add(["a", "b", "c"].into_iter().cycle().take(500), outcome).unwrap();
        let paths = gathering.finish();
        let chain = Chain::new(&paths, Order::First);
        let flow = chain.flow(&Journeys::of(&paths));
        let needed = remaining(&chain, &flow, EXACT, u64::MAX).unwrap().work;
        assert!(needed > 1_000, "a long path takes many sweeps: {needed}");
        assert!(remaining(&chain, &flow, EXACT, needed).is_some());
        assert!(remaining(&chain, &flow, EXACT, needed / 2).is_none());
    }
}
