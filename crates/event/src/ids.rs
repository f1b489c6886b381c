//! The ids of the contract, each its own type; parse at the edge, never check again.

use crate::hash::Hash128;
use alloc::boxed::Box;
use core::fmt;
use serde::{Deserialize, Serialize};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Box<str>);

        impl $name {
            /// Longest accepted id, in bytes.
            pub const BYTES_MAX: usize = $max;

            /// Takes the text when, trimmed, it is not empty, not over [`Self::BYTES_MAX`] and
            /// free of control characters.
            pub fn parse(text: &str) -> Option<Self> {
                if text.len() <= Self::BYTES_MAX && is_plain(text) {
                    return Some(Self(text.into()));
                }
                let text = text.trim();
                let fits = !text.is_empty() && text.len() <= Self::BYTES_MAX;
                (fits && !text.chars().any(char::is_control)).then(|| Self(text.into()))
            }

            /// The text of the id.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), &self.0)
            }
        }
    };
}

/// True for what nearly every id is: visible ASCII, and at least one character.
fn is_plain(text: &str) -> bool {
    // Without an early end compilers turn this into vector code.
    text.bytes().fold(!text.is_empty(), |plain, byte| plain & byte.is_ascii_graphic())
}

text_id!(
    /// A client's `messageId` (or equal), or a hash of the canonical payload.
    EventId, 100
);
text_id!(
    /// Names a browser, an app installation or another device.
    AnonymousId, 256
);
text_id!(
    /// Names a person as the site's own login does.
    UserId, 256
);
text_id!(
    /// A signed click id of ours.
    ClickId, 64
);
text_id!(
    /// A shop's order number. See [`OrderId::is_placeholder`].
    OrderId, 128
);
text_id!(
    /// A configured source of events, the owner of a write key.
    SourceId, 64
);

impl EventId {
    /// The id of an event that is named by a hash: 32 hexadecimal digits.
    pub fn of_hash(hash: Hash128) -> Self {
        Self(hash.to_hex().into())
    }
}

impl From<&ClickId> for EventId {
    /// Whatever a click may be named, an event may be, too.
    fn from(click: &ClickId) -> Self {
        Self(click.0.clone())
    }
}

impl AnonymousId {
    /// The id of a device that is named by a hash: 32 hexadecimal digits.
    pub fn of_hash(hash: Hash128) -> Self {
        Self(hash.to_hex().into())
    }
}

/// Texts that stand for "no value" in real data and must never join or dedup anything.
const PLACEHOLDERS: [&str; 16] = [
    "(not set)",
    "(none)",
    "(null)",
    "null",
    "nil",
    "none",
    "undefined",
    "guest",
    "anonymous",
    "unknown",
    "n/a",
    "na",
    "nan",
    "-",
    "0",
    "00000000-0000-0000-0000-000000000000",
];

/// True for texts such as `null`, `guest`, `(not set)` or `0`, in any letter case.
pub fn is_placeholder(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || PLACEHOLDERS.iter().any(|known| text.eq_ignore_ascii_case(known))
}

impl SourceId {
    /// Stands where a record can no longer tell its source.
    pub fn unknown() -> Self {
        Self("unknown".into())
    }
}

impl OrderId {
    /// Orders with a placeholder number are never deduplicated against each other.
    pub fn is_placeholder(&self) -> bool {
        is_placeholder(&self.0)
    }
}

/// Whatever lives in a lane: a device (or other subject of events), click, order, person or node.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct EntityId(pub Hash128);

impl EntityId {
    /// The device behind an anonymous id. Also its node in the identity graph.
    pub fn device(id: &AnonymousId) -> Self {
        Self(Hash128::of("device", &[id.as_str().as_bytes()]))
    }

    /// The user behind a user id: the subject of events without a device, and a graph node.
    pub fn user(id: &UserId) -> Self {
        Self(Hash128::of("user", &[id.as_str().as_bytes()]))
    }

    /// The click behind a click id.
    pub fn click(id: &ClickId) -> Self {
        Self(Hash128::of("click", &[id.as_str().as_bytes()]))
    }

    /// The order behind an order id of one source-independent shop.
    pub fn order(id: &OrderId) -> Self {
        Self(Hash128::of("order", &[id.as_str().as_bytes()]))
    }

    /// The subject of an event that names nobody: the event itself.
    pub fn lone_event(source: &SourceId, id: &EventId) -> Self {
        Self(Hash128::of("event", &[source.as_str().as_bytes(), id.as_str().as_bytes()]))
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
