//! How many people there are, should probable links hold.

use super::artefact::Artefact;
use millstream_event::EntityId;
use millstream_pipeline::StateRead;
use millstream_pipeline::query::{self, ReadError};
use millstream_stitch::linkage::Standing;
use std::collections::BTreeMap;

/// By how many the links make the people of a state fewer. A device that is gone, or that logins have
/// joined meanwhile, counts no longer.
///
/// # Errors
/// When the state cannot be read.
pub fn joined(
    state: &dyn StateRead,
    generation: u16,
    artefact: &Artefact,
) -> Result<u64, ReadError> {
    let mut parents: BTreeMap<EntityId, EntityId> = BTreeMap::new();
    let mut joined = 0;
    let links = artefact.fit.links.iter().filter(|link| link.standing == Standing::Link);
    for link in links {
        let person = |id| -> Result<Option<EntityId>, ReadError> {
            Ok(query::device(state, generation, id)?.map(|device| device.person))
        };
        let (Some(one), Some(other)) = (person(link.one)?, person(link.other)?) else { continue };
        let (one, other) = (root(&parents, one), root(&parents, other));
        if one != other {
            parents.insert(other, one);
            joined += 1;
        }
    }
    Ok(joined)
}

fn root(parents: &BTreeMap<EntityId, EntityId>, mut person: EntityId) -> EntityId {
    while let Some(parent) = parents.get(&person) {
        person = *parent;
    }
    person
}
