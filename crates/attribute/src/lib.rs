//! Attribution: which events convert, and how a conversion's credit falls on the touches before it.
//!
//! Pure functions of (touches, conversion, model, window). Weights are integers that sum to 10^9,
//! amounts are integer minor units that sum to the conversion's value.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod conversion;
pub mod credit;
pub mod model;
pub mod rounding;

pub use conversion::ConversionRules;
pub use credit::{Conversion, Credit, Touch, credits};
pub use model::Model;
pub use rounding::apportion;
