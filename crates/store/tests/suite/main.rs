//! Tests of the store: the port's contract on every adapter, and what each adapter adds.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod checkpoint;
mod contract;
mod embedded;
mod tables;
