//! Load: open-loop traffic against a running instance, corrected for coordinated omission.
//!
//! Requests are due at fixed times, whatever the server does. Latency counts from the time a
//! request was due when the connections could not keep up (Tene, "How NOT to Measure Latency"),
//! and from the time it was sent when a connection stood ready: the generator's own timer is not
//! the server's latency.

pub mod connection;
mod profile;
mod result;
mod run;
mod socket;

pub use connection::{Answer, Connection, ConnectionError, Target};
pub use profile::{Profile, Shape};
pub use result::{Outcome, Summary};
pub use run::{LoadError, LoadOptions, run};
