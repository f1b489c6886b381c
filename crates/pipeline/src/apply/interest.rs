//! What an event tells of its visitor's preferences, and what they chose.

use crate::decided::{DecisionSums, Said};
use crate::exposures::{Exposure, exposure_key};
use crate::key::Key;
use crate::preferences::{
    Choice, Chosen, Interest, RESET, Reset, choice_key, chosen_key, interest_key, reset_key, until,
};
use crate::rules::Rules;
use crate::view::{ApplyError, View};
use alloc::vec::Vec;
use millstream_decide::interest::{items, weight};
use millstream_event::{EntityId, Event, EventKind, Hash128, Position};
use millstream_stitch::EntryKey;

/// Fails until what [`change`] reads is at hand.
pub(super) fn want(
    view: &View,
    rules: &Rules<'_>,
    event: &Event,
    subject: EntityId,
) -> Result<(), ApplyError> {
    match event.kind {
        EventKind::Consent if is_reset(event) => {
            view.want([reset_key(rules.generation, subject)])?;
            view.want_range(until(rules.generation, subject, event.received))
        }
        EventKind::Consent => view.want([choice_key(rules.generation, subject)]),
        EventKind::Decision => {
            let Some(said) = Said::by(event) else { return Ok(()) };
            let day = event.received.utc_day();
            let exposures = said.arms.iter().map(|(experiment, arm)| {
                exposure_key(rules.generation, subject, (experiment, arm))
            });
            view.want(said.keys(rules.generation, subject, day).chain(exposures))
        }
        _ => Ok(()),
    }
}

/// Keeps what a counting event told in the place of the copy that counted before.
pub(super) fn change(
    view: &mut View,
    rules: &Rules<'_>,
    (event, subject): (&Event, EntityId),
    entry: &Told,
    replaced: Option<&EntryKey>,
) {
    if let (true, Some(replaced)) = (rules.interests, replaced) {
        view.delete(interest_key(rules.generation, subject, replaced));
    }
    if is_reset(event) {
        reset(view, rules, event, subject);
        return;
    }
    if event.kind == EventKind::Consent {
        if let Some(replaced) = replaced {
            view.delete(chosen_key(rules.generation, subject, replaced));
        }
        let key = chosen_key(rules.generation, subject, &EntryKey::of(event));
        view.put(key, Chosen(entry.position));
        choose(view, rules, event, subject);
        return;
    }
    if event.kind == EventKind::Decision && replaced.is_none() {
        decide(view, rules, (event, subject), entry.bot);
        return;
    }
    if !rules.interests || entry.bot {
        return;
    }
    let items = items(event);
    if !items.is_empty() {
        let weight = weight(event, entry.converts);
        let key = interest_key(rules.generation, subject, &EntryKey::of(event));
        view.put(key, Interest { at: event.event_time, items, weight });
    }
}

/// What is known of an event beside its own words.
pub(super) struct Told {
    pub bot: bool,
    pub converts: bool,
    /// Where it is logged.
    pub position: Position,
}

/// Counts a decision; a further copy of it is none. Bots take part in no experiment.
fn decide(view: &mut View, rules: &Rules<'_>, (event, subject): (&Event, EntityId), bot: bool) {
    let Some(mut said) = Said::by(event) else { return };
    if bot {
        said.arms.clear();
    }
    let day = event.received.utc_day();
    for key in said.keys(rules.generation, subject, day) {
        let mut sums = view.take::<DecisionSums>(&key).unwrap_or_default();
        sums.count(&said, day);
        view.put(key, sums);
    }
    for (experiment, arm) in &said.arms {
        let key = exposure_key(rules.generation, subject, (experiment, arm));
        let told = Exposure {
            experiment: experiment.clone(),
            arm: arm.clone(),
            first: event.event_time,
            segment: said.segment.clone(),
            decisions: 1,
            personalized: u32::from(said.is_personal()),
        };
        let exposure = match view.take::<Exposure>(&key) {
            Some(known) => known.with(told),
            None => told,
        };
        view.put(key, exposure);
    }
}

fn is_reset(event: &Event) -> bool {
    event.kind == EventKind::Consent && event.name.as_deref() == Some(RESET)
}

/// Forgets what a device did until its wish was received. What comes in later and happened before is passed
/// over when it is read, so the order of events plays no part.
fn reset(view: &mut View, rules: &Rules<'_>, event: &Event, subject: EntityId) {
    let key = reset_key(rules.generation, subject);
    let known = view.get::<Reset>(&key).copied().unwrap_or_default();
    view.put(key, Reset { until: known.until.max(event.received) });
    let before = until(rules.generation, subject, event.received);
    let gone: Vec<Key> = view.rows::<Interest>(&before.from, &before.to).map(|it| it.0).collect();
    gone.into_iter().for_each(|key| view.delete(key));
}

fn choose(view: &mut View, rules: &Rules<'_>, event: &Event, subject: EntityId) {
    let key = choice_key(rules.generation, subject);
    let made = (event.received, Hash128::of("choice", &[event.id.as_str().as_bytes()]));
    if view.get::<Choice>(&key).is_none_or(|known| known.made < made) {
        view.put(key, Choice { made, granted: event.consent.granted });
    }
}
