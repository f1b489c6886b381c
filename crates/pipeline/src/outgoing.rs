//! Items on their way: rows of the outbox until the record is durable in its lane.

use crate::item::{Item, ItemKind};
use crate::key::{Key, KeyKind};
use crate::value::ValueError;
use alloc::vec::Vec;
use millstream_event::{EntityId, Hash128, Header, Kind, Lane, Timestamp};

/// An item on its way: its outbox row's key, and the record to append to its lane.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// Key of the outbox row, to be deleted once the record is durable.
    pub key: Key,
    /// The record's header; the shell adds the keyed subject hash of `target`.
    pub header: Header,
    /// The entity addressed.
    pub target: EntityId,
    /// The record's payload.
    pub payload: Vec<u8>,
}

/// The lane whose commit carries the outbox row: the sender's.
pub(crate) fn sender_lane(item: &Item, sender: EntityId) -> Lane {
    match item.kind {
        ItemKind::Person => Lane::GRAPH,
        _ => Lane::of(sender),
    }
}

pub(crate) fn outgoing(
    generation: u16,
    header: Header,
    item: &Item,
) -> Result<Outgoing, ValueError> {
    let name: [&[u8]; 4] = [&item.sender.0.0, &item.target.0.0, &[item.kind as u8], &item.id.0];
    let row = Key::new(
        generation,
        sender_lane(item, item.sender),
        KeyKind::Outbox,
        Hash128::of("item", &name),
    );
    let key = row.part(header.lane.number(), u128::from(header.item_version).to_be_bytes());
    let payload = item.encode().map_err(|error| ValueError::new("item", error))?;
    Ok(Outgoing { key, header, target: item.target, payload })
}

/// An outbox row: the receive stamp, then the payload; the rest of the header is in the key.
pub(crate) fn outgoing_row(outgoing: &Outgoing) -> Vec<u8> {
    let mut row = outgoing.header.received.0.to_le_bytes().to_vec();
    row.extend_from_slice(&outgoing.payload);
    row
}

impl Outgoing {
    /// Reads an outbox row that a crash left behind.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn from_row(key: Key, row: &[u8]) -> Result<Self, ValueError> {
        let broken = || ValueError::new("outbox row", "too short");
        let (stamp, payload) = row.split_first_chunk::<8>().ok_or_else(broken)?;
        let item = Item::decode(payload).map_err(|error| ValueError::new("outbox row", error))?;
        let mut header =
            Header::new(Kind::Item, item.lane(), Timestamp(i64::from_le_bytes(*stamp)));
        let bytes = key.as_bytes();
        header.generation = u16::from_be_bytes([bytes[0], bytes[1]]);
        let mut version = [0; 8];
        version.copy_from_slice(&bytes[29..37]);
        header.item_version = u64::from_be_bytes(version);
        Ok(Self { key, header, target: item.target, payload: payload.to_vec() })
    }
}
