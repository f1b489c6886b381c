//! Stitching: dedup, sessions, identity graph, late policy: pure functions over one device or one
//! component of the graph; and probable links between devices, over all of them.
//!
//! Nothing here depends on the order in which events arrived: entries are kept in event order, and
//! what a device's sessions are follows from the entries alone.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod agent;
pub mod dedup;
pub mod entry;
pub mod goods;
pub mod graph;
pub mod linkage;
pub mod numbering;
pub mod pair;
pub mod random;
pub mod session;
pub mod session_rules;
pub mod zone;

pub use agent::{Agent, Agents, DeviceClass};
pub use dedup::{Candidate, Verdict};
pub use entry::{ConversionFact, Edge, Entry, EntryKey, Role, TouchFact};
pub use goods::{Goods, Ware};
pub use graph::{Component, GraphLimits, Node};
pub use pair::{Pair, Properties};
pub use session::{Session, SessionFacts, sessions};
pub use session_rules::{SessionRule, SessionRules};
pub use zone::Zone;
