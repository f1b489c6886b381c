//! Values of the state: typed in memory, a version byte and postcard in the store.

use crate::rollup::{Cell, Counts};
use crate::state::{Click, Dedup, Device, Order, Person, Quarantined};
use alloc::string::ToString;
use alloc::vec::Vec;
use millstream_stitch::{Chunk, Component, Node};
use serde::{Deserialize, Serialize};

/// First byte of every stored value.
const FORMAT: u8 = 1;

/// One value of the state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// See [`Device`].
    Device(Device),
    /// See [`Chunk`].
    Chunk(Chunk),
    /// See [`Dedup`].
    Dedup(Dedup),
    /// See [`Person`].
    Person(Person),
    /// See [`Order`].
    Order(Order),
    /// See [`Click`].
    Click(Click),
    /// See [`Node`].
    Node(Node),
    /// See [`Component`].
    Component(Component),
    /// See [`Cell`].
    Cell(Cell),
    /// See [`Counts`].
    Counts(Counts),
    /// The payload of a control record.
    Control(Vec<u8>),
    /// See [`Quarantined`].
    Quarantined(Quarantined),
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
    /// The stored bytes.
    ///
    /// # Errors
    /// Only when memory for them cannot be had.
    pub fn encode(&self) -> Result<Vec<u8>, ValueError> {
        postcard::to_extend(self, alloc::vec![FORMAT])
            .map_err(|error| ValueError::new("value", error))
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
}

macro_rules! variants {
    ($($variant:ident: $type:ty),* $(,)?) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(value)
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
                    Value::$variant(inner) => Some(inner),
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
    Chunk: Chunk,
    Dedup: Dedup,
    Person: Person,
    Order: Order,
    Click: Click,
    Node: Node,
    Component: Component,
    Cell: Cell,
    Counts: Counts,
    Quarantined: Quarantined,
}
