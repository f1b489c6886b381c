//! What a replay works with, what it writes, and what it comes to.

use crate::capture::ConsentDefaults;
use crate::links::Registry;
use millstream_event::control::Settings;
use millstream_event::mending::Mending;
use millstream_event::{Header, Record};
use millstream_log::{Append, AppendError, EventLog, LogError};
use millstream_pipeline::query::ReadError;
use millstream_stitch::Properties;
use millstream_store::StateView;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Records that become durable together.
const GROUP_RECORDS: usize = 256;
/// Between attempts while the log has no room.
const PAUSE: Duration = Duration::from_millis(50);

/// What a replay works with.
pub struct ReplayParts<'a> {
    /// Read from and appended to.
    pub log: &'a dyn EventLog,
    /// Tells which copy of an event counts, and what is in quarantine.
    pub state: &'a dyn StateView,
    /// Its generation.
    pub generation: u16,
    /// Which sources see the same actions.
    pub properties: &'a Properties,
    /// The rules of today.
    pub registry: &'a Registry,
    /// Of them, those that tell where visitors come from.
    pub settings: Arc<Settings>,
    /// Those that mend what is in quarantine.
    pub mending: Arc<Mending>,
    /// What holds where an event says nothing of consent.
    pub consent: &'a ConsentDefaults,
    /// Keys the subject hash in the headers of records.
    pub subject_key: [u8; 32],
    /// Believes clicks of ours.
    pub click_key: [u8; 32],
}

/// What a replay came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replayed {
    /// True when nothing was written.
    pub dry_run: bool,
    /// Events or things in quarantine that were selected.
    pub selected: u64,
    /// Read otherwise by the rules of today: written anew.
    pub replayed: u64,
    /// Read as before.
    pub unchanged: u64,
    /// In quarantine, and broken by the rules of today, too.
    pub still_broken: u64,
    /// In quarantine without their text, which consent or length forbade to keep.
    pub without_text: u64,
    /// Of the replayed: mended, by rule.
    #[serde(default)]
    pub mended: BTreeMap<Box<str>, u64>,
    /// Of the replayed: where they are said to come from now and before, and how many are. Beyond
    /// [`MOVES_MAX`] different moves are counted together.
    #[serde(default)]
    pub moved: BTreeMap<String, u64>,
}

/// Most moves that are told apart.
pub const MOVES_MAX: usize = 50;

/// Why a replay failed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The log takes nothing.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] ReadError),
    /// An event cannot be written.
    #[error("a record cannot be written as JSON: {0}")]
    Encode(#[from] serde_json::Error),
}

/// Appends what is to count, in groups, and never takes more than half of the time.
pub(super) struct Writer<'a> {
    pub(super) parts: &'a ReplayParts<'a>,
    pub(super) counts: Replayed,
    group: Vec<Append>,
    since: Instant,
}

impl<'a> Writer<'a> {
    pub(super) fn new(parts: &'a ReplayParts<'a>, dry_run: bool) -> Self {
        let counts = Replayed { dry_run, ..Replayed::default() };
        Self { parts, counts, group: Vec::new(), since: Instant::now() }
    }

    /// The header of what takes a record's place: received when that was.
    pub(super) fn in_place_of(&self, record: &Record) -> Header {
        Header {
            replay_epoch: record.header.replay_epoch.saturating_add(1),
            control_version: self.parts.registry.control_version(),
            ..record.header
        }
    }

    /// Counts a move from one origin to another.
    pub(super) fn moved(&mut self, name: String) {
        let moved = &mut self.counts.moved;
        let known = moved.contains_key(&name) || moved.len() < MOVES_MAX;
        *moved.entry(if known { name } else { "others".to_owned() }).or_default() += 1;
    }

    /// Records that belong together.
    pub(super) fn write(
        &mut self,
        records: impl IntoIterator<Item = Append>,
    ) -> Result<(), ReplayError> {
        self.counts.replayed += 1;
        if self.counts.dry_run {
            return Ok(());
        }
        self.group.extend(records);
        if self.group.len() < GROUP_RECORDS { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), ReplayError> {
        if self.group.is_empty() {
            return Ok(());
        }
        loop {
            match self.parts.log.append_and_wait(self.group.clone()) {
                Err(AppendError::Overloaded | AppendError::DiskFull) => std::thread::sleep(PAUSE),
                Err(other) => return Err(other.into()),
                Ok(_) => break,
            }
        }
        self.group.clear();
        self.pace();
        Ok(())
    }

    /// Rests as long as it worked: what arrives live goes first.
    pub(super) fn pace(&mut self) {
        std::thread::sleep(self.since.elapsed());
        self.since = Instant::now();
    }

    pub(super) fn finish(mut self) -> Result<Replayed, ReplayError> {
        self.flush()?;
        Ok(self.counts)
    }
}
