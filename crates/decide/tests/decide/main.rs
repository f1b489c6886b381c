//! Tests from outside, one binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a broken set-up should stop the test at once"
)]

mod deadline;
mod experiments;
mod forest;
mod hints;
mod ladder;
mod shop;
mod training;
mod wasm;
