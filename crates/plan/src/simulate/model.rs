//! What is simulated: stations, classes of work, and what came out.

use super::distribution::Distribution;
use super::histogram::Histogram;
use alloc::vec::Vec;

/// In which order a station serves. Priority 0 goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discipline {
    /// First come, first served.
    Fifo,
    /// Highest priority first; work begun is finished.
    NonPreemptive,
    /// Highest priority first; it interrupts, and what was interrupted resumes where it stopped.
    PreemptiveResume,
}

/// Servers with one queue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Station {
    /// Servers.
    pub servers: u32,
    /// Order of service.
    pub discipline: Discipline,
    /// Most jobs at the station, those in service included; `None` is unlimited. Who finds it full is lost.
    pub room: Option<u32>,
}

/// One step of a route: one station, or several at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Stations that get a copy each.
    pub stations: Vec<usize>,
    /// Copies that must be done before the job goes on.
    pub quorum: u32,
    /// Service time of a copy.
    pub service: Distribution,
}

impl Stage {
    /// At one station.
    pub fn at(station: usize, service: Distribution) -> Self {
        Self { stations: Vec::from([station]), quorum: 1, service }
    }
}

/// A time during which arrivals come faster or slower.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Burst {
    /// When it begins.
    pub from: f64,
    /// When it ends.
    pub until: f64,
    /// Times the usual rate.
    pub multiplier: f64,
}

/// Refuses a class while a station is too full: a rung of degradation, with hysteresis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shed {
    /// The station watched.
    pub station: usize,
    /// Refuses from this many jobs there on,
    pub above: u32,
    /// until so many are left.
    pub below: u32,
}

/// A class of work.
#[derive(Clone, Debug, PartialEq)]
pub struct JobClass {
    /// Times between arrivals (of batches).
    pub arrivals: Distribution,
    /// Jobs that arrive together.
    pub batch: u32,
    /// Priority; 0 goes first.
    pub priority: usize,
    /// Stages in order.
    pub route: Vec<Stage>,
    /// A burst in its arrivals.
    pub burst: Option<Burst>,
    /// When it is refused.
    pub shed: Option<Shed>,
}

impl JobClass {
    /// A class that arrives one by one, of the highest priority.
    pub fn new(arrivals: Distribution, route: Vec<Stage>) -> Self {
        Self { arrivals, batch: 1, priority: 0, route, burst: None, shed: None }
    }
}

/// A network of stations and the work that goes through it.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Stations.
    pub stations: Vec<Station>,
    /// Classes.
    pub classes: Vec<JobClass>,
}

/// How long one replication is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Length {
    /// Simulated time that is not counted.
    pub warm_up: f64,
    /// Simulated time at which arrivals end; what is inside then is still finished.
    pub until: f64,
}

/// What came out for a class. Times count jobs that arrived after the warm-up.
#[derive(Clone, Debug, Default)]
pub struct ClassOutcome {
    /// Jobs that arrived.
    pub arrived: u64,
    /// Jobs that finished.
    pub finished: u64,
    /// Jobs lost at a full station.
    pub lost: u64,
    /// Jobs refused at the door.
    pub refused: u64,
    /// Sum of waits over all stages without fork.
    pub wait_sum: f64,
    /// Sum of times in the network.
    pub sojourn_sum: f64,
    /// Waits.
    pub waits: Histogram,
    /// Times in the network.
    pub sojourns: Histogram,
}

impl ClassOutcome {
    /// Mean wait of finished jobs.
    pub fn wait_mean(&self) -> f64 {
        self.wait_sum / self.finished.max(1) as f64
    }

    /// Mean time in the network of finished jobs.
    pub fn sojourn_mean(&self) -> f64 {
        self.sojourn_sum / self.finished.max(1) as f64
    }

    /// Share of arrivals that were lost.
    pub fn loss(&self) -> f64 {
        self.lost as f64 / self.arrived.max(1) as f64
    }
}

/// What came out for a station, after the warm-up.
#[derive(Clone, Debug, Default)]
pub struct StationOutcome {
    /// Copies that began service.
    pub served: u64,
    /// Copies that found it full.
    pub lost: u64,
    /// Sum of their waits.
    pub wait_sum: f64,
    /// Sum of their service times.
    pub work_sum: f64,
    /// Most jobs there at once.
    pub most: u32,
}

/// What came out of one replication.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// By class.
    pub classes: Vec<ClassOutcome>,
    /// By station.
    pub stations: Vec<StationOutcome>,
    /// Events that were handled.
    pub events: u64,
    /// Simulated time at the last event.
    pub ended: f64,
}
