//! Values of the state: typed in memory, a version byte and postcard in the store.

use crate::decided::DecisionSums;
use crate::exposures::Exposure;
use crate::lags::Lags;
use crate::measured::Measured;
use crate::preferences::{Choice, Chosen, Interest, Reset};
use crate::recredit::Recredit;
use crate::retention::Kept;
use crate::rollup::{Cell, CellText, Counts};
use crate::state::{
    Click, Dedup, Device, KnownConversion, KnownTouch, Member, Namesakes, Order, Person,
    Quarantined, Stated, Verdict,
};
use crate::stitching::Stitching;
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use millstream_event::ledger::{Budget, Rate, Spend, UnitCost};
use millstream_stitch::{Component, Entry, Node, Pair, Session};
use serde::{Deserialize, Serialize};

/// First byte of every stored value.
const FORMAT: u8 = 12;
/// How a stored [`Value::Cell`] is told from other values.
const CELL: u32 = 14;

/// One value of the state. Boxed, so that small values take little room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// See [`Device`].
    Device(Box<Device>),
    /// See [`Entry`].
    Entry(Box<Entry>),
    /// See [`Session`].
    Session(Box<Session>),
    /// See [`Stated`].
    Stated(Box<Stated>),
    /// See [`Verdict`].
    Verdict(Box<Verdict>),
    /// See [`Dedup`].
    Dedup(Box<Dedup>),
    /// See [`Person`].
    Person(Box<Person>),
    /// See [`Member`].
    Member(Box<Member>),
    /// See [`KnownTouch`].
    Touch(Box<KnownTouch>),
    /// See [`KnownConversion`].
    Conversion(Box<KnownConversion>),
    /// See [`Order`].
    Order(Box<Order>),
    /// See [`Click`].
    Click(Box<Click>),
    /// See [`Node`].
    Node(Box<Node>),
    /// See [`Component`].
    Component(Box<Component>),
    /// See [`Cell`].
    Cell(Box<Cell>),
    /// See [`Counts`].
    Counts(Box<Counts>),
    /// See [`Stitching`].
    Stitching(Box<Stitching>),
    /// See [`Quarantined`].
    Quarantined(Box<Quarantined>),
    /// The payload of a control record.
    Control(Vec<u8>),
    /// See [`Spend`].
    Spend(Box<Spend>),
    /// See [`Budget`].
    Budget(Box<Budget>),
    /// See [`Rate`].
    Rate(Box<Rate>),
    /// See [`Pair`].
    Pair(Box<Pair>),
    /// JSON of a delivery's standing or of a dead letter.
    Forward(Vec<u8>),
    /// That the key is there says everything.
    Mark,
    /// See [`Interest`].
    Interest(Box<Interest>),
    /// See [`Choice`].
    Choice(Box<Choice>),
    /// See [`DecisionSums`].
    Decided(Box<DecisionSums>),
    /// See [`Exposure`].
    Exposure(Box<Exposure>),
    /// See [`Lags`].
    Lags(Box<Lags>),
    /// See [`Recredit`].
    Recredit(Box<Recredit>),
    /// See [`Reset`].
    Reset(Box<Reset>),
    /// See [`Chosen`].
    Chosen(Box<Chosen>),
    /// See [`Namesakes`].
    Namesakes(Box<Namesakes>),
    /// See [`UnitCost`].
    UnitCost(Box<UnitCost>),
    /// See [`Measured`].
    Measured(Box<Measured>),
    /// See [`Kept`].
    Kept(Box<Kept>),
}

/// A stored value that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a stored {what} cannot be read ({why}): the state folder is damaged or from another version; \
     remove it and start again, it is rebuilt from the log"
)]
pub struct ValueError {
    what: &'static str,
    why: alloc::string::String,
}

impl ValueError {
    pub(crate) fn new(what: &'static str, why: impl ToString) -> Self {
        Self { what, why: why.to_string() }
    }
}

impl Value {
    /// The stored bytes. `scratch` is room to write them in: reused from value to value, each
    /// takes one allocation of its own length.
    ///
    /// # Errors
    /// Only when memory for them cannot be had.
    pub fn encode(&self, scratch: &mut Vec<u8>) -> Result<Vec<u8>, ValueError> {
        let mut room = core::mem::take(scratch);
        room.clear();
        room.push(FORMAT);
        *scratch =
            postcard::to_extend(self, room).map_err(|error| ValueError::new("value", error))?;
        Ok(scratch.as_slice().to_vec())
    }

    /// Reads stored bytes.
    ///
    /// # Errors
    /// When they are no value of this format.
    pub fn decode(bytes: &[u8]) -> Result<Self, ValueError> {
        match bytes.split_first() {
            Some((&FORMAT, rest)) => {
                postcard::from_bytes(rest).map_err(|error| ValueError::new("value", error))
            }
            Some((other, _)) => Err(ValueError::new("value", alloc::format!("format {other}"))),
            None => Err(ValueError::new("value", "no bytes")),
        }
    }

    /// Reads the stored bytes of a sum where they lie; none for a value of another kind.
    pub(crate) fn decode_cell(bytes: &[u8]) -> Result<Option<CellText<'_>>, ValueError> {
        let damaged = |error| ValueError::new("sum", error);
        match bytes.split_first() {
            Some((&FORMAT, rest)) => match postcard::take_from_bytes::<u32>(rest) {
                Ok((CELL, cell)) => postcard::from_bytes(cell).map(Some).map_err(damaged),
                Ok(_) => Ok(None),
                Err(error) => Err(damaged(error)),
            },
            // It tells what is wrong.
            _ => Self::decode(bytes).map(|_| None),
        }
    }
}

macro_rules! variants {
    ($($variant:ident: $type:ty),* $(,)?) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(Box::new(value))
            }
        }

        impl Stored for $type {
            fn read(value: &Value) -> Option<&Self> {
                match value {
                    Value::$variant(inner) => Some(inner),
                    _ => None,
                }
            }

            fn take(value: Value) -> Option<Self> {
                match value {
                    Value::$variant(inner) => Some(*inner),
                    _ => None,
                }
            }

            fn change(value: &mut Value) -> Option<&mut Self> {
                match value {
                    Value::$variant(inner) => Some(inner),
                    _ => None,
                }
            }
        }
    )*};
}

/// A type that is stored as one variant of [`Value`].
pub trait Stored: Sized + Into<Value> {
    /// The value as this type, if it is one.
    fn read(value: &Value) -> Option<&Self>;
    /// The value as this type, taken.
    fn take(value: Value) -> Option<Self>;
    /// The value as this type, to be changed.
    fn change(value: &mut Value) -> Option<&mut Self>;
}

variants! {
    Device: Device,
    Entry: Entry,
    Session: Session,
    Stated: Stated,
    Verdict: Verdict,
    Dedup: Dedup,
    Person: Person,
    Member: Member,
    Touch: KnownTouch,
    Conversion: KnownConversion,
    Order: Order,
    Click: Click,
    Node: Node,
    Component: Component,
    Cell: Cell,
    Counts: Counts,
    Stitching: Stitching,
    Quarantined: Quarantined,
    Spend: Spend,
    Budget: Budget,
    Rate: Rate,
    Pair: Pair,
    Interest: Interest,
    Choice: Choice,
    Decided: DecisionSums,
    Exposure: Exposure,
    Lags: Lags,
    Recredit: Recredit,
    Reset: Reset,
    Chosen: Chosen,
    Namesakes: Namesakes,
    UnitCost: UnitCost,
    Measured: Measured,
    Kept: Kept,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollup::Dimensions;
    use millstream_event::Currency;

    #[test]
    fn a_stored_sum_is_read_where_it_lies() {
        let text = |text: &str| Box::<str>::from(text);
        let dimensions = Dimensions {
            channel: text("paid_search"),
            source: text("s"),
            medium: text("cpc"),
            campaign: text("größe"),
            ad_group: text(""),
            link: text("spring"),
            currency: Currency::parse("EUR"),
            product: text("shoe"),
        };
        let cell = Cell { dimensions, count: -7, amount: i128::MAX };
        let stored = Value::from(cell.clone()).encode(&mut Vec::new()).unwrap();
        let read = Value::decode_cell(&stored).unwrap().unwrap();
        assert_eq!((read.count, read.amount), (cell.count, cell.amount));
        assert_eq!(read.dimensions(), cell.dimensions);
        let other = Value::Mark.encode(&mut Vec::new()).unwrap();
        assert!(Value::decode_cell(&other).unwrap().is_none());
        assert!(Value::decode_cell(&stored[..stored.len() - 1]).is_err());
        assert!(Value::decode_cell(&[]).is_err());
        assert!(Value::decode_cell(&[FORMAT + 1, 14]).is_err());
    }
}
