//! The embedded log from outside: on the system's disk, and on one that fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod acknowledging;
mod bounds;
mod erasure;
mod follow;
mod halting;
mod harness;
mod kept;
mod model;
mod retention;
mod tail;
