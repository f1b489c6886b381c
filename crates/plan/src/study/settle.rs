//! What formulas leave open is simulated: quorums of queues that see the same arrivals, storms, bursts.

use super::feedback;
use super::loaded::Loaded;
use super::storms::storm_at;
use super::topology::has_service;
use crate::confidence::{Confidence, Figure};
use crate::queue::fork_join;
use crate::queue::retry::Storm;
use crate::report::Settled;
use crate::simulate::{
    Burst, Discipline, Distribution, Interval, JobClass, Length, Model, Outcome, Stage, Station,
    StormModel,
};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Replications of each question.
const REPLICATIONS: u64 = 6;
/// Jobs of one replication.
pub(super) const JOBS: f64 = 40_000.0;
/// Questions of one kind that are settled at most.
const QUESTIONS_MAX: usize = 8;
/// Requests per second to which a storm is scaled down: loads and times stay, so does the outcome.
const STORM_RATE: f64 = 400.0;
/// Most servers that are simulated one by one.
pub(super) const SERVERS_MAX: u32 = 256;

/// Increase of a hop's load by its own retries from which they are simulated.
const RETRIES_FELT: f64 = 1.001;

pub(super) fn figure(values: &[f64]) -> Option<Figure> {
    let Interval { mean, low, high } = Interval::of(values);
    Figure::new(mean, Confidence::Simulated { low, high })
}

/// Settles what a load leaves open.
pub(super) fn settle(loaded: &Loaded<'_, '_>, seed: u64) -> Vec<Settled> {
    let mut settled = quorums(loaded, seed);
    settled.extend(storms(loaded, seed));
    settled.extend(retries(loaded, seed));
    settled.extend(bursts(loaded, seed));
    settled.extend(super::rung_settle::rungs(loaded, seed));
    settled
}

pub(super) fn run(model: &Model, length: Length, seed: u64) -> Vec<Outcome> {
    (0..REPLICATIONS).map(|number| model.run(length, seed.wrapping_add(number))).collect()
}

/// The first hop that gets copies: each copy's queue sees all requests of the hop that are copied.
fn quorums(loaded: &Loaded<'_, '_>, seed: u64) -> Vec<Settled> {
    let mut settled = Vec::new();
    for flow in 0..loaded.journeys.len() {
        let (described, journey) = (loaded.flow(flow), &loaded.journeys[flow]);
        let Some(fan_out) = described.fan_out.as_ref().filter(|fan_out| fan_out.copies.0 > 1)
        else {
            continue;
        };
        let Some(visit) = journey.visits.get(journey.copied_from) else { continue };
        let queue = &loaded.queues[visit.hop];
        let servers = loaded.capacities[visit.hop].servers;
        let calm = has_service(loaded.topology.components[visit.hop])
            && queue.utilisation < 0.97
            && servers <= SERVERS_MAX;
        if !calm || visit.load.requests <= 0.0 || settled.len() >= QUESTIONS_MAX {
            continue;
        }
        // One copy's queue: its part of the servers, its part of the requests.
        let copies = fan_out.copies.0;
        let each = (servers / copies).max(1);
        let arrivals = queue.utilisation * f64::from(each) / visit.service_mean;
        let service =
            Distribution::gamma(visit.service_mean, scv(visit.service_mean, visit.service_second));
        let stage =
            Stage { stations: (0..copies as usize).collect(), quorum: fan_out.quorum.0, service };
        let station = Station { servers: each, discipline: Discipline::Fifo, room: None };
        let class = JobClass::new(Distribution::Exponential(1.0 / arrivals), Vec::from([stage]));
        let model =
            Model { stations: (0..copies).map(|_| station).collect(), classes: Vec::from([class]) };
        let until = JOBS / arrivals;
        let outcomes = run(&model, Length { warm_up: 0.1 * until, until }, seed);
        let values: Vec<f64> =
            outcomes.iter().map(|outcome| outcome.classes[0].sojourns.quantile(0.99)).collect();
        let branch = visit.service_mean / (1.0 - queue.utilisation);
        let formula = (each == 1).then(|| {
            fork_join::quorum_quantile(
                copies,
                fan_out.quorum.0,
                0.99,
                |time| libm::exp(-time / branch),
                branch,
            )
        });
        let hop = &loaded.topology.components[visit.hop].name;
        settled.extend(figure(&values).map(|figure| Settled {
            what: format!(
                "`{}` at `{hop}`: p99 until {} of {copies} copies are there, seconds",
                described.name, fan_out.quorum.0
            ),
            question: String::from("copies see the same arrivals, so they are not independent"),
            figure,
            formula,
            events: outcomes.iter().map(|outcome| outcome.events).sum(),
        }));
    }
    settled
}

pub(super) fn scv(mean: f64, second: f64) -> f64 {
    if mean > 0.0 { (second / (mean * mean) - 1.0).max(0.0) } else { 0.0 }
}

fn storms(loaded: &Loaded<'_, '_>, seed: u64) -> Vec<Settled> {
    let vulnerable = (0..loaded.loads.len())
        .filter_map(|hop| Some((hop, storm_at(loaded, hop).filter(Storm::lasts)?)));
    let settle = |(hop, storm): (usize, Storm)| {
        let model = StormModel {
            arrivals: STORM_RATE,
            service_rate: STORM_RATE / storm.load,
            timeout: storm.timeout.min(20.0),
            attempts: libm::ceil(storm.attempts) as u32,
            room: storm.queue_holds.map(|held| (held * STORM_RATE / storm.load) as u32),
            drops_expired: !storm.serves_expired,
            budget: None,
            stall: (30.0, 40.0),
            horizon: 150.0,
        };
        let runs: Vec<_> =
            (0..REPLICATIONS).map(|number| model.run(seed.wrapping_add(number))).collect();
        let values: Vec<f64> = runs.iter().map(|run| run.goodput_after).collect();
        figure(&values).map(|figure| Settled {
            what: format!(
                "`{}`: goodput two minutes after a stall of 10 s",
                loaded.topology.components[hop].name
            ),
            question: String::from("does the retry storm end by itself?"),
            figure,
            formula: None,
            events: runs.iter().map(|run| run.offered + run.served).sum(),
        })
    };
    vulnerable.take(QUESTIONS_MAX).filter_map(settle).collect()
}

/// Hops whose load makes retries without any stall: how many attempts a request really takes.
fn retries(loaded: &Loaded<'_, '_>, seed: u64) -> Vec<Settled> {
    let Some(calm) = feedback::settle(loaded, feedback::From::Calm) else { return Vec::new() };
    let felt = |hop: &usize| {
        has_service(loaded.topology.components[*hop])
            && loaded.queues[*hop].utilisation < 1.0
            && calm.queues[*hop].utilisation > loaded.queues[*hop].utilisation * RETRIES_FELT
    };
    let settle = |hop: usize| {
        let storm = storm_at(loaded, hop)?;
        let arrivals = storm.load * f64::from(loaded.capacities[hop].servers)
            / (loaded.loads[hop].work / loaded.loads[hop].requests.max(1e-300));
        let horizon = JOBS / arrivals;
        let model = StormModel {
            arrivals,
            service_rate: arrivals / storm.load,
            timeout: storm.timeout,
            attempts: libm::ceil(storm.attempts) as u32,
            room: storm.queue_holds.map(|held| (held * arrivals / storm.load) as u32),
            drops_expired: !storm.serves_expired,
            budget: None,
            stall: (2.0 * horizon, 2.0 * horizon),
            horizon,
        };
        let runs: Vec<_> =
            (0..REPLICATIONS).map(|number| model.run(seed.wrapping_add(number))).collect();
        let values: Vec<f64> = runs.iter().map(|run| run.offered as f64 / JOBS).collect();
        figure(&values).map(|figure| Settled {
            what: format!("`{}`: attempts of one request", loaded.topology.components[hop].name),
            question: String::from("late answers are asked for again: how often, and does it end?"),
            figure,
            formula: Some(calm.queues[hop].utilisation / storm.load),
            events: runs.iter().map(|run| run.offered + run.served).sum(),
        })
    };
    let hops = (0..loaded.loads.len()).filter(felt).take(QUESTIONS_MAX);
    hops.filter_map(settle).collect()
}

/// The longest wait of a burst that does not fit, scaled to a bearable number of requests.
fn bursts(loaded: &Loaded<'_, '_>, seed: u64) -> Vec<Settled> {
    let Some(lasts) = loaded.scenario.lasts else { return Vec::new() };
    let over = (0..loaded.loads.len()).filter(|hop| {
        loaded.queues[*hop].utilisation > 1.0
            && loaded.queues[*hop].loss.is_none()
            && has_service(loaded.topology.components[*hop])
    });
    let settle = |hop: usize| {
        let utilisation = loaded.queues[hop].utilisation;
        let rate = (JOBS / lasts).min(loaded.loads[hop].requests);
        let base = 0.5 / utilisation;
        let service = utilisation / rate;
        let mut class = JobClass::new(
            Distribution::Exponential(1.0 / (rate * base)),
            Vec::from([Stage::at(0, Distribution::Exponential(service))]),
        );
        class.burst = Some(Burst { from: 0.1 * lasts, until: 1.1 * lasts, multiplier: 1.0 / base });
        let station = Station { servers: 1, discipline: Discipline::Fifo, room: None };
        let model = Model { stations: Vec::from([station]), classes: Vec::from([class]) };
        let outcomes = run(&model, Length { warm_up: 0.0, until: 1.2 * lasts }, seed);
        let values: Vec<f64> =
            outcomes.iter().map(|outcome| outcome.classes[0].waits.quantile(0.9999)).collect();
        figure(&values).map(|figure| Settled {
            what: format!(
                "`{}` in `{}`: longest wait, seconds",
                loaded.topology.components[hop].name, loaded.scenario.name
            ),
            question: String::from("how long is the wait at the end of the burst?"),
            figure,
            formula: Some((utilisation - 1.0) * lasts),
            events: outcomes.iter().map(|outcome| outcome.events).sum(),
        })
    };
    over.take(QUESTIONS_MAX).filter_map(settle).collect()
}
