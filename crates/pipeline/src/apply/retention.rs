//! Orders to let go of what is old, and events that come after their time.

use super::{forget, links, quarantine};
use crate::decoded::Sighting;
use crate::key::{Key, KeyKind};
use crate::retention::{Class, FRESH, Kept, Order, Walk};
use crate::rules::Rules;
use crate::state::Device;
use crate::view::{ApplyError, Stamp, View};
use alloc::vec::Vec;
use millstream_event::{Hash128, Lane, QuarantineReason, Record, Timestamp};

/// Follows an order.
pub(super) fn apply(
    view: &mut View,
    rules: &Rules<'_>,
    (lane, order): (Lane, &Order),
    stamp: Stamp,
) -> Result<(), ApplyError> {
    let key = Kept::key(stamp.generation, lane);
    view.want([key])?;
    let mut kept = view.get::<Kept>(&key).cloned().unwrap_or_default();
    match order {
        Order::Forget(forget) => return forget::apply(view, rules, forget, stamp),
        Order::Keep(from) => kept.from = kept.from.later(from),
        &Order::Sweep { class, from, to } => {
            let Some(before) = kept.from.of(class) else { return Ok(()) };
            let before = before - class.margin();
            let walks = Walk::of((stamp.generation, lane), class, (from, to), before);
            view.want_walks(&walks)?;
            let rows: Vec<Key> = walks.iter().flat_map(|walk| view.walked(walk)).collect();
            links::want_told(view, stamp.generation, &rows)?;
            view.forget_walks(&walks);
            rows.iter().for_each(|row| let_go(view, row, stamp));
            kept.note(class, before, rows.len() as u64);
        }
    }
    view.put(key, kept);
    Ok(())
}

fn let_go(view: &mut View, row: &Key, stamp: Stamp) {
    if row.is(KeyKind::Device) {
        return let_session_go(view, row, stamp);
    }
    if row.is(KeyKind::Entry) {
        links::let_go(view, stamp.generation, row);
    }
    view.delete(*row);
}

/// A device's latest session goes; who it is stays.
fn let_session_go(view: &mut View, key: &Key, stamp: Stamp) {
    let Some(mut device) = view.take::<Device>(key) else { return };
    if let Some(latest) = device.latest.take() {
        view.delete(Key::recent(stamp.generation, key.entity_id(), latest.last.time));
    }
    view.put(*key, device);
}

/// True when an event happened before what its lane keeps of events. Most are too fresh for that to
/// be asked.
pub(super) fn is_past(view: &View, sighting: &Sighting, stamp: Stamp) -> Result<bool, ApplyError> {
    let time = sighting.event.event_time;
    if stamp.received - time <= FRESH {
        return Ok(false);
    }
    let lane = Lane::of(sighting.subject);
    view.want([Kept::key(stamp.generation, lane)])?;
    Ok(excludes(view, (stamp.generation, lane), Class::Events, time))
}

/// True when the lane is known not to keep rows of a class from that time any more.
pub(super) fn excludes(
    view: &View,
    (generation, lane): (u16, Lane),
    class: Class,
    time: Timestamp,
) -> bool {
    let kept = view.get::<Kept>(&Kept::key(generation, lane));
    kept.is_some_and(|kept| kept.from.excludes(class, time))
}

/// True when a person was told of this before and let go of it: a state that is folded again sends
/// what it sent a second time.
pub(super) fn is_swept(
    view: &View,
    (generation, lane): (u16, Lane),
    class: Class,
    time: Timestamp,
) -> Result<bool, ApplyError> {
    let key = Kept::key(generation, lane);
    view.want([key])?;
    Ok(view.get::<Kept>(&key).is_some_and(|kept| kept.swept.excludes(class, time)))
}

/// An event that comes after its time is a named gap: what it would change is no longer held.
pub(super) fn refuse(
    view: &mut View,
    (record, sighting): (&Record, &Sighting),
    dedup: &Key,
    stamp: Stamp,
) -> Result<(), ApplyError> {
    let id = Hash128::of("past", &[&dedup.as_bytes()[2..]]);
    let source = &sighting.event.source;
    let reason = QuarantineReason::PastRetention;
    quarantine(view, record, &super::Verdict { id, reason, source, resolved: false }, stamp)
}
