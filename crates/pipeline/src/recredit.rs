//! Why a conversion's credit changed after it was first given: one row for each change, kept with the
//! person whose touches were credited. Conversions that nothing happens to have none.

use crate::key::{Key, KeyKind};
use crate::rollup::Dimensions;
use crate::view::Stamp;
use alloc::boxed::Box;
use millstream_attribute::{Conversion, Touch};
use millstream_event::{EntityId, Hash128, Lane, Money, Timestamp};
use serde::{Deserialize, Serialize};

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// A touch before it became known after it.
    TouchCame,
    /// A touch was taken back, or became another.
    TouchWent,
    /// A touch came with a device that was found to be the same person's.
    DeviceCame,
    /// A touch went with its device, or the conversion itself did.
    DeviceWent,
    /// Something was refunded, or a refund taken back.
    Refund,
    /// What it is worth changed: a restatement, a renewal, a better copy.
    Value,
    /// It is no conversion any more: another claim has the order, or its event was replaced.
    Withdrawn,
}

/// A touch that a change is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedTouch {
    /// Its id.
    pub id: Hash128,
    /// When it happened.
    pub time: Timestamp,
    /// What led there.
    pub dimensions: Dimensions,
}

impl From<&Touch> for ChangedTouch {
    fn from(touch: &Touch) -> Self {
        Self { id: touch.id, time: touch.key.time, dimensions: Dimensions::of(&touch.fact) }
    }
}

/// One change, and how things stood before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recredit {
    /// When what caused it was received.
    pub at: Timestamp,
    /// What changed.
    pub change: Change,
    /// Whose conversion it was.
    pub person: EntityId,
    /// The touch, where it is about one.
    pub touch: Option<Box<ChangedTouch>>,
    /// Touches in the window before.
    pub touches: u32,
    /// What it was worth before.
    pub value: Option<Money>,
    /// What had been refunded of it before.
    pub refunded_minor: i64,
}

/// Where a change stands: by conversion, then by when it came about.
pub(crate) fn recredit_key(stamp: Stamp, lane: Lane, conversion: Hash128) -> Key {
    let mut name = [0; 16];
    name[..8].copy_from_slice(&(stamp.received.0 ^ i64::MIN).to_be_bytes());
    name[8..].copy_from_slice(&stamp.version().to_be_bytes());
    Key::new(stamp.generation, lane, KeyKind::Recredit, conversion).with_suffix(Hash128(name))
}

/// What changed when a conversion became another; none where its credit stays.
pub(crate) fn change_of(old: &Conversion, new: Option<&Conversion>) -> Option<Change> {
    match new {
        None => Some(Change::Withdrawn),
        Some(new) if new.refunded_minor != old.refunded_minor => Some(Change::Refund),
        Some(new) if new.value != old.value => Some(Change::Value),
        Some(new) if new.bot != old.bot => Some(Change::Withdrawn),
        Some(_) => None,
    }
}

/// True when a touch earns the same as the one it was.
pub(crate) fn earns_alike(old: &Touch, new: &Touch) -> bool {
    old.bot == new.bot
        && old.key == new.key
        && Dimensions::of(&old.fact) == Dimensions::of(&new.fact)
}
