//! An order decides which of its claims is the conversion.

use crate::item::{Body, Claim, Item, ItemKind, OrderVerdict};
use crate::key::{Key, KeyKind};
use crate::state::{Order, Versioned, living};
use crate::view::{Stamp, View};
use alloc::collections::BTreeSet;
use millstream_event::{EntityId, Hash128};

/// The least claim wins: a server's first, then by time, then by id. An empty value is filled from
/// the next claim that has one.
pub(crate) fn verdict(order: &Order) -> Option<OrderVerdict> {
    let claims: BTreeSet<&Claim> = living(&order.claims).collect();
    let winner = claims.first()?;
    let value = claims.iter().find_map(|claim| claim.value);
    Some(OrderVerdict { device: winner.device, key: winner.key.clone(), value })
}

pub(super) fn apply(
    view: &mut View,
    target: EntityId,
    (name, version, body): ((EntityId, Hash128), u64, Option<Claim>),
    stamp: Stamp,
) {
    let key = Key::entity(stamp.generation, KeyKind::Order, target);
    let mut order = view.take::<Order>(&key).unwrap_or_default();
    if order.claims.get(&name).is_none_or(|known| known.version < version) {
        let before = verdict(&order);
        order.claims.insert(name, Versioned { version, body });
        let after = verdict(&order);
        let claimants: BTreeSet<EntityId> = if before == after {
            [name.0].into()
        } else {
            order.claims.keys().map(|(device, _)| *device).collect()
        };
        for device in claimants {
            let body = after.clone().map(Body::Verdict);
            let (kind, id) = (ItemKind::Verdict, Hash128::default());
            view.send(stamp, Item { kind, sender: target, target: device, id, body });
        }
    }
    view.put(key, order);
}
