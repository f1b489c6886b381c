//! What retention removed from the log: a line each time, bound to the line before it and to what the log keeps.
//!
//! Each line says from where on the log is kept, under which rules, and the hash of the chains of everything before
//! that. A line that is changed, taken out or put between no longer fits its neighbours; what the log keeps must
//! follow on from the last one.

use super::error::InstanceError;
use super::line_file::LineFile;
use super::row_removals::RowVerdict;
use millstream_event::{Hash128, Lane, Position, Timestamp};
use millstream_log::{EventLog, LanePositions, SegmentOptions};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The file's name, in a data directory and in a backup.
pub const NAME: &str = "retention.jsonl";
/// Microseconds of a day.
const DAY_MICROS: i64 = 86_400_000_000;

/// One time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Removal {
    /// When it was noted.
    pub at: String,
    /// The rules in force.
    pub rules: Vec<String>,
    /// Records removed.
    pub records: u64,
    /// The first ordinal kept of each lane, in the order of lanes.
    pub kept_from: Vec<u64>,
    /// Hash of the chains of all lanes up to there.
    pub chain: String,
    /// Hash of the line before it; empty on the first.
    pub previous: String,
    /// Over all of that, under a key of the installation.
    pub hash: String,
}

impl Removal {
    fn positions(&self) -> LanePositions {
        let mut positions = LanePositions::default();
        for (lane, ordinal) in Lane::all().zip(&self.kept_from) {
            positions.set(lane, Position(*ordinal));
        }
        positions
    }

    fn sealed(&self, key: &[u8; 32]) -> String {
        let ordinals: Vec<u8> = self.kept_from.iter().flat_map(|one| one.to_le_bytes()).collect();
        let rules = self.rules.join("\n");
        let records = self.records.to_le_bytes();
        let parts: [&[u8]; 6] = [
            self.at.as_bytes(),
            rules.as_bytes(),
            &records,
            &ordinals,
            self.chain.as_bytes(),
            self.previous.as_bytes(),
        ];
        Hash128::keyed(key, "retention", &parts).to_hex()
    }
}

/// What the lines are worth.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RemovalVerdict {
    /// True when every line follows from the one before it and the log from the last one.
    pub intact: bool,
    /// What does not, the first of it.
    pub broken: Option<String>,
    /// Records removed altogether.
    pub records: u64,
    /// Events among them that are kept by themselves until destinations were sent them.
    pub kept_for_destinations: u64,
    /// When the oldest record that is kept was received.
    pub oldest_kept: Option<String>,
    /// The rules in force now.
    pub rules: Vec<String>,
    /// Each time, the earliest first.
    pub removals: Vec<Removal>,
    /// What went of rows.
    pub rows: RowVerdict,
}

/// The lines of one data directory.
#[derive(Clone, Debug)]
pub struct Removals {
    file: LineFile,
    key: [u8; 32],
    rules: Vec<String>,
}

impl Removals {
    /// Those of a folder, under the log's options.
    pub fn of(dir: &Path, key: [u8; 32], options: &SegmentOptions) -> Self {
        let age = options.retain_for.map(|age| format!("log.retain_days = {}", age.0 / DAY_MICROS));
        let size = options.retain_bytes.map(|bytes| format!("log.retain_bytes = {bytes}"));
        Self {
            file: LineFile::new(dir.join(NAME)),
            key,
            rules: age.into_iter().chain(size).collect(),
        }
    }

    /// Notes what went since the last line, if anything did. Also what went in a process that ended
    /// before it could say so.
    ///
    /// # Errors
    /// When the file or the log cannot be read or written.
    pub fn note(
        &self,
        log: &dyn EventLog,
        at: Timestamp,
    ) -> Result<Option<Removal>, InstanceError> {
        let (lines, whole) = self.file.read::<Removal>()?;
        let last = lines.last().cloned().unwrap_or_default();
        let tails = log.tails();
        let records = tails.records_since(&last.positions());
        if records == 0 {
            return Ok(None);
        }
        let mut removal = Removal {
            at: at.to_rfc3339(),
            rules: self.rules.clone(),
            records,
            kept_from: tails.iter().map(|(_, position)| position.0).collect(),
            chain: chain(log, &tails)?,
            previous: last.hash,
            hash: String::new(),
        };
        removal.hash = removal.sealed(&self.key);
        self.file.append(&removal, whole)?;
        Ok(Some(removal))
    }

    /// Follows the lines, and holds the last one against the log.
    ///
    /// # Errors
    /// When the file or the log cannot be read.
    pub fn verify(&self, log: &dyn EventLog) -> Result<RemovalVerdict, InstanceError> {
        let (removals, _) = self.file.read::<Removal>()?;
        let kept_for_destinations = log.kept_size(&LanePositions::default()).records;
        let rules = self.rules.clone();
        let mut verdict =
            RemovalVerdict { rules, kept_for_destinations, ..RemovalVerdict::default() };
        let (mut before, mut hash) = (LanePositions::default(), String::new());
        for (number, line) in removals.iter().enumerate() {
            let kept_from = line.positions();
            let follows = line.previous == hash
                && line.sealed(&self.key) == line.hash
                && kept_from.covers(&before)
                && kept_from.records_since(&before) == line.records;
            if !follows && verdict.broken.is_none() {
                verdict.broken =
                    Some(format!("line {} was changed, or one before it is missing", number + 1));
            }
            verdict.records += line.records;
            (before, hash) = (kept_from, line.hash.clone());
        }
        let tails = log.tails();
        let chained = match removals.last() {
            Some(last) => last.chain == chain(log, &tails)?,
            None => true,
        };
        if verdict.broken.is_none() && (before != tails || !chained) {
            let why = "what the log keeps does not follow on from the last line";
            verdict.broken = Some(why.to_owned());
        }
        log.scan(&tails, &log.heads(), &mut |record| {
            verdict.oldest_kept = Some(record.header.received.to_rfc3339());
            false
        })?;
        verdict.intact = verdict.broken.is_none();
        verdict.removals = removals;
        Ok(verdict)
    }
}

fn chain(log: &dyn EventLog, at: &LanePositions) -> Result<String, InstanceError> {
    let chains = log.chains(at)?;
    let bytes: Vec<u8> = Lane::all().flat_map(|lane| chains.get(lane).to_le_bytes()).collect();
    Ok(Hash128::of("lane chains", &[&bytes]).to_hex())
}
