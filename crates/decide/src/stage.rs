//! Stages and the time they take.

use serde::Serialize;

/// A span of a decision's time, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Micros(pub u64);

impl Micros {
    /// Whole milliseconds.
    pub const fn millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// Milliseconds, as answers show them.
    pub fn as_millis(self) -> f64 {
        self.0 as f64 / 1_000.0
    }

    /// What is left after `other`, at least nothing.
    #[must_use]
    pub const fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// Tells how long the request has taken, since it was received.
pub trait Watch {
    /// Since the request was received.
    fn elapsed(&self) -> Micros;
}

macro_rules! stages {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $first:literal;)+) => {
        /// A stage of the course, in the order they run.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Stage {
            $($(#[$doc])* $name,)+
        }

        impl Stage {
            /// Every stage, in the order they run.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$name),+];

            /// The stable name.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }

            /// What it is taken to cost until it was measured.
            pub const fn first_estimate(self) -> Micros {
                match self {
                    $(Self::$name => Micros($first),)+
                }
            }
        }
    };
}

stages! {
    /// Rules: which candidates may be shown at all.
    Eligibility = "eligibility", 200;
    /// Popularity among visitors like this one.
    Segment = "segment", 50;
    /// The last personalized answer, or one computed ahead.
    Cached = "cached", 20;
    /// Reading the visitor's profile.
    Profile = "profile", 500;
    /// Integer scores over all candidates.
    FirstPass = "first_pass", 200;
    /// Sessions like this one (nearest neighbours).
    Neighbours = "neighbours", 1_000;
    /// Gradient-boosted trees over the best candidates.
    Rerank = "rerank", 1_000;
    /// An external recommendation service, beside the course.
    Http = "http", 20_000;
    /// A choice that also learns.
    Exploration = "exploration", 20;
    /// Caps by group and the final order.
    Diversity = "diversity", 20;
    /// Where the visitor goes next.
    Hints = "hints", 20;
}

impl Stage {
    /// Its place in [`Self::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Stages that a use case may leave out, heaviest first: the order in which they are given up.
    pub const HEAVY: [Self; 4] = [Self::Http, Self::Rerank, Self::Neighbours, Self::Exploration];
    /// Those of them that run where nothing is said.
    pub const USUAL: [Self; 3] = [Self::Rerank, Self::Neighbours, Self::Exploration];
}
