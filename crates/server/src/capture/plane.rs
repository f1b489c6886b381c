//! What every request of the public plane can reach.

use super::acknowledged::Acknowledgements;
use super::clients::Clients;
use super::clock::ReceiveClock;
use super::counters::Counters;
use super::express::date::DateHeader;
use super::location::Destinations;
use super::options::CaptureOptions;
use super::sources::Sources;
use super::tokens::Tokens;
use crate::links::Registry;
use crate::places::Places;
use millstream_event::SourceId;
use millstream_log::EventLog;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// Keys of the installation that the public plane signs and hashes with.
#[derive(Clone)]
pub struct CaptureKeys {
    /// Hashes subjects in record headers.
    pub subject: [u8; 32],
    /// Signs `ms_click`.
    pub click: [u8; 32],
    /// Signs cookies.
    pub cookie: [u8; 32],
}

impl std::fmt::Debug for CaptureKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CaptureKeys(..)")
    }
}

/// One stage that has to be ready before the plane says it is.
pub struct Readiness {
    /// The stage's name, such as `log` or `state`.
    pub stage: &'static str,
    /// Why it is not ready, or nothing. Called for every `/readyz`: must not block.
    pub check: Box<dyn Fn() -> Result<(), String> + Send + Sync>,
}

/// What the public plane is given by the rest of the process.
pub struct CaptureParts {
    /// Where everything is made durable.
    pub log: Arc<dyn EventLog>,
    /// Links and settings.
    pub registry: Arc<Registry>,
    /// Keys.
    pub keys: CaptureKeys,
    /// What addresses tell.
    pub places: Places,
    /// Decisions, where they are made.
    pub decide: Option<Arc<crate::decide::Service>>,
    /// Stages behind `/readyz`.
    pub readiness: Vec<Readiness>,
}

/// The public plane's shared state.
pub(super) struct Plane {
    pub(super) options: CaptureOptions,
    pub(super) parts: CaptureParts,
    pub(super) acknowledgements: Arc<Acknowledgements>,
    pub(super) sources: Sources,
    pub(super) links_source: SourceId,
    pub(super) clock: ReceiveClock,
    pub(super) counters: Arc<Counters>,
    pub(super) tokens: Tokens,
    pub(super) destinations: Destinations,
    pub(super) date: DateHeader,
    pub(super) connections_of: Arc<Clients>,
    pub(super) requests_of: Arc<Clients>,
    pub(super) streams_of: Arc<Clients>,
    pub(super) streams: Arc<Semaphore>,
    /// True once the plane closes.
    pub(super) closing: watch::Receiver<bool>,
}
