//! An event reaches its subject: dedup, then the subject's timeline and counts.

use super::arrivals::{self, Provenance};
use super::device;
use crate::decoded::Sighting;
use crate::key::{Key, KeyKind};
use crate::rollup::Counts;
use crate::rules::Rules;
use crate::state::{Copies, Dedup, Traits};
use crate::view::{ApplyError, Stamp, View};
use alloc::vec::Vec;
use millstream_event::ids::is_placeholder;
use millstream_event::{EntityId, Event, EventKind, Flags, Record};
use millstream_stitch::{Agent, Candidate, Entry, EntryKey, Verdict};

pub(super) fn keys(generation: u16, sighting: &Sighting) -> Vec<Key> {
    let Sighting { event, subject, .. } = sighting;
    let kind = match event.kind {
        EventKind::Click => KeyKind::Click,
        _ => KeyKind::Device,
    };
    let mut keys =
        alloc::vec![sighting.dedup_key(generation), Key::entity(generation, kind, *subject)];
    if event.kind != EventKind::Click {
        let users = [&event.user_id, &event.previous_id].into_iter().flatten();
        let users = users.map(EntityId::user).filter(|user| user != subject);
        keys.extend(users.map(|user| Key::row(generation, KeyKind::Stated, *subject, user.0)));
    }
    keys
}

/// What an event means to the copies of it that came before, and the dedup entry it leaves.
pub(super) struct Judged {
    pub verdict: Verdict,
    pub before: Option<Dedup>,
    pub key: Key,
    pub candidate: Candidate,
}

pub(super) fn judge(
    view: &View,
    rules: &Rules<'_>,
    sighting: &Sighting,
) -> Result<Judged, ApplyError> {
    let key = sighting.dedup_key(rules.generation);
    view.want([key])?;
    let before = view.get::<Dedup>(&key).cloned();
    let candidate = sighting.candidate;
    let verdict = candidate.against(before.as_ref().map(|dedup| &dedup.candidate));
    #[cfg(feature = "sabotage")]
    if rules.sabotage.without_dedup {
        return Ok(Judged { verdict: Verdict::First, before: None, key, candidate });
    }
    Ok(Judged { verdict, before, key, candidate })
}

/// Counts the record and leaves its dedup entry. Call once nothing can fail any more.
pub(super) fn settle(
    view: &mut View,
    stamp: Stamp,
    judged: Judged,
    (dedup, provenance): (Dedup, Provenance),
) {
    let lane = millstream_event::Lane::of(dedup.subject);
    let Judged { verdict, before, key, candidate } = judged;
    arrivals::count(view, stamp.generation, (&dedup, provenance), (verdict, before.as_ref()));
    let (new, old) = (dedup.traits, before.as_ref().map(|before| before.traits));
    let conflicts_before = before.as_ref().map_or(0, conflicts);
    let standing = before.as_ref().map_or(candidate.content, |before| before.candidate.content);
    let mut copies = before.as_ref().map(|before| before.copies.clone()).unwrap_or_default();
    copies.add(candidate.content, standing);
    let kept = match (verdict, before) {
        (Verdict::Loses, Some(before)) => Dedup { copies, ..before },
        _ => Dedup { copies, ..dedup },
    };
    let conflicts = conflicts(&kept) - conflicts_before;
    view.count(stamp.generation, lane, |counts| {
        counts.logged += 1;
        counts.duplicate += i64::from(verdict != Verdict::First);
        counts.conflicts += conflicts;
        counts.visible += i64::from(verdict == Verdict::First);
        if verdict != Verdict::Loses {
            add_traits(counts, new, 1);
            if let Some(old) = old {
                add_traits(counts, old, -1);
            }
        }
    });
    view.put(key, kept);
}

fn conflicts(dedup: &Dedup) -> i64 {
    i64::try_from(dedup.copies.conflicts(dedup.candidate.content)).unwrap_or(i64::MAX)
}

fn add_traits(counts: &mut Counts, traits: Traits, sign: i64) {
    counts.degraded += sign * i64::from(traits.flags.has(Flags::DEGRADED));
    counts.restricted += sign * i64::from(traits.flags.has(Flags::RESTRICTED));
    counts.clock += sign * i64::from(traits.flags.has(Flags::CLOCK));
    counts.late += sign * i64::from(traits.late);
    counts.bot += sign * i64::from(traits.bot);
    counts.page_views += sign * i64::from(traits.view);
    counts.placeholders += sign * i64::from(traits.placeholder);
}

/// What the counts "of which" say of an event.
pub(super) fn traits(rules: &Rules<'_>, event: &Event, bot: bool) -> Traits {
    let late =
        event.received - event.event_time > rules.horizon && !event.flags.has(Flags::IMPORTED);
    let view = matches!(event.kind, EventKind::Page | EventKind::Screen);
    let placeholder = event.user_id.as_ref().is_some_and(|id| is_placeholder(id.as_str()));
    Traits { flags: event.flags, late, bot, view, placeholder }
}

pub(super) fn agent(rules: &Rules<'_>, event: &Event) -> Agent {
    event.user_agent.as_deref().map(|text| rules.agents.classify(text)).unwrap_or_default()
}

pub(super) fn apply(
    view: &mut View,
    rules: &Rules<'_>,
    (record, sighting): (&Record, &Sighting),
    stamp: Stamp,
) -> Result<(), ApplyError> {
    let judged = judge(view, rules, sighting)?;
    let Sighting { event, subject, .. } = sighting;
    let subject = *subject;
    let agent = agent(rules, event);
    let entry = Entry::of((event, subject), agent, rules.conversions.read(event));
    let provenance = Provenance::of(event, &entry.agent, entry.conversion.as_deref());
    let dedup = Dedup {
        subject,
        candidate: judged.candidate,
        position: record.position,
        key: EntryKey::of(event),
        entered: !entry.is_inert(),
        traits: traits(rules, event, entry.agent.bot),
        tallied: provenance.tallied(),
        copies: Copies::default(),
    };
    if judged.verdict == Verdict::Loses {
        settle(view, stamp, judged, (dedup, provenance));
        return Ok(());
    }
    let stale =
        judged.before.as_ref().filter(|before| before.entered).map(|before| before.key.clone());
    let change = device::EntryChange { entry, stale };
    let plan = device::plan(view, rules, subject, &change)?;
    let first = judged.verdict == Verdict::First;
    let visible = device::Visible { event, subject, change, first };
    device::change(view, rules, (visible, plan), stamp);
    settle(view, stamp, judged, (dedup, provenance));
    Ok(())
}
