//! Path data: which touches people had, in order, and how often that ended in a conversion.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Most channels in one set of paths.
pub const CHANNELS_MAX: usize = 10_000;
/// Most touches of one path.
pub const PATH_TOUCHES_MAX: usize = 10_000;
/// Longest name of a channel, in bytes.
pub const CHANNEL_BYTES_MAX: usize = 512;
/// Greatest sum of conversions and of non-converting journeys: every smaller count is exact as a
/// 64-bit real.
pub const JOURNEYS_MAX: u64 = 1 << 50;
/// Greatest sum of values, in their smallest units.
pub const VALUE_MAX: i128 = 1 << 73;

/// What the journeys along one path came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Journeys that converted.
    pub conversions: u64,
    /// Journeys that did not.
    pub nulls: u64,
    /// What the conversions were worth, in the smallest units of the data; not negative.
    pub value: i128,
}

impl Outcome {
    fn plus(self, other: Self) -> Self {
        Self {
            conversions: self.conversions + other.conversions,
            nulls: self.nulls + other.nulls,
            value: self.value + other.value,
        }
    }

    fn is_within_bounds(&self) -> bool {
        self.conversions <= JOURNEYS_MAX
            && self.nulls <= JOURNEYS_MAX
            && self.conversions + self.nulls <= JOURNEYS_MAX
            && (0..=VALUE_MAX).contains(&self.value)
    }
}

/// Why a path cannot be taken; nothing of it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// No touches.
    #[error("the path has no touches; write at least one channel")]
    Empty,
    /// A touch without a name.
    #[error(
        "touch {touch} of the path has no channel; name it, or take one of the separators away"
    )]
    Unnamed {
        /// Its place, counted from 1.
        touch: usize,
    },
    /// A channel's name is too long.
    #[error(
        "the channel of touch {touch} has {bytes} bytes, at most {CHANNEL_BYTES_MAX} are taken; shorten it, and check that the separator is right"
    )]
    LongName {
        /// Its place, counted from 1.
        touch: usize,
        /// Its length.
        bytes: usize,
    },
    /// Too many touches.
    #[error(
        "the path has more than {PATH_TOUCHES_MAX} touches; keep the latest ones, and check that the file is sound"
    )]
    Long,
    /// Too many channels over all paths.
    #[error(
        "with this path there are more than {CHANNELS_MAX} channels; group them, for example by campaign instead of by ad"
    )]
    Channels,
    /// Counts or values too large to be exact.
    #[error(
        "with this path the counts or values are larger than can be summed exactly; analyse a shorter period"
    )]
    Large,
    /// A value that no conversion earned.
    #[error("the path has a value but no conversion; give it a conversion, or no value")]
    Unearned,
}

/// One path and what it came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Numbers of channels, in the order of the touches, repeats kept.
    pub touches: Box<[u32]>,
    /// Its journeys.
    pub outcome: Outcome,
}

/// Paths, each once, in an order that depends on them alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    /// Names of the channels, sorted; a channel's number is its place here.
    pub channels: Vec<Box<str>>,
    /// The paths, sorted.
    pub rows: Vec<Path>,
    /// Sums over the paths.
    pub total: Outcome,
}

impl Paths {
    /// Journeys that converted and met each channel.
    pub fn converting_with(&self) -> Vec<u64> {
        let mut counts = alloc::vec![0; self.channels.len()];
        for row in &self.rows {
            for channel in distinct(&row.touches) {
                counts[channel as usize] += row.outcome.conversions;
            }
        }
        counts
    }
}

/// The channels of a path, each once, in order of their numbers.
pub(crate) fn distinct(touches: &[u32]) -> Vec<u32> {
    let mut channels = touches.to_vec();
    channels.sort_unstable();
    channels.dedup();
    channels
}

/// Rows that are collected before equal ones are added up, at least.
const ROWS_PENDING_MIN: usize = 1 << 16;

/// A collected row: where its touches stand, and its outcome.
#[derive(Clone, Copy, Debug)]
struct Row {
    start: usize,
    end: usize,
    outcome: Outcome,
}

/// Collects paths in any order; equal ones are added up from time to time, so that memory follows
/// the different ones.
#[derive(Clone, Debug, Default)]
pub struct Gathering {
    numbers: BTreeMap<Box<str>, u32>,
    touches: Vec<u32>,
    rows: Vec<Row>,
    /// Rows when equal ones were last added up.
    settled: usize,
    total: Outcome,
}

impl Gathering {
    /// Adds the journeys of one path.
    ///
    /// # Errors
    /// When the path is empty, malformed or beyond a bound; the gathering is then unchanged.
    pub fn add<'a>(
        &mut self,
        channels: impl Iterator<Item = &'a str>,
        outcome: Outcome,
    ) -> Result<(), PathError> {
        if outcome.conversions == 0 && outcome.value != 0 {
            return Err(PathError::Unearned);
        }
        if !outcome.is_within_bounds() || !self.total.plus(outcome).is_within_bounds() {
            return Err(PathError::Large);
        }
        let (start, mut new) = (self.touches.len(), Vec::new());
        if let Err(error) = self.number(channels, &mut new) {
            self.touches.truncate(start);
            for name in new {
                self.numbers.remove(name);
            }
            return Err(error);
        }
        self.total = self.total.plus(outcome);
        self.rows.push(Row { start, end: self.touches.len(), outcome });
        if self.rows.len() >= ROWS_PENDING_MIN.max(2 * self.settled) {
            self.settle();
        }
        Ok(())
    }

    /// Appends the touches of one path; names that were not known are also put into `new`.
    fn number<'a>(
        &mut self,
        channels: impl Iterator<Item = &'a str>,
        new: &mut Vec<&'a str>,
    ) -> Result<(), PathError> {
        let start = self.touches.len();
        for name in channels {
            let touch = self.touches.len() - start + 1;
            if touch > PATH_TOUCHES_MAX {
                return Err(PathError::Long);
            }
            if let Some(number) = self.numbers.get(name) {
                self.touches.push(*number);
                continue;
            }
            match name.len() {
                0 => return Err(PathError::Unnamed { touch }),
                bytes if bytes > CHANNEL_BYTES_MAX => {
                    return Err(PathError::LongName { touch, bytes });
                }
                _ if self.numbers.len() == CHANNELS_MAX => return Err(PathError::Channels),
                _ => {}
            }
            let number = self.numbers.len() as u32;
            self.numbers.insert(name.into(), number);
            self.touches.push(number);
            new.push(name);
        }
        if self.touches.len() == start { Err(PathError::Empty) } else { Ok(()) }
    }

    /// Sorts the rows by their touches and adds equal ones up.
    fn settle(&mut self) {
        let touches = &self.touches;
        let path = |row: &Row| &touches[row.start..row.end];
        self.rows.sort_unstable_by(|a, b| {
            front(path(a)).cmp(&front(path(b))).then_with(|| path(a).cmp(path(b)))
        });
        let mut flat: Vec<u32> = Vec::with_capacity(touches.len());
        let mut rows: Vec<Row> = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            match rows.last_mut().filter(|last| flat[last.start..last.end] == *path(row)) {
                Some(last) => last.outcome = last.outcome.plus(row.outcome),
                None => {
                    let start = flat.len();
                    flat.extend_from_slice(path(row));
                    rows.push(Row { start, end: flat.len(), outcome: row.outcome });
                }
            }
        }
        self.settled = rows.len();
        (self.touches, self.rows) = (flat, rows);
    }

    /// The paths, each once. Numbers follow the names, so that the order of adding leaves no trace.
    pub fn finish(mut self) -> Paths {
        let mut renumbered = alloc::vec![0; self.numbers.len()];
        for (place, number) in self.numbers.values().enumerate() {
            renumbered[*number as usize] = place as u32;
        }
        for touch in &mut self.touches {
            *touch = renumbered[*touch as usize];
        }
        self.settle();
        let path = |row: &Row| Path {
            touches: self.touches[row.start..row.end].into(),
            outcome: row.outcome,
        };
        Paths {
            rows: self.rows.iter().map(path).collect(),
            channels: self.numbers.into_keys().collect(),
            total: self.total,
        }
    }
}

/// The first touches of a path as one number that orders as they do: most comparisons end with it.
fn front(touches: &[u32]) -> u128 {
    const _: () = assert!(CHANNELS_MAX < 1 << 16);
    (0..8).fold(0, |front, at| {
        front << 16 | u128::from(touches.get(at).map_or(0, |channel| channel + 1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;

    fn one(conversions: u64) -> Outcome {
        Outcome { conversions, ..Outcome::default() }
    }

    #[test]
    fn every_bound_holds_at_and_over_it() {
        let add = |path: &[&str], outcome| Gathering::default().add(path.iter().copied(), outcome);
        let name = "n".repeat(CHANNEL_BYTES_MAX + 1);
        assert_eq!(add(&[&name[1..]], one(1)), Ok(()));
        let bytes = CHANNEL_BYTES_MAX + 1;
        assert_eq!(add(&["a", &name], one(1)), Err(PathError::LongName { touch: 2, bytes }));
        let long = alloc::vec!["a"; PATH_TOUCHES_MAX + 1];
        assert_eq!(add(&long[1..], one(1)), Ok(()));
        assert_eq!(add(&long, one(1)), Err(PathError::Long));
        assert_eq!(add(&["a"], one(JOURNEYS_MAX)), Ok(()));
        assert_eq!(add(&["a"], one(JOURNEYS_MAX + 1)), Err(PathError::Large));
        assert_eq!(add(&["a"], one(u64::MAX)), Err(PathError::Large));
        assert_eq!(add(&["a"], Outcome { value: VALUE_MAX, ..one(1) }), Ok(()));
        assert_eq!(add(&["a"], Outcome { value: VALUE_MAX + 1, ..one(1) }), Err(PathError::Large));
        assert_eq!(add(&[], one(1)), Err(PathError::Empty));
        assert_eq!(add(&["a", "", "b"], one(1)), Err(PathError::Unnamed { touch: 2 }));
        assert_eq!(add(&["a"], Outcome { value: 1, ..one(0) }), Err(PathError::Unearned));
    }

    #[test]
    fn equal_paths_are_added_up_along_the_way() {
        let mut gathering = Gathering::default();
        for number in 0..3 * ROWS_PENDING_MIN {
            let path = [["a", "b"], ["b", "a"], ["a", "a"]][number % 3];
            assert_eq!(gathering.add(path.into_iter(), one(1)), Ok(()));
            assert!(gathering.rows.len() <= ROWS_PENDING_MIN);
        }
        let paths = gathering.finish();
        assert_eq!(paths.rows.len(), 3);
        assert!(paths.rows.iter().all(|row| row.outcome.conversions == ROWS_PENDING_MIN as u64));
    }

    #[test]
    fn a_channel_too_many_changes_nothing() {
        let mut gathering = Gathering::default();
        let names: Vec<String> = (0..CHANNELS_MAX).map(|number| format!("{number}")).collect();
        for name in &names {
            assert_eq!(gathering.add([name.as_str()].into_iter(), one(1)), Ok(()));
        }
        assert_eq!(gathering.add(["1", "more"].into_iter(), one(1)), Err(PathError::Channels));
        assert_eq!(gathering.add(["1", "2"].into_iter(), one(1)), Ok(()));
        let mut other = Gathering::default();
        assert_eq!(
            other.add(["1", "more", ""].into_iter(), one(1)),
            Err(PathError::Unnamed { touch: 3 })
        );
        assert_eq!(other.finish(), Paths::default());
        let paths = gathering.finish();
        assert_eq!((paths.channels.len(), paths.rows.len()), (CHANNELS_MAX, CHANNELS_MAX + 1));
        assert_eq!(paths.total.conversions, CHANNELS_MAX as u64 + 1);
    }
}
