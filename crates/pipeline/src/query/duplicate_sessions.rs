//! Duplicate sessions: one visit counted as two, because the device was given a new name on the way.
//!
//! A session is a duplicate when the same person had an earlier session on another device id of the
//! same class, browser and system, and it begins no later than the timeout after that one's end.
//! A phone beside a desktop is another device, not a duplicate. Only people whose graph joins
//! several nodes are walked: nobody else can have one.

use super::{ReadError, StateRead, device_sessions, read, walk};
use crate::key::{Key, KeyKind};
use crate::state::Device;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use millstream_event::{EntityId, Timestamp};
use millstream_stitch::{Agent, Component, Session, SessionRules};

/// Every duplicate session, person by person, in order of time.
///
/// # Errors
/// When the state cannot be read.
pub fn duplicate_sessions(
    state: &dyn StateRead,
    generation: u16,
    rules: &SessionRules,
    visit: &mut dyn FnMut(&Session),
) -> Result<(), ReadError> {
    walk::<Component>(state, generation, KeyKind::Component, &mut |_, component| {
        if component.members.len() < 2 {
            return Ok(true);
        }
        let mut sessions: Vec<(EntityId, Session)> = Vec::new();
        for member in &component.members {
            let key = Key::entity(generation, KeyKind::Device, *member);
            if let Some(device) = read::<Device>(state, &key)? {
                let of_member = device_sessions(state, generation, (*member, &device))?;
                sessions.extend(of_member.into_iter().map(|session| (*member, session)));
            }
        }
        sessions.retain(|(_, session)| !session.bot);
        sessions.sort_by(|(a, one), (b, other)| (&one.first, a).cmp(&(&other.first, b)));
        for duplicate in duplicates(&sessions, rules) {
            visit(duplicate);
        }
        Ok(true)
    })
}

/// The duplicates among one person's sessions, which are in order of their first events.
fn duplicates<'a>(sessions: &'a [(EntityId, Session)], rules: &SessionRules) -> Vec<&'a Session> {
    // Per kind of device and device id: when its sessions so far ended.
    let mut ends: BTreeMap<(&Agent, EntityId), Timestamp> = BTreeMap::new();
    let mut found = Vec::new();
    for (device, session) in sessions {
        let timeout = rules.of(&session.first.source).timeout;
        let alike = ends.iter().filter(|((agent, _), _)| session.agent.is_alike(agent));
        let mut others = alike.filter(|((_, other), _)| other != device);
        if others.any(|(_, end)| session.first.time - *end <= timeout) {
            found.push(session);
        }
        let end = ends.entry((&session.agent, *device)).or_insert(session.last.time);
        *end = session.last.time.max(*end);
    }
    found
}
