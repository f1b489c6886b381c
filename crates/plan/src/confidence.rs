//! Every figure says how far it can be trusted.

use serde::Serialize;

/// How a figure was found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "confidence", rename_all = "snake_case")]
pub enum Confidence {
    /// An exact result of the stated model.
    Exact,
    /// An approximation; `error` is the known relative error of the method inside its range.
    Approximation {
        /// Relative error, 0.1 for ten per cent.
        error: f64,
    },
    /// Never exceeded under the stated assumptions.
    Bound,
    /// Found by simulation; the 95 % interval of the figure.
    Simulated {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
}

impl Confidence {
    /// Of a sum of two figures that are not negative: the weaker of the two. The relative error of
    /// such a sum is at most the larger of the two.
    pub fn and(self, other: Self) -> Self {
        use Confidence::{Approximation, Bound, Exact, Simulated};
        match (self, other) {
            (Exact, weaker) | (weaker, Exact) => weaker,
            (Bound, _) | (_, Bound) => Bound,
            (Approximation { error: one }, Approximation { error: two }) => {
                Approximation { error: if one > two { one } else { two } }
            }
            (Approximation { error }, Simulated { .. })
            | (Simulated { .. }, Approximation { error }) => Approximation { error },
            (Simulated { low, high }, Simulated { low: other_low, high: other_high }) => {
                Simulated { low: low + other_low, high: high + other_high }
            }
        }
    }

    /// One word for a table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Approximation { .. } => "approximation",
            Self::Bound => "bound",
            Self::Simulated { .. } => "simulated",
        }
    }
}

/// A finite number and how far it can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// The number, always finite; its unit is the field's.
    pub value: f64,
    /// How it was found.
    #[serde(flatten)]
    pub confidence: Confidence,
}

impl Figure {
    /// A figure of any confidence; `None` when the number is not finite, so that no report can show one.
    pub fn new(value: f64, confidence: Confidence) -> Option<Self> {
        value.is_finite().then_some(Self { value, confidence })
    }

    /// An exact figure; `None` when the number is not finite.
    pub fn exact(value: f64) -> Option<Self> {
        Self::new(value, Confidence::Exact)
    }

    /// An approximation; `None` when the number is not finite.
    pub fn approximate(value: f64, error: f64) -> Option<Self> {
        Self::new(value, Confidence::Approximation { error })
    }

    /// A bound; `None` when the number is not finite.
    pub fn bound(value: f64) -> Option<Self> {
        Self::new(value, Confidence::Bound)
    }
}
