//! Sums over decisions, by lane, day and use case: what the report on personalization is made of.

use crate::key::{Key, KeyKind};
use crate::query::{ReadError, StateRead, walk};
use crate::spread::Spread;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use millstream_event::{EntityId, Event, Hash128, Lane, Span};
use serde::{Deserialize, Serialize};

/// Longest name of a rung or reason that is kept.
const NAME_BYTES_MAX: usize = 64;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionSums {
    /// The use case.
    pub use_case: Box<str>,
    /// The day in UTC.
    pub day: i32,
    /// Decisions.
    pub decisions: i64,
    /// Decisions within their budget.
    pub within_budget: i64,
    /// Decisions whose time was up before their course ended.
    pub timed_out: i64,
    /// By rung.
    pub rungs: BTreeMap<Box<str>, i64>,
    /// By cause.
    pub reasons: BTreeMap<Box<str>, i64>,
    /// What they took, in microseconds that stand for milliseconds.
    took: Spread,
}

/// What a logged decision says of itself.
#[derive(Deserialize)]
pub(crate) struct Said {
    use_case: Box<str>,
    rung: Box<str>,
    reason: Box<str>,
    timed_out: bool,
    budget_ms: f64,
    timing: SaidTiming,
}

#[derive(Deserialize)]
struct SaidTiming {
    total_ms: f64,
}

impl Said {
    /// None where the event says nothing that can be counted.
    pub(crate) fn by(event: &Event) -> Option<Self> {
        let said: Self = serde_json::from_str(event.properties.as_ref()?.get()).ok()?;
        let short = said.rung.len().max(said.reason.len()).max(said.use_case.len());
        (short <= 4 * NAME_BYTES_MAX).then_some(said)
    }

    pub(crate) fn key(&self, generation: u16, subject: EntityId, day: i32) -> Key {
        let mut suffix = [0; 16];
        suffix[..4].copy_from_slice(&(day as u32 ^ 1 << 31).to_be_bytes());
        let name = Hash128::of("use case", &[self.use_case.as_bytes()]);
        Key::new(generation, Lane::of(subject), KeyKind::Decided, name).part(0, suffix)
    }
}

impl DecisionSums {
    pub(crate) fn count(&mut self, said: &Said, day: i32) {
        self.use_case.clone_from(&said.use_case);
        self.day = day;
        self.decisions += 1;
        self.within_budget += i64::from(said.timing.total_ms <= said.budget_ms);
        self.timed_out += i64::from(said.timed_out);
        *self.rungs.entry(said.rung.clone()).or_default() += 1;
        let cause = said.reason.split(',').next().unwrap_or_default();
        *self.reasons.entry(cause.into()).or_default() += 1;
        self.took.add(Span::millis((said.timing.total_ms * 1_000.0) as i64), 1);
    }

    /// Adds other sums.
    pub fn add(&mut self, other: &Self) {
        self.decisions += other.decisions;
        self.within_budget += other.within_budget;
        self.timed_out += other.timed_out;
        for (own, others) in [(&mut self.rungs, &other.rungs), (&mut self.reasons, &other.reasons)]
        {
            for (name, count) in others {
                *own.entry(name.clone()).or_default() += count;
            }
        }
        self.took.merge(&other.took);
    }

    /// Decisions from a rung.
    pub fn rung(&self, name: &str) -> i64 {
        self.rungs.get(name).copied().unwrap_or(0)
    }

    /// What this share in thousandths did not pass, in milliseconds.
    pub fn took_ms(&self, permille: u16) -> Option<f64> {
        self.took.quantile(permille).map(|span| span.as_millis() as f64 / 1_000.0)
    }
}

/// The sums of each use case over the days that `wanted` takes.
///
/// # Errors
/// When the state cannot be read.
pub fn decisions(
    state: &dyn StateRead,
    generation: u16,
    wanted: &dyn Fn(i32) -> bool,
) -> Result<BTreeMap<Box<str>, DecisionSums>, ReadError> {
    let mut all: BTreeMap<Box<str>, DecisionSums> = BTreeMap::new();
    walk(state, generation, KeyKind::Decided, &mut |_, sums: DecisionSums| {
        if wanted(sums.day) {
            all.entry(sums.use_case.clone()).or_default().add(&sums);
        }
        Ok(true)
    })?;
    for (name, sums) in &mut all {
        sums.use_case.clone_from(name);
    }
    Ok(all)
}
