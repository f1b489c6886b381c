//! A device changes: an entry comes or is replaced, the graph names its person, an order its winner.

use super::facts::{self, Facts};
use crate::item::{Body, Claim, EdgeBody, Item, ItemKind, Landing, OrderVerdict};
use crate::key::{Key, KeyKind};
use crate::rollup::{Cell, CellPlace, Dimensions, Metric, cell_key};
use crate::rules::Rules;
use crate::state::{Device, Loose, Versioned};
use crate::view::{Stamp, View};
use alloc::vec::Vec;
use millstream_event::{EntityId, Event, Hash128, Lane};
use millstream_stitch::timeline::{Chunks, SessionChange};
use millstream_stitch::{Chunk, Entry, EntryKey, Session};

/// A new entry, and the place of the one it replaces.
pub(super) struct EntryChange {
    pub entry: Entry,
    pub stale: Option<EntryKey>,
}

/// An event that counts.
pub(super) struct Visible<'a> {
    pub event: &'a Event,
    pub change: EntryChange,
    /// False when it replaces an earlier copy.
    pub first: bool,
}

/// The chunks that must be at hand before [`change`].
pub(super) fn chunks_needed(
    device: Option<&Device>,
    subject: EntityId,
    change: &EntryChange,
    rules: &Rules<'_>,
) -> Vec<Key> {
    let Some(device) = device else { return Vec::new() };
    let mut numbers = Vec::new();
    if let Some(stale) = &change.stale {
        numbers.extend(device.timeline.plan_remove(stale));
    }
    if !change.entry.is_inert() {
        numbers.extend(device.timeline.plan_insert(&change.entry, rules.timeout).chunks);
    }
    numbers.into_iter().map(|number| Key::chunk(rules.generation, subject, number)).collect()
}

struct ViewChunks<'a> {
    view: &'a mut View,
    generation: u16,
    subject: EntityId,
}

impl Chunks for ViewChunks<'_> {
    fn with<R>(&mut self, number: u32, act: impl FnOnce(&mut Chunk) -> R) -> R {
        let key = Key::chunk(self.generation, self.subject, number);
        let mut chunk = self.view.take::<Chunk>(&key).unwrap_or_default();
        let result = act(&mut chunk);
        self.view.put(key, chunk);
        result
    }
}

/// Puts a counting event in its place and tells everyone concerned.
pub(super) fn change(view: &mut View, rules: &Rules<'_>, visible: Visible<'_>, stamp: Stamp) {
    let subject = visible.event.subject();
    let key = Key::entity(rules.generation, KeyKind::Device, subject);
    let mut device = view.take::<Device>(&key).unwrap_or_else(|| Device::unknown(subject));
    let mut before = Facts::new();
    let mut after = Facts::new();
    if visible.first {
        arrive(view, &mut device, visible.event, stamp);
        if device.events == 1 {
            after.insert((ItemKind::Member, Hash128::default()), Body::Member);
        }
    }
    let EntryChange { entry, stale } = visible.change;
    if let Some(stale) = stale {
        let mut chunks = chunks(view, rules, subject);
        let (removed, sessions) = device.timeline.remove(&stale, rules.timeout, &mut chunks);
        merge(&mut before, &mut after, (subject, &device), &sessions);
        count_sessions(view, stamp, subject, &sessions);
        if let Some(removed) = removed {
            withdraw(view, stamp, (subject, &mut device), &removed, &mut before);
        }
    }
    if !entry.is_inert() {
        state(view, stamp, (subject, &mut device), &entry);
        remember_loose(&mut device, &entry);
        let plan = device.timeline.plan_insert(&entry, rules.timeout);
        #[cfg(feature = "sabotage")]
        let plan = if rules.sabotage.without_late_repair { plan.without_repair() } else { plan };
        let at = entry.key.clone();
        let mut chunks = chunks(view, rules, subject);
        let sessions = device.timeline.insert(entry, &plan, rules.timeout, &mut chunks);
        merge(&mut before, &mut after, (subject, &device), &sessions);
        count_sessions(view, stamp, subject, &sessions);
        if let Some(loose) = device.loose.get(&at) {
            facts::of_loose(&mut after, subject, &device, (&at, loose));
        }
    }
    facts::send(view, stamp, (subject, device.person), &before, after);
    device.revision = stamp.position.revision(stamp.generation);
    view.put(key, device);
}

fn chunks<'a>(view: &'a mut View, rules: &Rules<'_>, subject: EntityId) -> ViewChunks<'a> {
    ViewChunks { view, generation: rules.generation, subject }
}

/// The subject's first sight of an event: its name, its count.
fn arrive(view: &mut View, device: &mut Device, event: &Event, stamp: Stamp) {
    device.events += 1;
    if device.events > 1 {
        return;
    }
    device.anonymous = event.anonymous_id.is_some();
    device.name = match (&event.anonymous_id, &event.user_id) {
        (Some(id), _) => id.as_str().into(),
        (None, Some(id)) => alloc::format!("user:{id}").into(),
        (None, None) => alloc::format!("event:{}", event.id).into(),
    };
    let devices = i64::from(device.anonymous);
    view.count(stamp.generation, Lane::of(event.subject()), |counts| counts.devices += devices);
}

/// Adds the facts of sessions that changed. Facts that a removal made and an insertion takes back
/// (or the other way round) cancel out.
fn merge(
    before: &mut Facts,
    after: &mut Facts,
    (subject, device): (EntityId, &Device),
    sessions: &SessionChange,
) {
    let mut gone = Facts::new();
    for session in &sessions.before {
        facts::of_session(&mut gone, subject, device, session);
    }
    for (name, body) in gone {
        if after.remove(&name).is_none() {
            before.insert(name, body);
        }
    }
    for session in &sessions.after {
        facts::of_session(after, subject, device, session);
    }
}

fn count_sessions(view: &mut View, stamp: Stamp, subject: EntityId, change: &SessionChange) {
    let mut count = |session: &Session, sign: i64| {
        let lane = Lane::of(subject);
        view.count(stamp.generation, lane, |counts| {
            counts.sessions += sign;
            counts.bot_sessions += sign * i64::from(session.bot);
        });
        let day = session.first.time.utc_day();
        let place = CellPlace {
            generation: stamp.generation,
            lane,
            day,
            metric: Metric::Sessions,
            bot: session.bot,
        };
        let dimensions = Dimensions::of(&session.origin());
        view.sum(cell_key(place, &dimensions), Cell { dimensions, count: sign, amount: 0 });
    };
    change.before.iter().for_each(|session| count(session, -1));
    change.after.iter().for_each(|session| count(session, 1));
}

fn remember_loose(device: &mut Device, entry: &Entry) {
    if !entry.in_session && (entry.touch.is_some() || entry.conversion.is_some()) {
        let loose = Loose {
            touch: entry.touch.as_deref().cloned(),
            conversion: entry.conversion.as_deref().cloned(),
            bot: entry.agent.bot,
        };
        device.loose.insert(entry.key.clone(), loose);
    }
}

/// States what a new entry links to: graph, order, click.
fn state(view: &mut View, stamp: Stamp, (subject, device): (EntityId, &mut Device), entry: &Entry) {
    for edge in &entry.edges {
        let stated = device.edges.entry(*edge).or_default();
        *stated += 1;
        if *stated == 1 {
            let body = EdgeBody {
                target: edge.target,
                target_is_user: edge.user,
                sender_is_user: !device.anonymous,
            };
            view.send(stamp, edge_item(subject, edge.target, Some(Body::Edge(body))));
        }
    }
    for item in outward(subject, entry) {
        view.send(stamp, item);
    }
}

/// Withdraws what a replaced entry linked to.
fn withdraw(
    view: &mut View,
    stamp: Stamp,
    (subject, device): (EntityId, &mut Device),
    entry: &Entry,
    before: &mut Facts,
) {
    if let Some(loose) = device.loose.remove(&entry.key) {
        facts::of_loose(before, subject, device, (&entry.key, &loose));
    }
    for edge in &entry.edges {
        let Some(stated) = device.edges.get_mut(edge) else { continue };
        *stated -= 1;
        if *stated == 0 {
            device.edges.remove(edge);
            view.send(stamp, edge_item(subject, edge.target, None));
        }
    }
    for item in outward(subject, entry) {
        view.send(stamp, Item { body: None, ..item });
    }
}

fn edge_item(sender: EntityId, other: EntityId, body: Option<Body>) -> Item {
    Item { kind: ItemKind::Edge, sender, target: sender, id: other.0, body }
}

/// What an entry says to orders and clicks.
fn outward(sender: EntityId, entry: &Entry) -> Vec<Item> {
    let mut items = Vec::new();
    if let Some(conversion) = &entry.conversion
        && let Some(order) = &conversion.order
    {
        let claim = Claim {
            from_browser: !conversion.server,
            key: entry.key.clone(),
            device: sender,
            value: conversion.value,
        };
        let (kind, target) = (ItemKind::Claim, EntityId::order(order));
        items.push(Item {
            kind,
            sender,
            target,
            id: entry.key.name("claim", sender),
            body: Some(Body::Claim(claim)),
        });
    }
    if let Some(click) = &entry.landing {
        let landing = Landing {
            click: (**click).clone(),
            key: entry.key.clone(),
            campaign: entry.touch.as_ref().map(|touch| touch.campaign.clone()).unwrap_or_default(),
            arrival: entry.touch.as_ref().map(|touch| touch.arrival.clone()),
            bot: entry.agent.bot,
        };
        let (kind, target) = (ItemKind::Landing, EntityId::click(&click.id));
        items.push(Item {
            kind,
            sender,
            target,
            id: entry.key.name("landing", sender),
            body: Some(Body::Landing(landing)),
        });
    }
    items
}

/// The graph names the device's person: everything it said moves there.
pub(super) fn learn_person(
    view: &mut View,
    subject: EntityId,
    (person, version): (EntityId, u64),
    stamp: Stamp,
) {
    let key = Key::entity(stamp.generation, KeyKind::Device, subject);
    let mut device = view.take::<Device>(&key).unwrap_or_else(|| Device::unknown(subject));
    if Some(version) > device.person_version {
        device.person_version = Some(version);
        if person != device.person {
            let facts = facts::all(subject, &device);
            facts::send(view, stamp, (subject, device.person), &facts, Facts::new());
            facts::send(view, stamp, (subject, person), &Facts::new(), facts);
            device.person = person;
            device.revision = stamp.position.revision(stamp.generation);
        }
    }
    view.put(key, device);
}

/// An order names its winner: the device's conversions of that order appear or vanish.
pub(super) fn learn_verdict(
    view: &mut View,
    subject: EntityId,
    (order, version, body): (EntityId, u64, Option<OrderVerdict>),
    stamp: Stamp,
) {
    let key = Key::entity(stamp.generation, KeyKind::Device, subject);
    let mut device = view.take::<Device>(&key).unwrap_or_else(|| Device::unknown(subject));
    if device.verdicts.get(&order).is_none_or(|known| known.version < version) {
        let before = facts::all(subject, &device);
        device.verdicts.insert(order, Versioned { version, body });
        let after = facts::all(subject, &device);
        facts::send(view, stamp, (subject, device.person), &before, after);
        device.revision = stamp.position.revision(stamp.generation);
    }
    view.put(key, device);
}
