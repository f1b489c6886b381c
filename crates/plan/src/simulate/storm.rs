//! Clients that give up and try again, against one server: does an overload end when its cause ends?

use super::calendar::Calendar;
use super::random::Random;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StormModel {
    /// Requests per second, Poisson.
    pub arrivals: f64,
    /// Services per second, exponential.
    pub service_rate: f64,
    /// Seconds until a client gives up on an attempt.
    pub timeout: f64,
    /// Attempts of one request.
    pub attempts: u32,
    /// Most attempts that wait; `None` is unlimited. A refused attempt is tried again after a timeout.
    pub room: Option<u32>,
    /// Attempts whose client has given up are dropped when their turn comes.
    pub drops_expired: bool,
    /// Retries per request that clients allow themselves together (a budget of 0.1 is 10 %); `None` is no budget.
    pub budget: Option<f64>,
    /// The server stands still from, until.
    pub stall: (f64, f64),
    /// Simulated seconds.
    pub horizon: f64,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StormOutcome {
    /// Requests answered in time per request made, before the stall.
    pub goodput_before: f64,
    /// And in the last `window` seconds.
    pub goodput_after: f64,
    /// Attempts made.
    pub offered: u64,
    /// Attempts served, in time or not.
    pub served: u64,
    /// Seconds after the stall until a second's goodput is 97 % again; `None` when it never is.
    pub recovery: Option<f64>,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Arrival,
    /// A client has waited long enough for this attempt.
    GiveUp(u32),
    /// The server is done with this attempt.
    Done(u32),
    /// The stall is over.
    Resume,
}

#[derive(Clone, Copy, Debug)]
struct Attempt {
    request_at: f64,
    number: u32,
    gave_up: bool,
    answered: bool,
}

struct Storm {
    model: StormModel,
    random: Random,
    calendar: Calendar<What>,
    now: f64,
    attempts: Vec<Attempt>,
    queue: VecDeque<u32>,
    busy: bool,
    tokens: f64,
    offered: u64,
    served: u64,
    /// Answers in time by the second in which the answer came.
    good: BTreeMap<u32, u32>,
}

/// Simulated seconds at the end over which the goodput is taken.
const WINDOW: f64 = 20.0;
/// Goodput that counts as recovered.
const RECOVERED: f64 = 0.97;

impl StormModel {
    /// Runs it with a seed.
    pub fn run(&self, seed: u64) -> StormOutcome {
        let mut storm = Storm {
            model: *self,
            random: Random::new(seed, 0),
            calendar: Calendar::new(),
            now: 0.0,
            attempts: Vec::new(),
            queue: VecDeque::new(),
            busy: false,
            tokens: 0.0,
            offered: 0,
            served: 0,
            good: BTreeMap::new(),
        };
        storm.run();
        storm.outcome()
    }
}

impl Storm {
    fn run(&mut self) {
        let first = self.random.exponential() / self.model.arrivals;
        self.calendar.plan(first, What::Arrival);
        self.calendar.plan(self.model.stall.1, What::Resume);
        while let Some((time, what)) = self.calendar.next() {
            if time >= self.model.horizon {
                break;
            }
            self.now = time;
            match what {
                What::Arrival => {
                    self.tokens = (self.tokens + self.model.budget.unwrap_or(0.0))
                        .min(self.model.arrivals.max(1.0));
                    self.attempt(time, 1);
                    let gap = self.random.exponential() / self.model.arrivals;
                    self.calendar.plan(time + gap, What::Arrival);
                }
                What::GiveUp(at) => self.give_up(at),
                What::Done(at) => self.done(at),
                What::Resume => self.serve_next(),
            }
        }
    }

    fn attempt(&mut self, request_at: f64, number: u32) {
        self.offered += 1;
        let at = self.attempts.len() as u32;
        self.attempts.push(Attempt { request_at, number, gave_up: false, answered: false });
        self.calendar.plan(self.now + self.model.timeout, What::GiveUp(at));
        if self.model.room.is_none_or(|room| (self.queue.len() as u32) < room) {
            self.queue.push_back(at);
            self.serve_next();
        }
    }

    fn stalled(&self) -> bool {
        self.now >= self.model.stall.0 && self.now < self.model.stall.1
    }

    fn serve_next(&mut self) {
        if self.busy || self.stalled() {
            return;
        }
        while let Some(at) = self.queue.pop_front() {
            if self.model.drops_expired && self.attempts[at as usize].gave_up {
                continue;
            }
            self.busy = true;
            let mut time = self.now + self.random.exponential() / self.model.service_rate;
            let (from, until) = self.model.stall;
            if self.now < from && time > from {
                time += until - from;
            }
            self.calendar.plan(time, What::Done(at));
            return;
        }
    }

    fn give_up(&mut self, at: u32) {
        let attempt = &mut self.attempts[at as usize];
        if attempt.answered {
            return;
        }
        attempt.gave_up = true;
        let (request_at, number) = (attempt.request_at, attempt.number);
        let allowed = self.model.budget.is_none() || self.tokens >= 1.0;
        if number < self.model.attempts && allowed {
            self.tokens = (self.tokens - 1.0).max(0.0);
            self.attempt(request_at, number + 1);
        }
    }

    fn done(&mut self, at: u32) {
        self.busy = false;
        self.served += 1;
        let attempt = &mut self.attempts[at as usize];
        attempt.answered = true;
        if !attempt.gave_up {
            *self.good.entry(self.now as u32).or_default() += 1;
        }
        self.serve_next();
    }

    fn goodput(&self, from: f64, until: f64) -> f64 {
        let good: u32 = self.good.range(from as u32..until as u32).map(|(_, count)| *count).sum();
        f64::from(good) / (self.model.arrivals * (until - from)).max(1e-9)
    }

    fn outcome(&self) -> StormOutcome {
        let (from, until) = self.model.stall;
        let horizon = self.model.horizon;
        let recovered = (until as u32..horizon as u32).find(|second| {
            self.goodput(f64::from(*second), (f64::from(*second) + 5.0).min(horizon)) >= RECOVERED
        });
        StormOutcome {
            goodput_before: self.goodput((from - WINDOW).max(0.0), from),
            goodput_after: self.goodput(horizon - WINDOW, horizon),
            offered: self.offered,
            served: self.served,
            recovery: recovered.map(|second| f64::from(second) - until),
        }
    }
}
