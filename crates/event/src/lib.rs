//! The event contract: what every part of Millstream agrees on.
//!
//! Ids, time, money, consent, campaign, the versioned envelope ([`Event`]), the fixed record
//! header ([`record`]), and the wire formats that are parsed into the envelope ([`wire`]).
//!
//! Pure: no clock, no I/O, no randomness. Everything comes in as a value.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod arrival;
pub mod campaign;
pub mod channel;
pub mod click;
pub mod click_token;
pub mod consent;
pub mod control;
pub mod delivery;
mod encoding;
pub mod envelope;
pub mod hash;
pub mod hybrid;
pub mod ids;
pub mod json;
mod kind;
pub mod lane;
pub mod ledger;
pub mod mending;
pub mod money;
pub mod quarantine;
pub mod record;
pub mod referrer;
mod restriction;
pub mod signal;
mod sixteen;
pub mod time;
pub mod url;
pub mod wire;

pub use arrival::{Arrival, ReferrerKind};
pub use campaign::Campaign;
pub use channel::Channel;
pub use click::{Click, ClickForm};
pub use click_token::ClickReference;
pub use consent::{Consent, ConsentSource, Purpose, Purposes};
pub use envelope::{Correction, Event, EventKind, Flags, Hops, Page, Surface};
pub use hash::Hash128;
pub use ids::{AnonymousId, ClickId, EntityId, EventId, OrderId, SourceId, UserId};
pub use json::RawJson;
pub use lane::{Lane, Position, Revision};
pub use money::{Currency, Money};
pub use quarantine::{Quarantine, QuarantineReason};
pub use record::{Header, Kind, Record};
pub use time::{Span, Timestamp};
