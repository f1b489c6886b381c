//! A device changes: an entry comes or is replaced, the graph names its person, an order its winner.

use super::correction::Correction;
use super::facts::{self, Facts, Place, Teller, verdict_key};
use super::history::{History, Joining, Reached};
use super::links;
use crate::item::{Body, ItemKind, OrderVerdict};
use crate::key::{Key, KeyKind};
use crate::rules::Rules;
use crate::state::{Device, Verdict, Versioned};
use crate::view::{ApplyError, Stamp, View};
use alloc::vec::Vec;
use millstream_event::{EntityId, Event, Hash128, Timestamp};
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

/// Fails until everything is at hand that [`change`] reads.
pub(super) fn want(
    view: &mut View,
    rules: &Rules<'_>,
    subject: EntityId,
    change: &EntryChange,
) -> Result<(), ApplyError> {
    let history = History::of(rules, subject);
    let key = Key::entity(rules.generation, KeyKind::Device, subject);
    view.want([key])?;
    let Some(device) = view.get::<Device>(&key) else {
        history.begin(view);
        return links::want(view, history, &change.entry);
    };
    let mut entries = Vec::new();
    if let Some(stale) = &change.stale {
        let key = history.entry_key(stale);
        view.want([key])?;
        if let Some(removed) = view.get::<Entry>(&key) {
            links::want(view, history, removed)?;
        }
        let reached = history.want_reached(view, device, stale.time)?;
        entries.extend(history.want_entries(view, reached.extent(device, stale.time))?);
        history.want_before_latest(view, device)?;
    }
    let entry = &change.entry;
    links::want(view, history, entry)?;
    if entry.in_session {
        let reached = history.want_reached(view, device, entry.key.time)?;
        // What a removal leaves may be joined otherwise.
        if change.stale.is_some() || reached.joined_by(device, entry) == Joining::Corrects {
            entries.extend(history.want_entries(view, reached.extent(device, entry.key.time))?);
        }
    }
    let teller = Teller { view, generation: rules.generation, subject };
    teller.want(entries.iter().chain([entry]))
}

/// Puts a counting event in its place and tells everyone concerned. Call [`want`] before.
pub(super) fn change(view: &mut View, rules: &Rules<'_>, visible: Visible<'_>, stamp: Stamp) {
    let subject = visible.subject;
    let key = Key::entity(rules.generation, KeyKind::Device, subject);
    let mut device = view.take::<Device>(&key).unwrap_or_else(|| Device::unknown(subject));
    let mut correction = Correction::new(view, rules, (subject, &mut device), stamp);
    if visible.first {
        correction.arrive(visible.event);
    }
    let EntryChange { entry, stale } = visible.change;
    if let Some(stale) = stale {
        correction.remove(&stale);
    }
    if !entry.is_inert() {
        correction.insert(entry);
    }
    correction.tell();
    device.revision = stamp.position.revision(stamp.generation);
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
    teller.want(&entries)?;
    for told in sessions(&entries, rules.timeout) {
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
    let reached: Reached = history.want_reached(view, device, key.time)?;
    let session = History::session_of(device, &reached, key).filter(|_| entry.in_session);
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
