//! The identity graph: who belongs to whom, with the same ids whatever the order of insertion.
//!
//! A person is a connected component of the nodes that conduct; its id is the smallest member. A
//! node with more neighbours than its limit is a hub (a shared login, a kiosk): it conducts
//! nothing and stands alone.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use millstream_event::EntityId;
use serde::{Deserialize, Serialize};

/// From how many neighbours on a node is a hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphLimits {
    /// Most devices that one user may join.
    pub devices_max: usize,
    /// Most users that one device may join.
    pub users_max: usize,
}

impl Default for GraphLimits {
    fn default() -> Self {
        Self { devices_max: 50, users_max: 10 }
    }
}

/// A node: a device or a user, with its edges in both directions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// True for users, false for devices.
    pub user: bool,
    /// Edges that this node stated: (version, alive). Tombstones stay, so that an older copy of a
    /// message changes nothing.
    pub stated: BTreeMap<EntityId, (u64, bool)>,
    /// Nodes that stated a living edge to this one.
    pub stated_by: BTreeSet<EntityId>,
    /// The person it belongs to now.
    pub person: EntityId,
}

impl Node {
    /// A node without edges is a person of its own.
    pub const fn alone(id: EntityId, user: bool) -> Self {
        Self { user, stated: BTreeMap::new(), stated_by: BTreeSet::new(), person: id }
    }

    /// Its neighbours, in order.
    pub fn neighbours(&self) -> BTreeSet<EntityId> {
        let stated = self.stated.iter().filter(|(_, (_, alive))| *alive).map(|(id, _)| *id);
        stated.chain(self.stated_by.iter().copied()).collect()
    }

    /// True when it has more neighbours than its limit.
    pub fn is_hub(&self, limits: GraphLimits) -> bool {
        let limit = if self.user { limits.devices_max } else { limits.users_max };
        self.neighbours().len() > limit
    }
}

/// The members of one person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Every node that belongs to it.
    pub members: BTreeSet<EntityId>,
}

/// The components of `nodes` among themselves, each named by its smallest member; edges that lead
/// out of `nodes` are not followed.
pub fn components(
    nodes: &BTreeMap<EntityId, Node>,
    limits: GraphLimits,
) -> BTreeMap<EntityId, Component> {
    let mut found: BTreeMap<EntityId, Component> = BTreeMap::new();
    let mut seen: BTreeSet<EntityId> = BTreeSet::new();
    for start in nodes.keys() {
        if !seen.insert(*start) {
            continue;
        }
        let mut members: BTreeSet<EntityId> = [*start].into();
        let mut open: Vec<EntityId> = alloc::vec![*start];
        while let Some(id) = open.pop() {
            let Some(node) = nodes.get(&id).filter(|node| !node.is_hub(limits)) else { continue };
            for next in node.neighbours() {
                let conducts = nodes.get(&next).is_some_and(|other| !other.is_hub(limits));
                if conducts && seen.insert(next) {
                    members.insert(next);
                    open.push(next);
                }
            }
        }
        // Nodes are visited in order, so the start is the smallest of its component.
        found.insert(*start, Component { members });
    }
    found
}
