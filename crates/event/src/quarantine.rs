//! Quarantine: what broke the contract, kept with its reason until the rule is fixed.

use crate::ids::SourceId;
use crate::time::Timestamp;
use alloc::boxed::Box;
use serde::{Deserialize, Serialize};

/// Why something is in quarantine. The texts are stable: people group and replay by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuarantineReason {
    /// A line that does not match its format whole.
    MalformedLine,
    /// Not a JSON object where one is due.
    NotAnObject,
    /// The call's `type` is missing or unknown.
    UnknownType,
    /// Neither a device nor a user is named.
    NoIdentity,
    /// A required field is missing.
    MissingField,
    /// A field has the wrong type or an impossible value.
    InvalidField,
    /// Larger than one event may be.
    TooLarge,
    /// Nested deeper, or with more members, than accepted.
    TooComplex,
    /// Written for a newer contract.
    UnknownVersion,
    /// A logged payload that can no longer be read.
    Unreadable,
    /// It happened before what retention keeps: what it would change is no longer held.
    PastRetention,
}

impl QuarantineReason {
    /// Every reason.
    pub const ALL: [Self; 11] = [
        Self::MalformedLine,
        Self::NotAnObject,
        Self::UnknownType,
        Self::NoIdentity,
        Self::MissingField,
        Self::InvalidField,
        Self::TooLarge,
        Self::TooComplex,
        Self::UnknownVersion,
        Self::Unreadable,
        Self::PastRetention,
    ];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MalformedLine => "malformed_line",
            Self::NotAnObject => "not_an_object",
            Self::UnknownType => "unknown_type",
            Self::NoIdentity => "no_identity",
            Self::MissingField => "missing_field",
            Self::InvalidField => "invalid_field",
            Self::TooLarge => "too_large",
            Self::TooComplex => "too_complex",
            Self::UnknownVersion => "unknown_version",
            Self::Unreadable => "unreadable",
            Self::PastRetention => "past_retention",
        }
    }
}

/// One quarantined thing: the payload of a [`crate::Kind::Quarantine`] record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    /// Stable across copies, so that a retry or a second import is not counted twice: a hash of
    /// the bytes and, for lines of files, of their occurrence number.
    pub id: crate::hash::Hash128,
    /// Why.
    pub reason: QuarantineReason,
    /// One line more: which field, which column.
    pub detail: Box<str>,
    /// The source it came from.
    pub source: SourceId,
    /// When it was received; of history, when its own line says that it was, as far as the line can
    /// be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<Timestamp>,
    /// Length of the raw bytes.
    pub bytes: u32,
    /// The raw text, only where consent is known outside the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Box<str>>,
    /// True for the word that a replay could read it: the event counts, and the thing is no longer
    /// in quarantine.
    #[serde(default, skip_serializing_if = "is_false")]
    pub resolved: bool,
}

const fn is_false(truth: &bool) -> bool {
    !*truth
}

impl Quarantine {
    /// Where it lives: an entity of its own.
    pub const fn subject(&self) -> crate::ids::EntityId {
        crate::ids::EntityId(self.id)
    }
}
