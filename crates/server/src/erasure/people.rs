//! Whom the state knows by the marks of an erasure: the log may have let go of what told of them.

use super::ErasureError;
use super::subject::Marks;
use millstream_event::AnonymousId;
use millstream_pipeline::StateRead;
use millstream_pipeline::erasing::{Erased, subjects};

/// Finds them, and marks the devices that are theirs by name. Costs a look at every subject and node.
///
/// # Errors
/// When the state cannot be read.
pub fn find(
    state: &dyn StateRead,
    generation: u16,
    key: &[u8; 32],
    marks: &mut Marks,
) -> Result<Erased, ErasureError> {
    let mut erased = Erased::default();
    subjects(state, generation, &mut |id, _| {
        if marks.marks_user_node(key, id) {
            erased.users.insert(id);
        }
        if marks.marks_device_node(key, id) {
            erased.devices.insert(id);
        }
    })?;
    erased.follow(state, generation)?;
    subjects(state, generation, &mut |id, name| {
        let name = name.filter(|_| erased.devices.contains(&id)).and_then(AnonymousId::parse);
        if let Some(name) = name {
            marks.add_device(key, &name);
        }
    })?;
    Ok(erased)
}
