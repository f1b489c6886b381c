//! The one thread that writes: takes what waits, one write, one fdatasync, then acknowledges.

use crate::batch::Batch;
use crate::chain;
use crate::disk::is_out_of_space;
use crate::entry::Entry;
use crate::error::AppendError;
use crate::frame::{FRAME_HEADER_BYTES, FrameHeader, Home};
use crate::linger::Linger;
use crate::options::SegmentOptions;
use crate::port::{Acknowledge, Appended};
use crate::queue::Queue;
use crate::segment::{self, PAGE_BYTES, SegmentHeader};
use crate::stream::{Heads, Stream};
use crate::tail::Tail;
use millstream_event::{Lane, Position};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A frame this large or larger is not followed by zeros: growing is cheap per record already.
const PREPARE_FRAME_BYTES: usize = 256 << 10;

/// The writer's state.
pub(crate) struct Writer {
    stream: Arc<Stream>,
    queue: Arc<Queue>,
    options: SegmentOptions,
    tail: Tail,
    /// Length of the file; zeros stand between the tail's offset and here.
    prepared: u64,
    zeros: Vec<u8>,
    poison: Option<AppendError>,
}

impl Writer {
    pub(crate) fn new(
        stream: Arc<Stream>,
        queue: Arc<Queue>,
        options: SegmentOptions,
        tail: Tail,
    ) -> Self {
        let (prepared, zeros) = (tail.offset, vec![0; options.prepare_bytes]);
        Self { stream, queue, options, tail, prepared, zeros, poison: None }
    }

    /// Works until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        let mut batch = Batch::default();
        let mut groups = 0;
        while self.queue.take(&mut batch, Linger::after(groups, self.options.linger_max)) {
            groups = batch.groups.len();
            self.commit(&mut batch);
            batch.written().for_each(|buffer| self.queue.spare.give(buffer));
            batch.clear();
        }
    }

    fn commit(&mut self, batch: &mut Batch) {
        let mut grown = 0;
        let outcome = match &self.poison {
            Some(poison) => Err(poison.clone()),
            None if batch.entries.is_empty() => Ok(()),
            None => self.write(batch, &mut grown),
        };
        let places = match &outcome {
            Ok(()) => self.place(&batch.entries),
            Err(_) => Vec::new(),
        };
        // Room in the queue and the new heads first: an acknowledged caller may use both at once.
        self.queue.settle(grown);
        let mut places = places.into_iter();
        for group in batch.groups.drain(..) {
            let result = match &outcome {
                Ok(()) => Ok(Appended { places: places.by_ref().take(group.records).collect() }),
                Err(error) => Err(error.clone()),
            };
            acknowledge(group.acknowledge, result);
        }
        self.queue.acknowledged();
    }

    /// Makes the batch durable; `grown` says by how much the files have grown, whatever happens.
    fn write(&mut self, batch: &mut Batch, grown: &mut u64) -> Result<(), AppendError> {
        let frame = batch.bytes();
        let begun = self.tail.offset > PAGE_BYTES as u64;
        if begun && self.tail.offset + frame as u64 > self.options.segment_bytes {
            self.roll()?;
            *grown += PAGE_BYTES as u64;
        }
        let header = FrameHeader {
            sequence: self.tail.sequence,
            offset: self.tail.offset,
            bytes: (frame - FRAME_HEADER_BYTES) as u32,
            records: batch.entries.len() as u32,
        };
        batch.set_header(&header.encode(self.tail.home));
        match self.put(batch) {
            Ok(()) => {}
            Err(error) if is_out_of_space(&error) => return Err(self.roll_back()),
            Err(error) => return Err(self.poison("write", &error)),
        }
        if let Err(error) = self.tail.file.sync() {
            return Err(self.poison("fdatasync", &error));
        }
        self.tail.offset += frame as u64;
        self.tail.sequence += 1;
        *grown += frame as u64;
        Ok(())
    }

    /// Writes the frame, and zeros behind it when it grows the file.
    fn put(&mut self, batch: &Batch) -> io::Result<()> {
        let mut offset = self.tail.offset;
        for piece in batch.pieces() {
            self.tail.file.write_all_at(piece, offset)?;
            offset += piece.len() as u64;
        }
        if offset > self.prepared && batch.bytes() < PREPARE_FRAME_BYTES {
            self.prepare(offset)?;
        }
        self.prepared = self.prepared.max(offset);
        Ok(())
    }

    /// Zeros from `offset` on, as far as the segment reaches and the disk has room for them.
    fn prepare(&mut self, offset: u64) -> io::Result<()> {
        let room = self.options.segment_bytes.saturating_sub(offset);
        let ahead = room.min(self.zeros.len() as u64);
        match self.tail.file.write_all_at(&self.zeros[..ahead as usize], offset) {
            Ok(()) => self.prepared = offset + ahead,
            // The frame itself has found its place.
            Err(error) if is_out_of_space(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Gives every record its place in its lane, and publishes the new end.
    fn place(&mut self, entries: &[Entry]) -> Vec<(Lane, Position)> {
        let Heads { positions, chains } = &mut self.tail.heads;
        let mut places = Vec::with_capacity(entries.len());
        for entry in entries {
            let position = positions.get(entry.lane);
            positions.set(entry.lane, position.next());
            chains.set(entry.lane, chain::link(chains.get(entry.lane), entry.digest));
            self.tail.latest = self.tail.latest.max(entry.received);
            places.push((entry.lane, position));
        }
        self.stream.publish(self.tail.offset, &self.tail.heads);
        places
    }

    /// Begins the next segment. All of this one is durable, so the order is free.
    fn roll(&mut self) -> Result<(), AppendError> {
        let header = SegmentHeader {
            log: self.tail.home.log,
            number: self.tail.home.segment + 1,
            sequence: self.tail.sequence,
            latest: self.tail.latest,
            heads: self.tail.heads.positions.clone(),
            chains: self.tail.heads.chains.clone(),
        };
        if self.prepared > self.tail.offset {
            // Zeros that outlive a crash do no harm, so this needs no sync.
            if let Err(error) = self.tail.file.set_len(self.tail.offset) {
                return Err(self.poison("truncate", &error));
            }
            self.prepared = self.tail.offset;
        }
        let file = match segment::create(&*self.stream.disk, &self.stream.dir, &header) {
            Ok(file) => file,
            Err(error) if is_out_of_space(&error) => return Err(AppendError::DiskFull),
            Err(error) => return Err(self.poison("create the next segment", &error)),
        };
        self.tail.file = file;
        self.tail.home = Home { segment: header.number, ..self.tail.home };
        self.tail.offset = PAGE_BYTES as u64;
        self.prepared = self.tail.offset;
        self.stream.begin(header, self.tail.offset);
        Ok(())
    }

    /// Takes a frame back that did not fit. Synced, so that it cannot come back in a crash.
    fn roll_back(&mut self) -> AppendError {
        let cut = self.tail.file.set_len(self.tail.offset);
        match cut.and_then(|()| self.tail.file.sync()) {
            Ok(()) => {
                self.prepared = self.tail.offset;
                AppendError::DiskFull
            }
            Err(error) => self.poison("take back a frame", &error),
        }
    }

    /// Nothing is written any more: what is on disk is known again only after a restart.
    fn poison(&mut self, doing: &str, error: &io::Error) -> AppendError {
        let poison = AppendError::Poisoned(format!("{doing}: {error}"));
        self.queue.refuse(poison.clone());
        self.poison = Some(poison.clone());
        poison
    }
}

/// Runs a caller's acknowledgement. A panic in it is the caller's bug, which the panic hook reports;
/// the log must go on for everyone else.
fn acknowledge(callback: Acknowledge, result: Result<Appended, AppendError>) {
    let _reported = catch_unwind(AssertUnwindSafe(|| callback(result)));
}
