//! What retention let go of rows: a line each time, bound to the line before it and to what the lanes say of
//! themselves in the state.

use super::aging::RowDays;
use super::error::InstanceError;
use super::line_file::LineFile;
use millstream_event::{Hash128, Lane, Timestamp};
use millstream_pipeline::StateRead;
use millstream_pipeline::query::{kept, leftovers};
use millstream_pipeline::retention::{Class, Cutoffs};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The file's name, in a data directory and in a backup.
pub const NAME: &str = "retention-rows.jsonl";

/// One time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowRemoval {
    /// When it was noted.
    pub at: String,
    /// The rules in force.
    pub rules: Vec<String>,
    /// Whose rows: a generation begun later lets go again of what it folded again.
    pub generation: u16,
    /// Rows that went since the generation's line before, by class.
    pub rows: BTreeMap<String, u64>,
    /// From when on rows are kept, by class.
    pub kept_from: BTreeMap<String, String>,
    /// Hash of what the lanes' sweeps hash to.
    pub digest: String,
    /// Hash of the line before it; empty on the first.
    pub previous: String,
    /// Over all of that, under a key of the installation.
    pub hash: String,
}

impl RowRemoval {
    fn sealed(&self, key: &[u8; 32]) -> String {
        let texts = |map: &BTreeMap<String, String>| -> String {
            map.iter().map(|(class, from)| format!("{class}={from};")).collect()
        };
        let rows: String =
            self.rows.iter().map(|(class, rows)| format!("{class}={rows};")).collect();
        let (rules, kept_from) = (self.rules.join("\n"), texts(&self.kept_from));
        let parts: [&[u8]; 7] = [
            self.at.as_bytes(),
            rules.as_bytes(),
            &self.generation.to_le_bytes(),
            rows.as_bytes(),
            kept_from.as_bytes(),
            self.digest.as_bytes(),
            self.previous.as_bytes(),
        ];
        Hash128::keyed(key, "row retention", &parts).to_hex()
    }
}

/// What is kept of one class of rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClassVerdict {
    /// Which rows.
    pub class: &'static str,
    /// For how many days, by the rule in force; none for ever.
    pub days: Option<u32>,
    /// From when on every lane keeps them; none where nothing ever went.
    pub kept_from: Option<String>,
    /// Rows that went.
    pub removed: u64,
    /// Rows that are older and still there: they go with the next round.
    pub left: u64,
}

/// What the lines are worth.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RowVerdict {
    /// True when every line follows from the one before it and the state from the last one.
    pub intact: bool,
    /// What does not, the first of it.
    pub broken: Option<String>,
    /// Each class.
    pub classes: Vec<ClassVerdict>,
    /// Each time, the earliest first.
    pub removals: Vec<RowRemoval>,
}

/// What the lanes say of themselves.
struct Standing {
    from: Cutoffs,
    removed: BTreeMap<String, u64>,
    digest: String,
}

impl Standing {
    fn read(state: &dyn StateRead, generation: u16) -> Result<Self, InstanceError> {
        let (mut from, mut digests) = (Cutoffs::default(), Vec::new());
        let mut removed: BTreeMap<String, u64> = BTreeMap::new();
        for lane in Lane::all() {
            let lane = kept(state, generation, lane)
                .map_err(|error| InstanceError::Rows(error.to_string()))?;
            from = from.later(&lane.from);
            digests.extend_from_slice(&lane.digest.0);
            for class in Class::ALL {
                *removed.entry(class.as_str().to_owned()).or_default() +=
                    lane.removed[class as usize];
            }
        }
        removed.retain(|_, rows| *rows > 0);
        Ok(Self { from, removed, digest: Hash128::of("lane sweeps", &[&digests]).to_hex() })
    }
}

/// Rows that the lines of one generation tell of.
fn told(lines: &[RowRemoval], generation: u16) -> BTreeMap<String, u64> {
    let mut told: BTreeMap<String, u64> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.generation == generation) {
        for (class, rows) in &line.rows {
            *told.entry(class.clone()).or_default() += rows;
        }
    }
    told
}

/// The lines of one data directory.
#[derive(Clone, Debug)]
pub struct RowRemovals {
    file: LineFile,
    key: [u8; 32],
    days: RowDays,
}

impl RowRemovals {
    /// Those of a folder, under the rules in force.
    pub fn of(dir: &Path, key: [u8; 32], days: RowDays) -> Self {
        Self { file: LineFile::new(dir.join(NAME)), key, days }
    }

    /// Notes what went since the generation's last line, if anything did. Also what went in a process
    /// that ended before it could say so.
    ///
    /// # Errors
    /// When the file or the state cannot be read or written.
    pub fn note(
        &self,
        (state, generation): (&dyn StateRead, u16),
        at: Timestamp,
    ) -> Result<Option<RowRemoval>, InstanceError> {
        let (lines, whole) = self.file.read::<RowRemoval>()?;
        let standing = Standing::read(state, generation)?;
        let told = told(&lines, generation);
        let since = |(class, rows): (&String, &u64)| {
            let rows = rows.saturating_sub(told.get(class).copied().unwrap_or_default());
            (rows > 0).then(|| (class.clone(), rows))
        };
        let rows: BTreeMap<String, u64> = standing.removed.iter().filter_map(since).collect();
        if rows.is_empty() {
            return Ok(None);
        }
        let from = |class: Class| {
            standing.from.of(class).map(|from| (class.as_str().to_owned(), from.to_rfc3339()))
        };
        let mut removal = RowRemoval {
            at: at.to_rfc3339(),
            rules: self.days.rules(),
            generation,
            rows,
            kept_from: Class::ALL.into_iter().filter_map(from).collect(),
            digest: standing.digest,
            previous: lines.last().map(|line| line.hash.clone()).unwrap_or_default(),
            hash: String::new(),
        };
        removal.hash = removal.sealed(&self.key);
        self.file.append(&removal, whole)?;
        tracing::info!(rows = removal.rows.values().sum::<u64>(), "retention let go of old rows");
        Ok(Some(removal))
    }

    /// Follows the lines, holds them against what the lanes say of themselves, and looks for rows that are
    /// older than what is kept.
    ///
    /// # Errors
    /// When the file or the state cannot be read.
    pub fn verify(
        &self,
        (state, generation): (&dyn StateRead, u16),
    ) -> Result<RowVerdict, InstanceError> {
        let (removals, _) = self.file.read::<RowRemoval>()?;
        let standing = Standing::read(state, generation)?;
        let mut previous = "";
        let mut broken = None;
        for (number, line) in removals.iter().enumerate() {
            if line.previous != previous || line.sealed(&self.key) != line.hash {
                let number = number + 1;
                broken.get_or_insert(format!(
                    "line {number} of {NAME} was changed, or one before it is missing"
                ));
            }
            previous = &line.hash;
        }
        if broken.is_none() && !self.agrees(&removals, &standing, generation) {
            broken =
                Some("the state let go of less than the lines tell, or of other rows".to_owned());
        }
        let mut classes = Vec::new();
        for class in Class::ALL {
            let mut left = 0;
            for lane in Lane::all() {
                left += leftovers(state, (generation, lane), class)
                    .map_err(|error| InstanceError::Rows(error.to_string()))?
                    .rows;
            }
            let all = removals.iter().filter_map(|line| line.rows.get(class.as_str()));
            classes.push(ClassVerdict {
                class: class.as_str(),
                days: self.days.of(class),
                kept_from: standing.from.of(class).map(Timestamp::to_rfc3339),
                removed: all.sum(),
                left,
            });
        }
        Ok(RowVerdict { intact: broken.is_none(), broken, classes, removals })
    }

    /// True when the state let go of what the lines tell. It may be further: the next line tells.
    fn agrees(&self, lines: &[RowRemoval], standing: &Standing, generation: u16) -> bool {
        let told = told(lines, generation);
        if told == standing.removed {
            let last = lines.iter().rev().find(|line| line.generation == generation);
            return last.is_none_or(|last| last.digest == standing.digest);
        }
        let is_covered = |(class, rows): (&String, &u64)| standing.removed.get(class) >= Some(rows);
        told.iter().all(is_covered)
    }
}
