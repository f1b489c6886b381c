//! The StateStore port and its adapters, checkpoints, tables.

pub mod checkpoint;
pub mod embedded;
pub mod error;
pub mod head;
pub mod memory;
pub mod port;
pub mod reading;
pub mod rebuild;
mod room;
#[cfg(feature = "sql")]
pub mod sql;
pub mod tables;

pub use embedded::{FjallStore, StoreOptions};
pub use error::StoreError;
pub use head::LaneHead;
pub use memory::MemoryStore;
pub use port::{LaneCommit, Pair, StateStore, StateView, Visit};
pub use reading::{LaneReading, Reading};
pub use rebuild::Found;
