//! What an entry links its device to: nodes of the graph, orders, clicks.

use super::history::History;
use crate::item::{Body, Claim, EdgeBody, Item, ItemKind, Landing};
use crate::key::{Key, KeyKind};
use crate::state::{Device, Stated};
use crate::view::{ApplyError, Stamp, View};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use millstream_event::{EntityId, Hash128, Timestamp};
use millstream_stitch::{Edge, Entry, EntryKey};

const ALWAYS: (Timestamp, Timestamp) = (Timestamp(i64::MIN), Timestamp(i64::MAX));

fn stated_key(generation: u16, subject: EntityId, target: EntityId) -> Key {
    Key::row(generation, KeyKind::Stated, subject, target.0)
}

/// Where identity links of a subject are kept.
pub(super) fn stated_keys<'t>(
    generation: u16,
    subject: EntityId,
    targets: impl IntoIterator<Item = &'t EntityId>,
) -> impl Iterator<Item = Key> {
    targets.into_iter().map(move |target| stated_key(generation, subject, *target))
}

/// The identity links of an entry must be at hand before it comes or goes. An unlink is weighed
/// against everything that states its link.
pub(super) fn want(view: &View, history: History<'_>, entry: &Entry) -> Result<(), ApplyError> {
    let History { generation, subject, .. } = history;
    view.want(targets(entry).map(|target| stated_key(generation, subject, target)))?;
    match entry.unlinks {
        Some(_) => history.want_entries(view, ALWAYS).map(drop),
        None => Ok(()),
    }
}

/// The identity links that these entries tell of must be at hand before the entries are let go.
pub(super) fn want_told(view: &View, generation: u16, rows: &[Key]) -> Result<(), ApplyError> {
    let told = rows.iter().filter_map(|row| Some((row.entity_id(), view.get::<Entry>(row)?)));
    view.want(told.flat_map(|(subject, entry)| {
        targets(entry).map(move |target| stated_key(generation, subject, target))
    }))
}

fn targets(entry: &Entry) -> impl Iterator<Item = EntityId> {
    entry.edges.iter().map(|edge| edge.target).chain(entry.unlinks)
}

/// An entry is let go: what it tells of links stays.
pub(super) fn let_go(view: &mut View, generation: u16, row: &Key) {
    let Some(entry) = view.take::<Entry>(row) else { return };
    let key = Some(&entry.key);
    for target in targets(&entry) {
        let row = stated_key(generation, row.entity_id(), target);
        let Some(mut stated) = view.take::<Stated>(&row) else { continue };
        if entry.edges.iter().any(|edge| edge.target == target) {
            let counted = key > stated.unlinked.as_ref();
            stated.entries = stated.entries.saturating_sub(u64::from(counted));
            stated.let_go = stated.let_go.max(key.cloned());
        }
        if entry.unlinks == Some(target) {
            stated.unlink_let_go = stated.unlink_let_go.max(key.cloned());
        }
        view.put(row, stated);
    }
}

/// What identity links and claims are told with.
pub(super) struct Voice<'a> {
    pub view: &'a mut View,
    pub stamp: Stamp,
    pub history: History<'a>,
}

impl Voice<'_> {
    /// States what a new entry links to.
    pub(super) fn state(&mut self, device: &Device, entry: &Entry) {
        for edge in &entry.edges {
            self.count(device, *edge, (&entry.key, 1));
        }
        if let Some(target) = entry.unlinks {
            self.unlink(device, target, |unlinks| unlinks.push(entry.key.clone()));
        }
        for item in outward(self.history.subject, entry) {
            self.view.send(self.stamp, item);
        }
    }

    /// Withdraws what a replaced entry linked to.
    pub(super) fn withdraw(&mut self, device: &Device, entry: &Entry) {
        for edge in &entry.edges {
            self.count(device, *edge, (&entry.key, -1));
        }
        if let Some(target) = entry.unlinks {
            self.unlink(device, target, |unlinks| unlinks.retain(|key| *key != entry.key));
        }
        for item in outward(self.history.subject, entry) {
            self.view.send(self.stamp, Item { body: None, ..item });
        }
    }

    /// Takes back the links that still live, and forgets all of them.
    pub(super) fn fall_silent(&mut self, targets: &BTreeSet<EntityId>) {
        let History { generation, subject, .. } = self.history;
        for target in targets {
            if self.stated(*target).lives() {
                self.view.send(self.stamp, edge_item(subject, *target, None));
            }
            self.view.delete(stated_key(generation, subject, *target));
        }
    }

    fn stated(&self, target: EntityId) -> Stated {
        let key = stated_key(self.history.generation, self.history.subject, target);
        self.view.get::<Stated>(&key).cloned().unwrap_or_default()
    }

    /// Counts an entry that states a link, or does no longer.
    fn count(&mut self, device: &Device, edge: Edge, (key, change): (&EntryKey, i64)) {
        let mut stated = self.stated(edge.target);
        let lived = stated.lives();
        stated.edge = Some(edge);
        if Some(key) > stated.unlinked.as_ref() {
            stated.entries = stated.entries.saturating_add_signed(change);
        }
        self.put(device, edge.target, (lived, stated));
    }

    /// Weighs a link anew once `change` was made to the unlinks of it.
    fn unlink(
        &mut self,
        device: &Device,
        target: EntityId,
        change: impl FnOnce(&mut Vec<EntryKey>),
    ) {
        let entries = self.history.entries(self.view, ALWAYS);
        let unlinking = entries.iter().filter(|entry| entry.unlinks == Some(target));
        let mut unlinks: Vec<EntryKey> = unlinking.map(|entry| entry.key.clone()).collect();
        change(&mut unlinks);
        let mut stated = self.stated(target);
        let lived = stated.lives();
        stated.unlinked = unlinks.into_iter().max().max(stated.unlink_let_go.clone());
        let after = |entry: &&Entry| Some(&entry.key) > stated.unlinked.as_ref();
        let links = entries.iter().filter(after).flat_map(|entry| &entry.edges);
        stated.entries = links.filter(|edge| edge.target == target).count() as u64;
        self.put(device, target, (lived, stated));
    }

    /// Keeps a link, and tells the graph where it came to life or ended.
    fn put(&mut self, device: &Device, target: EntityId, (lived, stated): (bool, Stated)) {
        let subject = self.history.subject;
        let told = stated.edge.map(|edge| EdgeBody {
            target,
            target_is_user: edge.user,
            sender_is_user: !device.anonymous,
        });
        match (lived, stated.lives(), told) {
            (false, true, Some(body)) => {
                self.view.send(self.stamp, edge_item(subject, target, Some(Body::Edge(body))));
            }
            (true, false, _) => self.view.send(self.stamp, edge_item(subject, target, None)),
            _ => {}
        }
        let key = stated_key(self.history.generation, subject, target);
        if !stated.lives() && stated.unlinked.is_none() {
            self.view.delete(key);
        } else {
            self.view.put(key, stated);
        }
    }
}

fn edge_item(sender: EntityId, other: EntityId, body: Option<Body>) -> Item {
    Item { kind: ItemKind::Edge, sender, target: sender, id: other.0, body }
}

/// What an entry says to orders and clicks.
fn outward(sender: EntityId, entry: &Entry) -> Vec<Item> {
    claim(sender, entry).into_iter().chain(landing(sender, entry)).collect()
}

fn claim(sender: EntityId, entry: &Entry) -> Option<Item> {
    let conversion = entry.conversion.as_ref()?;
    let target = EntityId::order(conversion.order.as_ref()?);
    let claim = Claim {
        role: conversion.role,
        from_browser: !conversion.server,
        key: entry.key.clone(),
        device: sender,
        value: conversion.value,
        part: conversion.part.clone(),
        goods: conversion.goods.clone(),
    };
    let id: Hash128 = entry.key.timed_name("claim", sender);
    Some(Item { kind: ItemKind::Claim, sender, target, id, body: Some(Body::Claim(claim)) })
}

fn landing(sender: EntityId, entry: &Entry) -> Option<Item> {
    let click = entry.landing.as_ref()?;
    let landing = Landing {
        click: (**click).clone(),
        key: entry.key.clone(),
        campaign: entry.touch.as_ref().map(|touch| touch.campaign.clone()).unwrap_or_default(),
        arrival: entry.touch.as_ref().map(|touch| touch.arrival.clone()),
        bot: entry.agent.bot,
    };
    let (kind, target) = (ItemKind::Landing, EntityId::click(&click.id));
    let id = entry.key.timed_name("landing", sender);
    Some(Item { kind, sender, target, id, body: Some(Body::Landing(landing)) })
}
