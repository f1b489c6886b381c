//! The build-or-buy scorecard: options scored on weighted criteria with evidence, what each costs
//! over the years, and how firmly the ranking stands.
//!
//! [`read`] turns a TOML sheet into a [`Sheet`] or says where it is wrong; [`assess`] turns a sheet
//! into a [`Scorecard`]. Both are functions of their arguments alone.

mod assessment;
mod cost;
mod document;
mod ranking;
mod reading;
mod sensitivity;
mod sheet;
#[cfg(test)]
mod tests;
mod weightings;

pub use assessment::{AssessedCriterion, AssessedOption, Assessment as Scorecard, Weak, assess};
pub use cost::{Cost, RateFlip};
pub use ranking::Standing;
pub use reading::read;
pub use sensitivity::{ScoreFlip, Sensitivity, Shift, WeightFlip, WeightRange};
pub use sheet::{Basis, Criterion, Kind, Mark, Offer, Rates, SCORE_MAX, Sheet};
pub use weightings::{DRAWS, WinShare};

/// The ready example: building, buying, and both together.
pub const EXAMPLE: &str = include_str!("example.toml");
