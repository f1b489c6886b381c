//! The network model: plan the bottleneck before it happens.
//!
//! One way: a file becomes a [`Plan`] (`inventory`, read by `read`), a plan becomes a [`PlanReport`]
//! (`report`). Nothing here reads a clock, draws randomness, does I/O or starts a thread: seeds, dates
//! and file contents come in as values.
//!
//! The seams others build on:
//! - [`Plan::parse`] reads a file, [`Plan::overlaid`] lays another over it (what-if, options).
//! - [`PlanReport`] is the whole answer; it serialises, and no number in it is NaN or infinite. A figure
//!   that does not exist (the wait of an unstable hop) is `None`, and the hop's `verdict` says why.
//! - Every [`Figure`] carries its [`Confidence`].
//!
//! What it is not: a monitor, a load generator, or a solver that trusts one number. Each formula names
//! its source and its range, and the simulator checks it in tests.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod named;

pub mod confidence;
pub mod diff;
pub mod forecast;
pub mod inventory;
pub mod network;
pub mod quantity;
pub mod queue;
pub mod read;
pub mod report;
pub mod review;
pub mod schema;
pub mod score;
pub mod simulate;
pub mod study;
pub mod template;
pub mod verify;

pub use confidence::{Confidence, Figure};
pub use inventory::Plan;
pub use read::{PlanError, Problem};
pub use report::PlanReport;
pub use study::Study;
