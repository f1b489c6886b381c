//! Exploration: a choice that also learns, with the exact chance that it had.

use alloc::vec::Vec;
use millstream_event::Hash128;

/// Chances of `rewards` (estimates in [0, 1]) by inverse gap weighting: each but the best gets
/// 1 / (K + gamma * gap), the best what is left (SquareCB: Foster and Rakhlin, 2020).
pub fn chances(rewards: &[f64], gamma: f64) -> Vec<f64> {
    let count = rewards.len() as f64;
    let best = (0..rewards.len()).reduce(|a, b| if rewards[b] > rewards[a] { b } else { a });
    let Some(best) = best else { return Vec::new() };
    let chance = |reward: f64| 1.0 / (count + gamma * (rewards[best] - reward).max(0.0));
    let mut chances: Vec<f64> = rewards.iter().map(|reward| chance(*reward)).collect();
    chances[best] = 0.0;
    let others: f64 = chances.iter().sum();
    chances[best] = 1.0 - others;
    chances
}

/// A number in [0, 1) from a seed: 53 bits of its hash.
pub fn uniform(domain: &str, seed: Hash128) -> f64 {
    let bits = Hash128::of(domain, &[&seed.0]).low64() >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

/// The place drawn by `at` in [0, 1), and its chance.
pub fn draw(chances: &[f64], at: f64) -> Option<(usize, f64)> {
    let mut passed = 0.0;
    for (place, chance) in chances.iter().enumerate() {
        passed += chance;
        if at < passed {
            return Some((place, *chance));
        }
    }
    // Sums of chances may end a little below one.
    chances.iter().enumerate().rfind(|(_, chance)| **chance > 0.0).map(|(at, chance)| (at, *chance))
}

/// Scores as rewards in [0, 1]: the least is 0, the greatest 1.
pub fn rewards(scores: &[i64]) -> Vec<f64> {
    let (least, greatest) =
        scores.iter().fold((i64::MAX, i64::MIN), |(l, g), score| (l.min(*score), g.max(*score)));
    let spread = (greatest as f64 - least as f64).max(1.0);
    scores.iter().map(|score| (*score as f64 - least as f64) / spread).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;

    proptest! {
        #[test]
        fn chances_sum_to_one_and_prefer_the_better(
            rewards in proptest::collection::vec(0.0_f64..1.0, 1..40), gamma in 0.0_f64..500.0,
        ) {
            let chances = chances(&rewards, gamma);
            prop_assert!((chances.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            for (a, b) in (0..rewards.len()).zip(1..rewards.len()) {
                prop_assert!(chances[a] > 0.0);
                if rewards[a] > rewards[b] + 1e-9 {
                    prop_assert!(chances[a] >= chances[b] - 1e-12);
                }
            }
        }
    }

    #[test]
    fn draws_come_as_often_as_their_chance_says() {
        let chances = chances(&[0.9, 0.5, 0.1], 10.0);
        let mut counts = vec![0_u32; 3];
        for seed in 0..30_000_u32 {
            let seed = Hash128::of("test", &[&seed.to_le_bytes()]);
            let (place, chance) = draw(&chances, uniform("explore", seed)).unwrap();
            assert_eq!(chance, chances[place]);
            counts[place] += 1;
        }
        for (count, chance) in counts.iter().zip(&chances) {
            assert!((f64::from(*count) / 30_000.0 - chance).abs() < 0.01, "{counts:?} {chances:?}");
        }
    }
}
