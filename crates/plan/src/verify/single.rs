//! Cases of one queue.

use super::case::Inputs;
use super::judge::{Answering, Asked, Computed};
use super::key::{numbers, quantile};
use crate::queue::batch::batch_system_mean;
use crate::queue::deterministic::Deterministic;
use crate::queue::finite::Finite;
use crate::queue::general::{self, Service};
use crate::queue::markovian::{Markovian, erlang_b};
use crate::queue::phase_type::{PhaseType, WithService};
use crate::simulate::{
    Discipline, Distribution, Interval, JobClass, Length, Model, Outcome, Stage, Station,
};
use alloc::boxed::Box;
use alloc::vec::Vec;

fn number(value: f64) -> Option<Computed> {
    Some(Computed::Number(value))
}

/// A wait or a time in system: `wq_p95` or `p95`.
enum Timed {
    Wait(f64),
    Sojourn(f64),
}

fn timed(key: &str) -> Option<Timed> {
    let lower = key.to_ascii_lowercase();
    if let Some(q) = lower.strip_prefix("wq_").and_then(quantile) {
        return Some(Timed::Wait(q));
    }
    quantile(lower.strip_prefix("w_").unwrap_or(&lower)).map(Timed::Sojourn)
}

/// Keys that follow from arrivals, mean wait and mean service by Little's law.
fn by_little(key: &str, arrivals: f64, wait: f64, service: f64) -> Option<Computed> {
    match key {
        "Wq" => number(wait),
        "W" | "T" | "R" => number(wait + service),
        "L" | "N" => number(arrivals * (wait + service)),
        "Lq" | "Nq" => number(arrivals * wait),
        _ => None,
    }
}

pub(super) fn markovian(inputs: Inputs<'_>) -> Option<Answering<'_>> {
    let arrivals = inputs.rate("lambda")?;
    let rate = inputs.service_rates()?.first().copied()?;
    let servers = inputs.any(&["c", "servers", "m"]).unwrap_or(1.0) as u32;
    let queue = Markovian::new(arrivals, rate, servers)?;
    Some(Box::new(move |key: &str, _: Asked| {
        if let Some(timed) = timed(key) {
            return number(match timed {
                Timed::Wait(q) => queue.wait_quantile(q),
                Timed::Sojourn(q) => queue.sojourn_quantile(q),
            });
        }
        match key {
            "rho" | "U" | "util" => number(queue.utilisation()),
            "p_wait" | "C" | "erlang_c" => number(queue.wait_chance()),
            "var_T" | "var_W" => number(queue.wait_variance() + 1.0 / (rate * rate)),
            "var_Wq" => number(queue.wait_variance()),
            "p0" if servers == 1 => number(1.0 - queue.utilisation()),
            _ => by_little(key, arrivals, queue.wait_mean(), 1.0 / rate),
        }
    }))
}

pub(super) fn erlang(inputs: Inputs<'_>) -> Option<Answering<'_>> {
    let one = inputs.any(&["c", "servers", "n"]).zip(
        inputs
            .any(&["a", "load", "erlangs"])
            .or_else(|| Some(inputs.rate("lambda")? / inputs.service_rates()?.first()?)),
    );
    let points: Vec<Vec<f64>> = match inputs.value("points") {
        Some(value) => value.as_array()?.iter().filter_map(super::case::numbers_of).collect(),
        None => Vec::new(),
    };
    Some(Box::new(move |key: &str, _: Asked| {
        let said: Vec<f64> =
            key.strip_prefix("B_").map(|rest| numbers(rest).collect()).unwrap_or_default();
        if let [servers, load] = said.as_slice() {
            return number(erlang_b(*servers as u32, *load));
        }
        if let [at] = said.as_slice() {
            let point = points.get(*at as usize)?;
            return number(erlang_b(*point.first()? as u32, *point.get(1)?));
        }
        let (servers, load) = one?;
        let blocked = erlang_b(servers as u32, load);
        match key {
            "B" | "loss" | "blocking" | "p_block" => number(blocked),
            "L" | "carried" => number(load * (1.0 - blocked)),
            "rho" | "U" => number(load * (1.0 - blocked) / servers),
            _ => None,
        }
    }))
}

pub(super) fn deterministic(inputs: Inputs<'_>) -> Option<Answering<'_>> {
    let arrivals = inputs.rate("lambda")?;
    let service = 1.0 / inputs.service_rates()?.first()?;
    let queue = Deterministic::new(arrivals, service)?;
    Some(Box::new(move |key: &str, _: Asked| {
        if let Some(timed) = timed(key) {
            return number(match timed {
                Timed::Wait(q) => queue.wait_quantile(q),
                Timed::Sojourn(q) => queue.wait_quantile(q) + service,
            });
        }
        match key {
            "rho" | "U" => number(queue.utilisation()),
            "p_wait" => number(queue.utilisation()),
            _ => by_little(key, arrivals, queue.wait_mean(), service),
        }
    }))
}

/// The branches of a hyperexponential: `{"p1", "mu1", "mu2"}`.
fn branches(inputs: Inputs<'_>) -> Option<Vec<(f64, f64)>> {
    let given = Inputs(inputs.value("h2")?.as_object()?);
    let chance = given.any(&["p1", "p"])?;
    Some(Vec::from([(chance, given.number("mu1")?), (1.0 - chance, given.number("mu2")?)]))
}

pub(super) fn general(inputs: Inputs<'_>) -> Option<Answering<'_>> {
    let arrivals = inputs.rate("lambda")?;
    let branches = branches(inputs);
    let service = match &branches {
        Some(branches) => Service::hyperexponential(branches),
        None => {
            let mean = 1.0 / inputs.service_rates()?.first()?;
            let mut service = Service::new(mean, inputs.any(&["scv", "cs2"])?);
            service.second = inputs.any(&["ES2", "second_moment"]).unwrap_or(service.second);
            service.third = inputs.any(&["ES3", "third_moment"]).unwrap_or(service.third);
            service
        }
    };
    let wait = general::poisson_wait_mean(arrivals, service)?;
    let scv = service.scv();
    // Percentiles need the whole distribution: two branches have it, moments alone do not.
    let shape = branches.unwrap_or_else(|| {
        let chance = 0.5 * (1.0 + libm::sqrt(((scv - 1.0) / (scv + 1.0)).max(0.0)));
        let rate = |chance: f64| 2.0 * chance / service.mean;
        Vec::from([(chance, rate(chance)), (1.0 - chance, rate(1.0 - chance))])
    });
    Some(Box::new(move |key: &str, _: Asked| {
        if let Some(timed) = timed(key) {
            let (q, with) = match timed {
                Timed::Wait(q) => (q, WithService::No),
                Timed::Sojourn(q) => (q, WithService::Yes),
            };
            return number(PhaseType::hyperexponential_queue(&shape, arrivals, with)?.quantile(q));
        }
        match key {
            "rho" | "U" | "p_wait" => number(arrivals * service.mean),
            "var_Wq" => number(general::poisson_wait_variance(arrivals, service)?),
            "var_W" | "var_T" => {
                number(general::poisson_wait_variance(arrivals, service)? + service.variance())
            }
            _ => by_little(key, arrivals, wait, service.mean),
        }
    }))
}

pub(super) fn finite(inputs: Inputs<'_>) -> Option<Answering<'_>> {
    let arrivals = inputs.rate("lambda")?;
    let rate = inputs.service_rates()?.first().copied()?;
    let servers = inputs.any(&["c", "servers"]).unwrap_or(1.0) as u32;
    let room = inputs
        .any(&["K_system", "K", "room"])
        .or_else(|| Some(inputs.any(&["buffer", "queue"])? + f64::from(servers)))?;
    let queue = Finite::new(arrivals, rate, servers, room as u32)?;
    Some(Box::new(move |key: &str, _: Asked| {
        if let Some(timed) = timed(key) {
            return match timed {
                Timed::Wait(q) => number(queue.wait_quantile(q)),
                Timed::Sojourn(q) => number(queue.sojourn_quantile(q)?),
            };
        }
        match key {
            "loss" | "P_K" | "p_block" | "blocking" => number(queue.loss()),
            "throughput" | "X" => number(queue.throughput()),
            "rho" => number(arrivals / rate / f64::from(servers)),
            "L" | "N" => number(queue.system_mean()),
            _ => by_little(key, queue.throughput(), queue.wait_mean(), 1.0 / rate),
        }
    }))
}

/// Customers of one replication of a check by simulation, and replications.
const CUSTOMERS: f64 = 1_500_000.0;
const REPLICATIONS: u64 = 8;

/// Outcomes of several seeds of a model that sees `arrivals` per unit of time.
pub(super) fn replicated(
    model: &Model,
    arrivals: f64,
    customers: f64,
    replications: u64,
) -> Vec<Outcome> {
    let until = customers / arrivals;
    let length = Length { warm_up: 0.05 * until, until };
    (1..=replications).map(|seed| model.run(length, seed)).collect()
}

pub(super) fn two_moments(inputs: Inputs<'_>) -> Option<Answering<'_>> {
    let arrivals = inputs.rate("lambda")?;
    let rate = inputs.service_rates()?.first().copied()?;
    let servers = inputs.any(&["c", "servers"]).unwrap_or(1.0) as u32;
    let (arrival_scv, service_scv) = (inputs.number("ca2")?, inputs.number("cs2")?);
    let queue = Markovian::new(arrivals, rate, servers)?;
    let gamma = (servers == 1)
        .then(|| general::gamma_wait_mean(arrivals, arrival_scv, 1.0 / rate, service_scv))
        .flatten();
    let simulated = move || {
        let class = JobClass::new(
            Distribution::gamma(1.0 / arrivals, arrival_scv),
            Vec::from([Stage::at(0, Distribution::gamma(1.0 / rate, service_scv))]),
        );
        let station = Station { servers, discipline: Discipline::Fifo, room: None };
        let model = Model { stations: Vec::from([station]), classes: Vec::from([class]) };
        replicated(&model, arrivals, CUSTOMERS, REPLICATIONS)
    };
    let exact_markov = arrival_scv == 1.0 && service_scv == 1.0;
    let wait = move |asked: Asked| match (asked, gamma) {
        (Asked::Simulation, _) if exact_markov => queue.wait_mean(),
        (Asked::Simulation, Some(exact)) => exact,
        (Asked::Simulation, None) => {
            let waits: Vec<f64> =
                simulated().iter().map(|outcome| outcome.classes[0].wait_mean()).collect();
            Interval::of(&waits).mean
        }
        (Asked::Formula, _) => general::corrected_wait(&queue, arrival_scv, service_scv),
    };
    Some(Box::new(move |key: &str, asked: Asked| {
        if let Some(timed) = timed(key) {
            let outcomes = simulated();
            let values: Vec<f64> = outcomes
                .iter()
                .map(|outcome| match timed {
                    Timed::Wait(q) => outcome.classes[0].waits.quantile(q),
                    Timed::Sojourn(q) => outcome.classes[0].sojourns.quantile(q),
                })
                .collect();
            return number(Interval::of(&values).mean);
        }
        let both = 0.5 * (arrival_scv + service_scv);
        match key {
            "rho" | "U" => number(queue.utilisation()),
            "allen_cunneen_Wq" => number(general::allen_cunneen(&queue, arrival_scv, service_scv)),
            "klb_Wq" => number(general::corrected_wait(&queue, arrival_scv, service_scv)),
            "sakasegawa_Wq" => {
                number(general::sakasegawa(queue.utilisation(), rate, servers, both))
            }
            "kingman_Wq" | "kingman_approx_Wq" if servers == 1 => {
                let utilisation = queue.utilisation();
                number(utilisation / (1.0 - utilisation) * both / rate)
            }
            "kingman_bound" | "Wq_bound" | "kingman_bound_Wq" if servers == 1 => {
                number(general::kingman_bound(
                    arrivals,
                    arrival_scv,
                    Service::new(1.0 / rate, service_scv),
                )?)
            }
            _ => by_little(key, arrivals, wait(asked), 1.0 / rate),
        }
    }))
}

pub(super) fn batches(inputs: Inputs<'_>) -> Option<Answering<'_>> {
    let batches = inputs
        .rate("batch_rate")
        .or_else(|| inputs.rate("lambda_b"))
        .or_else(|| inputs.rate("lambda"))?;
    let rate = inputs.service_rates()?.first().copied()?;
    let mean = inputs.any(&["batch", "batch_mean", "EX"])?;
    let second = inputs.any(&["batch_second_moment", "EX2"]).unwrap_or(mean * mean);
    let inside = batch_system_mean(batches, mean, second, rate)?;
    let arrivals = batches * mean;
    Some(Box::new(move |key: &str, _: Asked| match key {
        "rho" | "U" => number(arrivals / rate),
        _ => by_little(key, arrivals, inside / arrivals - 1.0 / rate, 1.0 / rate),
    }))
}
