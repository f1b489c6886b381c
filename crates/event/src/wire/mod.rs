//! Wire formats in: each parses what a client sent into [`crate::Event`]s or quarantine.
//!
//! A parser takes bytes and a [`Receipt`]; it refuses ([`Refusal`]) what is no message of its
//! format at all, and judges every event of a message by itself: one broken event never fails its
//! neighbours. No parser panics on any input.

pub mod canonical;
pub mod clock;
pub mod combined;
pub mod complexity;
pub mod csv_map;
pub mod ga4;
pub mod identity;
pub mod landing;
pub mod members;
pub mod names;
pub mod outline;
pub mod receipt;
pub mod scalar;
pub mod segment;
pub mod snowplow;
pub mod value;
pub mod walk;

pub use receipt::{Limits, Outcome, Parsed, Receipt, Refusal};
