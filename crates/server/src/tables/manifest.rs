//! The manifest: which files are the tables, and how far log and state were when they were made.

use super::error::TablesError;
use crate::report::Freshness;
use millstream_event::{Hash128, Lane, Position, Timestamp};
use millstream_log::LanePositions;
use millstream_store::LaneHead;
use millstream_store::tables::{PartSize, Table};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Changes when what stands in the files changes its meaning: tables of another one are made anew.
const LAYOUT: u32 = 1;
const MANIFEST_FILE: &str = "manifest.json";
const UNFINISHED_FILE: &str = "manifest.json.unfinished";

/// Where a lane stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LanePlace {
    /// Its records before this are in `events`.
    pub(super) events: Position,
    /// The state that the other tables show had folded it up to here.
    pub(super) folded: Position,
    /// The log's chain hash there.
    pub(super) chain: u64,
}

/// A part of `events`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EventPart {
    pub(super) file: String,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// The earliest event time in it.
    pub(super) first: Timestamp,
    /// The latest.
    pub(super) last: Timestamp,
}

impl EventPart {
    pub(super) fn new(file: String, size: PartSize) -> Self {
        let (first, last) = size.times.unwrap_or_default();
        Self { file, rows: size.rows, bytes: size.bytes, first, last }
    }
}

/// What some neighbouring lanes have of another table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bucket {
    /// Number of the first lane.
    pub(super) first: u8,
    /// Number of the last one.
    pub(super) last: u8,
    /// None where there are no rows.
    pub(super) file: Option<String>,
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

impl Bucket {
    /// All lanes, without rows.
    pub(super) const fn empty() -> Self {
        Self { first: 0, last: Lane::COUNT as u8 - 1, file: None, rows: 0, bytes: 0 }
    }

    /// Its lanes.
    pub(super) fn lanes(&self) -> impl Iterator<Item = Lane> + use<> {
        (self.first..=self.last).filter_map(Lane::from_number)
    }
}

/// Everything a reader of the tables needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    layout: u32,
    /// Fingerprint of what the rows depend on beside the log.
    shape: String,
    /// Counts refreshes; file names begin with it.
    pub(super) number: u64,
    pub(super) lanes: Vec<LanePlace>,
    pub(super) events: Vec<EventPart>,
    pub(super) derived: BTreeMap<String, Vec<Bucket>>,
    as_of: Timestamp,
    complete_until: Option<Timestamp>,
    provisional: bool,
}

impl Manifest {
    /// Of tables without rows.
    pub(super) fn empty(shape: &str) -> Self {
        let derived = Table::KEPT.iter().filter(|table| **table != Table::Events);
        Self {
            layout: LAYOUT,
            shape: shape.to_owned(),
            number: 0,
            lanes: vec![LanePlace::default(); Lane::COUNT],
            events: Vec::new(),
            derived: derived.map(|it| (it.name().to_owned(), vec![Bucket::empty()])).collect(),
            as_of: Timestamp::default(),
            complete_until: None,
            provisional: true,
        }
    }

    pub(super) const fn freshness(&self) -> Freshness {
        let (as_of, complete_until) = (self.as_of, self.complete_until);
        Freshness { as_of, complete_until, provisional: self.provisional }
    }

    pub(super) const fn set_freshness(&mut self, freshness: Freshness) {
        self.as_of = freshness.as_of;
        self.complete_until = freshness.complete_until;
        self.provisional = freshness.provisional;
    }

    /// Where `events` ends in every lane.
    pub(super) fn reached(&self) -> LanePositions {
        self.positions(|place| place.events)
    }

    /// Where the state stood.
    pub(super) fn folded(&self) -> LanePositions {
        self.positions(|place| place.folded)
    }

    fn positions(&self, of: impl Fn(&LanePlace) -> Position) -> LanePositions {
        let mut positions = LanePositions::default();
        for (lane, place) in Lane::all().zip(&self.lanes) {
            positions.set(lane, of(place));
        }
        positions
    }

    /// Notes how far the tables have come.
    pub(super) fn set_places(&mut self, reached: &LanePositions, heads: &[LaneHead; Lane::COUNT]) {
        let place = |lane: Lane| {
            let head = heads[lane.index()];
            LanePlace { events: reached.get(lane), folded: head.next, chain: head.chain }
        };
        self.lanes = Lane::all().map(place).collect();
    }

    /// Every file, with its size.
    fn files(&self) -> impl Iterator<Item = (&str, u64)> {
        let events = self.events.iter().map(|part| (part.file.as_str(), part.bytes));
        let buckets = self.derived.values().flatten();
        events.chain(buckets.filter_map(|bucket| Some((bucket.file.as_deref()?, bucket.bytes))))
    }

    /// Names of every file.
    pub(super) fn names(&self) -> BTreeSet<String> {
        self.files().map(|(name, _)| name.to_owned()).collect()
    }

    /// The files of one table.
    pub(super) fn files_of(&self, table: Table) -> Vec<&str> {
        match self.derived.get(table.name()) {
            Some(buckets) => buckets.iter().filter_map(|it| it.file.as_deref()).collect(),
            None => self.events.iter().map(|part| part.file.as_str()).collect(),
        }
    }

    /// Rows of one table.
    pub(super) fn rows_of(&self, table: Table) -> u64 {
        match self.derived.get(table.name()) {
            Some(buckets) => buckets.iter().map(|bucket| bucket.rows).sum(),
            None => self.events.iter().map(|part| part.rows).sum(),
        }
    }

    /// Reads what is in force in a folder; none when there is nothing, and why it cannot be used
    /// when it cannot.
    pub(super) fn read(dir: &Path, shape: &str) -> Result<Option<Self>, String> {
        let text = match fs::read(dir.join(MANIFEST_FILE)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|error| error.to_string())?,
        };
        let found: Self = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
        if found.layout != LAYOUT || found.shape != shape {
            return Err("they were made by other rules, or by another version".to_owned());
        }
        if found.lanes.len() != Lane::COUNT {
            return Err("the manifest does not name every lane".to_owned());
        }
        for (name, bytes) in found.files() {
            let there = fs::metadata(dir.join(name)).map(|about| about.len());
            if there.ok() != Some(bytes) {
                return Err(format!("{name} is missing or has another length"));
            }
        }
        Ok(Some(found))
    }

    /// Puts this one in force. Its files must be durable.
    pub(super) fn write(&self, dir: &Path) -> Result<(), TablesError> {
        let unfinished = dir.join(UNFINISHED_FILE);
        let write = || -> io::Result<()> {
            fs::write(&unfinished, serde_json::to_vec(self).map_err(io::Error::other)?)?;
            File::open(&unfinished)?.sync_all()?;
            // The names of the new files are durable before the one that points to them.
            File::open(dir)?.sync_all()?;
            fs::rename(&unfinished, dir.join(MANIFEST_FILE))?;
            File::open(dir)?.sync_all()
        };
        write().map_err(TablesError::io("write", &unfinished))
    }

    /// Removes every file in the folder that is neither the manifest nor kept.
    pub(super) fn remove_others(dir: &Path, kept: &BTreeSet<String>) -> Result<(), TablesError> {
        for entry in fs::read_dir(dir).map_err(TablesError::io("list", dir))? {
            let entry = entry.map_err(TablesError::io("list", dir))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let ours = name == UNFINISHED_FILE || name.ends_with(".parquet");
            if ours && !kept.contains(&name) {
                let path = entry.path();
                fs::remove_file(&path).map_err(TablesError::io("remove", &path))?;
            }
        }
        Ok(())
    }
}

/// What rows depend on beside the log: columns and parameters.
pub(super) fn shape(parameters: &str) -> String {
    let mut text = parameters.to_owned();
    for table in Table::KEPT {
        text.push_str(table.name());
        for column in table.kept_columns() {
            text.push_str(&format!(" {} {:?}", column.name, column.kind));
        }
    }
    Hash128::of("tables", &[text.as_bytes()]).to_hex()
}
