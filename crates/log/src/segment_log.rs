//! The embedded log as its users hold it.

use crate::batch::LARGE_BYTES;
use crate::chain::LaneChains;
use crate::disk::Disk;
use crate::draft::Draft;
use crate::entry::{Prepared, check_size};
use crate::erasure;
use crate::error::{AppendError, LogError};
use crate::guard::lock;
use crate::kept_reader::KeptReader;
use crate::nonce::Nonces;
use crate::options::SegmentOptions;
use crate::port::{
    Acknowledge, AfterAcknowledging, Append, EventLog, KeptSize, LanePositions, LogReader, Owed,
};
use crate::queue::Queue;
use crate::reader::{self, SegmentReader};
use crate::recovery::{Recovered, recover};
use crate::retention::{Allowed, kept_size, retain};
use crate::stream::Stream;
use crate::tail::Cut;
use crate::writer::Writer;
use millstream_event::record::HEADER_BYTES;
use millstream_event::{Lane, Position, Record, Timestamp};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

/// A log in a folder of segment files. Dropping it writes what waits and ends the writer.
pub struct SegmentLog {
    stream: Arc<Stream>,
    queue: Arc<Queue>,
    options: SegmentOptions,
    nonces: Nonces,
    cut: Option<Cut>,
    retaining: Mutex<()>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl SegmentLog {
    /// Opens the log in `dir`, or begins one there. Nobody else may have it open: the caller sees to
    /// that. Costs reading the last segment.
    ///
    /// # Errors
    /// When the files are damaged or cannot be read or written, or an option makes no sense.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: SegmentOptions,
    ) -> Result<Self, LogError> {
        options.check()?;
        let nonces = Nonces::from_system()?;
        let Recovered { segments, kept, tail, cut } = recover(&*disk, dir, &nonces)?;
        let stored = segments.iter().map(|segment| segment.end).sum::<u64>()
            + kept.iter().map(|kept| kept.bytes).sum::<u64>();
        let stream = Stream::new(disk, dir.to_owned(), segments, tail.heads.clone(), kept);
        let stream = Arc::new(stream);
        let queue = Arc::new(Queue::new(&options, stored));
        let writer = Writer::new(Arc::clone(&stream), Arc::clone(&queue), options.clone(), tail);
        let thread = std::thread::Builder::new()
            .name("log-writer".into())
            .spawn(move || writer.run())
            .map_err(LogError::io("start the writer of", dir))?;
        let writer = Mutex::new(Some(thread));
        Ok(Self { stream, queue, options, nonces, cut, retaining: Mutex::new(()), writer })
    }

    /// What was cut off a torn tail at opening.
    pub fn cut(&self) -> Option<&Cut> {
        self.cut.as_ref()
    }

    /// Bytes of all segments, and of what is kept of removed ones.
    pub fn bytes(&self) -> u64 {
        self.queue.stored()
    }

    /// Records that wait or are being written.
    pub fn queued(&self) -> usize {
        self.queue.depth()
    }

    /// Why the log takes nothing until a restart, if so: for readiness checks.
    pub fn refusal(&self) -> Option<AppendError> {
        self.queue.refusal()
    }

    /// Removes the segments that are too old at `now` or too many, as far as all their records lie
    /// below `floor`; returns how many. What is owed of them is kept.
    ///
    /// # Errors
    /// When a file cannot be written or removed.
    pub fn retain(
        &self,
        (floor, owed): (&LanePositions, Option<&Owed>),
        now: Timestamp,
    ) -> Result<u64, LogError> {
        let allowed = Allowed { floor, owed, now };
        retain(&self.stream, &self.queue, &self.options, &self.retaining, allowed)
    }
}

impl EventLog for SegmentLog {
    fn append(&self, group: Vec<Append>, acknowledge: Acknowledge) -> Result<(), AppendError> {
        let sizes = || group.iter().map(|append| HEADER_BYTES + append.payload.len());
        check_size(sizes().max().unwrap_or(0))?;
        // Asked before the work as well: under overload a refusal must cost next to nothing.
        self.queue.check(group.len(), sizes().sum())?;
        self.queue.push(Prepared::new(group.into(), &self.nonces), acknowledge)
    }

    fn draft(&self, records: usize, bytes: usize) -> Draft {
        match Draft::room(records, bytes) {
            room if room < LARGE_BYTES => Draft::with_room(records, bytes),
            room => Draft::over(self.queue.spare.take(room), records),
        }
    }

    fn append_draft(&self, draft: Draft, acknowledge: Acknowledge) -> Result<(), AppendError> {
        check_size(draft.largest())?;
        self.queue.check(draft.len(), draft.bytes())?;
        self.queue.push(Prepared::new(draft, &self.nonces), acknowledge)
    }

    fn after_acknowledging(&self, hook: AfterAcknowledging) -> bool {
        self.queue.after_acknowledging(hook);
        true
    }

    fn reader(&self, from: &LanePositions) -> Result<Box<dyn LogReader>, LogError> {
        Ok(Box::new(SegmentReader::open(Arc::clone(&self.stream), from)?))
    }

    fn heads(&self) -> LanePositions {
        self.stream.heads().positions
    }

    fn tails(&self) -> LanePositions {
        self.stream.tails()
    }

    fn read_at(&self, lane: Lane, position: Position) -> Result<Option<Record>, LogError> {
        erasure::read_at(&self.stream, lane, position)
    }

    fn chains(&self, at: &LanePositions) -> Result<LaneChains, LogError> {
        reader::chains(&self.stream, at)
    }

    fn set_retention_floor(
        &self,
        floor: &LanePositions,
        owed: Option<&Owed>,
    ) -> Result<(), LogError> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
        self.retain((floor, owed), Timestamp(now)).map(|_| ())
    }

    fn kept(&self, from: &LanePositions) -> Result<Box<dyn LogReader>, LogError> {
        Ok(Box::new(KeptReader::new(Arc::clone(&self.stream), from)))
    }

    fn kept_size(&self, from: &LanePositions) -> KeptSize {
        kept_size(&self.stream, from)
    }

    fn erase(&self, lane: Lane, position: Position, replacement: &[u8]) -> Result<bool, LogError> {
        erasure::erase(&self.stream, lane, position, replacement)
    }
}

impl Drop for SegmentLog {
    fn drop(&mut self) {
        self.queue.close();
        let Some(writer) = lock(&self.writer).take() else { return };
        // The last owner may be an acknowledgement, which runs on the writer itself.
        if writer.thread().id() != std::thread::current().id() {
            // Were it a panic, its hook has told why, and there is nothing left to save.
            let _reported = writer.join();
        }
    }
}
