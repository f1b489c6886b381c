//! A circuit breaker: a destination that mostly fails is left alone and tried now and then.
//!
//! Pure: time comes in as the span since the forwarder began, chance as a number.

use super::chance::share_of;
use std::collections::VecDeque;
use std::time::Duration;

/// When it opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerOptions {
    /// Latest attempts that are looked at.
    pub window: usize,
    /// Fewer attempts than this say nothing.
    pub least: usize,
    /// Failed attempts in a hundred from which on it opens.
    pub failed_percent: usize,
    /// How long it stays open the first time.
    pub open_for: Duration,
    /// The longest that it stays open: doubled from `open_for` with each failed probe.
    pub open_for_max: Duration,
    /// Probes in a row that must succeed before it closes.
    pub probes: u32,
}

impl Default for BreakerOptions {
    fn default() -> Self {
        Self {
            window: 20,
            least: 5,
            failed_percent: 50,
            open_for: Duration::from_secs(2),
            open_for_max: Duration::from_secs(60),
            probes: 2,
        }
    }
}

/// What may be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Send.
    Yes,
    /// Send one request and see.
    Probe,
    /// A probe is under way: wait for it.
    AfterProbe,
    /// Nothing before this instant.
    NotBefore(Duration),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    Open { until: Duration, tried: u32 },
    HalfOpen { tried: u32, probing: bool, succeeded: u32 },
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Breaker {
    options: BreakerOptions,
    state: State,
    /// Latest attempts: true where they failed.
    latest: VecDeque<bool>,
    opened: u64,
}

impl Breaker {
    /// A closed one.
    pub const fn new(options: BreakerOptions) -> Self {
        Self { options, state: State::Closed, latest: VecDeque::new(), opened: 0 }
    }

    /// Other options from now on; its state stays.
    pub const fn set(&mut self, options: BreakerOptions) {
        self.options = options;
    }

    /// The stable name of its state.
    pub const fn state(&self) -> &'static str {
        match self.state {
            State::Closed => "closed",
            State::Open { .. } => "open",
            State::HalfOpen { .. } => "half_open",
        }
    }

    /// True while attempts say something about single requests, not about the destination.
    pub const fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// How often it opened.
    pub const fn opened(&self) -> u64 {
        self.opened
    }

    /// What may be done at `now`. A probe that is allowed must be reported.
    pub fn ask(&mut self, now: Duration) -> Permission {
        match self.state {
            State::Closed => Permission::Yes,
            State::Open { until, .. } if now < until => Permission::NotBefore(until),
            State::Open { tried, .. } => {
                self.state = State::HalfOpen { tried, probing: true, succeeded: 0 };
                Permission::Probe
            }
            State::HalfOpen { probing: true, .. } => Permission::AfterProbe,
            State::HalfOpen { tried, succeeded, .. } => {
                self.state = State::HalfOpen { tried, probing: true, succeeded };
                Permission::Probe
            }
        }
    }

    /// A permission that was not used.
    pub fn unused(&mut self) {
        if let State::HalfOpen { probing, .. } = &mut self.state {
            *probing = false;
        }
    }

    /// An attempt was answered as it should be.
    pub fn succeeded(&mut self) {
        match self.state {
            State::Closed => self.note(false),
            State::HalfOpen { tried, succeeded, .. } if succeeded + 1 < self.options.probes => {
                let succeeded = succeeded + 1;
                self.state = State::HalfOpen { tried, probing: false, succeeded };
            }
            State::HalfOpen { .. } => {
                self.state = State::Closed;
                self.latest.clear();
            }
            // A late answer to what was sent before it opened.
            State::Open { .. } => {}
        }
    }

    /// An attempt failed in a way that another may not.
    pub fn failed(&mut self, now: Duration, chance: u64) {
        match self.state {
            State::Closed => {
                self.note(true);
                let failed = self.latest.iter().filter(|failed| **failed).count();
                let enough = self.latest.len() >= self.options.least;
                if enough && failed * 100 >= self.options.failed_percent * self.latest.len() {
                    self.open(now, 0, chance);
                }
            }
            State::HalfOpen { tried, .. } => self.open(now, tried.saturating_add(1), chance),
            State::Open { .. } => {}
        }
    }

    /// From half of the span to all of it, so that destinations that failed together are not tried
    /// together.
    fn open(&mut self, now: Duration, tried: u32, chance: u64) {
        let doubled = self.options.open_for.saturating_mul(1_u32 << tried.min(16));
        let span = doubled.min(self.options.open_for_max);
        let until = now + span / 2 + share_of(span / 2, chance);
        self.state = State::Open { until, tried };
        self.latest.clear();
        self.opened += 1;
    }

    fn note(&mut self, failed: bool) {
        self.latest.push_back(failed);
        while self.latest.len() > self.options.window {
            self.latest.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn it_opens_probes_and_closes() {
        let mut breaker = Breaker::new(BreakerOptions::default());
        for _ in 0..5 {
            assert_eq!(breaker.ask(SECOND), Permission::Yes);
            breaker.failed(SECOND, u64::MAX);
        }
        assert_eq!(breaker.state(), "open");
        assert!(matches!(breaker.ask(2 * SECOND), Permission::NotBefore(_)));
        assert_eq!(breaker.ask(4 * SECOND), Permission::Probe);
        assert_eq!(breaker.ask(4 * SECOND), Permission::AfterProbe);
        breaker.failed(4 * SECOND, u64::MAX);
        assert!(matches!(breaker.ask(7 * SECOND), Permission::NotBefore(_)), "it waits longer");
        assert_eq!(breaker.ask(9 * SECOND), Permission::Probe);
        breaker.succeeded();
        assert_eq!(breaker.ask(9 * SECOND), Permission::Probe);
        breaker.succeeded();
        assert_eq!((breaker.ask(9 * SECOND), breaker.opened()), (Permission::Yes, 2));
    }

    #[test]
    fn a_minority_of_failures_does_not_open_it() {
        let mut breaker = Breaker::new(BreakerOptions::default());
        for round in 0..100 {
            if round % 3 == 0 {
                breaker.failed(SECOND, 0)
            } else {
                breaker.succeeded()
            }
            assert!(breaker.is_closed());
        }
    }

    proptest! {
        #[test]
        fn at_most_one_probe_is_under_way(moves in proptest::collection::vec((0_u8..4, 0_u64..5_000, any::<u64>()), 1..200)) {
            let mut breaker = Breaker::new(BreakerOptions::default());
            let (mut now, mut probing) = (Duration::ZERO, false);
            for (step, later, chance) in moves {
                now += Duration::from_millis(later);
                match step {
                    0 | 1 => match breaker.ask(now) {
                        Permission::Probe => {
                            prop_assert!(!probing);
                            probing = true;
                        }
                        Permission::NotBefore(until) => prop_assert!(until > now && until <= now + Duration::from_secs(60)),
                        Permission::AfterProbe => prop_assert!(probing),
                        Permission::Yes => prop_assert!(breaker.is_closed()),
                    },
                    2 => { breaker.succeeded(); probing = false; }
                    _ => { breaker.failed(now, chance); probing = false; }
                }
            }
        }
    }
}
