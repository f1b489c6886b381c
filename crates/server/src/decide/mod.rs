//! Decisions: the shell around `millstream_decide`. A few threads of their own run the courses;
//! the public plane waits for an answer no longer than the budget, and takes the best that stands.

mod explanation;
mod external;
mod followed;
mod job;
mod kept;
mod late;
mod measuring;
mod models;
mod options;
mod profiles;
mod queue;
mod rehearsal;
mod rules;
mod served;
mod service;
mod shadow;
mod ticket;
mod trial;

pub use explanation::Explanation;
pub use external::{External, ExternalCounts, ExternalOptions};
pub use followed::{Followed, PlaceKind};
pub use job::Question;
pub use kept::Era;
pub use late::{Better, Late, LateCounts, Standing};
pub use models::{Loaded, MODELS_DIR, Models, ModelsError, ROUTES_DIR, WasmModule, forest};
pub use options::{Configured, DecideOptions};
pub use profiles::{StateInForce, StoreProfiles};
pub use rehearsal::Rehearsal;
pub use rules::{CelRules, RuleError};
pub use served::{Counts, Gauge, Served};
pub use service::{Service, ServiceError};
pub use shadow::ShadowOptions;
pub use ticket::{Decided, Ticket};
pub use trial::{Assignment, HELD_OUT, PERSONALIZED, Plan, Trial, holdout_name, plans};

#[cfg(test)]
mod tests;
