//! Attribution models with closed forms.

use alloc::vec::Vec;
use core::fmt;
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
}

impl Model {
    /// Every model.
    pub const ALL: [Self; 4] = [Self::First, Self::Last, Self::LastNonDirect, Self::Linear];

    /// The name users type and read.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Last => "last",
            Self::LastNonDirect => "last_non_direct",
            Self::Linear => "linear",
        }
    }

    /// The model of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|model| model.as_str() == name)
    }

    /// Relative weights of touches in order; `direct` tells which of them are direct. Empty for
    /// no touches, else their sum is positive.
    pub fn weights(self, direct: &[bool]) -> Vec<u64> {
        let only = |at: usize| (0..direct.len()).map(|other| u64::from(other == at)).collect();
        let Some(last) = direct.len().checked_sub(1) else { return Vec::new() };
        match self {
            Self::First => only(0),
            Self::Last => only(last),
            Self::LastNonDirect => only(direct.iter().rposition(|direct| !direct).unwrap_or(last)),
            Self::Linear => alloc::vec![1; direct.len()],
        }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
