//! What a device tells its person: touches and conversions, as a function of sessions, of entries
//! outside them and of the verdicts on orders.

use super::retention;
use crate::item::{Body, Item, ItemKind};
use crate::key::{Key, KeyKind};
use crate::retention::Class;
use crate::state::Verdict;
use crate::view::{ApplyError, Stamp, View};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use millstream_attribute::{Conversion, Touch};
use millstream_event::{EntityId, Hash128, Lane, Money, OrderId};
use millstream_stitch::entry::time_of;
use millstream_stitch::{ConversionFact, Entry, EntryKey, Goods, Session, SessionFacts, TouchFact};

/// Living items of a device to its person, by kind and id.
pub(super) type Facts = BTreeMap<(ItemKind, Hash128), Body>;

/// What a conversion is worth, what of that was refunded, and its goods.
type Worth = (Option<Money>, i64, Vec<Goods>);

/// Where a fact stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    session: Option<Hash128>,
    bot: bool,
}

impl Place {
    /// In a session.
    pub(super) fn within(subject: EntityId, session: &Session) -> Self {
        Self { session: Some(session.id(subject)), bot: session.bot }
    }

    /// Outside of sessions.
    pub(super) const fn outside(entry: &Entry) -> Self {
        Self { session: None, bot: entry.agent.bot }
    }
}

/// The key of what a device knows of an order.
pub(super) fn verdict_key(generation: u16, subject: EntityId, order: EntityId) -> Key {
    Key::row(generation, KeyKind::Verdict, subject, order.0)
}

/// Says what a device tells its person, by what the view holds of verdicts.
#[derive(Clone, Copy)]
pub(super) struct Teller<'a> {
    pub view: &'a View,
    pub generation: u16,
    pub subject: EntityId,
}

impl Teller<'_> {
    /// The verdicts on these conversions' orders must be at hand.
    pub(super) fn want<'e>(
        &self,
        conversions: impl IntoIterator<Item = &'e ConversionFact>,
    ) -> Result<(), ApplyError> {
        let orders = conversions.into_iter().filter_map(|conversion| conversion.order.as_ref());
        let key = |order| verdict_key(self.generation, self.subject, EntityId::order(order));
        self.view.want(orders.map(key))
    }

    /// Adds what a session says.
    pub(super) fn session(&self, facts: &mut Facts, told: &SessionFacts) {
        let place = Place::within(self.subject, &told.session);
        for (key, fact) in told.touches_or_direct() {
            self.touch(facts, (key, fact), place);
        }
        for (key, fact) in &told.conversions {
            self.conversion(facts, (key, fact), place);
        }
    }

    /// Adds what an entry outside of sessions says.
    pub(super) fn outside(&self, facts: &mut Facts, entry: &Entry) {
        let place = Place::outside(entry);
        if let Some(touch) = &entry.touch {
            self.touch(facts, (entry.key.clone(), (**touch).clone()), place);
        }
        if let Some(conversion) = &entry.conversion {
            self.conversion(facts, (&entry.key, conversion), place);
        }
    }

    /// Adds a touch.
    pub(super) fn touch(
        &self,
        facts: &mut Facts,
        (key, fact): (EntryKey, TouchFact),
        place: Place,
    ) {
        let name = key.timed_name("touch", self.subject);
        let id = key.name("touch", self.subject);
        let touch = Touch { id, key, session: place.session, fact, bot: place.bot };
        facts.insert((ItemKind::Touch, name), Body::Touch(touch));
    }

    /// Adds a conversion. One with an order number counts once its claim has won, with the order's
    /// value.
    pub(super) fn conversion(
        &self,
        facts: &mut Facts,
        (key, fact): (&EntryKey, &ConversionFact),
        place: Place,
    ) {
        let (id, (value, refunded_minor, goods)) = match &fact.order {
            None => (key.name("conversion", self.subject), (fact.value, 0, fact.goods.clone())),
            Some(order) => match self.won(order, key) {
                Some(won) => won,
                None => return,
            },
        };
        let conversion = Conversion {
            id,
            key: key.clone(),
            name: fact.name.clone(),
            session: place.session,
            value,
            refunded_minor,
            goods,
            order: fact.order.as_ref().map(|order| order.as_str().into()),
            bot: place.bot,
        };
        let name = key.timed_name("conversion", self.subject);
        let body = match fact.of_user {
            true => Body::UserConversion(conversion),
            false => Body::Conversion(conversion),
        };
        facts.insert((ItemKind::Conversion, name), body);
    }

    /// Id, worth and goods of the order's conversion, when this device's entry is it.
    fn won(&self, order: &OrderId, key: &EntryKey) -> Option<(Hash128, Worth)> {
        let order = EntityId::order(order);
        let row = verdict_key(self.generation, self.subject, order);
        let verdict = self.view.get::<Verdict>(&row)?.body.as_ref()?;
        let own = verdict.device == self.subject && verdict.key == *key;
        own.then(|| {
            let id = Hash128::of("order conversion", &[&order.0.0]);
            (id, (verdict.value, verdict.refunded_minor, verdict.goods.clone()))
        })
    }
}

/// Sends the difference between what a device said and what it says now. What is no longer kept
/// stands as it was last told.
pub(super) fn send(
    view: &mut View,
    stamp: Stamp,
    (sender, person): (EntityId, EntityId),
    before: &Facts,
    after: Facts,
) {
    let item = |kind, id, body| Item { kind, sender, target: person, id, body };
    let lane = (stamp.generation, Lane::of(sender));
    for (kind, id) in before.keys().filter(|name| !after.contains_key(name)) {
        if is_kept(view, lane, (*kind, *id)) {
            view.send(stamp, item(*kind, *id, None));
        }
    }
    for ((kind, id), body) in after {
        if before.get(&(kind, id)) != Some(&body) && is_kept(view, lane, (kind, id)) {
            view.send(stamp, item(kind, id, Some(body)));
        }
    }
}

/// False for what receivers let go, and for what can no longer be told whole.
fn is_kept(view: &View, lane: (u16, Lane), (kind, id): (ItemKind, Hash128)) -> bool {
    let class = match kind {
        ItemKind::Touch => Class::Touches,
        ItemKind::Conversion => Class::Conversions,
        _ => return true,
    };
    let past = |class| retention::excludes(view, lane, class, time_of(&id));
    !past(class) && !past(Class::Events)
}
