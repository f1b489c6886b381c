//! Deterministic network calculus: worst cases for traffic inside token buckets.
//!
//! Arrivals at most b + r t in any time t, service at least R (t - T). [Le Boudec and Thiran 2001]

use alloc::vec::Vec;

/// At most `burst` at once and `rate` in the long run; `peak`, where known, limits how fast a burst comes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TokenBucket {
    /// b.
    pub burst: f64,
    /// r.
    pub rate: f64,
}

impl TokenBucket {
    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self { burst: self.burst + other.burst, rate: self.rate + other.rate }
    }

    /// All of several.
    pub fn sum(all: impl Iterator<Item = Self>) -> Self {
        all.fold(Self { burst: 0.0, rate: 0.0 }, Self::and)
    }
}

/// Service of at least `rate`, after at most `latency`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLatency {
    /// R.
    pub rate: f64,
    /// T.
    pub latency: f64,
}

/// How a hop orders flows that meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Multiplexing {
    /// First come, first served.
    Fifo,
    /// Any order: the flow looked at may always come last.
    Arbitrary,
}

impl RateLatency {
    /// T + b / R; `None` when more comes than goes.
    pub fn delay(self, arrivals: TokenBucket) -> Option<f64> {
        let stable = arrivals.rate <= self.rate && self.rate > 0.0;
        stable.then(|| self.latency + arrivals.burst / self.rate)
    }

    /// Delay of traffic whose bursts come at `peak` in packets of at most `packet`:
    /// M/R + (b - M)/R (p - R)^+ / (p - r) + T.
    pub fn delay_with_peak(self, arrivals: TokenBucket, peak: f64, packet: f64) -> Option<f64> {
        let stable = arrivals.rate <= self.rate && self.rate > 0.0 && peak > arrivals.rate;
        stable.then(|| {
            let excess = (peak - self.rate).max(0.0) / (peak - arrivals.rate);
            packet / self.rate
                + (arrivals.burst - packet).max(0.0) / self.rate * excess
                + self.latency
        })
    }

    /// b + r T; `None` when more comes than goes.
    pub fn backlog(self, arrivals: TokenBucket) -> Option<f64> {
        (arrivals.rate <= self.rate).then_some(arrivals.burst + arrivals.rate * self.latency)
    }

    /// What leaves: burst b + r T, the same rate.
    pub fn output(self, arrivals: TokenBucket) -> Option<TokenBucket> {
        self.backlog(arrivals).map(|burst| TokenBucket { burst, rate: arrivals.rate })
    }

    /// One hop after the other: the smaller rate, both latencies. Bursts are paid only once.
    pub fn then(self, next: Self) -> Self {
        Self { rate: self.rate.min(next.rate), latency: self.latency + next.latency }
    }

    /// What is left beside other traffic. Arbitrary order (and strict priority of the others): rate
    /// R - r, latency (R T + b) / (R - r). First come, first served: rate R - r, latency T + b / R.
    pub fn beside(self, others: TokenBucket, order: Multiplexing) -> Option<Self> {
        let rate = self.rate - others.rate;
        if rate <= 0.0 {
            return None;
        }
        let latency = match order {
            Multiplexing::Arbitrary => (self.rate * self.latency + others.burst) / rate,
            Multiplexing::Fifo => self.latency + others.burst / self.rate,
        };
        Some(Self { rate, latency })
    }

    /// The longest time an aggregate may be busy without a break: (R T + b) / (R - r). It bounds the
    /// delay under any order.
    pub fn busy_period(self, arrivals: TokenBucket) -> Option<f64> {
        let spare = self.rate - arrivals.rate;
        (spare > 0.0).then(|| (self.rate * self.latency + arrivals.burst) / spare)
    }
}

/// A flow through servers of a [`Network`].
#[derive(Clone, Debug, PartialEq)]
pub struct Course {
    /// Its arrivals.
    pub arrivals: TokenBucket,
    /// The servers in order.
    pub path: Vec<usize>,
}

/// Servers and the flows through them, without cycles.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// Servers.
    pub servers: Vec<RateLatency>,
    /// Flows.
    pub flows: Vec<Course>,
}

/// Longest chain of servers followed back; a longer one is a cycle.
const DEPTH_MAX: usize = 64;

impl Network {
    /// What flows of `members` bring to a server, as it leaves the servers before. Flows that come from the
    /// same server are bounded together, beside those that part from them there. `None` when unstable or cyclic.
    fn arriving(
        &self,
        members: &[usize],
        server: usize,
        order: Multiplexing,
        depth: usize,
    ) -> Option<TokenBucket> {
        if depth > DEPTH_MAX {
            return None;
        }
        let mut sum = TokenBucket { burst: 0.0, rate: 0.0 };
        let mut from: Vec<(usize, Vec<usize>)> = Vec::new();
        for flow in members {
            let course = self.flows.get(*flow)?;
            let at = course.path.iter().position(|hop| *hop == server)?;
            match at.checked_sub(1).and_then(|before| course.path.get(before)) {
                None => sum = sum.and(course.arrivals),
                Some(before) => match from.iter_mut().find(|(known, _)| known == before) {
                    Some((_, group)) => group.push(*flow),
                    None => from.push((*before, Vec::from([*flow]))),
                },
            }
        }
        for (before, group) in from {
            let here =
                |flow: &usize| !group.contains(flow) && self.flows[*flow].path.contains(&before);
            let others: Vec<usize> = (0..self.flows.len()).filter(here).collect();
            let entering = self.arriving(&group, before, order, depth + 1)?;
            let beside = self.arriving(&others, before, order, depth + 1)?;
            let service = self.servers.get(before)?.beside(beside, order)?;
            sum = sum.and(service.output(entering)?);
        }
        Some(sum)
    }

    fn crossing(&self, server: usize) -> Vec<usize> {
        (0..self.flows.len()).filter(|flow| self.flows[*flow].path.contains(&server)).collect()
    }

    /// Total flow analysis: the aggregate's delay at each server of a flow's path, added. Largest backlog
    /// of a server beside it.
    pub fn total_flow(&self, flow: usize, order: Multiplexing) -> (Option<f64>, Option<f64>) {
        let (mut delay, mut backlog) = (Some(0.0), Some(0.0_f64));
        for server in self.flows.get(flow).map_or(&[][..], |course| course.path.as_slice()) {
            let arriving = self.arriving(&self.crossing(*server), *server, order, 0);
            let service = self.servers.get(*server).copied();
            let both = arriving.zip(service);
            let here = both.and_then(|(arriving, service)| match order {
                Multiplexing::Fifo => service.delay(arriving),
                Multiplexing::Arbitrary => service.busy_period(arriving),
            });
            delay = delay.zip(here).map(|(sum, here)| sum + here);
            let held = both.and_then(|(arriving, service)| service.backlog(arriving));
            backlog = backlog.zip(held).map(|(most, held)| most.max(held));
        }
        (delay, backlog)
    }

    /// The other flows alone: those of a network from which one is taken. It comes last, so they do not
    /// feel it.
    fn without(&self, flow: usize) -> Self {
        let others = self.flows.iter().enumerate().filter(|(at, _)| *at != flow);
        Self {
            servers: self.servers.clone(),
            flows: others.map(|(_, course)| course.clone()).collect(),
        }
    }

    /// Separate flow analysis: what each server leaves to the flow, joined end to end. Delay and backlog.
    pub fn separate_flow(&self, flow: usize, order: Multiplexing) -> Option<(f64, f64)> {
        let course = self.flows.get(flow)?;
        let others = self.without(flow);
        let mut whole: Option<RateLatency> = None;
        for server in &course.path {
            let beside = others.arriving(&others.crossing(*server), *server, order, 0)?;
            let left = self.servers.get(*server)?.beside(beside, order)?;
            whole = Some(whole.map_or(left, |before| before.then(left)));
        }
        let service = whole?;
        Some((service.delay(course.arrivals)?, service.backlog(course.arrivals)?))
    }

    /// Pay multiplexing only once: rate min(R - sum r), latency sum T + sum over others of
    /// (b + r sum of T on shared servers) / rate. Arbitrary order. [Schmitt, Zdarsky, Martinovic 2008]
    pub fn paid_once(&self, flow: usize) -> Option<(f64, f64)> {
        let course = self.flows.get(flow)?;
        let others = self.without(flow);
        let mut rate = f64::INFINITY;
        let mut latency = 0.0;
        for server in &course.path {
            let service = self.servers.get(*server)?;
            let crossing = others.crossing(*server);
            let taken: f64 = crossing.iter().map(|at| others.flows[*at].arrivals.rate).sum();
            rate = rate.min(service.rate - taken);
            latency += service.latency;
        }
        if rate <= 0.0 {
            return None;
        }
        for (at, other) in others.flows.iter().enumerate() {
            let shared: Vec<usize> =
                other.path.iter().copied().filter(|hop| course.path.contains(hop)).collect();
            let Some(entry) = shared.first() else { continue };
            let entering = others.arriving(&[at], *entry, Multiplexing::Arbitrary, 0)?;
            let waits: f64 =
                shared.iter().filter_map(|hop| self.servers.get(*hop)).map(|hop| hop.latency).sum();
            latency += (entering.burst + entering.rate * waits) / rate;
        }
        let service = RateLatency { rate, latency };
        Some((service.delay(course.arrivals)?, service.backlog(course.arrivals)?))
    }
}
