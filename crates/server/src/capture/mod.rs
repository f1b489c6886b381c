//! Capture: the public plane. Parse, stamp, apply consent, make durable, answer.
//!
//! It has its own listener, its own runtime and threads, and its own bounds. It waits for the log
//! and for nothing else: not for the fold, not for the store, not for reports.

mod acknowledged;
mod activity;
pub mod aggregate;
mod answer;
mod body;
mod choice;
mod clients;
pub mod clock;
mod connection;
mod cookies;
pub mod counters;
mod decision;
mod dispatch;
mod durable;
pub mod error;
mod exchange;
pub mod express;
mod flow;
mod gate;
mod head;
mod health;
pub mod histogram;
mod in_flight;
mod intake;
mod listener;
mod location;
mod measurement_protocol;
mod model;
mod ofrep;
pub mod options;
mod outgoing;
mod person;
mod pixel;
pub mod plane;
pub mod redirect;
pub mod refusal;
mod segment;
mod seldom;
mod settings;
mod snowplow;
pub mod sources;
mod start;
mod stopwatch;
mod timing;
mod tls;
mod tokens;
mod trace;
mod visitor;

pub use counters::{Counters, Endpoint};
pub use error::CaptureError;
pub use options::{CaptureOptions, ConsentDefaults, Limits, Timeouts, TlsFiles};
pub use plane::{CaptureKeys, CaptureParts, Readiness};
pub use sources::{KeyHash, Source};
pub use start::{CaptureHandle, start};
