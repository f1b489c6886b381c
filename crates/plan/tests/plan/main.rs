//! What must hold of the planner, through its public interface.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a broken promise should stop the test at once"
)]

mod bad_input;
mod known_answers;
mod overload;
mod plans;
mod random_plan;
mod simulator;
mod templates;
