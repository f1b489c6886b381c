//! Forwarding: captured events to other systems, each as its destination's file says.
//!
//! ```text
//! log --> dispatcher --> desk of a destination --> worker --> the destination
//!  ^                      queue, lines, breaker,     |
//!  |                      rate, retry budget         v
//!  +---- ledger <------- standing, dead letters <-- answers
//! ```
//!
//! The log is the outbox. What a destination is owed follows from the log and its file alone; where
//! each of its lines stands is logged as delivery records. So an event and its deliveries cannot
//! part, folding anew or replaying sends nothing, and what waits costs no second copy.
//!
//! At least once: after a crash what was not logged as settled is sent again, under the same key.

pub mod answer;
pub mod breaker;
mod chance;
pub mod client;
pub mod columns;
pub mod desk;
pub mod desks;
pub mod destination;
pub mod dispatch;
pub mod document;
pub mod expression;
pub mod figures;
pub mod file;
mod follower;
pub mod guard;
pub mod item;
mod ledger;
pub mod line;
mod local;
pub mod lookups;
pub mod orders;
mod owed;
mod pace;
mod passing;
pub mod personal;
pub mod presets;
pub mod queue;
pub mod rate;
mod reading;
pub mod reload;
pub mod request;
pub mod retries;
mod signature;
mod standing;
mod start;
mod storage;
pub mod template;
pub mod value;
pub mod worker;

pub use destination::{Destination, DestinationError};
pub use dispatch::DispatchParts;
pub use guard::Guard;
pub use orders::{OrderError, Standings};
pub use owed::needed_from;
pub use start::{ForwardError, ForwardOptions, ForwardParts, Forwarder};

#[cfg(test)]
mod tests;
