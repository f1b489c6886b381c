//! What a device tells its person: touches and conversions, as a function of sessions, of facts
//! outside them and of the verdicts on orders.

use crate::item::{Body, Item, ItemKind};
use crate::state::{Device, Loose};
use crate::view::{Stamp, View};
use alloc::collections::BTreeMap;
use millstream_attribute::{Conversion, Touch};
use millstream_event::{EntityId, Hash128};
use millstream_stitch::{ConversionFact, EntryKey, Session, TouchFact};

/// Living items of a device to its person, by kind and id.
pub(super) type Facts = BTreeMap<(ItemKind, Hash128), Body>;

/// Where a fact stands.
#[derive(Clone, Copy)]
struct Place {
    session: Option<Hash128>,
    bot: bool,
}

/// Adds what a session says.
pub(super) fn of_session(facts: &mut Facts, subject: EntityId, device: &Device, session: &Session) {
    let place = Place { session: Some(session.id(subject)), bot: session.bot };
    for (key, fact) in session.touches_or_direct() {
        add_touch(facts, subject, (key, fact), place);
    }
    for (key, fact) in &session.conversions {
        add_conversion(facts, (subject, device), (key, fact), place);
    }
}

/// Adds what stands outside sessions.
pub(super) fn of_loose(
    facts: &mut Facts,
    subject: EntityId,
    device: &Device,
    (key, loose): (&EntryKey, &Loose),
) {
    let place = Place { session: None, bot: loose.bot };
    if let Some(touch) = &loose.touch {
        add_touch(facts, subject, (key.clone(), touch.clone()), place);
    }
    if let Some(conversion) = &loose.conversion {
        add_conversion(facts, (subject, device), (key, conversion), place);
    }
}

/// Everything a device says.
pub(super) fn all(subject: EntityId, device: &Device) -> Facts {
    let mut facts = Facts::new();
    for session in device.timeline.sessions() {
        of_session(&mut facts, subject, device, session);
    }
    for loose in &device.loose {
        of_loose(&mut facts, subject, device, loose);
    }
    if device.events > 0 {
        facts.insert((ItemKind::Member, Hash128::default()), Body::Member);
    }
    facts
}

fn add_touch(
    facts: &mut Facts,
    subject: EntityId,
    (key, fact): (EntryKey, TouchFact),
    place: Place,
) {
    let id = key.name("touch", subject);
    let touch = Touch { id, key, session: place.session, fact, bot: place.bot };
    facts.insert((ItemKind::Touch, id), Body::Touch(touch));
}

/// A conversion with an order number counts once its claim has won, with the order's value.
fn add_conversion(
    facts: &mut Facts,
    (subject, device): (EntityId, &Device),
    (key, fact): (&EntryKey, &ConversionFact),
    place: Place,
) {
    let (id, value) = match &fact.order {
        None => (key.name("conversion", subject), fact.value),
        Some(order) => {
            let order = EntityId::order(order);
            let verdict = device.verdicts.get(&order).and_then(|verdict| verdict.body.as_ref());
            match verdict.filter(|verdict| verdict.device == subject && verdict.key == *key) {
                Some(verdict) => (Hash128::of("order conversion", &[&order.0.0]), verdict.value),
                None => return,
            }
        }
    };
    let conversion = Conversion {
        id,
        key: key.clone(),
        name: fact.name.clone(),
        session: place.session,
        value,
        order: fact.order.as_ref().map(|order| order.as_str().into()),
        bot: place.bot,
    };
    facts.insert((ItemKind::Conversion, id), Body::Conversion(conversion));
}

/// Sends the difference between what a device said and what it says now.
pub(super) fn send(
    view: &mut View,
    stamp: Stamp,
    (sender, person): (EntityId, EntityId),
    before: &Facts,
    after: Facts,
) {
    let item = |kind, id, body| Item { kind, sender, target: person, id, body };
    for (kind, id) in before.keys().filter(|name| !after.contains_key(name)) {
        view.send(stamp, item(*kind, *id, None));
    }
    for ((kind, id), body) in after {
        if before.get(&(kind, id)) != Some(&body) {
            view.send(stamp, item(kind, id, Some(body)));
        }
    }
}
