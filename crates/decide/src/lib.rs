//! Decisions inside a budget: what should this visitor see, from the freshest signal that time allows.
//!
//! One way: an [`Ask`] goes through a [`course`](course::run) of stages; each better [`Answer`] is
//! published as soon as it stands, and whoever waits takes the last one when time is up. The
//! [`Governor`] says which stages fit.
//!
//! Pure: no clock, no I/O, no randomness. Time comes in through [`Watch`], profiles, cached
//! answers and rules through traits that the shell implements, chance through hashes.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod answer;
pub mod candidate;
pub mod context;
pub mod course;
pub mod diversity;
pub mod experiment;
pub mod exploration;
pub mod first_pass;
pub mod forest;
pub mod governor;
pub mod interest;
pub mod ladder;
pub mod lightgbm;
pub mod neighbours;
pub mod outside;
pub mod prefetch;
pub mod profile;
mod rerank;
pub mod sketch;
pub mod sources;
pub mod stage;
pub mod train;
pub mod treatment;
pub mod use_case;
pub mod wasm;

pub use answer::{Answer, Ranked};
pub use candidate::{Candidate, ItemId};
pub use context::{Context, Fact};
pub use course::{Ask, Visitor};
pub use first_pass::FirstPass;
pub use governor::{Governor, Limits};
pub use ladder::{Reason, Reasons, Rung};
pub use prefetch::{Hints, Routes};
pub use profile::{Profile, Seen};
pub use sources::{Artefacts, Popularity, Profiles, ProfilesError, Ranker, Rules, Shelf, Sources};
pub use stage::{Micros, Stage, Watch};
pub use treatment::Treatment;
pub use use_case::{Architecture, Moment, UseCase};
