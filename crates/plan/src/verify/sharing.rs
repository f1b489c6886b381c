//! Cases of fair shares and of scaling.

use super::case::{Inputs, numbers_of};
use super::judge::{Answering, Asked, Computed, bounded};
use super::key::member;
use crate::network::scalability::{best_workers, scaled_throughput};
use crate::network::share::{Demand, progressive_filling};
use alloc::boxed::Box;
use alloc::vec::Vec;
use serde_json::Value;

fn number(value: f64) -> Option<Computed> {
    Some(Computed::Number(value))
}

/// One capacity with demands, or links with flows that name the links they use.
pub(super) fn fair(inputs: Inputs<'_>) -> Option<Answering<'_>> {
    let (capacities, demands) = match inputs.numbers("capacity").or_else(|| inputs.numbers("links"))
    {
        Some(capacities) if inputs.has("demands") => {
            let wants = inputs.numbers("demands")?;
            let weights = inputs.numbers("weights").unwrap_or_default();
            let demand = |(at, wants): (usize, &f64)| Demand {
                wants: *wants,
                weight: weights.get(at).copied().unwrap_or(1.0),
                uses: Vec::from([(0, 1.0)]),
            };
            (capacities, wants.iter().enumerate().map(demand).collect::<Vec<_>>())
        }
        Some(capacities) => {
            let flows: Option<Vec<Demand>> = inputs
                .value("flows")?
                .as_array()?
                .iter()
                .map(|flow| over_links(flow, capacities.len()))
                .collect();
            (capacities, flows?)
        }
        None => return None,
    };
    if demands.iter().any(|demand| demand.weight <= 0.0) {
        return None;
    }
    let given = progressive_filling(&capacities, &demands);
    Some(Box::new(move |key: &str, _: Asked| {
        if key == "total" {
            return number(given.iter().sum());
        }
        let (_, which) = key.rsplit_once('_')?;
        number(given[member(which, given.len(), 0)?])
    }))
}

fn over_links(flow: &Value, links: usize) -> Option<Demand> {
    let flow = Inputs(flow.as_object()?);
    let path = flow.value("path").or_else(|| flow.value("links")).and_then(numbers_of)?;
    let uses: Vec<(usize, f64)> = path.iter().map(|link| (*link as usize, 1.0)).collect();
    if uses.iter().any(|(link, _)| *link >= links) {
        return None;
    }
    let wants = flow.number("demand").unwrap_or(1e18);
    Some(Demand { wants, weight: flow.number("weight").unwrap_or(1.0), uses })
}

pub(super) fn scalability(inputs: Inputs<'_>) -> Option<Answering<'_>> {
    let one = inputs.any(&["gamma", "X1", "x1"]).unwrap_or(1.0);
    let (contention, coherence) =
        (inputs.any(&["alpha", "sigma"])?, inputs.any(&["beta", "kappa"])?);
    Some(Box::new(move |key: &str, _: Asked| match key {
        "N_star" | "N_max" | "N_opt" => Some(bounded(best_workers(contention, coherence))),
        "X_max" | "X_star" => {
            let best = best_workers(contention, coherence)?;
            number(scaled_throughput(one, contention, coherence, best))
        }
        _ => {
            let workers: f64 =
                key.strip_prefix("X_").or_else(|| key.strip_prefix("X"))?.parse().ok()?;
            number(scaled_throughput(one, contention, coherence, workers))
        }
    }))
}
