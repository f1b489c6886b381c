//! A device changes: an entry comes or is replaced, the graph names its person, an order its winner.

use super::correction::Correction;
use super::facts::{self, Facts, Place, Teller, verdict_key};
use super::history::History;
use super::links;
use super::plan::{Exchange, Plan, Planner};
use crate::item::{Body, ItemKind, OrderVerdict};
use crate::key::{Key, KeyKind};
use crate::retention::Kept;
use crate::rules::Rules;
use crate::state::{Device, Verdict, Versioned};
use crate::value::Value;
use crate::view::{ApplyError, Stamp, View};
use alloc::vec::Vec;
use millstream_event::{EntityId, Event, Hash128, Lane, Timestamp};
use millstream_stitch::{Entry, EntryKey, sessions};

/// A new entry, and the place of the one it replaces.
pub(super) struct EntryChange {
    pub entry: Entry,
    pub stale: Option<EntryKey>,
}

/// An event that counts.
pub(super) struct Visible<'a> {
    pub event: &'a Event,
    pub subject: EntityId,
    pub change: EntryChange,
    /// False when it replaces an earlier copy.
    pub first: bool,
}

/// What [`change`] will do to sessions, once everything that it reads is at hand.
pub(super) fn plan(
    view: &mut View,
    rules: &Rules<'_>,
    subject: EntityId,
    change: &EntryChange,
) -> Result<Plan, ApplyError> {
    let history = History::of(rules, subject);
    let key = Key::entity(rules.generation, KeyKind::Device, subject);
    view.want([key])?;
    if view.get::<Device>(&key).is_none() {
        history.begin(view);
    }
    let view = &*view;
    let mut removed = None;
    if let Some(stale) = &change.stale {
        let row = history.entry_key(stale);
        view.want([row])?;
        removed = view.get::<Entry>(&row);
    }
    let entry = &change.entry;
    for one in removed.into_iter().chain([entry]) {
        links::want(view, history, one)?;
    }
    let none = Device::unknown(subject);
    let planner = Planner { view, device: view.get(&key).unwrap_or(&none), history };
    let comes = Some(entry).filter(|entry| entry.in_session);
    let goes = removed.filter(|removed| removed.in_session).map(|removed| &removed.key);
    let plan = planner.plan(Exchange { comes, goes })?;
    #[cfg(feature = "sabotage")]
    let plan = without_repair(rules, (view.get(&key).unwrap_or(&none), entry), plan);
    let reread = match &plan {
        Plan::Corrects(reread) => reread.before.iter().chain(&reread.after).collect(),
        _ => Vec::new(),
    };
    let told = reread.into_iter().flat_map(|told| &told.conversions).map(|(_, fact)| fact);
    let own = removed.into_iter().chain([entry]).filter_map(|entry| entry.conversion.as_deref());
    Teller { view, generation: rules.generation, subject }.want(told.chain(own))?;
    Ok(plan)
}

/// A fault that tests switch on: only growth at the end of the latest session is seen.
#[cfg(feature = "sabotage")]
fn without_repair(rules: &Rules<'_>, (device, entry): (&Device, &Entry), plan: Plan) -> Plan {
    let grows = device.latest.as_ref().is_some_and(|latest| latest.last < entry.key);
    match plan {
        Plan::Corrects(_) if rules.sabotage.without_late_repair && !grows => Plan::Begins,
        plan => plan,
    }
}

/// Puts a counting event in its place and tells everyone concerned. Call [`plan`] before.
pub(super) fn change(
    view: &mut View,
    rules: &Rules<'_>,
    (visible, plan): (Visible<'_>, Plan),
    stamp: Stamp,
) {
    correct(view, rules, (visible.subject, stamp), |correction| {
        if visible.first {
            correction.arrive(visible.event);
        }
        correction.exchange(visible.change, plan);
    });
}

/// Corrects a device and tells everyone concerned.
pub(super) fn correct(
    view: &mut View,
    rules: &Rules<'_>,
    (subject, stamp): (EntityId, Stamp),
    work: impl FnOnce(&mut Correction<'_>),
) {
    let key = Key::entity(rules.generation, KeyKind::Device, subject);
    let mut device = view.take::<Device>(&key).unwrap_or_else(|| Device::unknown(subject));
    let recent = |device: &Device| {
        let last = device.latest.as_ref().map(|latest| latest.last.time);
        last.map(|last| Key::recent(rules.generation, subject, last))
    };
    let before = recent(&device);
    let mut correction = Correction::new(view, rules, (subject, &mut device), stamp);
    work(&mut correction);
    correction.tell();
    device.revision = stamp.position.revision(stamp.generation);
    let after = recent(&device);
    if before != after {
        before.into_iter().for_each(|gone| view.delete(gone));
        after.into_iter().for_each(|new| view.put(new, Value::Mark));
    }
    view.put(key, device);
}

/// The graph names the device's person: everything it said moves there.
pub(super) fn learn_person(
    view: &mut View,
    rules: &Rules<'_>,
    (subject, person): (EntityId, EntityId),
    stamp: Stamp,
    version: u64,
) -> Result<(), ApplyError> {
    let key = Key::entity(stamp.generation, KeyKind::Device, subject);
    let mut device = view.get::<Device>(&key).cloned().unwrap_or_else(|| Device::unknown(subject));
    if Some(version) <= device.person_version {
        return Ok(());
    }
    if person != device.person {
        view.want([Kept::key(stamp.generation, Lane::of(subject))])?;
        let facts = everything(view, rules, subject, &device)?;
        facts::send(view, stamp, (subject, device.person), &facts, Facts::new());
        facts::send(view, stamp, (subject, person), &Facts::new(), facts);
        device.person = person;
        device.revision = stamp.position.revision(stamp.generation);
    }
    device.person_version = Some(version);
    view.put(key, device);
    Ok(())
}

/// Everything a device says. Costs its whole history.
fn everything(
    view: &View,
    rules: &Rules<'_>,
    subject: EntityId,
    device: &Device,
) -> Result<Facts, ApplyError> {
    let mut facts = Facts::new();
    if device.events == 0 {
        return Ok(facts);
    }
    let always = (Timestamp(i64::MIN), Timestamp(i64::MAX));
    let entries = History::of(rules, subject).want_entries(view, always)?;
    let teller = Teller { view, generation: rules.generation, subject };
    teller.want(entries.iter().filter_map(|entry| entry.conversion.as_deref()))?;
    for told in sessions(&entries, &rules.sessions) {
        teller.session(&mut facts, &told);
    }
    for entry in entries.iter().filter(|entry| !entry.in_session) {
        teller.outside(&mut facts, entry);
    }
    facts.insert((ItemKind::Member, Hash128::default()), Body::Member);
    Ok(facts)
}

/// What an order says of its winner.
pub(super) struct Ruling {
    pub order: EntityId,
    pub version: u64,
    pub verdict: Option<OrderVerdict>,
}

/// An order names its winner: the device's conversion of that order appears or vanishes.
pub(super) fn learn_verdict(
    view: &mut View,
    rules: &Rules<'_>,
    (subject, ruling): (EntityId, Ruling),
    stamp: Stamp,
) -> Result<(), ApplyError> {
    let row = verdict_key(rules.generation, subject, ruling.order);
    view.want([Kept::key(stamp.generation, Lane::of(subject))])?;
    let known = view.get::<Verdict>(&row);
    if known.is_some_and(|known| known.version >= ruling.version) {
        return Ok(());
    }
    let key = Key::entity(stamp.generation, KeyKind::Device, subject);
    let mut device = view.get::<Device>(&key).cloned().unwrap_or_else(|| Device::unknown(subject));
    let old = known.and_then(|known| known.body.clone());
    let spoken = [&old, &ruling.verdict].map(|verdict| verdict.as_ref().map(|v| v.key.clone()));
    let mut standing = Vec::new();
    for key in spoken.into_iter().flatten() {
        standing.extend(stands(view, rules, (subject, &device), &key)?);
    }
    let before = told(view, rules, subject, &standing);
    view.put(row, Versioned { version: ruling.version, body: ruling.verdict });
    let after = told(view, rules, subject, &standing);
    facts::send(view, stamp, (subject, device.person), &before, after);
    device.revision = stamp.position.revision(stamp.generation);
    view.put(key, device);
    Ok(())
}

/// The entry with this key, where the device has it, and where it stands.
fn stands(
    view: &View,
    rules: &Rules<'_>,
    (subject, device): (EntityId, &Device),
    key: &EntryKey,
) -> Result<Option<(Entry, Place)>, ApplyError> {
    let history = History::of(rules, subject);
    let row = history.entry_key(key);
    view.want([row])?;
    let Some(entry) = view.get::<Entry>(&row).filter(|entry| entry.key == *key) else {
        return Ok(None);
    };
    let session = history.want_before(view, device, key.time)?;
    let session = session.filter(|session| entry.in_session && session.holds(key));
    let place = session.map_or_else(|| Place::outside(entry), |s| Place::within(subject, s));
    Ok(Some((entry.clone(), place)))
}

/// The conversions that these entries are, by the verdicts at hand.
fn told(view: &View, rules: &Rules<'_>, subject: EntityId, standing: &[(Entry, Place)]) -> Facts {
    let teller = Teller { view, generation: rules.generation, subject };
    let mut facts = Facts::new();
    for (entry, place) in standing {
        if let Some(conversion) = &entry.conversion {
            teller.conversion(&mut facts, (&entry.key, conversion), *place);
        }
    }
    facts
}
