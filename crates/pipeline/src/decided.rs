//! Sums over decisions, by lane, day and use case: what the report on personalization is made of.

use crate::key::{Key, KeyKind};
use crate::query::{ReadError, StateRead, between, walk};
use crate::spread::Spread;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use millstream_event::{EntityId, Event, Hash128, Lane, Span};
use serde::{Deserialize, Serialize};

/// Longest name of a rung or reason that is kept.
const NAME_BYTES_MAX: usize = 64;
/// Most experiments that one decision is made under.
pub const ARMS_MAX: usize = 16;

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

/// What a logged decision says of itself, as `/v1/decide` logs it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Said {
    /// The use case.
    pub use_case: Box<str>,
    /// What was chosen.
    pub choice: Box<str>,
    /// The rung that the answer came from.
    pub rung: Box<str>,
    /// Why, the cause first.
    pub reason: Box<str>,
    /// The chance that the choice had.
    pub propensity: f64,
    /// True when time was up before its course ended.
    pub timed_out: bool,
    /// Its budget, in milliseconds.
    pub budget_ms: f64,
    /// Where the time went.
    pub timing: SaidTiming,
    /// Arms of experiments that it was made under.
    #[serde(default)]
    pub arms: BTreeMap<Box<str>, Box<str>>,
    /// The visitor's anonymous segment, told beside arms.
    #[serde(default)]
    pub segment: Box<str>,
}

/// Where a decision's time went.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct SaidTiming {
    /// All of it, in milliseconds.
    pub total_ms: f64,
}

impl Said {
    /// None where the event says nothing that can be counted.
    pub fn by(event: &Event) -> Option<Self> {
        let said: Self = serde_json::from_str(event.properties.as_ref()?.get()).ok()?;
        let texts = [&said.rung, &said.reason, &said.use_case, &said.segment];
        let arms = said.arms.iter().flat_map(|(experiment, arm)| [experiment, arm]);
        let short = texts.into_iter().chain(arms).all(|text| text.len() <= 4 * NAME_BYTES_MAX);
        (short && said.arms.len() <= ARMS_MAX).then_some(said)
    }

    /// True when it was made of the visitor's own profile.
    pub(crate) fn is_personal(&self) -> bool {
        &*self.rung == "personalized"
    }

    /// Every row of sums that it counts in: its use case's, and those of its arms.
    pub(crate) fn keys(
        &self,
        generation: u16,
        subject: EntityId,
        day: i32,
    ) -> impl Iterator<Item = Key> + '_ {
        let arms = self.arms.iter().map(move |(experiment, arm)| {
            sums_key((generation, KeyKind::ArmDecided), subject, (arm_name(experiment, arm), day))
        });
        core::iter::once(self.key(generation, subject, day)).chain(arms)
    }

    fn key(&self, generation: u16, subject: EntityId, day: i32) -> Key {
        let name = Hash128::of("use case", &[self.use_case.as_bytes()]);
        sums_key((generation, KeyKind::Decided), subject, (name, day))
    }
}

impl DecisionSums {
    /// Counts a decision of a day.
    pub fn count(&mut self, said: &Said, day: i32) {
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

/// The name that an arm's rows go by.
pub(crate) fn arm_name(experiment: &str, arm: &str) -> Hash128 {
    Hash128::of("arm", &[experiment.as_bytes(), arm.as_bytes()])
}

/// The row of sums of one lane and day.
pub(crate) fn sums_key(
    (generation, kind): (u16, KeyKind),
    subject: EntityId,
    (name, day): (Hash128, i32),
) -> Key {
    let mut suffix = [0; 16];
    suffix[..4].copy_from_slice(&(day as u32 ^ 1 << 31).to_be_bytes());
    Key::new(generation, Lane::of(subject), kind, name).part(0, suffix)
}

/// The sums of one arm over the days that `wanted` takes.
///
/// # Errors
/// When the state cannot be read.
pub fn of_arm(
    state: &dyn StateRead,
    generation: u16,
    (experiment, arm): (&str, &str),
    wanted: &dyn Fn(i32) -> bool,
) -> Result<DecisionSums, ReadError> {
    let mut all = DecisionSums::default();
    for lane in Lane::all() {
        let from = Key::new(generation, lane, KeyKind::ArmDecided, arm_name(experiment, arm));
        let to = from.with_suffix(Hash128([0xff; 16]));
        for sums in between::<DecisionSums>(state, (&from, &to))? {
            if wanted(sums.day) {
                all.add(&sums);
            }
        }
    }
    Ok(all)
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
