//! A person learns of a device, a touch or a conversion; the credits it changes are recomputed.

use super::home;
use crate::item::{Body, ItemKind};
use crate::key::{Key, KeyKind};
use crate::rollup::{Cell, CellPlace, Dimensions, Metric, cell_key};
use crate::rules::Rules;
use crate::state::{Items, Person, Versioned, living};
use crate::view::{Stamp, View};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use millstream_attribute::credit::reach;
use millstream_attribute::{Conversion, Credit, Model, Touch, credits};
use millstream_event::{Channel, EntityId, Hash128, Span};

/// An item to a person.
pub(super) struct Message {
    pub person: EntityId,
    pub kind: ItemKind,
    pub name: (EntityId, Hash128),
    pub version: u64,
    pub body: Option<Body>,
}

pub(super) fn apply(view: &mut View, rules: &Rules<'_>, message: Message, stamp: Stamp) {
    let key = Key::entity(stamp.generation, KeyKind::Person, message.person);
    let mut person = view.take::<Person>(&key).unwrap_or_default();
    let before = person.members_living();
    let changed = match message.kind {
        ItemKind::Touch => learn_touch(view, rules, &mut person, message, stamp),
        ItemKind::Conversion => learn_conversion(view, rules, &mut person, message, stamp),
        _ => {
            let Message { name, version, body, person: id, .. } = message;
            let changed = replace(&mut person.members, name, version, body.map(|_| ()));
            let people = i64::from(person.members_living()) - i64::from(before);
            view.count(stamp.generation, home(id), |counts| counts.people += people);
            changed
        }
    };
    if changed {
        person.revision = stamp.position.revision(stamp.generation);
    }
    view.put(key, person);
}

impl Person {
    fn members_living(&self) -> bool {
        living(&self.members).next().is_some()
    }
}

/// Keeps the highest version of an item; true when this one was news.
fn replace<T>(
    items: &mut Items<T>,
    name: (EntityId, Hash128),
    version: u64,
    body: Option<T>,
) -> bool {
    let news = items.get(&name).is_none_or(|known| known.version < version);
    if news {
        items.insert(name, Versioned { version, body });
    }
    news
}

fn learn_touch(
    view: &mut View,
    rules: &Rules<'_>,
    person: &mut Person,
    message: Message,
    stamp: Stamp,
) -> bool {
    let Message { person: id, name, version, body, .. } = message;
    let known = person.touches.get(&name);
    if known.is_some_and(|known| known.version >= version) {
        return false;
    }
    let old = known.and_then(|known| known.body.clone());
    let new = body.and_then(Body::touch);
    let mut books = Books { view, home: id, window: rules.window, stamp };
    let touched = [&old, &new].into_iter().flatten().map(|touch| touch.key.time);
    let affected: Vec<Conversion> = {
        let ranges: BTreeSet<_> = touched.collect();
        let concerns =
            |c: &&Conversion| ranges.iter().any(|t| reach(*t, rules.window).contains(&c.key.time));
        living(&person.conversions).filter(concerns).cloned().collect()
    };
    books.credit(person, &affected, -1);
    books.touch(old.as_ref(), -1);
    books.touch(new.as_ref(), 1);
    person.touches.insert(name, Versioned { version, body: new });
    books.credit(person, &affected, 1);
    true
}

fn learn_conversion(
    view: &mut View,
    rules: &Rules<'_>,
    person: &mut Person,
    message: Message,
    stamp: Stamp,
) -> bool {
    let Message { person: id, name, version, body, .. } = message;
    let new = body.and_then(Body::conversion);
    let old = person.conversions.get(&name).and_then(|known| known.body.clone());
    if !replace(&mut person.conversions, name, version, new.clone()) {
        return false;
    }
    let mut books = Books { view, home: id, window: rules.window, stamp };
    for (conversion, sign) in [(old, -1), (new, 1)] {
        if let Some(conversion) = conversion {
            books.conversion(&conversion, sign);
            books.credit(person, &[conversion], sign);
        }
    }
    true
}

/// The sums a person adds to.
struct Books<'a> {
    view: &'a mut View,
    home: EntityId,
    window: Span,
    stamp: Stamp,
}

impl Books<'_> {
    fn place(&self, day: i32, metric: Metric, bot: bool) -> CellPlace {
        CellPlace { generation: self.stamp.generation, lane: home(self.home), day, metric, bot }
    }

    fn touch(&mut self, touch: Option<&Touch>, sign: i64) {
        let Some(touch) = touch else { return };
        let dimensions = Dimensions::of(&touch.fact);
        let place = self.place(touch.key.time.utc_day(), Metric::Touches, touch.bot);
        self.view.sum(cell_key(place, &dimensions), Cell { dimensions, count: sign, amount: 0 });
    }

    fn conversion(&mut self, conversion: &Conversion, sign: i64) {
        if !conversion.bot {
            self.view
                .count(self.stamp.generation, home(self.home), |counts| counts.conversions += sign);
        }
    }

    /// Adds or takes back every credit of these conversions, as the person's touches stand.
    fn credit(&mut self, person: &Person, conversions: &[Conversion], sign: i64) {
        for conversion in conversions.iter().filter(|conversion| !conversion.bot) {
            for model in Model::ALL {
                for credit in credits(living(&person.touches), conversion, model, self.window) {
                    self.entry(conversion, model, &credit, sign);
                }
            }
        }
    }

    fn entry(&mut self, conversion: &Conversion, model: Model, credit: &Credit<'_>, sign: i64) {
        let place = self.place(conversion.key.time.utc_day(), Metric::Credits(model), false);
        let mut dimensions =
            credit.touch.map_or_else(unattributed, |touch| Dimensions::of(&touch.fact));
        dimensions.currency = conversion.value.map(|value| value.currency);
        let (count, amount) = (
            sign * i64::from(credit.weight_ppb),
            i128::from(sign) * i128::from(credit.amount.map_or(0, |amount| amount.minor)),
        );
        self.view.sum(cell_key(place, &dimensions), Cell { dimensions, count, amount });
    }
}

/// The dimensions of credit that no touch earned.
fn unattributed() -> Dimensions {
    let name = || Channel::UNATTRIBUTED.into();
    Dimensions {
        channel: name(),
        source: name(),
        medium: name(),
        campaign: name(),
        ..Dimensions::default()
    }
}
