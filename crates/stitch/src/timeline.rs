//! A device's timeline: where an entry goes, which chunks that needs, which sessions it changes.

use crate::chunk::Chunk;
use crate::entry::{Entry, EntryKey};
use crate::session::{Session, sessions};
use alloc::vec::Vec;
use core::ops::Range;
use millstream_event::Span;
use serde::{Deserialize, Serialize};

/// A chunk's place: its number never changes, its first key bounds it from below.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkPlace {
    /// Lower bound of its keys (the first chunk takes everything before the second).
    pub from: EntryKey,
    /// Its number within the device.
    pub number: u32,
}

/// Index of a device's chunks, and its sessions in order. The chunks themselves are held apart, so
/// that appending to a long history reads one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    chunks: Vec<ChunkPlace>,
    chunks_made: u32,
    sessions: Vec<Session>,
}

/// What an entry will do, known before anything changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Insertion {
    /// Sessions that it reaches, as indexes.
    sessions: Range<usize>,
    /// True when it only extends the one session it reaches at its end.
    extends: bool,
    /// Numbers of the chunks that must be at hand.
    pub chunks: Vec<u32>,
}

impl Insertion {
    /// The same insertion without correcting the sessions around it: a fault that tests switch on.
    #[cfg(feature = "sabotage")]
    #[must_use]
    pub fn without_repair(self) -> Self {
        if self.extends {
            return self;
        }
        Self { sessions: self.sessions.start..self.sessions.start, ..self }
    }
}

/// How a timeline's sessions changed, as far as anyone else is told; empty when they only grew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionChange {
    /// Sessions as they were.
    pub before: Vec<Session>,
    /// Sessions as they are.
    pub after: Vec<Session>,
}

/// Gives access to the chunks named beforehand.
pub trait Chunks {
    /// Acts on the chunk with this number; an empty one is made for a new number.
    fn with<R>(&mut self, number: u32, act: impl FnOnce(&mut Chunk) -> R) -> R;
}

impl Timeline {
    /// The sessions in order.
    pub fn sessions(&self) -> &[Session] {
        &self.sessions
    }

    /// The session that holds this key, if its device has one there.
    pub fn session_at(&self, key: &EntryKey) -> Option<&Session> {
        let after = self.sessions.partition_point(|session| session.first <= *key);
        let session = self.sessions.get(after.checked_sub(1)?)?;
        (*key <= session.last).then_some(session)
    }

    fn chunk_of(&self, key: &EntryKey) -> usize {
        self.chunks.partition_point(|place| place.from <= *key).saturating_sub(1)
    }

    /// Plans the insertion of an entry.
    pub fn plan_insert(&self, entry: &Entry, timeout: Span) -> Insertion {
        let key = &entry.key;
        let place = self.chunk_of(key);
        if !entry.in_session {
            return Insertion {
                sessions: 0..0,
                extends: false,
                chunks: self.numbers(place..=place),
            };
        }
        let start = self.sessions.partition_point(|session| key.time - session.last.time > timeout);
        let end = self.sessions.partition_point(|session| session.first.time - key.time <= timeout);
        let reached = start..end.max(start);
        let extends = reached.len() == 1 && self.sessions[start].last < *key;
        let alone = reached.is_empty() || extends;
        let span = match (alone, self.sessions.get(reached.clone())) {
            (false, Some([first, .., last])) => {
                self.chunk_of(&first.first)..=self.chunk_of(&last.last)
            }
            (false, Some([only])) => self.chunk_of(&only.first)..=self.chunk_of(&only.last),
            _ => place..=place,
        };
        let span = (*span.start()).min(place)..=(*span.end()).max(place);
        Insertion { sessions: reached, extends, chunks: self.numbers(span) }
    }

    /// The chunks needed to remove the entry with this key.
    pub fn plan_remove(&self, key: &EntryKey) -> Vec<u32> {
        let place = self.chunk_of(key);
        match self.session_at(key) {
            Some(session) => {
                let (first, last) = (self.chunk_of(&session.first), self.chunk_of(&session.last));
                self.numbers(first.min(place)..=last.max(place))
            }
            None => self.numbers(place..=place),
        }
    }

    fn numbers(&self, span: core::ops::RangeInclusive<usize>) -> Vec<u32> {
        self.chunks
            .get(span)
            .map(|places| places.iter().map(|place| place.number).collect())
            .unwrap_or_default()
    }

    /// Puts an entry in place by its plan and corrects the sessions around it.
    pub fn insert(
        &mut self,
        entry: Entry,
        plan: &Insertion,
        timeout: Span,
        chunks: &mut impl Chunks,
    ) -> SessionChange {
        let in_session = entry.in_session;
        if plan.extends && self.sessions[plan.sessions.start].absorbs(&entry) {
            self.sessions[plan.sessions.start].push(&entry);
            self.place(entry, chunks);
            return SessionChange::default();
        }
        let before: Vec<Session> = self.sessions[plan.sessions.clone()].to_vec();
        let quick = match before.first() {
            _ if !in_session => Some(Vec::new()),
            None => Some(alloc::vec![Session::start(&entry)]),
            Some(open) if plan.extends => {
                let mut open = open.clone();
                open.push(&entry);
                Some(alloc::vec![open])
            }
            Some(_) => None,
        };
        let key = entry.key.clone();
        self.place(entry, chunks);
        if !in_session {
            return SessionChange::default();
        }
        let after = quick.unwrap_or_else(|| {
            let from = before.first().map_or(&key, |session| (&session.first).min(&key));
            let to = before.last().map_or(&key, |session| (&session.last).max(&key));
            self.sessions_between(from, to, timeout, chunks)
        });
        self.sessions.splice(plan.sessions.clone(), after.iter().cloned());
        SessionChange { before, after }
    }

    fn place(&mut self, entry: Entry, chunks: &mut impl Chunks) {
        if self.chunks.is_empty() {
            self.chunks.push(ChunkPlace { from: entry.key.clone(), number: 0 });
            self.chunks_made = 1;
        }
        let at = self.chunk_of(&entry.key);
        let upper = chunks.with(self.chunks[at].number, |chunk| chunk.insert(entry));
        let Some(upper) = upper else { return };
        let Some(from) = upper.first_key().cloned() else { return };
        let number = self.chunks_made;
        self.chunks_made += 1;
        chunks.with(number, |chunk| *chunk = upper);
        self.chunks.insert(at + 1, ChunkPlace { from, number });
    }

    /// Takes the entry with this key out and corrects its session, which may divide or vanish.
    pub fn remove(
        &mut self,
        key: &EntryKey,
        timeout: Span,
        chunks: &mut impl Chunks,
    ) -> (Option<Entry>, SessionChange) {
        let Some(place) = self.chunks.get(self.chunk_of(key)) else {
            return (None, SessionChange::default());
        };
        let removed = chunks.with(place.number, |chunk| chunk.remove(key));
        let Some(at) =
            self.sessions.iter().position(|session| session.first <= *key && *key <= session.last)
        else {
            return (removed, SessionChange::default());
        };
        if !removed.as_ref().is_some_and(|entry| entry.in_session) {
            return (removed, SessionChange::default());
        }
        let before = alloc::vec![self.sessions[at].clone()];
        let (from, to) = (&before[0].first, &before[0].last);
        let after = self.sessions_between(from, to, timeout, chunks);
        self.sessions.splice(at..=at, after.iter().cloned());
        (removed, SessionChange { before, after })
    }

    /// The sessions of the entries from one key to another, read off the chunks.
    fn sessions_between(
        &self,
        from: &EntryKey,
        to: &EntryKey,
        timeout: Span,
        chunks: &mut impl Chunks,
    ) -> Vec<Session> {
        let mut found: Vec<Entry> = Vec::new();
        for number in self.numbers(self.chunk_of(from)..=self.chunk_of(to)) {
            chunks.with(number, |chunk| {
                let entries = chunk.entries().iter();
                found.extend(entries.filter(|entry| (from..=to).contains(&&entry.key)).cloned());
            });
        }
        sessions(found.iter(), timeout)
    }
}
