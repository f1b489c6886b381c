//! Probable identity links: which devices look as if one person used them, with a probability.
//!
//! Record linkage after Fellegi and Sunter (1969): two devices are compared field by field, each
//! level of agreement weighs log2(m / u), where m is its share among pairs of one person and u among
//! pairs of strangers. Both are estimated from the data: u from random pairs, m by expectation
//! maximisation (Dempster, Laird and Rubin 1977) over the pairs that share a block, anchored by the
//! pairs that logins prove to be one person's. Agreement on a rare value weighs more than on a common
//! one (Winkler 1989). No link is part of the fold; `docs/linking.md` has the formulas.
//!
//! Everything is a function of the profiles: same profiles, same links, to the bit.

mod blocks;
mod comparison;
mod curve;
mod estimate;
mod fit;
mod model;
mod pairs;
mod population;
mod profile;
mod thresholds;

pub use comparison::{FIELDS, Field, Frequencies, Pattern, compare};
pub use curve::{CurvePoint, THRESHOLDS, curve};
pub use fit::{Fit, Known, LINKS_MAX, ProbableLink, Refusal, Standing, fit};
pub use model::{FieldModel, Model, Weight};
pub use pairs::{ANCHORS_MIN, Volume};
pub use population::{Population, population};
pub use profile::{Profile, REQUIRED, token};
pub use thresholds::Thresholds;
