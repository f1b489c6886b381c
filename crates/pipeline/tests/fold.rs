//! The one invariant: the same set of logged records gives the same answers, in any order, with any
//! duplicates, across any crash, whatever the batches and owners.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

#[path = "fold/answers.rs"]
mod answers;
#[path = "fold/arrivals.rs"]
mod arrivals;
#[path = "fold/cluster.rs"]
mod cluster;
#[path = "fold/forgetting.rs"]
mod forgetting;
#[path = "fold/history.rs"]
mod history;
#[path = "fold/hybrid.rs"]
mod hybrid;
#[path = "fold/networks.rs"]
mod networks;
#[path = "fold/oracle.rs"]
mod oracle;
#[path = "fold/orders.rs"]
mod orders;
#[path = "fold/preferences.rs"]
mod preferences;
#[path = "fold/properties.rs"]
mod properties;
#[path = "fold/retention.rs"]
mod retention;
#[cfg(feature = "sabotage")]
#[path = "fold/sabotage.rs"]
mod sabotage;
#[path = "fold/stories.rs"]
mod stories;
