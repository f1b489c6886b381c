//! Who wins under other weightings, drawn many times from a fixed seed.

use super::ranking::weighted;
use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;

/// Weightings drawn; a share's standard error is at most half of 1 in the root of this.
pub const DRAWS: usize = 10_000;
/// The seed: the same sheet gives the same shares.
const SEED: u64 = 0x6d69_6c6c_7374_7265;

/// In what share of the weightings an option wins.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WinShare {
    /// The option.
    pub option: String,
    /// Its share when every weight may be anything at all.
    pub any_weights: f64,
    /// Its share when every weight stays within half of what the sheet says.
    pub near_weights: f64,
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Draws(u64);

impl Draws {
    /// Even on (0, 1].
    fn even(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        ((mixed >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}

/// The shares of wins of the contenders, in their order; equal scores share a win.
pub(super) fn win_shares(
    weights: &[f64],
    contenders: &[(String, Vec<f64>)],
    draws: usize,
) -> Vec<WinShare> {
    let mut source = Draws(SEED);
    let mut wins = alloc::vec![(0.0, 0.0); contenders.len()];
    for _ in 0..draws {
        // Exponential variates, normalised, are even on the simplex of all weightings.
        let any: Vec<f64> = weights.iter().map(|_| -libm::log(source.even())).collect();
        let near: Vec<f64> = weights.iter().map(|weight| weight * (0.5 + source.even())).collect();
        for (index, won) in won(&any, contenders).into_iter().enumerate() {
            wins[index].0 += won;
        }
        for (index, won) in won(&near, contenders).into_iter().enumerate() {
            wins[index].1 += won;
        }
    }
    contenders
        .iter()
        .zip(wins)
        .map(|((option, _), (any, near))| WinShare {
            option: option.clone(),
            any_weights: any / draws as f64,
            near_weights: near / draws as f64,
        })
        .collect()
}

fn won(weights: &[f64], contenders: &[(String, Vec<f64>)]) -> Vec<f64> {
    let means: Vec<f64> = contenders.iter().map(|(_, scores)| weighted(weights, scores)).collect();
    let best = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let first: Vec<bool> = means.iter().map(|mean| best - mean < 1e-12).collect();
    let winners = first.iter().filter(|won| **won).count().max(1);
    first.iter().map(|won| f64::from(u8::from(*won)) / winners as f64).collect()
}
