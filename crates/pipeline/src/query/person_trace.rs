//! Why a person is who they are: their devices and users, and what told that these belong together.

use super::{ReadError, StateRead, between, device_sessions, members, read};
use crate::key::{Key, KeyKind};
use crate::state::{Device, Stated};
use crate::value::{Stored, Value};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use millstream_event::{EntityId, Hash128, Lane, Timestamp};
use millstream_stitch::entry::{first_at, last_at};
use millstream_stitch::{Entry, EntryKey, GraphLimits, Node, Session};

/// Events told of one link at most; the earliest.
pub const STATEMENTS_MAX: usize = 20;

/// A link that a device states, or once stated.
#[derive(Clone, Debug)]
pub struct LinkTrace {
    /// The other node.
    pub target: EntityId,
    /// True while it lives.
    pub alive: bool,
    /// How many events state it.
    pub entries: u64,
    /// The earliest of them, at most [`STATEMENTS_MAX`]: which, and when it was received.
    pub stated_by: Vec<(EntryKey, Timestamp)>,
    /// What was said before this is void.
    pub unlinked: Option<EntryKey>,
}

/// A device or other subject of events.
#[derive(Clone, Debug)]
pub struct MemberTrace {
    /// Which.
    pub id: EntityId,
    /// Its state.
    pub device: Device,
    /// Its sessions, in order of time.
    pub sessions: Vec<Session>,
    /// Its links.
    pub links: Vec<LinkTrace>,
    /// True when it has too many neighbours to join anybody.
    pub hub: bool,
}

/// The person that this node of the identity graph belongs to: a device, a user, or a person's own
/// id. None when nothing is known of it.
///
/// # Errors
/// When the state cannot be read.
pub fn person_of(
    state: &dyn StateRead,
    generation: u16,
    id: EntityId,
) -> Result<Option<EntityId>, ReadError> {
    let node = Key::new(generation, Lane::GRAPH, KeyKind::Node, id.0);
    if let Some(node) = read::<Node>(state, &node)? {
        return Ok(Some(node.person));
    }
    let device = read::<Device>(state, &Key::entity(generation, KeyKind::Device, id))?;
    Ok(device.filter(|device| device.events > 0).map(|device| device.person))
}

/// The devices and other subjects of a person, with what links them. Costs their whole histories.
///
/// # Errors
/// When the state cannot be read.
pub fn person_trace(
    state: &dyn StateRead,
    (generation, limits): (u16, GraphLimits),
    person: EntityId,
) -> Result<Vec<MemberTrace>, ReadError> {
    let mut found = Vec::new();
    for id in members(state, generation, person)? {
        let key = Key::entity(generation, KeyKind::Device, id);
        let Some(device) = read::<Device>(state, &key)? else { continue };
        let node = Key::new(generation, Lane::GRAPH, KeyKind::Node, id.0);
        let hub = read::<Node>(state, &node)?.is_some_and(|node| node.is_hub(limits));
        let sessions = device_sessions(state, generation, (id, &device))?;
        let links = links(state, generation, id)?;
        found.push(MemberTrace { id, device, sessions, links, hub });
    }
    Ok(found)
}

fn links(
    state: &dyn StateRead,
    generation: u16,
    subject: EntityId,
) -> Result<Vec<LinkTrace>, ReadError> {
    let mut links: BTreeMap<EntityId, LinkTrace> = BTreeMap::new();
    let shelf = Key::row(generation, KeyKind::Stated, subject, Hash128::default());
    state.scan(&shelf.as_bytes()[..Key::SHELF_BYTES], &mut |key, bytes| {
        if let (Some(key), Some(stated)) =
            (Key::from_bytes(key), Stated::take(Value::decode(bytes)?))
        {
            let target = EntityId(key.suffix());
            let (alive, stated_by) = (stated.lives(), Vec::new());
            let Stated { entries, unlinked, .. } = stated;
            links.insert(target, LinkTrace { target, alive, entries, stated_by, unlinked });
        }
        Ok(true)
    })?;
    if links.is_empty() {
        return Ok(Vec::new());
    }
    let row = |name| Key::row(generation, KeyKind::Entry, subject, name);
    let (from, to) = (row(first_at(Timestamp(i64::MIN))), row(last_at(Timestamp(i64::MAX))));
    for entry in between::<Entry>(state, (&from, &to))? {
        for edge in &entry.edges {
            let link = links.get_mut(&edge.target);
            if let Some(link) = link.filter(|link| link.stated_by.len() < STATEMENTS_MAX) {
                link.stated_by.push((entry.key.clone(), entry.received));
            }
        }
    }
    Ok(links.into_values().collect())
}
