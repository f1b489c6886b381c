//! The public plane over real sockets: every call, its limits, its refusals.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "tests stop at once")]

mod bodies;
mod choices;
mod connections;
mod express;
mod harness;
mod hints;
mod memory_log;
mod other_calls;
mod outside;
mod overload;
mod redirects;
mod segment;
mod streams;
