//! What an entry links its device to: nodes of the graph, orders, clicks.

use crate::item::{Body, Claim, EdgeBody, Item, ItemKind, Landing};
use crate::key::{Key, KeyKind};
use crate::state::{Device, Stated};
use crate::view::{ApplyError, Stamp, View};
use alloc::vec::Vec;
use millstream_event::{EntityId, Hash128};
use millstream_stitch::{Edge, Entry};

fn stated_key(generation: u16, subject: EntityId, target: EntityId) -> Key {
    Key::row(generation, KeyKind::Stated, subject, target.0)
}

/// The identity links of an entry must be at hand before it comes or goes.
pub(super) fn want(
    view: &View,
    generation: u16,
    subject: EntityId,
    entry: &Entry,
) -> Result<(), ApplyError> {
    view.want(entry.edges.iter().map(|edge| stated_key(generation, subject, edge.target)))
}

/// States what a new entry links to.
pub(super) fn state(
    view: &mut View,
    stamp: Stamp,
    (subject, device): (EntityId, &Device),
    entry: &Entry,
) {
    for edge in &entry.edges {
        if count(view, stamp, subject, (*edge, 1)) == 1 {
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
pub(super) fn withdraw(view: &mut View, stamp: Stamp, subject: EntityId, entry: &Entry) {
    for edge in &entry.edges {
        if count(view, stamp, subject, (*edge, -1)) == 0 {
            view.send(stamp, edge_item(subject, edge.target, None));
        }
    }
    for item in outward(subject, entry) {
        view.send(stamp, Item { body: None, ..item });
    }
}

/// Counts an entry that states a link, or does no longer; returns how many there are then.
fn count(view: &mut View, stamp: Stamp, subject: EntityId, (edge, change): (Edge, i64)) -> u64 {
    let key = stated_key(stamp.generation, subject, edge.target);
    let before = view.get::<Stated>(&key).map_or(0, |stated| stated.entries);
    let entries = before.saturating_add_signed(change);
    if entries == 0 {
        view.delete(key);
    } else {
        view.put(key, Stated { edge, entries });
    }
    entries
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
        from_browser: !conversion.server,
        key: entry.key.clone(),
        device: sender,
        value: conversion.value,
    };
    let id: Hash128 = entry.key.name("claim", sender);
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
    let id = entry.key.name("landing", sender);
    Some(Item { kind, sender, target, id, body: Some(Body::Landing(landing)) })
}
