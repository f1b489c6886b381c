//! Somebody is erased: what is kept of their events and clicks is taken back, event by event, with what it said to
//! people, orders, clicks and the graph, and with what it counted.

use super::facts::Teller;
use super::history::History;
use super::links::{self, Voice};
use super::plan::Rereading;
use super::{click, device, event};
use crate::decoded::dedup_key;
use crate::key::{Key, KeyKind};
use crate::preferences::{choice_key, chosen_key, interest_key, reset_key};
use crate::retention::{Forget, Kept};
use crate::rules::Rules;
use crate::shelf::Range;
use crate::state::{Dedup, Device};
use crate::view::{ApplyError, Stamp, View};
use alloc::vec::Vec;
use millstream_event::{EntityId, Hash128, Lane, Timestamp};
use millstream_stitch::{Entry, EntryKey, Session, SessionFacts, sessions};

const ALWAYS: (Timestamp, Timestamp) = (Timestamp(i64::MIN), Timestamp(i64::MAX));

/// What goes, and what the sessions become. Costs the subject's whole history.
struct Parting {
    gone: Vec<EntryKey>,
    /// Which copy of each counts.
    dedups: Vec<Key>,
    reread: Rereading,
    /// True when nothing of the subject stays.
    whole: bool,
}

/// Follows the order; a subject of which nothing is kept is passed over.
pub(super) fn apply(
    view: &mut View,
    rules: &Rules<'_>,
    forget: &Forget,
    stamp: Stamp,
) -> Result<(), ApplyError> {
    let subject = forget.subject;
    let key = Key::entity(rules.generation, KeyKind::Device, subject);
    let own = [key, key.of_kind(KeyKind::Click), Kept::key(stamp.generation, Lane::of(subject))];
    view.want(own)?;
    click::forget(view, rules, subject, stamp)?;
    if view.get::<Device>(&key).is_none_or(|device| device.events == 0) {
        return Ok(());
    }
    let parting = plan(view, rules, forget)?;
    for dedup in &parting.dedups {
        if let Some(known) = view.take::<Dedup>(dedup) {
            event::withdraw(view, rules.generation, &known);
        }
        view.delete(*dedup);
        view.delete(dedup.of_kind(KeyKind::Pair));
    }
    for entry in &parting.gone {
        view.delete(interest_key(rules.generation, subject, entry));
        view.delete(chosen_key(rules.generation, subject, entry));
    }
    device::correct(view, rules, (subject, stamp), |correction| {
        correction.forget(&parting.gone, &parting.reread, &session_rows(rules.generation, subject));
        if parting.whole {
            correction.depart();
        }
    });
    if parting.whole {
        remove(view, rules, forget, stamp);
    }
    Ok(())
}

fn plan(view: &View, rules: &Rules<'_>, forget: &Forget) -> Result<Parting, ApplyError> {
    let (generation, subject) = (rules.generation, forget.subject);
    let history = History::of(rules, subject);
    let entries = history.want_entries(view, ALWAYS)?;
    let (gone, stay): (Vec<Entry>, Vec<Entry>) =
        entries.iter().cloned().partition(|entry| is_of(entry, forget));
    gone.iter().try_for_each(|entry| links::want(view, history, entry))?;
    view.want(links::stated_keys(generation, subject, &forget.links))?;
    let dedup = |entry: &Entry| {
        let property = rules.properties.of(&entry.key.source);
        dedup_key(generation, subject, (entry.key.id.as_str(), property))
    };
    let dedups: Vec<Key> = gone.iter().map(dedup).collect();
    view.want(dedups.iter().copied())?;
    let conversions = entries.iter().filter_map(|entry| entry.conversion.as_deref());
    Teller { view, generation, subject }.want(conversions)?;
    view.want_range(session_rows(generation, subject))?;
    let read = |entries: &[Entry]| {
        let formed: Vec<Entry> = entries.iter().filter(|one| one.in_session).cloned().collect();
        sessions(&formed, &rules.sessions)
    };
    let whole = stay.is_empty();
    let reread = reread(view, history, (read(&entries), read(&stay)));
    let gone = gone.into_iter().map(|entry| entry.key).collect();
    Ok(Parting { gone, dedups, reread, whole })
}

/// What is left of a session whose beginning was let go was never counted as it would be read now: it stays as it
/// stands. So do those before the first one that changes.
fn reread(
    view: &View,
    history: History<'_>,
    (mut before, mut after): (Vec<SessionFacts>, Vec<SessionFacts>),
) -> Rereading {
    if before.first().is_some_and(|told| !stands(view, history, &told.session)) {
        let (first, last) = {
            let Session { first, last, .. } = &before.remove(0).session;
            (first.time, last.time)
        };
        after.retain(|told| told.session.last.time < first || last < told.session.first.time);
    }
    let same = before.iter().zip(&after).take_while(|(old, new)| old == new).count();
    // The last one that stays is to be known as the latest.
    let same = same.min(after.len().saturating_sub(1));
    before.drain(..same);
    after.drain(..same);
    Rereading { before, after }
}

fn stands(view: &View, history: History<'_>, session: &Session) -> bool {
    let device = Key::entity(history.generation, KeyKind::Device, history.subject);
    let latest = view.get::<Device>(&device).and_then(|device| device.latest.as_ref());
    latest == Some(session) || view.get::<Session>(&history.session_key(session)) == Some(session)
}

/// True for an entry that names somebody who is erased, and on a device of theirs for one that names nobody.
fn is_of(entry: &Entry, forget: &Forget) -> bool {
    let mut users = entry.edges.iter().filter(|edge| edge.user).map(|edge| edge.target);
    let named = users.clone().chain(entry.unlinks).any(|user| forget.users.contains(&user));
    let nobody = users.next().is_none() && entry.unlinks.is_none();
    named || (nobody && forget.own) || forget.users.contains(&forget.subject)
}

fn session_rows(generation: u16, subject: EntityId) -> Range {
    let row = |name| Key::row(generation, KeyKind::Session, subject, name);
    Range { from: row(Hash128::default()), to: row(Hash128([0xff; 16])), below: false }
}

/// Removes what is left of a subject, with the links that it states through entries that were let go.
fn remove(view: &mut View, rules: &Rules<'_>, forget: &Forget, stamp: Stamp) {
    let (generation, subject) = (rules.generation, forget.subject);
    let history = History::of(rules, subject);
    Voice { view, stamp, history }.fall_silent(&forget.links);
    let rows = session_rows(generation, subject);
    let left: Vec<Key> = view.rows::<Session>(&rows.from, &rows.to).map(|(key, _)| key).collect();
    left.into_iter().for_each(|key| view.delete(key));
    view.delete(choice_key(generation, subject));
    view.delete(reset_key(generation, subject));
    let key = Key::entity(generation, KeyKind::Device, subject);
    // The graph tells once whose it is: others may be linked to it still.
    let known = view.take::<Device>(&key).filter(|device| device.person_version.is_some());
    match known {
        Some(Device { person, person_version, revision, .. }) => {
            let device = Device { person, person_version, revision, ..Device::unknown(subject) };
            view.put(key, device);
        }
        None => view.delete(key),
    }
}
