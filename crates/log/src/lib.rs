//! The EventLog port and its embedded segment files: group commit, recovery, retention.

pub mod chain;
pub mod error;
pub mod port;

pub use chain::{LaneChains, chain};
pub use error::{AppendError, LogError};
pub use port::{Acknowledge, Append, Appended, EventLog, LanePositions, LogReader};
