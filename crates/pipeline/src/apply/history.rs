//! A device's history in the view: its entries and sessions, row by row.

use crate::key::{Key, KeyKind};
use crate::rules::Rules;
use crate::shelf::Range;
use crate::state::Device;
use crate::view::{ApplyError, View};
use alloc::vec::Vec;
use millstream_event::{EntityId, Hash128, Span, Timestamp};
use millstream_stitch::entry::{first_at, last_at};
use millstream_stitch::{Entry, EntryKey, Session, SessionRules};

/// Where a device's rows are, and how its sessions are formed.
#[derive(Clone, Copy)]
pub(super) struct History<'r> {
    pub(super) generation: u16,
    pub(super) subject: EntityId,
    pub(super) rules: &'r SessionRules,
}

impl<'r> History<'r> {
    pub(super) const fn of(rules: &'r Rules<'_>, subject: EntityId) -> Self {
        Self { generation: rules.generation, subject, rules: &rules.sessions }
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

    /// Loads the sessions next to an instant in one go: the last that began by then, and those that
    /// began later and may be joined with it.
    pub(super) fn want_near(
        &self,
        view: &View,
        device: &Device,
        time: Timestamp,
    ) -> Result<(), ApplyError> {
        if device.latest.as_ref().is_none_or(|latest| latest.first.time <= time) {
            return Ok(());
        }
        let from = self.row(KeyKind::Session, last_at(time));
        let to = self.row(KeyKind::Session, last_at(time + self.rules.reach()));
        view.want_range(Range { from, to, below: true })
    }

    /// The last session that began by an instant. No two begin at the same.
    pub(super) fn want_before<'v>(
        &self,
        view: &'v View,
        device: &'v Device,
        time: Timestamp,
    ) -> Result<Option<&'v Session>, ApplyError> {
        let latest = device.latest.as_ref();
        if latest.is_none_or(|latest| latest.first.time <= time) {
            return Ok(latest);
        }
        let at = self.row(KeyKind::Session, last_at(time));
        view.want_range(Range { from: at, to: at, below: true })?;
        Ok(view.last_row::<Session>(&at).map(|(_, session)| session))
    }

    /// The first session that began after an instant, where it did so by another.
    pub(super) fn want_after<'v>(
        &self,
        view: &'v View,
        device: &'v Device,
        (time, until): (Timestamp, Timestamp),
    ) -> Result<Option<&'v Session>, ApplyError> {
        let later = |session: &&Session| time < session.first.time && session.first.time <= until;
        let Some(latest) = device.latest.as_ref().filter(|latest| time < latest.first.time) else {
            return Ok(None);
        };
        let from = self.row(KeyKind::Session, first_at(time + Span(1)));
        let to = self.row(KeyKind::Session, last_at(until));
        if until <= time {
            return Ok(None);
        }
        view.want_range(Range { from, to, below: false })?;
        let mut rows = view.rows::<Session>(&from, &to).map(|(_, session)| session);
        Ok(rows.next().or(Some(latest)).filter(later))
    }
}
