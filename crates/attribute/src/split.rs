//! Credit that each path divides among its own touches, whatever the other paths are.

use crate::model::{Model, Step};
use crate::paths::{Path, Paths, distinct};
use crate::shape::Shape;
use alloc::vec::Vec;
use millstream_event::{Span, Timestamp};

/// How often each path was taken: the data's own counts, or those of a resample.
#[derive(Clone, Debug, Default)]
pub struct Journeys {
    /// Converting journeys of each path.
    pub conversions: Vec<f64>,
    /// Other journeys of each path.
    pub nulls: Vec<f64>,
    /// Worth of the conversions of each path.
    pub value: Vec<f64>,
}

impl Journeys {
    /// The data's own counts.
    pub fn of(paths: &Paths) -> Self {
        let outcomes = || paths.rows.iter().map(|row| row.outcome);
        Self {
            conversions: outcomes().map(|one| one.conversions as f64).collect(),
            nulls: outcomes().map(|one| one.nulls as f64).collect(),
            value: outcomes().map(|one| one.value as f64).collect(),
        }
    }
}

/// What each channel gets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Earned {
    /// Conversions.
    pub conversions: Vec<f64>,
    /// Value in the smallest units of the data, not yet whole ones.
    pub value: Vec<f64>,
    /// Under a Markov model, the part of all conversions that goes when the channel goes.
    pub removal_effect: Option<Vec<f64>>,
    /// Where it was sampled, the standard error of each channel's share of the conversions.
    pub sampling_error: Option<Vec<f64>>,
}

/// The parts of each path.
#[derive(Clone, Debug)]
pub struct Split {
    channels: usize,
    /// Where each path's parts end.
    ends: Vec<usize>,
    parts: Vec<(u32, f64)>,
}

impl Split {
    /// By a model of single conversions. Path data has no times, so touches stand `gap` apart.
    pub fn by_model(paths: &Paths, model: Model, shape: &Shape, reading: &Reading<'_>) -> Self {
        Self::new(paths, |path| {
            let step = |(at, channel): (usize, &u32)| Step {
                direct: reading.direct[*channel as usize],
                time: Timestamp(reading.gap.0.saturating_mul(at as i64)),
            };
            let steps: Vec<Step> = path.touches.iter().enumerate().map(step).collect();
            let weights = model.weights(&steps, shape);
            let sum: f64 = weights.iter().map(|weight| *weight as f64).sum();
            let parts = path.touches.iter().zip(weights).filter(|(_, weight)| *weight > 0);
            parts.map(|(channel, weight)| (*channel, weight as f64 / sum)).collect()
        })
    }

    /// Equally among the different channels of a path. This is the Shapley value of the game in
    /// which a coalition is worth the conversions of the paths that lie inside it: such a game is a
    /// sum of unanimity games, one for each path, and a unanimity game's value is divided equally
    /// among its members (Shapley, 1953). It is exact for any number of channels.
    pub fn by_coalition(paths: &Paths) -> Self {
        Self::new(paths, |path| {
            let members = distinct(&path.touches);
            let part = 1.0 / members.len() as f64;
            members.into_iter().map(|channel| (channel, part)).collect()
        })
    }

    fn new(paths: &Paths, parts_of: impl Fn(&Path) -> Vec<(u32, f64)>) -> Self {
        let (mut ends, mut parts) = (Vec::with_capacity(paths.rows.len()), Vec::new());
        for path in &paths.rows {
            parts.extend(parts_of(path));
            ends.push(parts.len());
        }
        Self { channels: paths.channels.len(), ends, parts }
    }

    /// Operations that [`Self::earned`] costs.
    pub fn work(&self) -> u64 {
        2 * self.parts.len() as u64
    }

    /// Each channel's credit.
    pub fn earned(&self, journeys: &Journeys) -> Earned {
        let zero = || alloc::vec![0.0; self.channels];
        let mut earned = Earned { conversions: zero(), value: zero(), ..Earned::default() };
        let mut from = 0;
        for (row, until) in self.ends.iter().enumerate() {
            let (conversions, value) = (journeys.conversions[row], journeys.value[row]);
            for (channel, part) in &self.parts[from..*until] {
                earned.conversions[*channel as usize] += part * conversions;
                earned.value[*channel as usize] += part * value;
            }
            from = *until;
        }
        earned
    }
}

/// How touches of path data are read.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// For each channel, true when it stands for "nothing led here".
    pub direct: &'a [bool],
    /// Time between two touches.
    pub gap: Span,
}
