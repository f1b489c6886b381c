//! Queues: each formula with its source, its range and what it neglects.

pub mod batch;
pub mod deterministic;
pub mod finite;
pub mod fork_join;
pub mod general;
pub mod markovian;
pub mod network;
pub mod phase_type;
pub mod priority;
pub mod retry;
pub mod special;
