//! Shapley values of games between channels (Shapley, 1953): the mean, over all orders in which the
//! channels may join, of what each adds to the worth of those before it.

use crate::paths::{Paths, distinct};
use crate::random::Random;
use crate::split::{Earned, Journeys};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;

/// Most channels whose coalitions are all looked at; with more, orders are sampled.
pub const EXACT_CHANNELS_MAX: usize = 16;
/// Pairs of orders that are sampled: each order and its reverse.
pub const SAMPLES: usize = 2_000;

/// What a coalition of channels is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Worth {
    /// The conversions of the paths that lie inside it. Paths that do not convert play no part.
    #[default]
    Conversions,
    /// The conversion rate of the paths that lie inside it, 0 where there are none: a channel that
    /// brings many journeys and few conversions can get less than nothing.
    Rate,
}

impl Worth {
    /// Every worth.
    pub const ALL: [Self; 2] = [Self::Conversions, Self::Rate];

    /// The name users type and read.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Conversions => "conversions",
            Self::Rate => "rate",
        }
    }

    /// The worth of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|worth| worth.as_str() == name)
    }
}

impl fmt::Display for Worth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Exact values of a game of `players` channels, at most [`EXACT_CHANNELS_MAX`]. `worth[mask]` is
/// that of the coalition with a bit for each member; a missing one counts as 0. Costs
/// `players * 2^players`. None when there are more players.
pub fn exact(players: usize, worth: &[f64]) -> Option<Vec<f64>> {
    if players > EXACT_CHANNELS_MAX {
        return None;
    }
    // In how many parts of all orders exactly `size` given players come before a given one.
    let mut share = alloc::vec![1.0 / players.max(1) as f64; players];
    for size in 1..players {
        share[size] = share[size - 1] * size as f64 / (players - size) as f64;
    }
    let of = |mask: usize| worth.get(mask).copied().unwrap_or(0.0);
    let value = |player: usize| {
        let without = (0..1_usize << players).filter(|mask| mask >> player & 1 == 0);
        without
            .map(|mask| share[mask.count_ones() as usize] * (of(mask | 1 << player) - of(mask)))
            .sum()
    };
    Some((0..players).map(value).collect())
}

/// The game of conversion rates: paths with the same channels together.
#[derive(Clone, Debug)]
pub struct RateGame {
    channels: usize,
    /// Members of each coalition that is some path's.
    coalitions: Vec<Vec<u32>>,
    /// Each path's coalition.
    of_path: Vec<usize>,
    seed: u64,
}

/// Journeys inside a coalition.
#[derive(Clone, Copy, Debug, Default)]
struct Inside {
    conversions: f64,
    value: f64,
    all: f64,
}

impl Inside {
    fn add(&mut self, other: &Self) {
        self.conversions += other.conversions;
        self.value += other.value;
        self.all += other.all;
    }

    /// Conversions and value of a journey.
    fn rates(&self) -> [f64; 2] {
        if self.all > 0.0 { [self.conversions / self.all, self.value / self.all] } else { [0.0; 2] }
    }
}

impl RateGame {
    /// The game of these paths; orders are drawn from `seed` when they are sampled.
    pub fn new(paths: &Paths, seed: u64) -> Self {
        let mut known: BTreeMap<Vec<u32>, usize> = BTreeMap::new();
        let mut of_path = Vec::with_capacity(paths.rows.len());
        for row in &paths.rows {
            let next = known.len();
            of_path.push(*known.entry(distinct(&row.touches)).or_insert(next));
        }
        let mut coalitions = alloc::vec![Vec::new(); known.len()];
        for (members, number) in known {
            coalitions[number] = members;
        }
        Self { channels: paths.channels.len(), coalitions, of_path, seed }
    }

    /// Operations that [`Self::earned`] costs.
    pub fn work(&self) -> u64 {
        let members: usize = self.coalitions.iter().map(|members| members.len() + 4).sum();
        let game = if self.is_exact() {
            (4 * self.channels) << self.channels
        } else {
            SAMPLES * 2 * (members + 8 * self.channels)
        };
        game as u64 + 3 * self.of_path.len() as u64
    }

    fn is_exact(&self) -> bool {
        self.channels <= EXACT_CHANNELS_MAX
    }

    /// Each channel's value, as a part of all conversions and of all value.
    pub fn earned(&self, journeys: &Journeys) -> Earned {
        let mut own = alloc::vec![Inside::default(); self.coalitions.len()];
        let mut all = Inside::default();
        for (row, coalition) in self.of_path.iter().enumerate() {
            let (conversions, value) = (journeys.conversions[row], journeys.value[row]);
            let here = Inside { conversions, value, all: conversions + journeys.nulls[row] };
            own[*coalition].add(&here);
            all.add(&here);
        }
        let whole = |part: f64| part * all.all;
        if self.is_exact() {
            let [conversions, value] = self.enumerated(&own);
            return Earned {
                conversions: conversions.into_iter().map(whole).collect(),
                value: value.into_iter().map(whole).collect(),
                ..Earned::default()
            };
        }
        let sums = self.sampled(&own);
        let count = SAMPLES as f64;
        let mean = |kind: usize| sums.iter().map(|sum| whole(sum.mean[kind] / count)).collect();
        let rate = all.rates()[0];
        let error = |sum: &Sum| {
            let mean = sum.mean[0] / count;
            let variance = (sum.squares / count - mean * mean).max(0.0);
            if rate > 0.0 { libm::sqrt(variance / (count - 1.0)) / rate } else { 0.0 }
        };
        Earned {
            conversions: mean(0),
            value: mean(1),
            sampling_error: Some(sums.iter().map(error).collect()),
            ..Earned::default()
        }
    }

    fn enumerated(&self, own: &[Inside]) -> [Vec<f64>; 2] {
        let mut inside = alloc::vec![Inside::default(); 1 << self.channels];
        for (members, here) in self.coalitions.iter().zip(own) {
            inside[members.iter().fold(0, |mask, channel| mask | 1 << channel)].add(here);
        }
        // Sums over all subsets, one channel at a time.
        for channel in 0..self.channels {
            for mask in (0..inside.len()).filter(|mask| mask >> channel & 1 == 1) {
                let without = inside[mask ^ 1 << channel];
                inside[mask].add(&without);
            }
        }
        [0, 1].map(|kind| {
            let worth: Vec<f64> = inside.iter().map(|one| one.rates()[kind]).collect();
            exact(self.channels, &worth).unwrap_or_default()
        })
    }

    /// Sums over pairs of an order and its reverse; the two are not independent, their mean is one
    /// observation.
    fn sampled(&self, own: &[Inside]) -> Vec<Sum> {
        let mut random = Random::new(self.seed, 0);
        let mut sums = alloc::vec![Sum::default(); self.channels];
        let mut order: Vec<usize> = (0..self.channels).collect();
        for _ in 0..SAMPLES {
            for at in (1..order.len()).rev() {
                order.swap(at, random.below(at + 1));
            }
            let forth = self.marginals(own, &order);
            order.reverse();
            let back = self.marginals(own, &order);
            for ((sum, forth), back) in sums.iter_mut().zip(forth).zip(back) {
                let mean = [0, 1].map(|kind| f64::midpoint(forth[kind], back[kind]));
                sum.mean = [sum.mean[0] + mean[0], sum.mean[1] + mean[1]];
                sum.squares += mean[0] * mean[0];
            }
        }
        sums
    }

    /// What each channel adds when they join in this order: a path is inside as soon as the last of
    /// its channels has joined.
    fn marginals(&self, own: &[Inside], order: &[usize]) -> Vec<[f64; 2]> {
        let mut place = alloc::vec![0; self.channels];
        for (at, channel) in order.iter().enumerate() {
            place[*channel] = at;
        }
        let mut joined = alloc::vec![Inside::default(); self.channels];
        for (members, here) in self.coalitions.iter().zip(own) {
            let last = members.iter().map(|channel| place[*channel as usize]).max();
            joined[last.unwrap_or(0)].add(here);
        }
        let mut added = alloc::vec![[0.0; 2]; self.channels];
        let (mut inside, mut before) = (Inside::default(), [0.0; 2]);
        for (channel, joined) in order.iter().zip(&joined) {
            inside.add(joined);
            let now = inside.rates();
            added[*channel] = [now[0] - before[0], now[1] - before[1]];
            before = now;
        }
        added
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    mean: [f64; 2],
    squares: f64,
}

#[cfg(test)]
mod tests {
    use super::{EXACT_CHANNELS_MAX, Inside, RateGame, SAMPLES, exact};
    use crate::paths::{Gathering, Outcome};
    use crate::split::Journeys;
    use proptest::prelude::*;

    #[test]
    fn enumeration_ends_at_its_bound() {
        assert!(exact(EXACT_CHANNELS_MAX, &[]).is_some());
        assert_eq!(exact(EXACT_CHANNELS_MAX + 1, &[]), None);
        assert_eq!(exact(0, &[]), Some(alloc::vec![]));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20))]
        #[test]
        fn sampling_comes_near_enumeration(
            rows in prop::collection::vec((prop::collection::vec(0usize..6, 1..5), 1u64..50, 0u64..200), 2..12),
        ) {
            const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
            let mut gathering = Gathering::default();
            for (touches, conversions, nulls) in &rows {
                let outcome = Outcome { conversions: *conversions, nulls: *nulls, value: 7 };
                gathering.add(touches.iter().map(|at| NAMES[*at]), outcome).unwrap();
            }
            let paths = gathering.finish();
            let game = RateGame::new(&paths, 3);
            let journeys = Journeys::of(&paths);
            let mut own = alloc::vec![Inside::default(); game.coalitions.len()];
            for (row, coalition) in game.of_path.iter().enumerate() {
                let conversions = journeys.conversions[row];
                let all = conversions + journeys.nulls[row];
                own[*coalition].add(&Inside { conversions, value: journeys.value[row], all });
            }
            let sums = game.sampled(&own);
            let [rates, values] = game.enumerated(&own);
            for (sum, (rate, value)) in sums.iter().zip(rates.iter().zip(&values)) {
                let count = SAMPLES as f64;
                let mean = sum.mean[0] / count;
                let error = libm::sqrt((sum.squares / count - mean * mean).max(0.0) / count);
                prop_assert!((mean - rate).abs() <= 5.5 * error + 1e-12, "{mean} {rate} {error}");
                prop_assert!((sum.mean[1] / count - value).abs() <= 0.1 * values.iter().map(|one| one.abs()).sum::<f64>() + 1e-12);
            }
        }
    }
}
