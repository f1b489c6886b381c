//! Holds the planner against known answers: any file in the schema of published queueing cases.
//!
//! A case has `inputs` that describe a model and `expected` values by key. Exact and published values
//! must match within their tolerance, simulated ones must lie inside the interval widened twice,
//! behaviours inside their limits; approximations are reported, not judged.

mod calculus;
mod case;
mod judge;
mod key;
mod multiple;
mod resilience;
mod sharing;
mod single;
mod wire;

pub use case::{Expectation, VerifyError};
pub use judge::{Computed, Verdict, verify};

/// Most bytes of a file of cases.
pub const CASES_BYTES_MAX: usize = 16 * 1024 * 1024;
