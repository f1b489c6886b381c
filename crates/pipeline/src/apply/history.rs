//! A device's history in the view: its entries and sessions, row by row.

use crate::key::{Key, KeyKind};
use crate::rules::Rules;
use crate::shelf::Range;
use crate::state::Device;
use crate::view::{ApplyError, View};
use alloc::vec::Vec;
use millstream_event::{EntityId, Hash128, Span, Timestamp};
use millstream_stitch::entry::{first_at, last_at};
use millstream_stitch::{Entry, EntryKey, Session};

/// Where a device's rows are.
#[derive(Clone, Copy)]
pub(super) struct History {
    pub(super) generation: u16,
    pub(super) subject: EntityId,
    timeout: Span,
}

/// The sessions that an instant belongs to or joins.
#[derive(Clone, Debug, Default)]
pub(super) struct Reached {
    /// Those before the latest session, in order: at most two.
    pub earlier: Vec<Session>,
    /// True when the latest session is among them.
    pub latest: bool,
}

impl History {
    pub(super) const fn of(rules: &Rules<'_>, subject: EntityId) -> Self {
        Self { generation: rules.generation, subject, timeout: rules.timeout }
    }

    fn row(&self, kind: KeyKind, name: Hash128) -> Key {
        Key::row(self.generation, kind, self.subject, name)
    }

    pub(super) fn entry_key(&self, key: &EntryKey) -> Key {
        self.row(KeyKind::Entry, key.timed_name("entry", self.subject))
    }

    pub(super) fn session_key(&self, session: &Session) -> Key {
        self.row(KeyKind::Session, session.first.timed_name("session", self.subject))
    }

    /// A new device has no rows.
    pub(super) fn begin(&self, view: &mut View) {
        view.know_all(self.row(KeyKind::Entry, Hash128::default()));
        view.know_all(self.row(KeyKind::Session, Hash128::default()));
    }

    /// All entries between two instants, both included.
    fn entries_range(&self, from: Timestamp, to: Timestamp) -> Range {
        let from = self.row(KeyKind::Entry, first_at(from));
        Range { from, to: self.row(KeyKind::Entry, last_at(to)), below: false }
    }

    pub(super) fn want_entries(
        &self,
        view: &View,
        (from, to): (Timestamp, Timestamp),
    ) -> Result<Vec<Entry>, ApplyError> {
        view.want_range(self.entries_range(from, to))?;
        Ok(self.entries(view, (from, to)))
    }

    /// The entries held between two instants, both included, in event order.
    pub(super) fn entries(&self, view: &View, (from, to): (Timestamp, Timestamp)) -> Vec<Entry> {
        let range = self.entries_range(from, to);
        let rows = view.rows::<Entry>(&range.from, &range.to);
        let mut entries: Vec<Entry> = rows.map(|(_, entry)| entry.clone()).collect();
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        entries
    }

    /// [`Self::reached`], once the rows that it reads are at hand.
    pub(super) fn want_reached(
        &self,
        view: &View,
        device: &Device,
        time: Timestamp,
    ) -> Result<Reached, ApplyError> {
        if device.latest.as_ref().is_some_and(|latest| time < latest.first.time) {
            let from = self.row(KeyKind::Session, last_at(time));
            let to = self.row(KeyKind::Session, last_at(time + self.timeout));
            view.want_range(Range { from, to, below: true })?;
        }
        Ok(self.reached(view, device, time))
    }

    /// The sessions at most the timeout away from `time`. Sessions lie further apart than that, so
    /// of those that began by then only the last can be, and of the later ones the first.
    pub(super) fn reached(&self, view: &View, device: &Device, time: Timestamp) -> Reached {
        let Some(latest) = &device.latest else { return Reached::default() };
        let mut reached =
            Reached { earlier: Vec::new(), latest: latest.reaches(time, self.timeout) };
        if time < latest.first.time {
            let at = self.row(KeyKind::Session, last_at(time));
            let before = view.last_row::<Session>(&at);
            let next = self.row(KeyKind::Session, first_at(time + Span(1)));
            let end = self.row(KeyKind::Session, last_at(time + self.timeout));
            let after = view.rows::<Session>(&next, &end);
            let near = before.into_iter().chain(after).map(|(_, session)| session);
            let near = near.filter(|session| session.reaches(time, self.timeout));
            reached.earlier = near.cloned().collect();
        }
        reached
    }

    /// Loads the session before the latest one: it is the latest should that vanish.
    pub(super) fn want_before_latest(
        &self,
        view: &View,
        device: &Device,
    ) -> Result<(), ApplyError> {
        let Some(latest) = &device.latest else { return Ok(()) };
        let at = self.row(KeyKind::Session, last_at(latest.first.time));
        view.want_range(Range { from: at, to: at, below: true })
    }

    /// Takes the last of the earlier sessions out of its row.
    pub(super) fn take_last_earlier(&self, view: &mut View) -> Option<Session> {
        let end = self.row(KeyKind::Session, Hash128([0xff; 16]));
        let (key, _) = view.last_row::<Session>(&end)?;
        let session = view.take::<Session>(&key);
        view.delete(key);
        session
    }

    /// The session that holds an entry, if one does.
    pub(super) fn session_of<'a>(
        device: &'a Device,
        reached: &'a Reached,
        key: &EntryKey,
    ) -> Option<&'a Session> {
        let latest = device.latest.as_ref().filter(|_| reached.latest);
        let mut near = reached.earlier.iter().chain(latest);
        near.find(|session| session.first <= *key && *key <= session.last)
    }
}

/// What an entry does to the sessions it reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joining {
    /// It reaches none: a session of its own.
    Begins,
    /// It is the last of the one session it reaches, in event order and as received, and nothing
    /// said before is taken back.
    Extends,
    /// Anything else: the entries of what it reaches have to be read again.
    Corrects,
}

impl Reached {
    /// What an entry does to these sessions.
    pub(super) fn joined_by(&self, device: &Device, entry: &Entry) -> Joining {
        let latest = device.latest.as_ref().filter(|_| self.latest);
        let mut sessions = self.earlier.iter().chain(latest);
        match (sessions.next(), sessions.next()) {
            (None, _) => Joining::Begins,
            (Some(only), None)
                if only.last < entry.key
                    && only.received_max <= entry.received
                    && !only.is_exposed_by(entry) =>
            {
                Joining::Extends
            }
            _ => Joining::Corrects,
        }
    }

    /// First and last instant of these sessions and of `time`.
    pub(super) fn extent(&self, device: &Device, time: Timestamp) -> (Timestamp, Timestamp) {
        let latest = device.latest.as_ref().filter(|_| self.latest);
        let sessions = || self.earlier.iter().chain(latest);
        let from = sessions().map(|session| session.first.time).min();
        let to = sessions().map(|session| session.last.time).max();
        (from.map_or(time, |from| from.min(time)), to.map_or(time, |to| to.max(time)))
    }
}
