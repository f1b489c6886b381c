//! The consumer against a real log: equal answers whatever the owners, batches and crashes.

mod answers;
mod equality;
mod faults;
pub(crate) mod history;
mod merged;
pub(crate) mod parts;
mod priority;
