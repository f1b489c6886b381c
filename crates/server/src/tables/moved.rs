//! Sessions whose events may stand in another session now.
//!
//! An event's session changes when its session's id goes (an earlier event came in front, or two
//! sessions became one), or when a new session begins inside its session's old bounds (a copy that
//! counted lies elsewhere now). While a session's id stays and no new one begins within it, its
//! events stay, since the sessions of a device never overlap.

use super::error::TablesError;
use super::manifest::Bucket;
use super::refresh::Step;
use millstream_event::{Hash128, Timestamp};
use millstream_pipeline::rows::SessionRow;
use millstream_store::tables::{Cell, read_part};
use std::collections::{HashMap, HashSet};

/// Sessions that events must be moved out of, and the time in which those events lie.
#[derive(Debug, Default)]
pub(super) struct Moved {
    pub(super) sessions: HashSet<Hash128>,
    bounds: Option<(Timestamp, Timestamp)>,
}

impl Moved {
    fn add(&mut self, session: Hash128, first: Timestamp, last: Timestamp) {
        self.sessions.insert(session);
        let (from, to) = self.bounds.unwrap_or((first, last));
        self.bounds = Some((from.min(first), to.max(last)));
    }

    /// True when events between these instants may be among them.
    pub(super) fn reaches(&self, first: Timestamp, last: Timestamp) -> bool {
        self.bounds.is_some_and(|(from, to)| first <= to && from <= last)
    }
}

/// A session as the last refresh wrote it.
struct Known {
    device: Hash128,
    first: Timestamp,
    last: Timestamp,
    gone: bool,
}

/// Compares the sessions of some lanes with those that stood in their file.
pub(super) struct Watch {
    known: HashMap<Hash128, Known>,
    /// Device and bounds of sessions that are new.
    fresh: Vec<(Hash128, Timestamp, Timestamp)>,
}

fn device(name: &str) -> Hash128 {
    Hash128::of("session of", &[name.as_bytes()])
}

impl Watch {
    /// The sessions that the bucket's file holds.
    pub(super) fn of(step: &Step<'_>, bucket: &Bucket) -> Result<Self, TablesError> {
        let mut known = HashMap::new();
        if let Some(file) = &bucket.file {
            let columns = ["session_id", "anonymous_id", "started_at", "ended_at"];
            read_part(&step.dir.join(file), &columns, &mut |cells| {
                if let [Cell::Text(id), Cell::Text(name), Cell::Time(first), Cell::Time(last)] =
                    cells
                    && let Some(id) = Hash128::parse_hex(id)
                {
                    let (first, last) = (*first, *last);
                    known.insert(id, Known { device: device(name), first, last, gone: true });
                }
                Ok(true)
            })?;
        }
        Ok(Self { known, fresh: Vec::new() })
    }

    /// A session as it is now.
    pub(super) fn row(&mut self, row: &SessionRow) {
        if self.known.is_empty() {
            // While there were none, there is nothing to move out of.
            return;
        }
        match self.known.get_mut(&row.session_id) {
            Some(known) => known.gone = false,
            None => self.fresh.push((device(&row.anonymous_id), row.started_at, row.ended_at)),
        }
    }

    /// Adds what was found.
    pub(super) fn finish(self, moved: &mut Moved) {
        let mut fresh: HashMap<Hash128, Vec<(Timestamp, Timestamp)>> = HashMap::new();
        for (device, first, last) in self.fresh {
            fresh.entry(device).or_default().push((first, last));
        }
        for (id, known) in self.known {
            let divided = || {
                let mut within = fresh.get(&known.device).into_iter().flatten();
                within.any(|(first, last)| *first <= known.last && known.first <= *last)
            };
            if known.gone || divided() {
                moved.add(id, known.first, known.last);
            }
        }
    }
}
