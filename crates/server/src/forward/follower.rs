//! Lines that stand at one place of the log, and the reader that they share.
//!
//! What conversions still need of removed segments is kept apart, at its places: lines that stand there
//! read that first, and then go on where the log begins.

use super::desk::Desk;
use millstream_event::Record;
use millstream_event::delivery::Class;
use millstream_log::{EventLog, LanePositions, LogError, LogReader};
use std::sync::Arc;
use std::time::Duration;

/// Records read at once.
const READ_RECORDS: usize = 512;

/// A desk by its number, and a class of its events.
pub(super) type LineName = (usize, Class);

/// See the module.
pub(super) struct Follower {
    pub(super) next: LanePositions,
    pub(super) lines: Vec<LineName>,
    reader: Option<Reading>,
}

/// What is read.
enum Reading {
    /// The log.
    Log(Box<dyn LogReader>),
    /// What is kept of removed segments, below these positions.
    Kept(Box<dyn LogReader>, Box<LanePositions>),
}

impl Follower {
    /// Of lines that stand here.
    pub(super) const fn new(next: LanePositions, lines: Vec<LineName>) -> Self {
        Self { next, lines, reader: None }
    }

    /// What waits keeps no file open.
    pub(super) fn rest(&mut self) {
        self.reader = None;
    }

    /// Reads on, waiting so long for the first record; true when there may be more at once.
    pub(super) fn read(
        &mut self,
        (log, desks): (&dyn EventLog, &[Arc<Desk>]),
        records: &mut Vec<Record>,
        wait: Duration,
    ) -> Result<bool, LogError> {
        let read = match &mut self.reader {
            None => return self.begin(log, desks).map(|()| true),
            Some(Reading::Log(reader)) => reader.read(records, READ_RECORDS, wait),
            Some(Reading::Kept(reader, until)) => {
                let read = reader.read(records, READ_RECORDS, wait);
                if matches!(read, Ok(0)) {
                    let until = until.clone();
                    self.reader = None;
                    self.go_on_at(&until, desks);
                    return Ok(true);
                }
                read
            }
        };
        match read {
            Ok(count) => Ok(count > 0),
            // Retention took the segment, and kept what is owed of it.
            Err(LogError::Removed { .. }) => {
                self.reader = None;
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }

    /// Opens what is to be read next.
    fn begin(&mut self, log: &dyn EventLog, desks: &[Arc<Desk>]) -> Result<(), LogError> {
        // Before what is kept is looked through: whatever lies below is found there, or not owed.
        let tails = log.tails();
        if self.next.covers(&tails) {
            self.reader = match log.reader(&self.next) {
                Err(LogError::Removed { .. }) => None,
                other => Some(Reading::Log(other?)),
            };
        } else if self.lines.iter().any(|(_, class)| *class == Class::Conversion) {
            self.reader = Some(Reading::Kept(log.kept(&self.next)?, Box::new(tails)));
        } else {
            self.go_on_at(&tails, desks);
        }
        Ok(())
    }

    /// Moves up to what the log has kept. Retention waits for what is owed, or keeps it: something is
    /// missing only where files were removed by hand, or where a range is sent once more.
    fn go_on_at(&mut self, tails: &LanePositions, desks: &[Arc<Desk>]) {
        for (lane, tail) in tails.iter() {
            self.next.set(lane, self.next.get(lane).max(tail));
        }
        for (desk, class) in &self.lines {
            let Some(desk) = desks.get(*desk) else { continue };
            let lost = desk.lose(*class, tails);
            if lost > 0 || *class != Class::Conversion {
                let (destination, class) = (&desk.name, class.as_str());
                tracing::error!(destination, class, lost, "the log no longer keeps what was owed");
            }
        }
    }
}
