//! A small discrete-event simulator: what no formula covers, and what checks the formulas.
//!
//! The same model, length and seed give the same bytes. Replications are independent: run them in
//! any order, on any number of threads, one seed each, and put the outcomes together with
//! [`statistics::Interval`].

mod calendar;
pub mod distribution;
mod engine;
pub mod histogram;
pub mod model;
mod queue;
pub mod random;
pub mod statistics;
pub mod storm;

pub use distribution::Distribution;
pub use engine::{EVENTS_MAX, JOBS_MAX};
pub use model::{Burst, Discipline, JobClass, Length, Model, Outcome, Shed, Stage, Station};
pub use statistics::Interval;
pub use storm::{StormModel, StormOutcome};

impl Model {
    /// Runs one replication.
    pub fn run(&self, length: Length, seed: u64) -> Outcome {
        engine::Engine::new(self, length, seed).run()
    }
}
