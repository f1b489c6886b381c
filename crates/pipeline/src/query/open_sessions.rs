//! Sessions that further events may still join, by what was received so far.

use super::{ReadError, StateRead, counts, read};
use crate::key::{Key, KeyKind};
use crate::state::Device;
use alloc::vec::Vec;
use millstream_event::{EntityId, Hash128, Lane, Timestamp};
use millstream_stitch::{Session, SessionRules};

/// Every open session: its last event happened no longer than the timeout before the greatest
/// receive stamp folded. Costs a look at the devices seen in that time.
///
/// # Errors
/// When the state cannot be read.
pub fn open_sessions(
    state: &dyn StateRead,
    generation: u16,
    rules: &SessionRules,
    visit: &mut dyn FnMut(EntityId, &Session),
) -> Result<(), ReadError> {
    let now = counts(state, generation)?.watermark;
    let mut recent = Vec::new();
    for lane in Lane::all() {
        let oldest = Key::recent(generation, EntityId::default(), now - rules.reach());
        let lane_start = Key::new(generation, lane, KeyKind::Recent, oldest.entity_id().0);
        let lane_end = Key::new(generation, lane, KeyKind::Recent, Hash128([0xff; 16]));
        let lane_end = lane_end.part(0xff, [0xff; 16]);
        state.range(lane_start.as_bytes(), lane_end.as_bytes(), &mut |key, _| {
            recent.extend(Key::from_bytes(key).map(|key| EntityId(key.suffix())));
            Ok(true)
        })?;
    }
    for subject in recent {
        let key = Key::entity(generation, KeyKind::Device, subject);
        let Some(latest) = read::<Device>(state, &key)?.and_then(|device| device.latest) else {
            continue;
        };
        if is_open(&latest, rules, now) {
            visit(subject, &latest);
        }
    }
    Ok(())
}

fn is_open(session: &Session, rules: &SessionRules, now: Timestamp) -> bool {
    now - session.last.time <= rules.of(&session.last.source).timeout
}
