//! Runs a model: events in exact order of time, ties in the order in which they were planned.

use super::calendar::Calendar;
use super::model::{Discipline, JobClass, Length, Model, Outcome, StationOutcome};
use super::queue::{Servers, Waiting};
use super::random::Random;
use alloc::vec;
use alloc::vec::Vec;

/// Most events of one replication: a bound on time, far above what any study needs.
pub const EVENTS_MAX: u64 = 4_000_000_000;
/// Most jobs inside at once: an unstable model ends here instead of filling the memory.
pub const JOBS_MAX: usize = 20_000_000;

/// Something that will happen.
#[derive(Clone, Copy, Debug)]
enum What {
    /// The next arrival of a class.
    Arrival(u32),
    /// A server of a station finishes a job.
    Done { station: u32, job: u32, token: u32 },
}

/// A job, or a copy of one at a station.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Job {
    pub(super) class: u32,
    pub(super) stage: u32,
    /// When it came into the network.
    entered: f64,
    /// When it came to its station.
    pub(super) arrived: f64,
    /// Service that is left, for jobs that were interrupted.
    pub(super) remaining: f64,
    /// Waits so far.
    waited: f64,
    /// The job that this one is a copy of, plus one; zero for a job itself.
    parent: u32,
    /// Copies still out; copies still needed.
    copies: u32,
    needed: u32,
}

/// One replication.
pub(super) struct Engine<'m> {
    model: &'m Model,
    length: Length,
    calendar: Calendar<What>,
    pub(super) now: f64,
    pub(super) jobs: Vec<Job>,
    free: Vec<u32>,
    arrivals: Vec<Random>,
    services: Vec<Random>,
    waiting: Vec<Waiting>,
    servers: Vec<Servers>,
    shedding: Vec<bool>,
    outcome: Outcome,
}

impl<'m> Engine<'m> {
    pub(super) fn new(model: &'m Model, length: Length, seed: u64) -> Self {
        let (classes, stations) = (model.classes.len(), model.stations.len());
        let levels = model.classes.iter().map(|class| class.priority + 1).max().unwrap_or(1);
        let waiting = model.stations.iter().map(|station| match station.discipline {
            Discipline::Fifo => Waiting::new(1),
            _ => Waiting::new(levels),
        });
        let outcome = Outcome {
            classes: vec![Default::default(); classes],
            stations: vec![StationOutcome::default(); stations],
            events: 0,
            ended: 0.0,
        };
        Self {
            model,
            length,
            calendar: Calendar::new(),
            now: 0.0,
            jobs: Vec::new(),
            free: Vec::new(),
            arrivals: (0..classes).map(|class| Random::new(seed, 2 * class as u64)).collect(),
            services: (0..classes).map(|class| Random::new(seed, 2 * class as u64 + 1)).collect(),
            waiting: waiting.collect(),
            servers: model.stations.iter().map(|station| Servers::new(*station)).collect(),
            shedding: vec![false; classes],
            outcome,
        }
    }

    pub(super) fn run(mut self) -> Outcome {
        for class in 0..self.model.classes.len() {
            self.plan_arrival(class);
        }
        while let Some((time, what)) = self.calendar.next() {
            self.now = time;
            self.outcome.events += 1;
            match what {
                What::Arrival(class) => self.arrive(class as usize),
                What::Done { station, job, token } => self.finish(station as usize, job, token),
            }
            if self.outcome.events >= EVENTS_MAX || self.jobs.len() >= JOBS_MAX {
                break;
            }
        }
        self.outcome.ended = self.now;
        self.outcome
    }

    fn plan_arrival(&mut self, class: usize) {
        let job_class = &self.model.classes[class];
        let gap = job_class.arrivals.draw(&mut self.arrivals[class]);
        let time = after(self.now, gap, job_class);
        if time < self.length.until {
            self.calendar.plan(time, What::Arrival(class as u32));
        }
    }

    fn arrive(&mut self, class: usize) {
        let model = self.model;
        let job_class = &model.classes[class];
        let counted = self.now >= self.length.warm_up;
        let refused = self.refuses(class, job_class);
        for _ in 0..job_class.batch {
            let outcome = &mut self.outcome.classes[class];
            outcome.arrived += u64::from(counted);
            outcome.refused += u64::from(counted && refused);
            if !refused {
                let job = Job { class: class as u32, entered: self.now, ..Job::default() };
                let job = self.keep(job);
                self.enter_stage(job);
            }
        }
        self.plan_arrival(class);
    }

    fn refuses(&mut self, class: usize, job_class: &JobClass) -> bool {
        let Some(shed) = job_class.shed else { return false };
        let inside = self.servers[shed.station].inside;
        if inside >= shed.above {
            self.shedding[class] = true;
        } else if inside <= shed.below {
            self.shedding[class] = false;
        }
        self.shedding[class]
    }

    fn keep(&mut self, job: Job) -> u32 {
        match self.free.pop() {
            Some(at) => {
                self.jobs[at as usize] = job;
                at
            }
            None => {
                self.jobs.push(job);
                (self.jobs.len() - 1) as u32
            }
        }
    }

    /// Sends a job to its stage, or out when there is none left.
    fn enter_stage(&mut self, at: u32) {
        let job = self.jobs[at as usize];
        let model = self.model;
        let Some(stage) = model.classes[job.class as usize].route.get(job.stage as usize) else {
            self.leave(at);
            return;
        };
        if let [station] = stage.stations.as_slice() {
            self.enter_station(*station, at);
            return;
        }
        let whole = &mut self.jobs[at as usize];
        (whole.copies, whole.needed) = (stage.stations.len() as u32, stage.quorum);
        for station in &stage.stations {
            let copy = Job { parent: at + 1, ..job };
            let copy = self.keep(copy);
            self.enter_station(*station, copy);
        }
    }

    fn enter_station(&mut self, station: usize, at: u32) {
        let now = self.now;
        let job = &mut self.jobs[at as usize];
        (job.arrived, job.remaining) = (now, -1.0);
        let priority = self.model.classes[job.class as usize].priority;
        let servers = &mut self.servers[station];
        if servers.is_full() {
            self.lose(station, at);
            return;
        }
        servers.inside += 1;
        let outcome = &mut self.outcome.stations[station];
        outcome.most = outcome.most.max(servers.inside);
        if servers.idle > 0 {
            servers.idle -= 1;
            self.begin(station, at);
        } else if let Some((slot, started)) = servers.weakest(priority) {
            self.interrupt(station, slot, started);
            self.begin(station, at);
        } else {
            self.waiting[station].push_back(priority, at);
        }
    }

    /// Takes a job out of service; it waits in front of its equals.
    fn interrupt(&mut self, station: usize, job: u32, done_at: f64) {
        self.jobs[job as usize].remaining = done_at - self.now;
        self.jobs[job as usize].arrived = self.now;
        let class = self.jobs[job as usize].class as usize;
        self.waiting[station].push_front(self.model.classes[class].priority, job);
    }

    fn begin(&mut self, station: usize, at: u32) {
        let (model, now) = (self.model, self.now);
        let job = &mut self.jobs[at as usize];
        let class = job.class as usize;
        let wait = now - job.arrived;
        job.waited += wait;
        let mut time = job.remaining;
        let fresh = time < 0.0;
        if fresh {
            time = model.classes[class].route[job.stage as usize]
                .service
                .draw(&mut self.services[class]);
        }
        if job.entered >= self.length.warm_up {
            let outcome = &mut self.outcome.stations[station];
            outcome.served += u64::from(fresh);
            outcome.wait_sum += wait;
            outcome.work_sum += if fresh { time } else { 0.0 };
        }
        let token = self.servers[station].begin(model.classes[class].priority, at, now + time);
        self.calendar.plan(now + time, What::Done { station: station as u32, job: at, token });
    }

    fn finish(&mut self, station: usize, at: u32, token: u32) {
        let servers = &mut self.servers[station];
        if !servers.end(at, token) {
            return;
        }
        servers.inside -= 1;
        match self.waiting[station].pop() {
            Some(next) => self.begin(station, next),
            None => self.servers[station].idle += 1,
        }
        let job = self.jobs[at as usize];
        if job.parent == 0 {
            self.jobs[at as usize].stage += 1;
            self.enter_stage(at);
        } else {
            self.free.push(at);
            self.answer(job.parent - 1, 1);
        }
    }

    /// A copy is done (or lost, when it brings nothing).
    fn answer(&mut self, at: u32, brings: u32) {
        let job = &mut self.jobs[at as usize];
        job.copies -= 1;
        let (was_open, out) = (job.needed > 0, job.copies == 0);
        job.needed -= brings.min(job.needed);
        let done = was_open && job.needed == 0;
        if done {
            let mut on = *job;
            on.stage += 1;
            (on.copies, on.parent) = (0, 0);
            let on = self.keep(on);
            self.enter_stage(on);
        } else if out && was_open {
            let class = job.class as usize;
            if job.entered >= self.length.warm_up {
                self.outcome.classes[class].lost += 1;
            }
        }
        if out {
            self.free.push(at);
        }
    }

    fn lose(&mut self, station: usize, at: u32) {
        let job = self.jobs[at as usize];
        let counted = job.entered >= self.length.warm_up;
        self.outcome.stations[station].lost += u64::from(counted);
        self.free.push(at);
        if job.parent == 0 {
            self.outcome.classes[job.class as usize].lost += u64::from(counted);
        } else {
            self.answer(job.parent - 1, 0);
        }
    }

    fn leave(&mut self, at: u32) {
        let job = self.jobs[at as usize];
        self.free.push(at);
        if job.entered < self.length.warm_up {
            return;
        }
        let outcome = &mut self.outcome.classes[job.class as usize];
        let sojourn = self.now - job.entered;
        outcome.finished += 1;
        outcome.wait_sum += job.waited;
        outcome.sojourn_sum += sojourn;
        outcome.waits.add(job.waited);
        outcome.sojourns.add(sojourn);
    }
}

/// The time of the next arrival: the gap is used up faster inside a burst.
fn after(now: f64, gap: f64, class: &JobClass) -> f64 {
    let Some(burst) = class.burst else { return now + gap };
    let (mut at, mut left) = (now, gap);
    if at < burst.from {
        if at + left < burst.from {
            return at + left;
        }
        left -= burst.from - at;
        at = burst.from;
    }
    if at < burst.until {
        if burst.multiplier <= 0.0 {
            return burst.until + left;
        }
        let inside = left / burst.multiplier;
        if at + inside < burst.until {
            return at + inside;
        }
        left -= (burst.until - at) * burst.multiplier;
        at = burst.until;
    }
    at + left
}
