//! An event reaches its subject: dedup, then the subject's timeline and counts.

use super::arrivals::{self, Provenance};
use super::device::{self, EntryChange};
use super::history::History;
use super::interest::{self, Told};
use super::retention;
use crate::decoded::Sighting;
use crate::key::{Key, KeyKind};
use crate::rollup::Counts;
use crate::rules::Rules;
use crate::state::{Copies, Dedup, Traits};
use crate::view::{ApplyError, Stamp, View};
use alloc::vec::Vec;
use millstream_event::ids::is_placeholder;
use millstream_event::{EntityId, Event, EventKind, Flags, Record, Surface};
use millstream_stitch::{Agent, Candidate, Entry, EntryKey, Goods, Pair, Verdict};

pub(super) fn keys(rules: &Rules<'_>, sighting: &Sighting) -> Vec<Key> {
    let generation = rules.generation;
    let Sighting { event, subject, .. } = sighting;
    let kind = match event.kind {
        EventKind::Click => KeyKind::Click,
        _ => KeyKind::Device,
    };
    let mut keys = alloc::vec![sighting.dedup_key(rules), Key::entity(generation, kind, *subject)];
    if event.kind != EventKind::Click {
        let users = [&event.user_id, &event.previous_id].into_iter().flatten();
        let users = users.map(EntityId::user).filter(|user| user != subject);
        keys.extend(users.map(|user| Key::row(generation, KeyKind::Stated, *subject, user.0)));
    }
    keys
}

/// What an event means to the copies of it that came before.
pub(super) struct Judged {
    /// Whether it counts from now on.
    pub verdict: Verdict,
    pub before: Option<Dedup>,
    pub key: Key,
    pub candidate: Candidate,
    /// True when a server tells of it.
    pub server: bool,
}

pub(super) fn judge(
    view: &View,
    rules: &Rules<'_>,
    sighting: &Sighting,
) -> Result<Judged, ApplyError> {
    let key = sighting.dedup_key(rules);
    view.want([key])?;
    let before = view.get::<Dedup>(&key).cloned();
    let (candidate, event) = (sighting.candidate, &sighting.event);
    let server = event.surface == Surface::Server && event.kind != EventKind::Click;
    #[cfg(feature = "sabotage")]
    let before = before.filter(|_| !rules.sabotage.without_dedup);
    let meet = |before: &Dedup| before.met_by(&candidate, server);
    let verdict = before.as_ref().map_or(Verdict::First, meet);
    Ok(Judged { verdict, before, key, candidate, server })
}

impl Judged {
    /// True when the copy says nothing that a better one of its side does not say.
    fn is_idle(&self) -> bool {
        let led = |before: &Dedup| before.is_led_by(&self.candidate, self.server);
        self.before.as_ref().is_some_and(|before| !led(before))
    }

    /// The dedup entry of this copy alone.
    pub(super) fn dedup(
        &self,
        (record, sighting): (&Record, &Sighting),
        traits: Traits,
        provenance: &Provenance,
    ) -> Dedup {
        Dedup {
            subject: sighting.subject,
            server: self.server,
            candidate: self.candidate,
            position: record.position,
            key: EntryKey::of(&sighting.event),
            traits,
            tallied: provenance.tallied(),
            copies: Copies::default(),
            other: None,
        }
    }
}

/// Counts the record and leaves its dedup entry. Call once nothing can fail any more. `in_session`
/// says so of what both sides of one action make together.
pub(super) fn settle(
    view: &mut View,
    stamp: Stamp,
    judged: Judged,
    (dedup, provenance, in_session): (Dedup, Provenance, Option<bool>),
) {
    let lane = millstream_event::Lane::of(dedup.subject);
    let Judged { verdict, before, key, .. } = judged;
    arrivals::count(view, stamp.generation, (&dedup, provenance), (verdict, before.as_ref()));
    let (new, old) = (dedup.traits, before.as_ref().map(|before| before.traits));
    let conflicts_before = before.as_ref().map_or(0, conflicts);
    let mut kept = match before {
        Some(before) => before.joined_by(dedup),
        None => {
            let mut first = dedup;
            first.copies.add(first.candidate.content, first.candidate.content);
            first
        }
    };
    if let (Some(in_session), Some(other)) = (in_session, &mut kept.other) {
        other.in_session = in_session;
    }
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

/// Takes back what an event counted for, with all its copies.
pub(super) fn withdraw(view: &mut View, generation: u16, dedup: &Dedup) {
    let copies = i64::try_from(dedup.copies_total()).unwrap_or(i64::MAX);
    view.count(generation, millstream_event::Lane::of(dedup.subject), |counts| {
        counts.logged -= copies;
        counts.duplicate -= copies - 1;
        counts.conflicts -= conflicts(dedup);
        counts.visible -= 1;
        add_traits(counts, dedup.traits, -1);
    });
    arrivals::withdraw(view, generation, dedup, copies - 1);
}

fn conflicts(dedup: &Dedup) -> i64 {
    i64::try_from(dedup.conflicts()).unwrap_or(i64::MAX)
}

fn add_traits(counts: &mut Counts, traits: Traits, sign: i64) {
    counts.degraded += sign * i64::from(traits.flags.has(Flags::DEGRADED));
    for (sum, (cause, _)) in counts.degraded_by.iter_mut().zip(Flags::CAUSES) {
        *sum += sign * i64::from(traits.flags.has(cause));
    }
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

/// The agent as the lists know it; a client that says it is automated is a bot.
pub(super) fn agent(rules: &Rules<'_>, event: &Event) -> Agent {
    event.user_agent.as_deref().map(|text| rules.agents.classify(text)).unwrap_or_default()
}

fn marked(agent: Agent, event: &Event) -> Agent {
    Agent { bot: agent.bot || event.flags.has(Flags::AUTOMATED), ..agent }
}

pub(super) fn apply(
    view: &mut View,
    rules: &Rules<'_>,
    (record, sighting): (&Record, &Sighting),
    stamp: Stamp,
) -> Result<(), ApplyError> {
    let mut judged = judge(view, rules, sighting)?;
    let past = retention::is_past(view, sighting, stamp)?;
    if past && judged.before.is_none() {
        return retention::refuse(view, (record, sighting), &judged.key, stamp);
    }
    if past {
        judged.verdict = Verdict::Loses;
    }
    let Sighting { event, subject, .. } = sighting;
    let subject = *subject;
    let agent = marked(agent(rules, event), event);
    let mut fact = rules.conversions.read(event);
    if let Some(fact) = fact.as_mut().filter(|fact| rules.goods && fact.is_revenue()) {
        fact.goods = Goods::of(event);
    }
    let provenance = Provenance::of(event, &agent, fact.as_ref());
    let traits = traits(rules, event, agent.bot);
    let dedup = judged.dedup((record, sighting), traits, &provenance);
    if past || judged.is_idle() {
        settle(view, stamp, judged, (dedup, provenance, None));
        return Ok(());
    }
    let told = Told { bot: agent.bot, converts: fact.is_some(), position: record.position };
    let replaced = judged.before.as_ref().map(|before| before.key.clone());
    interest::want(view, rules, event, subject)?;
    let entry = Entry::of((event, subject), agent, fact);
    let (change, pair) = change(view, rules, (subject, &judged), entry)?;
    let plan = device::plan(view, rules, subject, &change)?;
    let first = judged.verdict == Verdict::First;
    let in_session = pair.as_ref().map(|_| change.entry.in_session);
    let visible = device::Visible { event, subject, change, first };
    device::change(view, rules, (visible, plan), stamp);
    if let Some(pair) = pair {
        view.put(judged.key.of_kind(KeyKind::Pair), pair);
    }
    if judged.verdict != Verdict::Loses {
        interest::change(view, rules, (event, subject), &told, replaced.as_ref());
    }
    settle(view, stamp, judged, (dedup, provenance, in_session));
    Ok(())
}

/// The entry that stands for the event from now on, and the two that it was made of where both
/// sides told of it.
fn change(
    view: &View,
    rules: &Rules<'_>,
    (subject, judged): (EntityId, &Judged),
    entry: Entry,
) -> Result<(EntryChange, Option<Pair>), ApplyError> {
    let Some(before) = &judged.before else {
        return Ok((EntryChange { entry, stale: None }, None));
    };
    let stale = Some(before.key.clone());
    if before.other.is_none() && before.server == judged.server {
        return Ok((EntryChange { entry, stale }, None));
    }
    let known = match before.other {
        None => {
            let row = History::of(rules, subject).entry_key(&before.key);
            view.want([row])?;
            let standing = view.get::<Entry>(&row).cloned();
            standing.map(|standing| Pair { server: standing.clone(), client: standing })
        }
        Some(_) => {
            let row = judged.key.of_kind(KeyKind::Pair);
            view.want([row])?;
            view.get::<Pair>(&row).cloned()
        }
    };
    let Some(mut pair) = known else { return Ok((EntryChange { entry, stale }, None)) };
    match judged.server {
        true => pair.server = entry,
        false => pair.client = entry,
    }
    Ok((EntryChange { entry: pair.united(), stale }, Some(pair)))
}
