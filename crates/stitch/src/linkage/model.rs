//! What agreement weighs.

use super::comparison::{Comparison, FIELDS, Field};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The most that rarity adds to a weight or takes from it, in bits.
const RARITY_BITS_MAX: f64 = 6.0;

/// The shares of a field's levels, among pairs that tell it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldModel {
    /// The field.
    pub field: Field,
    /// Among pairs of devices of one person, by level.
    pub m: Vec<f64>,
    /// Among pairs of strangers, by level.
    pub u: Vec<f64>,
}

/// Everything that a pair is judged by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// The fields, in the order of [`FIELDS`].
    pub fields: Vec<FieldModel>,
    /// The share of pairs that are one person's before anything is compared.
    pub prior: f64,
}

/// To so many decimals: what is kept as text and read back is the same number.
fn rounded(value: f64, decimals: i32) -> f64 {
    let scale = libm::exp10(f64::from(decimals));
    libm::round(value * scale) / scale
}

/// What one field says of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weight {
    /// The field.
    pub field: Field,
    /// How far the devices agree.
    pub level: u8,
    /// log2 of how much more often one person's devices agree so than strangers'.
    pub bits: f64,
}

impl Model {
    /// A model of these shares by field and level.
    pub(super) fn of(m: &[Vec<f64>], u: &[Vec<f64>], prior: f64) -> Self {
        let written = |shares: &Vec<f64>| shares.iter().map(|share| rounded(*share, 12)).collect();
        let fields = FIELDS.into_iter().zip(m).zip(u);
        let fields =
            fields.map(|((field, m), u)| FieldModel { field, m: written(m), u: written(u) });
        Self { fields: fields.collect(), prior: rounded(prior, 12) }
    }

    /// log2 of m / u of one level.
    pub(super) fn bits(&self, at: usize, level: u8) -> f64 {
        let field = self.fields.get(at);
        let shares = |shares: &Vec<f64>| shares.get(usize::from(level)).copied();
        match field.map(|field| (shares(&field.m), shares(&field.u))) {
            Some((Some(m), Some(u))) => libm::log2(m / u),
            _ => 0.0,
        }
    }

    /// What each field says; rare values weigh more, common ones less.
    pub fn weights(&self, comparison: &Comparison) -> Vec<Weight> {
        let levels = comparison.pattern.iter().zip(&comparison.shares).enumerate();
        let weight = |(at, (level, share)): (usize, (&Option<u8>, &Option<f64>))| {
            let (field, level) = (FIELDS[at], (*level)?);
            let bits =
                self.bits(at, level) + share.map_or(0.0, |share| self.rarity(at, level, share));
            Some(Weight { field, level, bits: rounded(bits, 6) })
        };
        levels.filter_map(weight).collect()
    }

    /// log2 of the usual chance that strangers agree over the chance that they agree on this value.
    fn rarity(&self, at: usize, level: u8, share: f64) -> f64 {
        let Some(field) = self.fields.get(at).filter(|field| field.field.weighs_rarity()) else {
            return 0.0;
        };
        let usual = field.u.get(usize::from(level)).copied().unwrap_or(share);
        libm::log2(usual / share.max(f64::MIN_POSITIVE)).clamp(-RARITY_BITS_MAX, RARITY_BITS_MAX)
    }

    /// The probability that a pair with these weights is one person's.
    pub fn probability(&self, weights: &[Weight]) -> f64 {
        rounded(self.posterior(weights.iter().map(|weight| weight.bits).sum()), 9)
    }

    /// The same of the sum of the weights.
    pub(super) fn posterior(&self, bits: f64) -> f64 {
        let odds = libm::exp2(bits) * self.prior / (1.0 - self.prior);
        odds / (1.0 + odds)
    }
}
