//! A person learns of a device, a touch or a conversion; the credits it changes are recomputed.

use super::earning::{Earned, Earner, Earning};
use super::namesakes::{News, Plan, Recount};
use super::{home, retention};
use crate::item::{Body, ItemKind};
use crate::key::{Key, KeyKind};
use crate::recredit::{Change, ChangedTouch, Recredit, change_of, earns_alike, recredit_key};
use crate::retention::Class;
use crate::rollup::{CellPlace, Dimensions, Metric, cell_key, hashed_cell_key};
use crate::rules::Rules;
use crate::shelf::Range;
use crate::state::{KnownConversion, KnownTouch, Member, Person, Versioned};
use crate::value::Stored;
use crate::view::{ApplyError, Stamp, View};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::RangeInclusive;
use millstream_attribute::credit::{Path, in_window, reach};
use millstream_attribute::{Conversion, Touch};
use millstream_event::{EntityId, Hash128, Span, Timestamp};
use millstream_stitch::entry::{first_at, last_at, time_of};

/// An item to a person.
pub(super) struct Message {
    pub person: EntityId,
    /// Who tells them.
    pub sender: EntityId,
    pub kind: ItemKind,
    pub id: Hash128,
    pub version: u64,
    pub body: Option<Body>,
    /// The row that the item is kept in, at hand.
    pub row: Key,
}

pub(super) fn apply(
    view: &mut View,
    rules: &Rules<'_>,
    message: Message,
    stamp: Stamp,
) -> Result<(), ApplyError> {
    let key = Key::entity(stamp.generation, KeyKind::Person, message.person);
    let mut person = view.get::<Person>(&key).cloned().unwrap_or_default();
    let class = match message.kind {
        ItemKind::Touch => Some(Class::Touches),
        ItemKind::Conversion => Some(Class::Conversions),
        _ => None,
    };
    let lane = (stamp.generation, home(message.person));
    if let Some(class) = class
        && retention::is_swept(view, lane, class, time_of(&message.id))?
    {
        return Ok(());
    }
    let changed = match message.kind {
        ItemKind::Touch => learn_touch(view, rules, &mut person, message, stamp)?,
        ItemKind::Conversion => learn_conversion(view, rules, &mut person, message, stamp)?,
        _ => learn_member(view, &mut person, message, stamp)?,
    };
    if changed {
        person.revision = stamp.position.revision(stamp.generation);
        view.put(key, person);
    }
    Ok(())
}

/// What the row says, when the item is news to it.
fn news<T: Clone>(view: &View, row: &Key, version: u64) -> Option<Option<T>>
where
    Versioned<T>: Stored,
{
    match view.get::<Versioned<T>>(row) {
        Some(known) if known.version >= version => None,
        known => Some(known.and_then(|known| known.body.clone())),
    }
}

fn learn_member(
    view: &mut View,
    person: &mut Person,
    message: Message,
    stamp: Stamp,
) -> Result<bool, ApplyError> {
    let Some(old) = news::<()>(view, &message.row, message.version) else { return Ok(false) };
    let new = message.body.map(|_| ());
    let before = person.members > 0;
    change(&mut person.members, old.is_some(), new.is_some());
    let people = i64::from(person.members > 0) - i64::from(before);
    view.count(stamp.generation, home(message.person), |counts| counts.people += people);
    view.put(message.row, Member { version: message.version, body: new });
    Ok(true)
}

/// Keeps a count in step with one of those counted.
fn change(count: &mut u64, before: bool, after: bool) {
    *count = count.saturating_add_signed(i64::from(after) - i64::from(before));
}

fn learn_touch(
    view: &mut View,
    rules: &Rules<'_>,
    person: &mut Person,
    message: Message,
    stamp: Stamp,
) -> Result<bool, ApplyError> {
    let Some(old) = news::<Touch>(view, &message.row, message.version) else { return Ok(false) };
    let books = Books { home: message.person, window: rules.window, stamp };
    let time = time_of(&message.id);
    let affected = match person.converted_until {
        Some(until) if until >= time => books.converted_after(view, time)?,
        _ => Vec::new(),
    };
    books.want_touches(view, &affected)?;
    let new = message.body.and_then(Body::touch);
    let told = (message.sender, message.version);
    books.recredit_touched(view, &affected, (old.as_ref(), new.as_ref()), told)?;
    books.credit(view, &affected, -1);
    books.touch(view, old.as_ref(), -1);
    books.touch(view, new.as_ref(), 1);
    change(&mut person.touches, old.is_some(), new.is_some());
    view.put(message.row, KnownTouch { version: message.version, body: new });
    books.credit(view, &affected, 1);
    Ok(true)
}

fn learn_conversion(
    view: &mut View,
    rules: &Rules<'_>,
    person: &mut Person,
    message: Message,
    stamp: Stamp,
) -> Result<bool, ApplyError> {
    let known = view.get::<KnownConversion>(&message.row).cloned();
    if known.as_ref().is_some_and(|known| known.version >= message.version) {
        return Ok(false);
    }
    let told = message.body.and_then(Body::conversion);
    let news = News { row: message.row, version: message.version, known, told: told.clone() };
    let plan = Plan::of(view, rules, message.person, news)?;
    let books = Books { home: message.person, window: rules.window, stamp };
    for recount in &plan.recounts {
        books.want_touches(view, recount.before.iter().chain(&recount.after))?;
    }
    let withdrawn = told.is_none() && plan.recounts.iter().any(|one| one.before.is_some());
    let moved = withdrawn && books.moved(view, (message.sender, message.version))?;
    for recount in &plan.recounts {
        let went = moved && recount.row == message.row;
        books.recount(view, recount, went);
        let counts = |one: &Option<Conversion>| one.as_ref().is_some_and(|one| !one.bot);
        change(&mut person.conversions, counts(&recount.before), counts(&recount.after));
        let until = recount.after.as_ref().map(|one| one.key.time);
        person.converted_until = person.converted_until.max(until);
    }
    plan.put(view);
    Ok(true)
}

/// The sums a person adds to.
#[derive(Clone, Copy)]
struct Books {
    home: EntityId,
    window: Span,
    stamp: Stamp,
}

impl Books {
    fn place(&self, day: i32, metric: Metric, bot: bool) -> CellPlace {
        CellPlace { generation: self.stamp.generation, lane: home(self.home), day, metric, bot }
    }

    fn range(&self, kind: KeyKind, times: RangeInclusive<Timestamp>) -> Range {
        let key = |name| Key::row(self.stamp.generation, kind, self.home, name);
        let (from, to) = (key(first_at(*times.start())), key(last_at(*times.end())));
        Range { from, to, below: false }
    }

    /// The conversions that a touch at `time` can be credited with.
    fn converted_after(&self, view: &View, time: Timestamp) -> Result<Vec<Conversion>, ApplyError> {
        let range = self.range(KeyKind::Conversion, reach(time, self.window));
        view.want_range(range)?;
        let rows = view.rows::<KnownConversion>(&range.from, &range.to);
        Ok(rows.filter_map(|(_, known)| known.body.clone()).collect())
    }

    /// The range of the touches that a conversion can be credited to.
    fn touches_range(&self, conversion: &Conversion) -> Range {
        let time = conversion.key.time;
        self.range(KeyKind::Touch, time - self.window..=time)
    }

    fn want_touches<'c>(
        &self,
        view: &View,
        of: impl IntoIterator<Item = &'c Conversion>,
    ) -> Result<(), ApplyError> {
        of.into_iter().try_for_each(|conversion| view.want_range(self.touches_range(conversion)))
    }

    fn touch(&self, view: &mut View, touch: Option<&Touch>, sign: i64) {
        let Some(touch) = touch else { return };
        let dimensions = Dimensions::of(&touch.fact);
        let place = self.place(touch.key.time.utc_day(), Metric::Touches, touch.bot);
        view.sum(cell_key(place, &dimensions), (sign, 0), || dimensions);
    }

    /// True when a device tells what it tells because it joined the person or left them.
    fn moved(&self, view: &View, (device, version): (EntityId, u64)) -> Result<bool, ApplyError> {
        let member = Key::row(self.stamp.generation, KeyKind::Member, self.home, device.0);
        view.want([member])?;
        Ok(view.get::<Member>(&member).is_some_and(|member| member.version == version))
    }

    /// Remembers what a touch that came, went or became another does to conversions.
    fn recredit_touched(
        &self,
        view: &mut View,
        affected: &[Conversion],
        (old, new): (Option<&Touch>, Option<&Touch>),
        told: (EntityId, u64),
    ) -> Result<(), ApplyError> {
        let earns = |touch: Option<&Touch>, conversion| {
            touch.is_some_and(|touch| in_window(touch, conversion, self.window))
        };
        let affected: Vec<&Conversion> = affected
            .iter()
            .filter(|one| !one.bot && (earns(old, one) || earns(new, one)))
            .collect();
        let alike = old.zip(new).is_some_and(|(old, new)| earns_alike(old, new));
        if affected.is_empty() || alike {
            return Ok(());
        }
        let change = match (self.moved(view, told)?, old, new) {
            (true, _, Some(_)) => Change::DeviceCame,
            (true, _, None) => Change::DeviceWent,
            (false, None, _) => Change::TouchCame,
            (false, Some(_), _) => Change::TouchWent,
        };
        let touch: Option<Box<ChangedTouch>> = new.or(old).map(|touch| Box::new(touch.into()));
        for conversion in affected {
            self.recredit(view, conversion, (change, touch.clone()));
        }
        Ok(())
    }

    /// Remembers why the credit of a conversion is about to change.
    fn recredit(
        &self,
        view: &mut View,
        conversion: &Conversion,
        (change, touch): (Change, Option<Box<ChangedTouch>>),
    ) {
        let range = self.touches_range(conversion);
        let rows = view.rows::<KnownTouch>(&range.from, &range.to);
        let credited = rows.filter_map(|(_, known)| known.body.as_ref());
        let credited = credited.filter(|touch| in_window(touch, conversion, self.window)).count();
        let row = Recredit {
            at: self.stamp.received,
            change,
            person: self.home,
            touch,
            touches: u32::try_from(credited).unwrap_or(u32::MAX),
            value: conversion.value,
            refunded_minor: conversion.refunded_minor,
        };
        view.put(recredit_key(self.stamp, home(self.home), conversion.id), row);
    }

    /// Keeps the sums in step with a conversion that counts otherwise from now on, and remembers
    /// why; `went` says that it went with its device.
    fn recount(&self, view: &mut View, recount: &Recount, went: bool) {
        let Recount { before, after, .. } = recount;
        let standing = before.as_ref().filter(|conversion| !conversion.bot);
        let changed = standing.and_then(|old| Some((old, change_of(old, after.as_ref())?)));
        if let Some((conversion, change)) = changed {
            let went = went && change == Change::Withdrawn;
            let change = if went { Change::DeviceWent } else { change };
            self.recredit(view, conversion, (change, None));
        }
        for (conversion, sign) in [(before, -1), (after, 1)] {
            if let Some(conversion) = conversion {
                self.conversion(view, conversion, sign);
                self.credit(view, core::slice::from_ref(conversion), sign);
            }
        }
    }

    fn conversion(&self, view: &mut View, conversion: &Conversion, sign: i64) {
        if !conversion.bot {
            view.count(self.stamp.generation, home(self.home), |counts| counts.conversions += sign);
        }
    }

    /// Adds or takes back every credit of these conversions, as the person's touches stand.
    fn credit(&self, view: &mut View, conversions: &[Conversion], sign: i64) {
        for conversion in conversions.iter().filter(|conversion| !conversion.bot) {
            let range = self.touches_range(conversion);
            let rows = view.rows::<KnownTouch>(&range.from, &range.to);
            let touches = rows.filter_map(|(_, known)| known.body.as_ref());
            let path = Path::of(touches, conversion, self.window);
            let Earning { earners, earned, shortened, .. } = Earning::of(&path, conversion);
            for Earned { metric, earner, count, amount } in earned {
                let Earner { dimensions, hash } = &earners[earner];
                let place = self.place(conversion.key.time.utc_day(), metric, false);
                let more = (sign.wrapping_mul(count), i128::from(sign) * amount);
                view.sum(hashed_cell_key(place, *hash), more, || dimensions.clone());
            }
            if shortened {
                view.count(self.stamp.generation, home(self.home), |sum| sum.shortened += sign);
            }
        }
    }
}
