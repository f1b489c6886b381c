//! Rungs of degradation in the simulator: classes are refused while a hop is too full, with hysteresis.

use super::loaded::Loaded;
use super::settle::{JOBS, SERVERS_MAX, figure, run, scv};
use super::topology::has_service;
use crate::inventory::{Class, Rung};
use crate::queue::markovian::Markovian;
use crate::report::Settled;
use crate::simulate::{Discipline, Distribution, JobClass, Length, Model, Shed, Stage, Station};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Kept work that fills more than this of a hop leaves nothing to find out.
const KEPT_MAX: f64 = 0.97;
/// Highest utilisation at which a number of waiting requests stands for it.
const WATCHED_MAX: f64 = 0.98;

/// Work of one fate at a hop.
#[derive(Default)]
struct Group {
    requests: f64,
    work: f64,
    second: f64,
}

/// Requests at a hop that stand for a utilisation: the mean number there when it is that full.
fn inside(utilisation: f64, servers: u32) -> u32 {
    let load = utilisation.min(WATCHED_MAX) * f64::from(servers);
    let queue = Markovian::new(load.max(1e-9), 1.0, servers);
    libm::ceil(queue.map_or(1.0, |queue| load * queue.sojourn_mean())) as u32
}

/// The fullest hop with servers under a load that passes a rung's threshold: how much of what may be refused
/// is refused when each rung comes and goes.
pub(super) fn rungs(loaded: &Loaded<'_, '_>, seed: u64) -> Vec<Settled> {
    let rungs = &loaded.topology.plan.policies.rungs;
    let served = (0..loaded.loads.len())
        .filter(|hop| has_service(loaded.topology.components[*hop]))
        .filter(|hop| loaded.capacities[*hop].servers <= SERVERS_MAX);
    let fullest = served.max_by(|one, two| {
        loaded.queues[*one].utilisation.total_cmp(&loaded.queues[*two].utilisation)
    });
    let Some(hop) = fullest else { return Vec::new() };
    let utilisation = loaded.queues[hop].utilisation;
    let taken: Vec<&Rung> = rungs.iter().filter(|rung| utilisation > rung.above.0).collect();
    let servers = loaded.capacities[hop].servers;
    let (kept, refused) = groups(loaded, hop, &taken);
    if refused.iter().all(|group| group.requests <= 0.0)
        || kept.work / f64::from(servers) > KEPT_MAX
        || kept.requests <= 0.0
    {
        return Vec::new();
    }
    let class = |group: &Group, shed: Option<Shed>| {
        let mean = group.work / group.requests;
        let service = Distribution::gamma(mean, scv(mean, group.second / group.requests));
        let arrivals = Distribution::Exponential(1.0 / group.requests);
        JobClass { shed, ..JobClass::new(arrivals, Vec::from([Stage::at(0, service)])) }
    };
    let mut classes = Vec::from([class(&kept, None)]);
    let mut asked = Vec::new();
    for (rung, group) in taken.iter().zip(&refused).filter(|(_, group)| group.requests > 0.0) {
        let above = inside(rung.above.0, servers);
        let below = inside(rung.below.0, servers).min(above.saturating_sub(1));
        classes.push(class(group, Some(Shed { station: 0, above, below })));
        asked.push(*rung);
    }
    let total: f64 = kept.requests + refused.iter().map(|group| group.requests).sum::<f64>();
    let station = Station { servers, discipline: Discipline::Fifo, room: None };
    let model = Model { stations: Vec::from([station]), classes };
    let until = JOBS / total;
    let outcomes = run(&model, Length { warm_up: 0.1 * until, until }, seed);
    let events = outcomes.iter().map(|outcome| outcome.events).sum();
    let name = &loaded.topology.components[hop].name;
    let told = |(at, rung): (usize, &&Rung)| {
        let part = |outcome: &crate::simulate::Outcome| {
            let class = &outcome.classes[at + 1];
            class.refused as f64 / class.arrived.max(1) as f64
        };
        let values: Vec<f64> = outcomes.iter().map(part).collect();
        Some(Settled {
            what: format!("rung `{}` at `{name}`: part refused of what it may refuse", rung.name),
            question: format!(
                "entered above {:.0} % and left at {:.0} %: how much does it cost?",
                rung.above.0 * 100.0,
                rung.below.0 * 100.0
            ),
            figure: figure(&values)?,
            formula: None,
            events,
        })
    };
    let mut settled: Vec<Settled> = asked.iter().enumerate().filter_map(told).collect();
    let waits: Vec<f64> =
        outcomes.iter().map(|outcome| outcome.classes[0].waits.quantile(0.99)).collect();
    settled.extend(figure(&waits).map(|figure| Settled {
        what: format!("`{name}` with its rungs: p99 of the wait of what is never refused, seconds"),
        question: String::from("does refusing keep the rest fast?"),
        figure,
        formula: None,
        events,
    }));
    settled
}

/// What is never refused, and what each rung refuses that none before it does.
fn groups(loaded: &Loaded<'_, '_>, hop: usize, taken: &[&Rung]) -> (Group, Vec<Group>) {
    let mut known: BTreeSet<Class> = BTreeSet::new();
    let mut newly: Vec<BTreeSet<Class>> = Vec::new();
    for rung in taken {
        let more = rung.sheds.iter().copied().filter(|class| !known.contains(class));
        newly.push(more.collect());
        known.extend(&rung.sheds);
    }
    let mut kept = Group::default();
    let mut refused: Vec<Group> = taken.iter().map(|_| Group::default()).collect();
    for (flow, visit) in loaded.visits(hop) {
        let class = loaded.flow(flow).class;
        let rung = newly.iter().position(|classes| classes.contains(&class));
        let group = rung.and_then(|rung| refused.get_mut(rung)).unwrap_or(&mut kept);
        group.requests += visit.load.requests;
        group.work += visit.load.work;
        group.second += visit.load.second;
    }
    (kept, refused)
}
