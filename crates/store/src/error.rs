//! Why the store could not do what it was asked.

use millstream_event::Lane;

/// A store operation that failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another owner moved the lane on.
    #[error("lane {lane} was moved on by another owner: reload its head and fold again")]
    Fenced {
        /// The lane.
        lane: Lane,
    },
    /// The engine failed.
    #[error("the state store failed to {doing}: {source}; state can be rebuilt from the log: remove the state folder and start again")]
    Engine {
        /// What was being done.
        doing: &'static str,
        /// What the engine said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
