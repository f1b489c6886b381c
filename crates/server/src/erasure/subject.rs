//! Whom it is about: named by ids, remembered by keyed hashes.

use super::ErasureError;
use millstream_event::{AnonymousId, EntityId, Event, EventKind, Hash128, UserId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Who is to be erased.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wanted {
    /// User ids. Their devices are erased with them.
    pub users: Vec<String>,
    /// Device ids.
    pub anonymous: Vec<String>,
}

impl Wanted {
    /// Checks that somebody is named, by ids that can be ids.
    ///
    /// # Errors
    /// [`ErasureError::Nobody`], [`ErasureError::Id`].
    pub fn check(&self) -> Result<(), ErasureError> {
        if self.users.is_empty() && self.anonymous.is_empty() {
            return Err(ErasureError::Nobody);
        }
        let user = self.users.iter().find(|id| UserId::parse(id).is_none());
        let device = self.anonymous.iter().find(|id| AnonymousId::parse(id).is_none());
        match user.or(device) {
            Some(id) => Err(ErasureError::Id(id.clone())),
            None => Ok(()),
        }
    }

    /// The same as keyed hashes.
    pub fn marks(&self, key: &[u8; 32]) -> Marks {
        let marks = |domain, ids: &[String]| {
            ids.iter().map(|id| Hash128::keyed(key, domain, &[id.as_bytes()])).collect()
        };
        Marks { users: marks(USER, &self.users), devices: marks(DEVICE, &self.anonymous) }
    }
}

const USER: &str = "erased user";
const DEVICE: &str = "erased device";

/// Keyed hashes of those who are to be erased.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// Of user ids.
    pub users: BTreeSet<Hash128>,
    /// Of device ids.
    pub devices: BTreeSet<Hash128>,
}

impl Marks {
    /// Adds what others mark.
    pub fn add(&mut self, other: &Self) {
        self.users.extend(&other.users);
        self.devices.extend(&other.devices);
    }

    fn marks_user(&self, key: &[u8; 32], id: &UserId) -> bool {
        self.users.contains(&Hash128::keyed(key, USER, &[id.as_str().as_bytes()]))
    }

    fn device(key: &[u8; 32], id: &AnonymousId) -> Hash128 {
        Hash128::keyed(key, DEVICE, &[id.as_str().as_bytes()])
    }

    /// Marks the device of an event of a marked user.
    pub fn learn(&mut self, key: &[u8; 32], event: &Event) {
        let marked = event.user_id.as_ref().is_some_and(|user| self.marks_user(key, user));
        if let (true, Some(device)) = (marked, &event.anonymous_id) {
            self.devices.insert(Self::device(key, device));
        }
    }

    /// True when the event is to be erased: it names a marked user, or comes from a marked device and
    /// names nobody else.
    pub fn fits(&self, key: &[u8; 32], event: &Event) -> bool {
        let users = [&event.user_id, &event.previous_id];
        if users.into_iter().flatten().any(|user| self.marks_user(key, user)) {
            return true;
        }
        let click = event.click.as_ref().and_then(|click| click.ms_id.as_ref());
        let device = match event.kind {
            EventKind::Click => click,
            _ => event.anonymous_id.as_ref(),
        };
        let own = device.is_some_and(|device| self.devices.contains(&Self::device(key, device)));
        own && event.user_id.is_none()
    }
}

/// The entities that an erased event names.
pub(super) fn entities(event: &Event) -> impl Iterator<Item = EntityId> {
    let users = [&event.user_id, &event.previous_id].into_iter().flatten().map(EntityId::user);
    let device = event.anonymous_id.as_ref().map(EntityId::device);
    let subject = Some(event.subject());
    users.chain(device).chain(subject).collect::<Vec<_>>().into_iter()
}
