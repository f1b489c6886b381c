//! The `EventLog` port: what capture and the pipeline ask of a log, embedded or distributed.

use crate::chain::LaneChains;
use crate::draft::Draft;
use crate::error::{AppendError, LogError};
use millstream_event::{Header, Lane, Position, Record};
use std::sync::mpsc;
use std::time::Duration;

/// Records that a scan holds in memory at a time.
const SCAN_RECORDS: usize = 1024;

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

/// Called each time all acknowledgements of what became durable together have run, until it returns
/// false: nobody listens any more. Must not block.
pub type AfterAcknowledging = Box<dyn Fn() -> bool + Send + Sync>;

/// One position per lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LanePositions([Position; Lane::COUNT]);

impl Default for LanePositions {
    fn default() -> Self {
        Self([Position(0); Lane::COUNT])
    }
}

impl LanePositions {
    /// Positions that no record ever has.
    pub const fn beyond_all() -> Self {
        Self([Position(u64::MAX); Lane::COUNT])
    }

    /// The lane's position.
    pub fn get(&self, lane: Lane) -> Position {
        self.0[lane.index()]
    }

    /// Replaces the lane's position.
    pub fn set(&mut self, lane: Lane, position: Position) {
        self.0[lane.index()] = position;
    }

    /// Every lane with its position, in the order of lanes.
    pub fn iter(&self) -> impl Iterator<Item = (Lane, Position)> {
        Lane::all().zip(self.0)
    }

    /// True when no lane stands behind where it stands in `other`.
    pub fn covers(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(mine, its)| mine >= its)
    }

    /// In each lane the lesser of two.
    #[must_use]
    pub fn least(&self, other: &Self) -> Self {
        let mut least = self.clone();
        for (mine, its) in least.0.iter_mut().zip(&other.0) {
            *mine = (*mine).min(*its);
        }
        least
    }

    /// Records in all lanes from `earlier` to here; lanes that stand behind it count 0.
    pub fn records_since(&self, earlier: &Self) -> u64 {
        self.0.iter().zip(&earlier.0).map(|(mine, its)| mine.0.saturating_sub(its.0)).sum()
    }
}

/// What somebody is still owed of records that retention removes: those are kept, one by one.
pub struct Owed {
    /// Nobody is owed anything before these positions.
    pub from: LanePositions,
    /// Whether a record at or behind them is owed.
    pub fits: Box<dyn Fn(&Record) -> bool + Send + Sync>,
}

/// How much is kept of removed segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeptSize {
    /// Records.
    pub records: u64,
    /// Bytes of their files.
    pub bytes: u64,
}

/// Reads nothing.
struct Nothing;

impl LogReader for Nothing {
    fn read(&mut self, _: &mut Vec<Record>, _: usize, _: Duration) -> Result<usize, LogError> {
        Ok(0)
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

    /// As [`Self::append`], and waits until the group is durable.
    ///
    /// # Errors
    /// As [`Self::append`], and when the group could not be made durable.
    fn append_and_wait(&self, group: Vec<Append>) -> Result<Appended, AppendError> {
        let (told, outcome) = mpsc::channel();
        // Whoever waits is there until told.
        self.append(group, Box::new(move |result| drop(told.send(result))))?;
        outcome.recv().unwrap_or(Err(AppendError::Closed))
    }

    /// An empty draft with room for this many records and bytes of payloads.
    fn draft(&self, records: usize, bytes: usize) -> Draft {
        Draft::with_room(records, bytes)
    }

    /// As [`Self::append`], of records that were written into one buffer.
    ///
    /// # Errors
    /// As [`Self::append`].
    fn append_draft(&self, draft: Draft, acknowledge: Acknowledge) -> Result<(), AppendError> {
        self.append(draft.into_appends(), acknowledge)
    }

    /// Has `hook` called after each round of acknowledgements, so that a caller can wake all who wait
    /// at once. False when the log does not work in rounds; `hook` is then never called.
    fn after_acknowledging(&self, hook: AfterAcknowledging) -> bool {
        drop(hook);
        false
    }

    /// A reader that follows the tail, beginning at these next positions.
    ///
    /// # Errors
    /// When the records wanted are no longer kept, or the files cannot be read.
    fn reader(&self, from: &LanePositions) -> Result<Box<dyn LogReader>, LogError>;

    /// The next ordinal of every lane; everything below is durable.
    fn heads(&self) -> LanePositions;

    /// The first ordinal of every lane that retention has kept.
    fn tails(&self) -> LanePositions;

    /// The record at one place, or `None` when the lane has not reached it; also one that is kept of a
    /// removed segment. For audits: it may cost reading a whole segment.
    ///
    /// # Errors
    /// When the record is no longer kept, or cannot be read.
    fn read_at(&self, lane: Lane, position: Position) -> Result<Option<Record>, LogError>;

    /// The hash of every lane's chain before these next positions ([`crate::chain::chain`]): a
    /// consumer whose own hash differs stands on another timeline. May cost reading segments.
    ///
    /// # Errors
    /// As [`Self::reader`].
    fn chains(&self, at: &LanePositions) -> Result<LaneChains, LogError>;

    /// Allows retention to remove records below these positions, and applies it. What is `owed` of them
    /// is kept at its place until a later call says that it is not owed any more.
    ///
    /// # Errors
    /// When a file cannot be written or removed.
    fn set_retention_floor(
        &self,
        floor: &LanePositions,
        owed: Option<&Owed>,
    ) -> Result<(), LogError>;

    /// A reader of what is kept of removed records, from these positions on, in physical order. It ends
    /// with what was kept below the tails of the moment when it was opened.
    ///
    /// # Errors
    /// When the files cannot be read.
    fn kept(&self, from: &LanePositions) -> Result<Box<dyn LogReader>, LogError> {
        let _nothing_is_kept = from;
        Ok(Box::new(Nothing))
    }

    /// How much is kept of removed segments that end behind these positions.
    fn kept_size(&self, from: &LanePositions) -> KeptSize {
        let _nothing_is_kept = from;
        KeptSize::default()
    }

    /// Overwrites a payload for good: the subject hash becomes zero and the payload `replacement`,
    /// padded with spaces to the same length; positions and chains stay. Durable on return. False
    /// when the lane has not reached the position.
    ///
    /// # Errors
    /// When the record is no longer kept, the replacement is longer than the payload, or the disk
    /// fails.
    fn erase(&self, lane: Lane, position: Position, replacement: &[u8]) -> Result<bool, LogError>;

    /// Visits everything that is kept of removed segments, until `visit` returns false.
    ///
    /// # Errors
    /// As [`Self::kept`] and [`LogReader::read`].
    fn scan_kept(&self, visit: &mut dyn FnMut(Record) -> bool) -> Result<(), LogError> {
        let mut reader = self.kept(&LanePositions::default())?;
        let mut records = Vec::new();
        while reader.read(&mut records, SCAN_RECORDS, Duration::ZERO)? > 0 {
            for record in records.drain(..) {
                if !visit(record) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Visits the records from `from` up to but without `to`, in physical order, until `visit`
    /// returns false.
    ///
    /// # Errors
    /// As [`Self::reader`] and [`LogReader::read`].
    fn scan(
        &self,
        from: &LanePositions,
        to: &LanePositions,
        visit: &mut dyn FnMut(Record) -> bool,
    ) -> Result<(), LogError> {
        let heads = self.heads();
        let mut left = 0;
        for (lane, end) in to.iter() {
            left += end.0.min(heads.get(lane).0).saturating_sub(from.get(lane).0);
        }
        let mut reader = self.reader(from)?;
        let mut records = Vec::new();
        while left > 0 {
            reader.read(&mut records, SCAN_RECORDS, Duration::ZERO)?;
            for record in records.drain(..) {
                if record.position >= to.get(record.header.lane) {
                    continue;
                }
                left -= 1;
                if !visit(record) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// Reads durable records in physical order.
pub trait LogReader: Send {
    /// Appends up to `max` records to `out`, waiting at most `wait` for the first one; returns how
    /// many.
    ///
    /// # Errors
    /// When a record is damaged or of an unknown kind: the reader stops there for good.
    fn read(
        &mut self,
        out: &mut Vec<Record>,
        max: usize,
        wait: Duration,
    ) -> Result<usize, LogError>;
}
