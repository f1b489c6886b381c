//! Who would be one person, should probable links hold.

use super::artefact::Artefact;
use millstream_event::EntityId;
use millstream_pipeline::StateRead;
use millstream_pipeline::query::{self, ReadError};
use millstream_stitch::linkage::Standing;
use std::collections::BTreeMap;
use std::sync::Arc;

/// People whom probable links join.
#[derive(Debug, Default)]
pub struct Joined {
    /// Everybody who is joined with others: all of them, that person included, in order.
    members: BTreeMap<EntityId, Arc<[EntityId]>>,
}

impl Joined {
    /// Those whom the links of a fit join. A device that is gone, or that logins have joined
    /// meanwhile, counts no longer.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn of(
        state: &dyn StateRead,
        generation: u16,
        artefact: &Artefact,
    ) -> Result<Self, ReadError> {
        let mut parents: BTreeMap<EntityId, EntityId> = BTreeMap::new();
        let links = artefact.fit.links.iter().filter(|link| link.standing == Standing::Link);
        for link in links {
            let person = |id| -> Result<Option<EntityId>, ReadError> {
                Ok(query::device(state, generation, id)?.map(|device| device.person))
            };
            let (Some(one), Some(other)) = (person(link.one)?, person(link.other)?) else {
                continue;
            };
            let (one, other) = (root(&parents, one), root(&parents, other));
            if one != other {
                parents.insert(other, one);
            }
        }
        let mut groups: BTreeMap<EntityId, Vec<EntityId>> = BTreeMap::new();
        for person in parents.keys() {
            let first = root(&parents, *person);
            groups.entry(first).or_insert_with(|| vec![first]).push(*person);
        }
        let mut members = BTreeMap::new();
        for mut group in groups.into_values() {
            group.sort_unstable();
            let group: Arc<[EntityId]> = group.into();
            members.extend(group.iter().map(|person| (*person, Arc::clone(&group))));
        }
        Ok(Self { members })
    }

    /// Everybody who is one person with this one, in order; none where it stands alone.
    #[must_use]
    pub fn all(&self, person: EntityId) -> Option<&[EntityId]> {
        self.members.get(&person).map(|group| &**group)
    }

    /// By how many the links make people fewer.
    #[must_use]
    pub fn fewer(&self) -> u64 {
        let firsts = self.members.iter().filter(|(person, all)| all.first() == Some(*person));
        (self.members.len() - firsts.count()) as u64
    }
}

fn root(parents: &BTreeMap<EntityId, EntityId>, mut person: EntityId) -> EntityId {
    while let Some(parent) = parents.get(&person) {
        person = *parent;
    }
    person
}
