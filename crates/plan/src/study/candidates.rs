//! Options worth measuring at a hop: each with its overlay and its cost, where a price is known.

use super::hop_report::parts;
use super::loaded::Loaded;
use super::overlay::{bits, component, path, per_second, quoted, seconds, table};
use super::storms::storm_at;
use crate::inventory::{Class, Component, Flow, Kind, Scheduling};
use crate::report::{FailureReport, Fault, RemedyKind, Resource, ScenarioKind};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Bandwidths that are sold, bit/s.
const LINES: [f64; 14] =
    [1e8, 1e9, 2.5e9, 5e9, 1e10, 2.5e10, 4e10, 5e10, 1e11, 2e11, 4e11, 8e11, 1.6e12, 3.2e12];
/// Events in a batch that an option proposes, and how long it waits for them.
const BATCH: u32 = 50;
const LINGER_LEAST: f64 = 0.02;
const LINGER_MOST: f64 = 1.0;
/// Part of a deadline that may be spent on filling a batch.
const LINGER_OF_DEADLINE: f64 = 0.25;
/// Nodes near the users that gather events when the plan has no edge of its own.
const EDGE_NODES: u32 = 10;
/// Compression of JSON in batches by a fast general compressor, and of single events.
const COMPRESSION_BATCH: f64 = 4.0;
const COMPRESSION_SINGLE: f64 = 2.0;
/// From this many bytes on an event fills requests and packets by itself: batches bring nothing.
const BATCHABLE_BYTES: f64 = 8192.0;
/// Below this many bytes compression brings nothing.
const COMPRESSIBLE_BYTES: f64 = 200.0;
/// Flows that one option changes at once.
const FLOWS_MAX: usize = 8;
/// Single points of failure for which a second instance is proposed.
const SPARES_MAX: usize = 3;

/// An option before it is measured.
pub(super) struct Candidate {
    pub(super) kind: RemedyKind,
    pub(super) hop: String,
    pub(super) what: String,
    pub(super) overlay: String,
    pub(super) cost_per_month: Option<f64>,
}

/// Everything that may help at a hop.
pub(super) fn at_hop(loaded: &Loaded<'_, '_>, hop: usize) -> Vec<Candidate> {
    let mut found = capacity(loaded, hop);
    found.extend(batching(loaded, hop));
    found.extend(compression(loaded, hop));
    found.extend(edge_aggregation(loaded, hop));
    found.extend(isolation(loaded, hop));
    found.extend(priority(loaded, hop));
    found.extend(staggering(loaded, hop));
    found.extend(retry_budget(loaded, hop));
    found.extend(shedding(loaded, hop));
    found
}

fn candidate(
    kind: RemedyKind,
    hop: &Component,
    what: String,
    overlay: String,
    cost: Option<f64>,
) -> Candidate {
    Candidate { kind, hop: hop.name.clone(), what, overlay, cost_per_month: cost }
}

/// Cost of so many times the capacity at the price of today.
fn pro_rata(component: &Component, times: f64) -> Option<f64> {
    component.cost_per_month.map(|cost| cost.0 * (times - 1.0).max(0.0))
}

fn capacity(loaded: &Loaded<'_, '_>, hop: usize) -> Vec<Candidate> {
    let component = loaded.topology.components[hop];
    let (utilisation, Some(resource)) =
        loaded.loads[hop].fullest(component, &loaded.capacities[hop])
    else {
        return Vec::new();
    };
    let mut found = price_steps(component);
    let times = utilisation / (1.0 - loaded.headroom_policy(hop)).max(0.05);
    if times <= 1.0 {
        return found;
    }
    let (what, key, value, bought) = match resource {
        Resource::ForwardBits | Resource::ReverseBits => {
            let now = component.bandwidth.map_or(0.0, |bandwidth| bandwidth.0);
            let least = now * times;
            let line = LINES.iter().copied().find(|line| *line >= least).unwrap_or(least);
            (format!("a line of {:.1} Gbit/s", line / 1e9), "bandwidth", bits(line), line / now)
        }
        Resource::Packets => {
            let now = component.packets.map_or(0.0, |packets| packets.0);
            (format!("{:.0} packets/s", now * times), "packets", per_second(now * times), times)
        }
        Resource::Service => {
            let servers = libm::ceil(f64::from(component.servers.0) * times).min(1e6);
            let bought = servers / f64::from(component.servers.0);
            (
                format!("{servers:.0} servers instead of {}", component.servers.0),
                "servers",
                format!("{servers:.0}"),
                bought,
            )
        }
        Resource::Events => {
            let now = component.events.map_or(0.0, |events| events.0);
            (
                format!("a ceiling of {:.0} events/s", now * times),
                "events",
                per_second(now * times),
                times,
            )
        }
        Resource::VendorLimit => return found,
    };
    let overlay = table("components", &component.name, &[(key, value)]);
    found.push(candidate(
        RemedyKind::Capacity,
        component,
        what,
        overlay,
        pro_rata(component, bought),
    ));
    found
}

fn price_steps(component: &Component) -> Vec<Candidate> {
    let today = component.cost_per_month.map_or(0.0, |cost| cost.0);
    let step = |step: &crate::inventory::PriceStep| {
        let mut keys: Vec<(&str, String)> = Vec::new();
        keys.extend(step.bandwidth.map(|bandwidth| ("bandwidth", bits(bandwidth.0))));
        keys.extend(step.servers.map(|servers| ("servers", servers.0.to_string())));
        keys.extend(step.events.map(|events| ("events", per_second(events.0))));
        keys.push(("cost_per_month", format!("{:?}", step.cost_per_month.0)));
        let bought: Vec<String> = [
            step.bandwidth.map(|bandwidth| format!("{:.1} Gbit/s", bandwidth.0 / 1e9)),
            step.servers.map(|servers| format!("{} servers", servers.0)),
            step.events.map(|events| format!("{:.0} events/s", events.0)),
        ]
        .into_iter()
        .flatten()
        .collect();
        let what = format!("the price step to {}", bought.join(", "));
        let overlay = table("components", &component.name, &keys);
        candidate(
            RemedyKind::Capacity,
            component,
            what,
            overlay,
            Some(step.cost_per_month.0 - today),
        )
    };
    component.price_steps.iter().map(step).collect()
}

/// The largest flows at a hop's fullest resource that may be changed in a way.
fn largest<'p>(loaded: &Loaded<'_, 'p>, hop: usize, fits: impl Fn(&Flow) -> bool) -> Vec<&'p Flow> {
    let resource =
        loaded.loads[hop].fullest(loaded.topology.components[hop], &loaded.capacities[hop]).1;
    let flows = parts(loaded, hop, resource).into_iter().map(|(flow, _)| loaded.flow(flow));
    flows.filter(|flow| fits(flow)).take(FLOWS_MAX).collect()
}

/// A flow can wait a little for a batch to fill.
fn can_batch(flow: &Flow) -> bool {
    let patient =
        |deadline: crate::quantity::Seconds| deadline.0 * LINGER_OF_DEADLINE > LINGER_LEAST;
    flow.batch.0 < BATCH && flow.payload.0 < BATCHABLE_BYTES && flow.deadline.is_none_or(patient)
}

fn can_compress(flow: &Flow) -> bool {
    flow.compression.0 == 1.0 && flow.payload.0 * f64::from(flow.batch.0) >= COMPRESSIBLE_BYTES
}

/// Long enough to fill a batch, where the deadline allows.
fn linger(flow: &Flow, senders: u32) -> f64 {
    let fill = f64::from(BATCH) * f64::from(senders) / flow.rate.0.max(1e-9);
    let most = flow.usable_deadline().map_or(LINGER_MOST, |deadline| deadline * LINGER_OF_DEADLINE);
    libm::ceil(fill.clamp(LINGER_LEAST, most.clamp(LINGER_LEAST, LINGER_MOST)) * 1e3) / 1e3
}

fn batch_keys(flow: &Flow, senders: u32) -> Vec<(&'static str, String)> {
    Vec::from([("batch", BATCH.to_string()), ("linger", seconds(linger(flow, senders)))])
}

fn of_flows(flows: &[&Flow], keys: impl Fn(&Flow) -> Vec<(&'static str, String)>) -> String {
    flows.iter().map(|flow| table("flows", &flow.name, &keys(flow))).collect::<Vec<_>>().join("\n")
}

fn called(flows: &[&Flow]) -> String {
    flows.iter().map(|flow| format!("`{}`", flow.name)).collect::<Vec<_>>().join(", ")
}

fn batching(loaded: &Loaded<'_, '_>, hop: usize) -> Option<Candidate> {
    let flows = largest(loaded, hop, can_batch);
    let flow = *flows.first()?;
    let wait = linger(flow, flow.senders.0) * 1e3;
    let what = format!("`{}` in batches of {BATCH}, waiting at most {wait:.0} ms", flow.name);
    let overlay = of_flows(&[flow], |flow| batch_keys(flow, flow.senders.0));
    Some(candidate(RemedyKind::Batching, loaded.topology.components[hop], what, overlay, Some(0.0)))
}

fn ratio(flow: &Flow) -> f64 {
    if flow.batch.0 > 1 { COMPRESSION_BATCH } else { COMPRESSION_SINGLE }
}

fn compression(loaded: &Loaded<'_, '_>, hop: usize) -> Option<Candidate> {
    let flows = largest(loaded, hop, can_compress);
    let flow = *flows.first()?;
    let what = format!("`{}` compressed {:.0} to 1", flow.name, ratio(flow));
    let overlay =
        of_flows(&[flow], |flow| Vec::from([("compression", format!("{:?}", ratio(flow)))]));
    Some(candidate(
        RemedyKind::Compression,
        loaded.topology.components[hop],
        what,
        overlay,
        Some(0.0),
    ))
}

/// Nodes near the users take events from many senders, so that batches fill.
fn edge_aggregation(loaded: &Loaded<'_, '_>, hop: usize) -> Option<Candidate> {
    let fits = |flow: &Flow| can_batch(flow) && can_compress(flow) && flow.class == Class::Ingest;
    let flows = largest(loaded, hop, fits);
    if flows.is_empty() {
        return None;
    }
    let edges = loaded.topology.components.iter().filter(|component| component.kind == Kind::Edge);
    let nodes = edges.map(|edge| edge.instances.0).max().unwrap_or(EDGE_NODES);
    let what = format!(
        "{} gathered by {nodes} nodes near the users, in batches of {BATCH}, compressed {COMPRESSION_BATCH:.0} to 1",
        called(&flows)
    );
    let keys = |flow: &Flow| {
        let nodes = nodes.min(flow.senders.0.max(1));
        let mut keys = batch_keys(flow, nodes);
        keys.push(("senders", nodes.to_string()));
        keys.push(("compression", format!("{COMPRESSION_BATCH:?}")));
        keys
    };
    let overlay = of_flows(&flows, keys);
    Some(candidate(
        RemedyKind::EdgeAggregation,
        loaded.topology.components[hop],
        what,
        overlay,
        None,
    ))
}

/// The class that is not the riskiest one's gets a hop of its own, of the same kind and price.
fn isolation(loaded: &Loaded<'_, '_>, hop: usize) -> Option<Candidate> {
    let original = loaded.topology.components[hop];
    let present: Vec<&Flow> = loaded.visits(hop).map(|(flow, _)| loaded.flow(flow)).collect();
    let riskiest = present.iter().max_by_key(|flow| (flow.risk, core::cmp::Reverse(&flow.name)))?;
    let resource = loaded.loads[hop].fullest(original, &loaded.capacities[hop]).1;
    let largest = parts(loaded, hop, resource).into_iter().map(|(flow, _)| loaded.flow(flow).class);
    let class = largest.into_iter().find(|class| *class != riskiest.class)?;
    let moved: Vec<&Flow> = present.iter().copied().filter(|flow| flow.class == class).collect();
    let name = format!("{} for {}", original.name, class.name());
    if loaded.topology.position(&name).is_some() || moved.len() > 200 {
        return None;
    }
    let keys = |flow: &Flow| {
        let way: Vec<String> = flow
            .path
            .iter()
            .map(|hop| if *hop == original.name { name.clone() } else { hop.clone() })
            .collect();
        Vec::from([("path", path(&way))])
    };
    let overlay = format!("{}\n{}", component(original, &name), of_flows(&moved, keys));
    let what = format!("{} on a {} of its own", class.name(), original.kind.name());
    Some(candidate(
        RemedyKind::Isolation,
        original,
        what,
        overlay,
        original.cost_per_month.map(|cost| cost.0),
    ))
}

fn priority(loaded: &Loaded<'_, '_>, hop: usize) -> Option<Candidate> {
    let component = loaded.topology.components[hop];
    let levels: BTreeSet<u32> =
        loaded.visits(hop).map(|(flow, _)| loaded.flow(flow).priority.0).collect();
    if component.scheduling == Scheduling::StrictPriority || levels.len() < 2 {
        return None;
    }
    let overlay = table(
        "components",
        &component.name,
        &[("scheduling", quoted(Scheduling::StrictPriority.name()))],
    );
    let what = format!("strict priority among {} levels", levels.len());
    Some(candidate(RemedyKind::Priority, component, what, overlay, Some(0.0)))
}

/// What can wait runs at another time: in this load it is not there.
fn staggering(loaded: &Loaded<'_, '_>, hop: usize) -> Option<Candidate> {
    let component = loaded.topology.components[hop];
    let patient =
        |flow: &Flow| matches!(flow.class, Class::Backfill | Class::Telemetry) && flow.rate.0 > 0.0;
    let flows = largest(loaded, hop, patient);
    if flows.is_empty() {
        return None;
    }
    let overlay = match loaded.scenario.kind {
        ScenarioKind::NamedPeak => {
            let rates: Vec<String> =
                flows.iter().map(|flow| format!("{} = \"0/s\"", quoted(&flow.name))).collect();
            table(
                "peaks",
                &loaded.scenario.name,
                &[("flows", format!("{{ {} }}", rates.join(", ")))],
            )
        }
        ScenarioKind::Peak => {
            of_flows(&flows, |flow| Vec::from([("peak", per_second(flow.rate.0))]))
        }
        _ => of_flows(&flows, |_| {
            Vec::from([("rate", String::from("\"0/s\"")), ("peak", quoted("none"))])
        }),
    };
    let what = format!("{} at another time", called(&flows));
    Some(candidate(RemedyKind::Staggering, component, what, overlay, Some(0.0)))
}

fn retry_budget(loaded: &Loaded<'_, '_>, hop: usize) -> Option<Candidate> {
    let flows = largest(loaded, hop, |flow| flow.attempts.0 > 2);
    if flows.is_empty() {
        return None;
    }
    let overlay = of_flows(&flows, |_| Vec::from([("attempts", String::from("2"))]));
    let what = format!("at most one retry for {}", called(&flows));
    Some(candidate(
        RemedyKind::RetryBudget,
        loaded.topology.components[hop],
        what,
        overlay,
        Some(0.0),
    ))
}

fn shedding(loaded: &Loaded<'_, '_>, hop: usize) -> Option<Candidate> {
    let component = loaded.topology.components[hop];
    let storm = storm_at(loaded, hop).filter(|storm| storm.lasts())?;
    let overlay = table("components", &component.name, &[("drops_expired", String::from("true"))]);
    let what = format!(
        "work older than its sender's timeout ({:.1} s) is dropped: no retry storm lasts",
        storm.timeout
    );
    Some(candidate(RemedyKind::Shedding, component, what, overlay, Some(0.0)))
}

/// A second instance where one failure ends the most value.
pub(super) fn spare(loaded: &Loaded<'_, '_>, failures: &[FailureReport]) -> Vec<Candidate> {
    let mut single: Vec<(&FailureReport, &Component)> = failures
        .iter()
        .filter(|failure| !failure.lost.is_empty())
        .filter_map(|failure| match &failure.fault {
            Fault::Component { name } => {
                let component = loaded.topology.components[loaded.topology.position(name)?];
                (component.instances.0 == 1 && component.kind != Kind::Sdk)
                    .then_some((failure, component))
            }
            _ => None,
        })
        .collect();
    single.sort_by(|one, two| {
        let value = two.0.lost_value_per_hour.total_cmp(&one.0.lost_value_per_hour);
        value
            .then(two.0.lost_events_per_s.total_cmp(&one.0.lost_events_per_s))
            .then_with(|| one.1.name.cmp(&two.1.name))
    });
    let second = |(failure, component): &(&FailureReport, &Component)| {
        let what = format!(
            "a second instance: its failure ends {} flow{}",
            failure.lost.len(),
            if failure.lost.len() == 1 { "" } else { "s" }
        );
        let overlay = table("components", &component.name, &[("instances", String::from("2"))]);
        candidate(
            RemedyKind::Failover,
            component,
            what,
            overlay,
            component.cost_per_month.map(|cost| cost.0),
        )
    };
    single.iter().take(SPARES_MAX).map(second).collect()
}
