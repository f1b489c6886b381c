//! Decisions: the shell around `millstream_decide`. A few threads of their own run the courses;
//! the public plane waits for an answer no longer than the budget, and takes the best that stands.

mod job;
mod kept;
mod models;
mod options;
mod profiles;
mod queue;
mod rules;
mod service;
mod ticket;

pub use job::Question;
pub use kept::Generation;
pub use models::{Models, ModelsError, forest};
pub use options::{Configured, DecideOptions};
pub use profiles::{Place, StoreProfiles};
pub use rules::{CelRules, RuleError};
pub use service::{Counts, Gauge, Served, Service, ServiceError};
pub use ticket::{Decided, Ticket};

#[cfg(test)]
mod tests;
