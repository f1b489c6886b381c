//! What a process measured beside its decisions, logged in sums: what became of prefetch hints, and how
//! shadow policies compare. Sums by use case, candidate and day; they name nobody.

use crate::decided::sums_key;
use crate::key::{Key, KeyKind};
use crate::query::{ReadError, StateRead, walk};
use crate::spread::Spread;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use millstream_event::{EntityId, Hash128, Span};
use serde::{Deserialize, Serialize};

/// What became of hints of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HintSums {
    /// Answers that gave hints.
    pub given: u64,
    /// Of these: answers whose visitor went on to another place in time.
    pub went_on: u64,
    /// Of these: that place was among the hints.
    pub hits: u64,
    /// Of these: that place was among as many that are popular anyway.
    pub popular: u64,
}

impl HintSums {
    /// Adds other sums.
    pub const fn add(&mut self, other: Self) {
        self.given += other.given;
        self.went_on += other.went_on;
        self.hits += other.hits;
        self.popular += other.popular;
    }
}

/// How a shadow policy compares with what was shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShadowSums {
    /// Questions that it scored.
    pub scored: u64,
    /// Questions that it was to score and could not, for it did not keep up.
    pub left_out: u64,
    /// Scored questions with the same choice.
    pub same_choice: u64,
    /// The shares of what was shown that stand in its answers, too, in parts per million, added up.
    pub overlap_ppm: u64,
    /// Personalized answers, shown and scored.
    pub personalized: [u64; 2],
    /// What courses took, shown and scored: microseconds that stand for milliseconds.
    pub spreads: [Spread; 2],
}

impl ShadowSums {
    /// Adds what both courses of a question took, in microseconds.
    pub fn took(&mut self, micros: [u64; 2]) {
        for (spread, micros) in self.spreads.iter_mut().zip(micros) {
            spread.add(Span::millis(i64::try_from(micros).unwrap_or(i64::MAX / 1_000)), 1);
        }
    }

    /// What this share in thousandths did not pass, shown and scored, in milliseconds.
    pub fn took_ms(&self, permille: u16) -> [Option<f64>; 2] {
        let millis = |at: usize| {
            self.spreads[at].quantile(permille).map(|span| span.as_millis() as f64 / 1_000.0)
        };
        [millis(0), millis(1)]
    }

    /// Adds other sums.
    pub fn add(&mut self, other: &Self) {
        self.scored += other.scored;
        self.left_out += other.left_out;
        self.same_choice += other.same_choice;
        self.overlap_ppm += other.overlap_ppm;
        for place in 0..2 {
            self.personalized[place] += other.personalized[place];
            self.spreads[place].merge(&other.spreads[place]);
        }
    }
}

/// See the module. It is logged as the payload, in JSON, of a [`millstream_event::Kind::Aggregate`] record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// The use case.
    pub use_case: Box<str>,
    /// The use case that scored its questions unseen; empty where none did.
    pub candidate: Box<str>,
    /// The day in UTC; known once it is logged.
    #[serde(default)]
    pub day: i32,
    /// Pages that visitors were expected at.
    pub pages: HintSums,
    /// Use cases that were expected to be asked.
    pub slots: HintSums,
    /// The shadow.
    pub shadow: ShadowSums,
}

impl Measured {
    /// Nothing yet.
    pub fn of(use_case: &str, candidate: &str) -> Self {
        Self { use_case: use_case.into(), candidate: candidate.into(), ..Self::default() }
    }

    /// True when there is nothing to log.
    pub fn is_empty(&self) -> bool {
        *self == Self { day: self.day, ..Self::of(&self.use_case, &self.candidate) }
    }

    /// Whose sums these are, and in which lane: all of one use case together.
    pub fn subject(&self) -> EntityId {
        EntityId(Hash128::of("use case", &[self.use_case.as_bytes()]))
    }

    pub(crate) fn key(&self, generation: u16, day: i32) -> Key {
        let (use_case, candidate) = (self.use_case.as_bytes(), self.candidate.as_bytes());
        let name = Hash128::of("measured", &[use_case, candidate]);
        sums_key((generation, KeyKind::Measured), self.subject(), (name, day))
    }

    /// Adds other sums of the same use case and candidate.
    pub fn add(&mut self, other: &Self) {
        self.pages.add(other.pages);
        self.slots.add(other.slots);
        self.shadow.add(&other.shadow);
    }
}

/// By use case and candidate.
pub type MeasuredByName = BTreeMap<(Box<str>, Box<str>), Measured>;

/// What was measured on the days that `wanted` takes, by use case and candidate.
///
/// # Errors
/// When the state cannot be read.
pub fn measured(
    state: &dyn StateRead,
    generation: u16,
    wanted: &dyn Fn(i32) -> bool,
) -> Result<MeasuredByName, ReadError> {
    let mut all = MeasuredByName::new();
    walk(state, generation, KeyKind::Measured, &mut |_, sums: Measured| {
        if wanted(sums.day) {
            let name = (sums.use_case.clone(), sums.candidate.clone());
            let known = all.entry(name);
            known.or_insert_with(|| Measured::of(&sums.use_case, &sums.candidate)).add(&sums);
        }
        Ok(true)
    })?;
    Ok(all)
}
