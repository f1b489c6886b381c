//! What a change of a device's entries does to its sessions, told before anything is changed.

use super::history::History;
use crate::key::Key;
use crate::state::Device;
use crate::view::{ApplyError, View};
use alloc::vec::Vec;
use millstream_event::Span;
use millstream_stitch::{Entry, EntryKey, Session, SessionFacts, sessions};

/// See the module.
pub(super) enum Plan {
    /// No session is concerned.
    Apart,
    /// The entry is a session of its own.
    Begins,
    /// The entry is the last of one session, in event order and as received, and nothing said
    /// before is taken back. The session's row; none for the latest.
    Extends(Option<Key>),
    /// Anything else: sessions are read anew off their entries.
    Corrects(Rereading),
}

/// Sessions that follow each other, and what they become.
pub(super) struct Rereading {
    pub(super) before: Vec<SessionFacts>,
    pub(super) after: Vec<SessionFacts>,
}

/// Entries of sessions that come and go.
#[derive(Clone, Copy)]
pub(super) struct Exchange<'a> {
    pub(super) comes: Option<&'a Entry>,
    pub(super) goes: Option<&'a EntryKey>,
}

/// What plans are made of.
pub(super) struct Planner<'a> {
    pub(super) view: &'a View,
    pub(super) device: &'a Device,
    pub(super) history: History<'a>,
}

impl Planner<'_> {
    /// The plan, once everything that it reads is at hand.
    pub(super) fn plan(&self, exchange: Exchange<'_>) -> Result<Plan, ApplyError> {
        let keys = || exchange.goes.into_iter().chain(exchange.comes.map(|entry| &entry.key));
        let (Some(from), Some(to)) = (keys().min(), keys().max()) else { return Ok(Plan::Apart) };
        self.history.want_near(self.view, self.device, from.time)?;
        if let (None, Some(entry)) = (exchange.goes, exchange.comes)
            && let Some(plan) = self.growth(entry)?
        {
            return Ok(plan);
        }
        self.reread(exchange, (from, to)).map(Plan::Corrects)
    }

    /// The plan for an entry that comes behind everything it meets.
    fn growth(&self, entry: &Entry) -> Result<Option<Plan>, ApplyError> {
        let Self { view, device, history } = *self;
        let (time, rules) = (entry.key.time, history.rules);
        let before = history.want_before(view, device, time)?;
        let after = history.want_after(view, device, (time, time + rules.reach()))?;
        let parted =
            |open: &dyn Fn() -> Session| after.is_none_or(|after| rules.parted(&open(), after));
        Ok(match before {
            Some(open) if entry.key <= open.last => None,
            Some(open) if !rules.begins(open, entry) => {
                let in_order = open.received_max <= entry.received && !open.is_exposed_by(entry);
                let grown = || {
                    let mut grown = open.clone();
                    grown.push(entry, rules);
                    grown
                };
                let latest = device.latest.as_ref().is_some_and(|it| it.first == open.first);
                let row = || Some(history.session_key(open)).filter(|_| !latest);
                (in_order && parted(&grown)).then(|| Plan::Extends(row()))
            }
            _ => parted(&|| Session::start(entry, rules)).then_some(Plan::Begins),
        })
    }

    /// Reads as many sessions anew as the exchange may concern. What came before the first of them
    /// ends where it did, and what comes after the last begins where it did: the rest follows from
    /// itself.
    fn reread(
        &self,
        exchange: Exchange<'_>,
        (from, to): (&EntryKey, &EntryKey),
    ) -> Result<Rereading, ApplyError> {
        let Self { view, device, history } = *self;
        let rules = history.rules;
        let held = history.want_before(view, device, from.time)?.filter(|it| *from <= it.last);
        let mut reached: Vec<Session> = held.cloned().into_iter().collect();
        loop {
            let last = reached.last().map_or(from.time, |session| session.first.time);
            if let Some(next) = history.want_after(view, device, (last, to.time))? {
                reached.push(next.clone());
                continue;
            }
            let entries = self.entries_of(&reached)?;
            let before = sessions(&entries, rules);
            let after = sessions(&exchanged(entries, exchange), rules);
            let start = reached.first().map_or(from.time, |first| first.first.time - Span(1));
            let front = history.want_before(view, device, start)?;
            let joined = |front: &&Session| {
                after.first().is_none_or(|first| !rules.parted(front, &first.session))
            };
            if let Some(front) = front.filter(joined) {
                reached.insert(0, front.clone());
                continue;
            }
            if let Some(open) = after.last() {
                let until = open.session.last.time + rules.reach();
                let next = history.want_after(view, device, (last, until))?;
                if let Some(next) = next.filter(|next| !rules.parted(&open.session, next)) {
                    reached.push(next.clone());
                    continue;
                }
            }
            return Ok(Rereading { before, after });
        }
    }

    /// The entries of sessions that follow each other, in order.
    fn entries_of(&self, reached: &[Session]) -> Result<Vec<Entry>, ApplyError> {
        let (Some(first), Some(last)) = (reached.first(), reached.last()) else {
            return Ok(Vec::new());
        };
        let span = (first.first.time, last.last.time);
        let mut entries = self.history.want_entries(self.view, span)?;
        entries.retain(|entry| entry.in_session);
        Ok(entries)
    }
}

fn exchanged(mut entries: Vec<Entry>, Exchange { comes, goes }: Exchange<'_>) -> Vec<Entry> {
    entries.retain(|entry| Some(&entry.key) != goes);
    if let Some(entry) = comes {
        let at = entries.partition_point(|other| other.key < entry.key);
        entries.insert(at, entry.clone());
    }
    entries
}

impl Rereading {
    /// True when a session was among those read anew.
    pub(super) fn concerns(&self, session: &Session) -> bool {
        self.before.iter().any(|told| told.session.first == session.first)
    }
}
