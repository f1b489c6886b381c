//! What timeouts and full buffers add: an attempt that fails is made again, so load makes retries and retries
//! make load. The steady state is a fixed point; where there are two, an overload that has begun does not end.
//!
//! Attempts of one request are taken as independent, retries as Poisson like what they repeat: both make the
//! calm state look calmer than it is, so that state is simulated, too.

use super::end_to_end::attempt;
use super::loaded::Loaded;
use super::visit::Journey;
use crate::confidence::Confidence;
use crate::queue::retry::attempts_mean;
use alloc::vec;
use alloc::vec::Vec;

/// Chance of a failed attempt below which nothing is fed back.
const FELT: f64 = 1e-9;
/// A change of that chance that counts as none.
const SETTLED: f64 = 1e-7;
/// Rounds to the fixed point; close to the load at which it vanishes it is approached slowly.
const ROUNDS_MAX: u32 = 400;
/// And in plans of more than this many flows.
const ROUNDS_LARGE_MAX: u32 = 30;
const LARGE: usize = 2_000;

/// How far figures with retries can be trusted: retries come a timeout after what they repeat, when the queue is
/// still long, so that there are more of them. The simulator says how many.
pub(super) const CONFIDENCE: Confidence = Confidence::Approximation { error: 0.3 };

/// From which side the fixed point is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// Nothing has failed yet: the state that a calm start leads to.
    Calm,
    /// Every attempt has timed out: the state that an overload leaves behind.
    Storm,
}

/// Why an attempt fails apart from what the plan says: refused at a full buffer, or answered too late.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Failing {
    refused: f64,
    late: f64,
}

impl Failing {
    fn of(loaded: &Loaded<'_, '_>, flow: usize) -> Self {
        let journey = &loaded.journeys[flow];
        let losses = journey.visits.iter().take(journey.acknowledged + 1);
        let losses = losses.filter_map(|visit| loaded.queues[visit.hop].loss);
        let through: f64 = losses.map(|loss| 1.0 - loss.value).product();
        let timeout = loaded.flow(flow).timeout.map(|timeout| timeout.0);
        let late = timeout.map_or(0.0, |timeout| match attempt(loaded, flow) {
            Some(time) if time.is_far_below(timeout) => 0.0,
            Some(time) => time.tail(timeout),
            None => late_in_overload(loaded, flow, timeout),
        });
        let felt = |chance: f64| if chance < FELT { 0.0 } else { chance.min(1.0) };
        Self { refused: felt(1.0 - through), late: felt(late) }
    }

    fn change(self, other: Self) -> f64 {
        libm::fabs(self.refused - other.refused).max(libm::fabs(self.late - other.late))
    }
}

/// Under an overload of known length the wait grows evenly up to (rho - 1) times that length; under one of
/// unknown length everything is late in the end.
fn late_in_overload(loaded: &Loaded<'_, '_>, flow: usize, timeout: f64) -> f64 {
    let Some(lasts) = loaded.scenario.lasts else { return 1.0 };
    let journey = &loaded.journeys[flow];
    let asked = journey.visits.iter().take(journey.acknowledged + 1);
    let hops = asked.map(|visit| loaded.utilisation(visit.hop));
    let longest = (hops.fold(0.0, f64::max) - 1.0) * lasts;
    if longest > timeout { 1.0 - timeout / longest } else { 0.0 }
}

/// The network with the retries that its load makes; `None` when it makes none.
pub(super) fn settle<'t, 'p>(loaded: &Loaded<'t, 'p>, from: From) -> Option<Loaded<'t, 'p>> {
    let retries = |flow: &usize| loaded.flow(*flow).attempts.0 > 1;
    let flows: Vec<usize> = (0..loaded.journeys.len()).filter(retries).collect();
    let mut failing = vec![Failing::default(); flows.len()];
    if from == From::Storm {
        for (flow, failing) in flows.iter().zip(&mut failing) {
            failing.late = f64::from(u8::from(loaded.flow(*flow).timeout.is_some()));
        }
    }
    let mut state: Option<Loaded<'t, 'p>> = None;
    if failing.iter().any(|one| *one != Failing::default()) {
        state = Some(with_retries(loaded, &flows, &failing));
    }
    let rounds = if flows.len() > LARGE { ROUNDS_LARGE_MAX } else { ROUNDS_MAX };
    for _ in 0..rounds {
        let seen = state.as_ref().unwrap_or(loaded);
        let next: Vec<Failing> = flows.iter().map(|flow| Failing::of(seen, *flow)).collect();
        let moved = next.iter().zip(&failing).map(|(next, before)| next.change(*before));
        let moved = moved.fold(0.0, f64::max);
        if moved <= SETTLED {
            break;
        }
        failing = next;
        state = Some(with_retries(loaded, &flows, &failing));
    }
    state
}

fn with_retries<'t, 'p>(
    loaded: &Loaded<'t, 'p>,
    flows: &[usize],
    failing: &[Failing],
) -> Loaded<'t, 'p> {
    let mut journeys = loaded.journeys.clone();
    for (flow, failing) in flows.iter().zip(failing) {
        repeat(&mut journeys[*flow], loaded, *flow, *failing);
    }
    Loaded::of_journeys(loaded.topology, loaded.scenario, journeys)
}

/// Makes a journey's requests as often as its attempts fail.
fn repeat(journey: &mut Journey, loaded: &Loaded<'_, '_>, flow: usize, failing: Failing) {
    let most = loaded.flow(flow).attempts.0;
    let planned = journey.sender_attempts;
    let attempts = |through: f64| attempts_mean(1.0 - journey.attempt_success * through, most);
    let all = attempts((1.0 - failing.refused) * (1.0 - failing.late));
    let refused = attempts(1.0 - failing.refused);
    for visit in &mut journey.visits {
        // Where expired work is dropped, repeating what was late costs the line but not the servers.
        let dropped = loaded.topology.components[visit.hop].drops_expired;
        let work = if dropped { refused } else { all };
        visit.load.repeat(all / planned, work / planned);
    }
    journey.amplification *= all / planned;
    journey.sender_attempts = all;
}
