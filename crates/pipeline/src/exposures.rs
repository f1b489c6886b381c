//! Exposures: which devices met which arms of experiments, and what their people did afterwards.

use crate::decided::arm_name;
use crate::key::{Key, KeyKind};
use crate::query::{ReadError, StateRead, between, read, walk};
use crate::state::{Device, KnownConversion};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use millstream_event::{EntityId, Money, Span, Timestamp};
use millstream_stitch::entry::{first_at, last_at};
use serde::{Deserialize, Serialize};

/// How long before the first exposure events tell of what was known before.
const BEFORE: Span = Span::days(14);
/// Events before that are counted at most.
const BEFORE_MAX: u32 = 1_000;

/// That a device met an arm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposure {
    /// The experiment.
    pub experiment: Box<str>,
    /// The arm.
    pub arm: Box<str>,
    /// When it was first met.
    pub first: Timestamp,
    /// The anonymous segment of that decision; of several at one instant the least.
    pub segment: Box<str>,
    /// Decisions made under it.
    pub decisions: u32,
    /// Of these: made of the visitor's own profile.
    pub personalized: u32,
}

impl Exposure {
    /// Both together, whichever came first.
    #[must_use]
    pub(crate) fn with(self, other: Self) -> Self {
        let decisions = self.decisions.saturating_add(other.decisions);
        let personalized = self.personalized.saturating_add(other.personalized);
        let is_first = (self.first, &self.segment) <= (other.first, &other.segment);
        let first = if is_first { self } else { other };
        Self { decisions, personalized, ..first }
    }
}

/// The row of a device's exposure.
pub(crate) fn exposure_key(
    generation: u16,
    device: EntityId,
    (experiment, arm): (&str, &str),
) -> Key {
    Key::row(generation, KeyKind::Exposure, device, arm_name(experiment, arm))
}

/// Walks what devices met, device by device.
///
/// # Errors
/// When the state cannot be read, or what `visit` returned.
pub fn exposures(
    state: &dyn StateRead,
    generation: u16,
    visit: &mut dyn FnMut(EntityId, Exposure) -> Result<bool, ReadError>,
) -> Result<(), ReadError> {
    walk(state, generation, KeyKind::Exposure, &mut |key, exposure| {
        visit(key.entity_id(), exposure)
    })
}

/// A person who met an experiment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposed {
    /// The arm; none for somebody whose devices met several.
    pub arm: Option<Box<str>>,
    /// When it was first met.
    pub first: Timestamp,
    /// The anonymous segment at that time.
    pub segment: Box<str>,
    /// The device that met it first.
    pub device: EntityId,
    /// True when an answer was made of their own profile.
    pub personalized: bool,
}

/// The people who met an experiment on the days that `wanted` takes, by their id. Costs a look at
/// every exposure.
///
/// # Errors
/// When the state cannot be read.
pub fn exposed(
    state: &dyn StateRead,
    generation: u16,
    experiment: &str,
    wanted: &dyn Fn(i32) -> bool,
) -> Result<BTreeMap<EntityId, Exposed>, ReadError> {
    let mut people: BTreeMap<EntityId, Exposed> = BTreeMap::new();
    exposures(state, generation, &mut |device, met| {
        if *met.experiment != *experiment || !wanted(met.first.utc_day()) {
            return Ok(true);
        }
        let key = Key::entity(generation, KeyKind::Device, device);
        let person = read::<Device>(state, &key)?.map_or(device, |known| known.person);
        let own = Exposed {
            arm: Some(met.arm),
            first: met.first,
            segment: met.segment,
            device,
            personalized: met.personalized > 0,
        };
        match people.remove(&person) {
            None => people.insert(person, own),
            Some(known) => people.insert(person, known.with(own)),
        };
        Ok(true)
    })?;
    Ok(people)
}

impl Exposed {
    fn with(self, other: Self) -> Self {
        let arm = self.arm.clone().filter(|arm| other.arm.as_ref() == Some(arm));
        let personalized = self.personalized || other.personalized;
        let is_first = (self.first, self.device) <= (other.first, other.device);
        let first = if is_first { self } else { other };
        Self { arm, personalized, ..first }
    }
}

/// What somebody did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aftermath {
    /// Goals reached since the first exposure.
    pub goals: u32,
    /// What they were worth, one amount each.
    pub values: alloc::vec::Vec<Money>,
    /// Events of the device in the 14 days before.
    pub before: u32,
}

/// What a person did since they met an experiment, and how much before.
///
/// # Errors
/// When the state cannot be read.
pub fn aftermath(
    state: &dyn StateRead,
    generation: u16,
    (person, met): (EntityId, &Exposed),
    goal: &str,
) -> Result<Aftermath, ReadError> {
    let mut found = Aftermath::default();
    let from = Key::row(generation, KeyKind::Conversion, person, first_at(met.first));
    let to = from.with_suffix(last_at(Timestamp(i64::MAX)));
    for known in between::<KnownConversion>(state, (&from, &to))? {
        let Some(conversion) = known.body.filter(|it| !it.bot && *it.name == *goal) else {
            continue;
        };
        found.goals += 1;
        found.values.extend(conversion.value);
    }
    let from = Key::row(generation, KeyKind::Entry, met.device, first_at(met.first - BEFORE));
    let to = from.with_suffix(last_at(Timestamp(met.first.0.saturating_sub(1))));
    state.range(from.as_bytes(), to.as_bytes(), &mut |_, _| {
        found.before += 1;
        Ok(found.before < BEFORE_MAX)
    })?;
    Ok(found)
}
