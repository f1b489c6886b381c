//! Attribution from outside: known answers, properties, slow solvers that must agree.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests stop at the first surprise")]

mod arrival;
mod data;
mod dense;
mod intervals;
mod known_answers;
mod properties;
mod walk;
