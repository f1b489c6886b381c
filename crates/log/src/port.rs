//! The `EventLog` port: what capture and the pipeline ask of a log, embedded or distributed.

use crate::error::{AppendError, LogError};
use millstream_event::{Header, Lane, Position, Record};
use std::time::Duration;

/// A record to be appended. The log fills in the nonce and the CRC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// The header's fields.
    pub header: Header,
    /// The payload.
    pub payload: Vec<u8>,
}

/// Where the records of a group stand, in the order of the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Lane and ordinal of each record.
    pub places: Vec<(Lane, Position)>,
}

/// Called once, on the log's own thread, after the fdatasync that covers the group, or with the
/// reason why it never will be durable. Must not block.
pub type Acknowledge = Box<dyn FnOnce(Result<Appended, AppendError>) + Send>;

/// One position per lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LanePositions([Position; Lane::COUNT]);

impl Default for LanePositions {
    fn default() -> Self {
        Self([Position(0); Lane::COUNT])
    }
}

impl LanePositions {
    /// The lane's position.
    pub fn get(&self, lane: Lane) -> Position {
        self.0[lane.index()]
    }

    /// Replaces the lane's position.
    pub fn set(&mut self, lane: Lane, position: Position) {
        self.0[lane.index()] = position;
    }
}

/// A durable, ordered log with lanes.
pub trait EventLog: Send + Sync {
    /// Queues a group that becomes durable together.
    ///
    /// # Errors
    /// At once, without calling `acknowledge`, when the queue is full, the disk bound is reached or
    /// the log is poisoned.
    fn append(&self, group: Vec<Append>, acknowledge: Acknowledge) -> Result<(), AppendError>;

    /// A reader that follows the tail, beginning at these next positions.
    ///
    /// # Errors
    /// When the records wanted are no longer kept, or the files cannot be read.
    fn reader(&self, from: &LanePositions) -> Result<Box<dyn LogReader>, LogError>;

    /// The next ordinal of every lane; everything below is durable.
    fn heads(&self) -> LanePositions;
}

/// Reads durable records in physical order.
pub trait LogReader: Send {
    /// Appends up to `max` records to `out`, waiting at most `wait` for the first one; returns how
    /// many.
    ///
    /// # Errors
    /// When a record is damaged or of an unknown kind: the reader stops there for good.
    fn read(&mut self, out: &mut Vec<Record>, max: usize, wait: Duration) -> Result<usize, LogError>;
}
