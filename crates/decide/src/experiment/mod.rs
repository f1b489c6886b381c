//! Experiments: who gets what, and what came of it.
//!
//! Assignment is a hash of (experiment, unit). Results come with intervals that hold however often
//! they are looked at, a check of the sample ratio first of all, and a word where the data say
//! nothing.

pub mod assignment;
pub mod confidence_sequence;
pub mod discovery;
pub mod distribution;
pub mod lift;
pub mod off_policy;
pub mod proportion;
pub mod sample_ratio;
pub mod sensitivity;
pub mod tally;

pub use assignment::{Arm, Experiment, Layer};
pub use confidence_sequence::ConfidenceSequence;
pub use discovery::benjamini_hochberg;
pub use lift::{Interval, Moments, adjusted, lift};
pub use off_policy::{Estimate, Logged, estimate};
pub use proportion::{Proportion, proportion};
pub use sample_ratio::sample_ratio;
pub use tally::{Tally, Unit};
