//! Devices as far as they can be compared with each other, read off their entries.

use super::{ReadError, StateRead, device_sessions, read};
use crate::key::{Key, KeyKind};
use crate::state::Device;
use crate::value::{Stored, Value};
use alloc::collections::BTreeMap;
use millstream_event::{EntityId, Lane};
use millstream_stitch::linkage::Profile;
use millstream_stitch::{Component, Entry, Node};

/// Every device with an entry, in the order of the state's keys. What only the log holds (time zone,
/// locale, screen) is not in it. Costs a walk over every entry.
///
/// # Errors
/// When the state cannot be read.
pub fn profiles(
    state: &dyn StateRead,
    generation: u16,
    visit: &mut dyn FnMut(Profile),
) -> Result<(), ReadError> {
    let mut reader = Reader { state, generation, users: BTreeMap::new() };
    for lane in Lane::all() {
        let mut open: Option<Profile> = None;
        state.scan(&Key::prefix(generation, lane, KeyKind::Entry), &mut |key, bytes| {
            let (Some(key), Some(entry)) =
                (Key::from_bytes(key), Entry::take(Value::decode(bytes)?))
            else {
                return Ok(true);
            };
            let device = key.entity_id();
            if open.as_ref().is_none_or(|profile| profile.device != device) {
                reader.close(open.take(), visit)?;
                open = Some(Profile::of(device));
            }
            if let Some(profile) = &mut open {
                profile.add(&entry);
            }
            Ok(true)
        })?;
        reader.close(open, visit)?;
    }
    Ok(())
}

struct Reader<'a> {
    state: &'a dyn StateRead,
    generation: u16,
    /// Whether a person has a user, by person.
    users: BTreeMap<EntityId, bool>,
}

impl Reader<'_> {
    /// Adds what stands elsewhere, and gives the profile out. Users and lone events are no devices.
    fn close(
        &mut self,
        profile: Option<Profile>,
        visit: &mut dyn FnMut(Profile),
    ) -> Result<(), ReadError> {
        let Some(mut profile) = profile else { return Ok(()) };
        let key = Key::entity(self.generation, KeyKind::Device, profile.device);
        let device = read::<Device>(self.state, &key)?.filter(|device| device.anonymous);
        let Some(device) = device else { return Ok(()) };
        profile.person = device.person;
        profile.has_user = self.has_user(device.person)?;
        let sessions = device_sessions(self.state, self.generation, (profile.device, &device))?;
        profile.bot |= sessions.iter().any(|session| session.bot);
        visit(profile);
        Ok(())
    }

    fn has_user(&mut self, person: EntityId) -> Result<bool, ReadError> {
        if let Some(known) = self.users.get(&person) {
            return Ok(*known);
        }
        let at = |kind, id: EntityId| Key::new(self.generation, Lane::GRAPH, kind, id.0);
        let component = read::<Component>(self.state, &at(KeyKind::Component, person))?;
        let mut found = false;
        for member in component.into_iter().flat_map(|component| component.members) {
            let node = read::<Node>(self.state, &at(KeyKind::Node, member))?;
            found |= node.is_some_and(|node| node.user);
        }
        self.users.insert(person, found);
        Ok(found)
    }
}
