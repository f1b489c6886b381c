//! Attribution: which events convert, and how credit falls on the touches before them.
//!
//! Pure functions in two parts. Conversion by conversion ([`credit`]): weights are integers that sum
//! to 10^9, amounts are integer minor units that sum to the conversion's value. Over whole sets of
//! paths ([`analysis`]): the same models, Markov removal effects and Shapley values, with intervals.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod analysis;
pub mod arrival;
mod beta;
pub mod bootstrap;
pub mod chain;
pub mod comparison;
pub mod conversion;
pub mod credit;
pub mod decay;
pub mod hybrid;
pub mod model;
pub mod paths;
pub use millstream_stitch::random;
pub mod removal;
pub mod rounding;
pub mod shape;
pub mod shapley;
pub mod split;

pub use analysis::{AnalysisError, Attribution, Fitted, ReportModel, Settings, analyse};
pub use chain::Order;
pub use conversion::ConversionRules;
pub use credit::{Conversion, Credit, Touch, credits};
pub use model::Model;
pub use paths::{Gathering, Outcome, PathError, Paths};
pub use rounding::{apportion, apportion_real};
pub use shape::{PositionShares, Shape};
pub use shapley::Worth;
pub use split::{Earned, Journeys};
