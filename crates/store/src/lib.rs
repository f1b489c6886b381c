//! The StateStore port and its adapters, checkpoints, tables.

pub mod error;
pub mod port;

pub use error::StoreError;
pub use port::{LaneCommit, LaneHead, StateStore, Visit};
