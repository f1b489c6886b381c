//! The shell of the fold: from the log's tail to committed state, and items back to the log.
//!
//! One reader follows the log from the lanes' heads and hands records to owners (owner = lane
//! modulo owners) through bounded mailboxes. An owner loads what a batch needs, folds it, and
//! commits positions, state and outbox rows in **one** step; then it appends the items and, once
//! they are durable, deletes their rows in a following commit. A crash at any instant leaves the
//! last commit: its position says where to go on, its outbox rows what to append again, and
//! receivers ignore the items they know.
//!
//! A lane whose record or state cannot be folded stops there, loudly, and the others go on; nothing
//! is ever skipped.
//!
//! **Ticks.** Time passes in the fold through records alone. While a lane sees records it gets one
//! tick a second; the tick after its last record is the last one, so an idle log stays as it is and
//! an idle process sleeps.

mod batch;
mod crash;
mod error;
mod latency;
mod mailbox;
mod merged;
mod options;
mod outbox;
mod owner;
mod progress;
mod reader;
mod start;
mod ticker;

pub use crash::{Crash, CrashPoint};
pub use error::{ConsumeError, DrainError};
pub use latency::{HopTimes, Quantiles};
pub use merged::{Merged, MergedView};
pub use options::{ConsumeOptions, ConsumeParts, OnChange, OnControl, Parameters};
pub use progress::{Progress, Stopped};
pub use start::{Consumer, start};

#[cfg(test)]
pub(crate) mod tests;
