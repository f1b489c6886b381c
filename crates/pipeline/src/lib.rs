//! The heart: a pure fold from logged records to state, items and rollups.
//!
//! [`apply()`] takes a view of the state and one record; it never reads, draws or asks the time.
//! Production, recovery, import, replay and simulation are this one fold.
#![no_std]

extern crate alloc;

pub mod apply;
pub mod decided;
pub mod decoded;
pub mod erasing;
pub mod exposures;
pub mod item;
pub mod key;
pub mod lags;
pub mod measured;
mod outgoing;
pub mod preferences;
pub mod query;
pub mod recredit;
pub mod retention;
pub mod rollup;
pub mod rows;
pub mod rules;
mod shelf;
pub mod spread;
pub mod state;
pub mod stitching;
pub mod sums;
pub mod value;
pub mod view;

pub use apply::{apply, foresee};
pub use decoded::Decoded;
pub use item::Item;
pub use key::{Key, KeyKind};
pub use outgoing::Outgoing;
pub use query::{ReadError, StateRead};
pub use rules::Rules;
pub use shelf::Range;
pub use spread::Spread;
pub use value::Value;
pub use view::{ApplyError, Changes, Miss, View};
