//! Attribution models that credit each conversion on its own.

use crate::decay;
use crate::shape::Shape;
use alloc::vec::Vec;
use core::fmt;
use millstream_event::Timestamp;
use serde::{Deserialize, Serialize};

/// A model that credits each conversion on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Model {
    /// All to the first touch.
    First,
    /// All to the last touch.
    Last,
    /// All to the last touch that is not direct; to the last when all are.
    LastNonDirect,
    /// The same to each.
    Linear,
    /// Fixed shares to the first and to the last touch, the rest to those between.
    Position,
    /// Half as much for each half-life that lies between a touch and the last one.
    TimeDecay,
}

/// What a model knows of a touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// True when nothing led here.
    pub direct: bool,
    /// When it happened.
    pub time: Timestamp,
}

impl Model {
    /// Every model.
    pub const ALL: [Self; 6] = [
        Self::First,
        Self::Last,
        Self::LastNonDirect,
        Self::Linear,
        Self::Position,
        Self::TimeDecay,
    ];

    /// The name users type and read.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Last => "last",
            Self::LastNonDirect => "last_non_direct",
            Self::Linear => "linear",
            Self::Position => "position",
            Self::TimeDecay => "time_decay",
        }
    }

    /// The model of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|model| model.as_str() == name)
    }

    /// Relative weights of touches in order of time. Empty for no touches, else their sum is
    /// positive.
    pub fn weights(self, steps: &[Step], shape: &Shape) -> Vec<u64> {
        let only = |at: usize| (0..steps.len()).map(|other| u64::from(other == at)).collect();
        let Some(last) = steps.len().checked_sub(1) else { return Vec::new() };
        match self {
            Self::First => only(0),
            Self::Last => only(last),
            Self::LastNonDirect => only(steps.iter().rposition(|one| !one.direct).unwrap_or(last)),
            Self::Linear => alloc::vec![1; steps.len()],
            Self::Position => positions(steps.len(), shape),
            Self::TimeDecay => {
                let until = steps[last].time;
                steps.iter().map(|step| decay::weight(until - step.time, shape.half_life)).collect()
            }
        }
    }
}

/// Where the shares leave nothing for the touches that are there, all of them count alike.
fn positions(count: usize, shape: &Shape) -> Vec<u64> {
    let weights: Vec<u64> = (0..count).map(|at| shape.position.weight(at, count)).collect();
    if weights.iter().all(|weight| *weight == 0) { alloc::vec![1; count] } else { weights }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{Model, Step};
    use crate::shape::{PositionShares, Shape};
    use alloc::vec::Vec;
    use millstream_event::{Span, Timestamp};
    use proptest::prelude::*;

    fn days(days: &[i64]) -> Vec<Step> {
        let step = |day: &i64| Step { direct: false, time: Timestamp(0) + Span::days(*day) };
        days.iter().map(step).collect()
    }

    #[test]
    fn positions_divide_by_their_shares() {
        let shape = Shape::default();
        let weights = |count: usize| Model::Position.weights(&days(&alloc::vec![0; count]), &shape);
        assert_eq!(weights(1), [1]);
        assert_eq!(weights(2), [40, 40]);
        assert_eq!(weights(3), [40, 20, 40]);
        assert_eq!(weights(6), [160, 20, 20, 20, 20, 160]);
        let middle = PositionShares::new(0, 1, 0).map(|position| Shape { position, ..shape });
        let weights = |count: usize| {
            Model::Position.weights(&days(&alloc::vec![0; count]), &middle.unwrap_or_default())
        };
        assert_eq!((weights(2), weights(3)), (alloc::vec![1, 1], alloc::vec![0, 1, 0]));
    }

    #[test]
    fn decay_goes_by_time_and_not_by_place() {
        let weights = Model::TimeDecay.weights(&days(&[0, 7, 7, 14]), &Shape::default());
        assert_eq!(weights, [1 << 60, 1 << 61, 1 << 61, 1 << 62]);
        let alone = Model::TimeDecay.weights(&days(&[-9_999]), &Shape::default());
        assert_eq!(alone, [1 << 62]);
    }

    proptest! {
        #[test]
        fn every_model_leaves_something_to_divide(
            times in prop::collection::vec((any::<bool>(), 0i64..1 << 45), 1..30),
            shares in prop::array::uniform3(0u32..3),
            half_life in 1i64..1 << 45,
        ) {
            let mut steps: Vec<Step> =
                times.iter().map(|(direct, time)| Step { direct: *direct, time: Timestamp(*time) }).collect();
            steps.sort_by_key(|step| step.time);
            let position = PositionShares::new(shares[0], shares[1], shares[2]).unwrap_or_default();
            let shape = Shape { position, half_life: Span(half_life) };
            for model in Model::ALL {
                let weights = model.weights(&steps, &shape);
                prop_assert_eq!(weights.len(), steps.len());
                prop_assert!(weights.iter().any(|weight| *weight > 0), "{}", model);
            }
        }
    }
}
