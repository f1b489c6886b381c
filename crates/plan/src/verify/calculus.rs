//! Cases of network calculus.

use super::case::{Inputs, numbers_of};
use super::judge::{Answering, Asked, Computed, bounded};
use crate::network::calculus::{Course, Multiplexing, Network, RateLatency, TokenBucket};
use alloc::boxed::Box;
use alloc::vec::Vec;
use serde_json::Value;

/// One flow at one server, several flows at one server, or flows over several servers.
pub(super) fn calculus(inputs: Inputs<'_>) -> Option<Answering<'_>> {
    if inputs.has("flows") {
        return network(inputs);
    }
    let server = RateLatency { rate: inputs.number("R")?, latency: inputs.number("T")? };
    let arrivals = TokenBucket { rate: inputs.number("r")?, burst: inputs.number("b")? };
    let peak = inputs.any(&["p", "peak"]);
    let packet = inputs.any(&["M", "packet"]).unwrap_or(0.0);
    Some(Box::new(move |key: &str, _: Asked| {
        let delay = match peak {
            Some(peak) => server.delay_with_peak(arrivals, peak, packet),
            None => server.delay(arrivals),
        };
        Some(bounded(match key {
            "delay_bound" | "delay" | "d" => delay,
            "backlog_bound" | "backlog" | "v" => server.backlog(arrivals),
            "output_burst" => server.output(arrivals).map(|output| output.burst),
            "output_rate" => server.output(arrivals).map(|output| output.rate),
            _ => return None,
        }))
    }))
}

fn course(flow: &Value, servers: usize) -> Option<Course> {
    let (rate, burst, path) = match flow {
        Value::Object(fields) => {
            let fields = Inputs(fields);
            let path = fields.value("path").and_then(numbers_of);
            (fields.number("r")?, fields.number("b")?, path)
        }
        _ => {
            let pair = numbers_of(flow)?;
            (*pair.first()?, *pair.get(1)?, None)
        }
    };
    let path: Vec<usize> = match path {
        Some(path) => path.iter().map(|hop| *hop as usize).collect(),
        None => (0..servers).collect(),
    };
    let known = path.iter().all(|hop| *hop < servers);
    known.then_some(Course { arrivals: TokenBucket { burst, rate }, path })
}

fn network(inputs: Inputs<'_>) -> Option<Answering<'_>> {
    let servers: Vec<RateLatency> = match inputs.value("servers") {
        Some(servers) => servers
            .as_array()?
            .iter()
            .filter_map(|server| match server {
                Value::Object(fields) => {
                    let fields = Inputs(fields);
                    Some(RateLatency { rate: fields.number("R")?, latency: fields.number("T")? })
                }
                _ => {
                    let pair = numbers_of(server)?;
                    Some(RateLatency { rate: *pair.first()?, latency: *pair.get(1)? })
                }
            })
            .collect(),
        None => {
            Vec::from([RateLatency { rate: inputs.number("R")?, latency: inputs.number("T")? }])
        }
    };
    let flows: Option<Vec<Course>> =
        inputs.value("flows")?.as_array()?.iter().map(|flow| course(flow, servers.len())).collect();
    let network = Network { servers, flows: flows? };
    Some(Box::new(move |key: &str, _: Asked| answer(&network, key)))
}

/// `TFA_FIFO_delay`, `SFA_ARB_delay_flow6`, `PMOO_ARB_backlog`.
fn answer(network: &Network, key: &str) -> Option<Computed> {
    let (key, flow) = match key.rsplit_once("_flow") {
        Some((key, flow)) => (key, flow.parse().ok()?),
        None => (key, 0),
    };
    if flow >= network.flows.len() {
        return None;
    }
    let order = if key.contains("FIFO") { Multiplexing::Fifo } else { Multiplexing::Arbitrary };
    let (method, wants_delay) = (key.split('_').next()?, key.ends_with("delay"));
    if !wants_delay && !key.ends_with("backlog") {
        return None;
    }
    let pick = |both: Option<(f64, f64)>| {
        both.map(|(delay, backlog)| if wants_delay { delay } else { backlog })
    };
    Some(bounded(match method {
        "TFA" => {
            let (delay, backlog) = network.total_flow(flow, order);
            if wants_delay { delay } else { backlog }
        }
        "SFA" => pick(network.separate_flow(flow, order)),
        "PMOO" => pick(network.paid_once(flow)),
        _ => return None,
    }))
}
