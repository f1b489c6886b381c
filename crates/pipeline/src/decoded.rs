//! A record with its payload read, once, however often it is folded again after a miss.

use crate::item::Item;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use millstream_event::consent::Aggregate;
use millstream_event::envelope::{self, DecodeError};
use millstream_event::{Event, Kind, Quarantine, QuarantineReason, Record};

/// What a payload holds.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// An event.
    Event(Box<Event>),
    /// An event that can no longer be read. The log's CRC holds, so this is what was written: a
    /// newer contract, or a payload that was erased.
    Lost(QuarantineReason),
    /// Something in quarantine.
    Quarantine(Quarantine),
    /// An item.
    Item(Box<Item>),
    /// A count that stands for unstored events.
    Aggregate(Aggregate),
    /// A kind whose payload the fold does not read.
    Unread,
    /// A payload of ours that is damaged: what it should be, and what is wrong.
    Damaged(&'static str, String),
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Decoded<'a> {
    pub(crate) record: &'a Record,
    pub(crate) content: Content,
}

impl<'a> Decoded<'a> {
    /// Reads a record's payload. What cannot be read is told when the record is folded.
    pub fn of(record: &'a Record) -> Self {
        Self { record, content: content(record) }
    }

    /// The record.
    pub const fn record(&self) -> &'a Record {
        self.record
    }
}

fn content(record: &Record) -> Content {
    let payload = &record.payload;
    let damaged = |what, why: &dyn ToString| Content::Damaged(what, why.to_string());
    match record.header.kind {
        Kind::Event => match envelope::decode(record.header.contract_version, payload) {
            Ok(event) => Content::Event(Box::new(event)),
            Err(DecodeError::Unknown(_)) => Content::Lost(QuarantineReason::UnknownVersion),
            Err(DecodeError::Broken { .. }) => Content::Lost(QuarantineReason::Unreadable),
        },
        Kind::Quarantine => serde_json::from_slice(payload)
            .map_or_else(|error| damaged("quarantine", &error), Content::Quarantine),
        Kind::Item => Item::decode(payload)
            .map_or_else(|error| damaged("item", &error), |item| Content::Item(Box::new(item))),
        Kind::Aggregate => serde_json::from_slice(payload)
            .map_or_else(|error| damaged("aggregate", &error), Content::Aggregate),
        Kind::Control | Kind::Tick | Kind::Erase | Kind::Delivery => Content::Unread,
    }
}
