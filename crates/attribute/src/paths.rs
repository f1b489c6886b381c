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
        "the path has {touches} touches, at most {PATH_TOUCHES_MAX} are taken; keep the latest ones, and check that the file is sound"
    )]
    Long {
        /// How many.
        touches: usize,
    },
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

/// Collects paths in any order; equal ones are added up.
#[derive(Clone, Debug, Default)]
pub struct Gathering {
    numbers: BTreeMap<Box<str>, u32>,
    rows: BTreeMap<Box<[u32]>, Outcome>,
    total: Outcome,
}

impl Gathering {
    /// Adds the journeys of one path.
    ///
    /// # Errors
    /// When the path is empty, malformed or beyond a bound; the gathering is then unchanged.
    pub fn add<'a>(
        &mut self,
        channels: impl Iterator<Item = &'a str> + Clone,
        outcome: Outcome,
    ) -> Result<(), PathError> {
        let mut touches = 0;
        for name in channels.clone() {
            touches += 1;
            match name.len() {
                0 => return Err(PathError::Unnamed { touch: touches }),
                bytes if bytes > CHANNEL_BYTES_MAX => {
                    return Err(PathError::LongName { touch: touches, bytes });
                }
                _ => {}
            }
        }
        if touches == 0 {
            return Err(PathError::Empty);
        }
        if touches > PATH_TOUCHES_MAX {
            return Err(PathError::Long { touches });
        }
        if outcome.conversions == 0 && outcome.value != 0 {
            return Err(PathError::Unearned);
        }
        if !outcome.is_within_bounds() || !self.total.plus(outcome).is_within_bounds() {
            return Err(PathError::Large);
        }
        let path = self.numbered(channels)?;
        self.total = self.total.plus(outcome);
        if let Some(known) = self.rows.get_mut(&*path) {
            *known = known.plus(outcome);
        } else {
            self.rows.insert(path.into_boxed_slice(), outcome);
        }
        Ok(())
    }

    fn numbered<'a>(
        &mut self,
        channels: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<Vec<u32>, PathError> {
        let unknown: alloc::collections::BTreeSet<&str> =
            channels.clone().filter(|name| !self.numbers.contains_key(*name)).collect();
        if self.numbers.len() + unknown.len() > CHANNELS_MAX {
            return Err(PathError::Channels);
        }
        for name in unknown {
            let number = self.numbers.len() as u32;
            self.numbers.insert(name.into(), number);
        }
        Ok(channels.filter_map(|name| self.numbers.get(name).copied()).collect())
    }

    /// The paths, each once. Numbers follow the names, so that the order of adding leaves no trace.
    pub fn finish(self) -> Paths {
        let mut renumbered = alloc::vec![0; self.numbers.len()];
        for (place, number) in self.numbers.values().enumerate() {
            renumbered[*number as usize] = place as u32;
        }
        let mut rows: Vec<Path> = self
            .rows
            .into_iter()
            .map(|(touches, outcome)| {
                let touches = touches.iter().map(|number| renumbered[*number as usize]).collect();
                Path { touches, outcome }
            })
            .collect();
        rows.sort_unstable_by(|a, b| a.touches.cmp(&b.touches));
        Paths { channels: self.numbers.into_keys().collect(), rows, total: self.total }
    }
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
        assert_eq!(add(&long, one(1)), Err(PathError::Long { touches: PATH_TOUCHES_MAX + 1 }));
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
    fn a_channel_too_many_changes_nothing() {
        let mut gathering = Gathering::default();
        let names: Vec<String> = (0..CHANNELS_MAX).map(|number| format!("{number}")).collect();
        for name in &names {
            assert_eq!(gathering.add([name.as_str()].into_iter(), one(1)), Ok(()));
        }
        assert_eq!(gathering.add(["1", "more"].into_iter(), one(1)), Err(PathError::Channels));
        assert_eq!(gathering.add(["1", "2"].into_iter(), one(1)), Ok(()));
        let paths = gathering.finish();
        assert_eq!((paths.channels.len(), paths.rows.len()), (CHANNELS_MAX, CHANNELS_MAX + 1));
        assert_eq!(paths.total.conversions, CHANNELS_MAX as u64 + 1);
    }
}
