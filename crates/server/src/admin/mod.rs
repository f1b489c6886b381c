//! Admin plane: reports as JSON, metrics, the dashboard.
//!
//! Its own listener, threads and limits: nothing here can slow capture, and capture cannot stop
//! `/api/status` from answering. Status, metrics and the live stream are served from a
//! [`pulse::Pulse`] taken once a second, whoever asks; reports run on blocking threads behind a
//! [`gate::Gate`].
//!
//! Who may do what: on a loopback address without tokens everybody on the machine may do all, and
//! the `Host` and `Origin` checks of [`guard`] keep web pages out. Beyond loopback tokens are
//! required, and without any the plane refuses to start.

pub mod answer;
pub mod assets;
pub mod audits;
pub mod backfill;
mod backup;
pub mod decision_metrics;
pub mod decisions;
mod destination_metrics;
pub mod destinations;
mod erase;
mod evidence;
pub mod export;
pub mod gate;
pub mod guard;
pub mod import;
mod linking;
pub mod links;
pub mod listener;
pub mod live;
pub mod metrics;
pub mod openapi;
pub mod parts;
pub mod plane;
mod privacy;
pub mod pulse;
pub mod quarantine;
pub mod replay;
mod reports;
pub mod routes;
pub mod rules;
pub mod spend;
pub mod sql;
pub mod status;
pub mod stream;
#[cfg(test)]
mod tests;
pub mod token;

pub use parts::{AdminParts, Evidence, LinkDesk, Progress, Standing, Transfer};
pub use plane::{AdminError, AdminHandle, AdminOptions, start};
pub use token::{Role, Token, TokenEntry, Tokens};
