//! Whom it is about: named by ids, remembered by keyed hashes.

use super::ErasureError;
use millstream_event::ids::is_placeholder;
use millstream_event::{AnonymousId, EntityId, Event, EventKind, Hash128, Surface, UserId};
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
        let mut marks = Marks::default();
        for id in &self.users {
            marks.users.insert(Hash128::keyed(key, USER, &[id.as_bytes()]));
            let node = UserId::parse(id).map(|id| Marks::user_node(key, EntityId::user(&id)));
            marks.users.extend(node);
        }
        for id in &self.anonymous {
            marks.devices.insert(Hash128::keyed(key, DEVICE, &[id.as_bytes()]));
            let parsed = AnonymousId::parse(id);
            let node = parsed.map(|id| Marks::device_node(key, EntityId::device(&id)));
            marks.devices.extend(node);
        }
        marks
    }
}

const USER: &str = "erased user";
const DEVICE: &str = "erased device";
const USER_NODE: &str = "erased user's node";
const DEVICE_NODE: &str = "erased device's node";

/// Keyed hashes of those who are to be erased: of their ids, and of the nodes that the state knows them by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// Of users.
    pub users: BTreeSet<Hash128>,
    /// Of devices.
    pub devices: BTreeSet<Hash128>,
}

impl Marks {
    /// Adds what others mark.
    pub fn add(&mut self, other: &Self) {
        self.users.extend(&other.users);
        self.devices.extend(&other.devices);
    }

    fn user_node(key: &[u8; 32], node: EntityId) -> Hash128 {
        Hash128::keyed(key, USER_NODE, &[&node.0.0])
    }

    fn device_node(key: &[u8; 32], node: EntityId) -> Hash128 {
        Hash128::keyed(key, DEVICE_NODE, &[&node.0.0])
    }

    /// True for the node of a marked user.
    pub(super) fn marks_user_node(&self, key: &[u8; 32], node: EntityId) -> bool {
        self.users.contains(&Self::user_node(key, node))
    }

    /// True for the node of a marked device.
    pub(super) fn marks_device_node(&self, key: &[u8; 32], node: EntityId) -> bool {
        self.devices.contains(&Self::device_node(key, node))
    }

    /// Marks a device.
    pub(super) fn add_device(&mut self, key: &[u8; 32], id: &AnonymousId) {
        self.devices.insert(Self::device(key, id));
        self.devices.insert(Self::device_node(key, EntityId::device(id)));
    }

    /// True for a marked device.
    pub(super) fn marks_device(&self, key: &[u8; 32], id: &AnonymousId) -> bool {
        self.devices.contains(&Self::device(key, id))
    }

    /// True for a marked user.
    pub(super) fn marks_user(&self, key: &[u8; 32], id: &UserId) -> bool {
        self.users.contains(&Hash128::keyed(key, USER, &[id.as_str().as_bytes()]))
    }

    fn device(key: &[u8; 32], id: &AnonymousId) -> Hash128 {
        Hash128::keyed(key, DEVICE, &[id.as_str().as_bytes()])
    }

    /// Marks the device of an event of a marked user, and the cookie of its browser. True when that was
    /// news.
    pub fn learn(&mut self, key: &[u8; 32], event: &Event) -> bool {
        let before = self.devices.len();
        let marked = event.user_id.as_ref().is_some_and(|user| self.marks_user(key, user));
        if let (true, Some(device)) = (marked, &event.anonymous_id) {
            self.add_device(key, device);
        }
        let links = !matches!(event.kind, EventKind::Click | EventKind::Unlink);
        let cookie = event.click.as_ref().and_then(|click| click.ms_id.as_ref());
        if let (true, Surface::Browser, Some(cookie)) = (links, event.surface, cookie)
            && self.fits(key, event)
        {
            self.add_device(key, cookie);
        }
        self.devices.len() > before
    }

    /// True when the event is to be erased: it names a marked user, or comes from a marked device and
    /// names nobody else.
    pub fn fits(&self, key: &[u8; 32], event: &Event) -> bool {
        let click = event.click.as_ref().and_then(|click| click.ms_id.as_ref());
        let device = match event.kind {
            EventKind::Click => click,
            _ => event.anonymous_id.as_ref(),
        };
        event.previous_id.as_ref().is_some_and(|user| self.marks_user(key, user))
            || self.fits_names(key, event.user_id.as_ref(), device)
    }

    /// The same by whom an event names.
    pub fn fits_names(
        &self,
        key: &[u8; 32],
        user: Option<&UserId>,
        device: Option<&AnonymousId>,
    ) -> bool {
        let nobody = |user: &UserId| is_placeholder(user.as_str());
        let own = device.is_some_and(|device| self.marks_device(key, device));
        user.is_some_and(|user| self.marks_user(key, user)) || own && user.is_none_or(nobody)
    }
}
