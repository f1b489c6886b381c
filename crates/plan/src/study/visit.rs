//! What one flow brings to each component of its path: messages, attempts, copies.

use super::topology::{HopLoad, Topology};
use crate::inventory::{Archetype, Component, Flow, Protocol};
use crate::network::packet::{Headers, WireMessage, Wrapping, wire_message};
use crate::queue::batch::Filling;
use crate::queue::retry::{attempts_mean, success};
use crate::report::PacketReport;
use alloc::vec;
use alloc::vec::Vec;

/// How one flow is offered in one scenario.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Offer {
    /// Events per second.
    pub(super) rate: f64,
    /// Part of the payload that is sent; a rung may trim it.
    pub(super) payload: f64,
}

/// One flow at one component.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Visit {
    pub(super) hop: usize,
    pub(super) load: HopLoad,
    /// Mean service time of one request on one server.
    pub(super) service_mean: f64,
    /// And its second moment.
    pub(super) service_second: f64,
    /// Copies of each request that come here.
    pub(super) copies: f64,
}

/// One flow on one path.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Journey {
    pub(super) visits: Vec<Visit>,
    pub(super) filling: Filling,
    pub(super) packets: PacketReport,
    /// Bits of one request and of one answer on the wire.
    pub(super) request_bits: f64,
    pub(super) response_bits: f64,
    /// Bits of one event's content, for TCP's ceiling.
    pub(super) content_bits_per_event: f64,
    pub(super) segment_bytes: f64,
    /// Attempts of the sender, and the largest amplification at any hop.
    pub(super) sender_attempts: f64,
    pub(super) amplification: f64,
    pub(super) success: f64,
    /// Chance that one attempt of the sender is answered, load apart.
    pub(super) attempt_success: f64,
    /// Chance that what was answered comes through the rest of the path, load apart.
    pub(super) behind_success: f64,
    /// The visit that answers the sender.
    pub(super) acknowledged: usize,
    /// First visit that gets copies; the number of visits when there is none.
    pub(super) copied_from: usize,
}

/// Times the mean rate at which an archetype bursts when nobody said.
pub(super) fn usual_burst(archetype: Archetype) -> Option<(f64, f64)> {
    match archetype {
        Archetype::BurstIngest => Some((5.0, 30.0)),
        Archetype::AlertFanOut => Some((10.0, 10.0)),
        _ => None,
    }
}

/// Events per second while the flow bursts.
pub(super) fn peak_rate(flow: &Flow) -> f64 {
    let usual = flow.archetype.and_then(usual_burst).map_or(1.0, |(times, _)| times);
    flow.peak.map_or(flow.rate.0 * usual, |peak| peak.0)
}

/// How long the burst lasts; `None` when it does not burst or nobody said.
pub(super) fn burst_seconds(flow: &Flow) -> Option<f64> {
    flow.burst
        .map(|burst| burst.0)
        .or_else(|| flow.archetype.and_then(usual_burst).map(|(_, seconds)| seconds))
}

/// Squared coefficient of variation of the times between requests.
pub(super) fn arrival_scv(flow: &Flow) -> f64 {
    flow.arrival_scv.map_or(1.0, |scv| scv.0)
}

fn wrapping(protocol: Protocol) -> Wrapping {
    match protocol {
        Protocol::Udp => Wrapping::Datagram,
        _ if protocol.is_encrypted() => Wrapping::Encrypted,
        _ => Wrapping::Plain,
    }
}

/// Mean and second moment of the service time of a request of `batch` events: their service times are
/// independent, so variances add.
fn service(component: &Component, batch: f64) -> (f64, f64) {
    let event = component.service.map_or(0.0, |time| time.0);
    let request = component.service_per_request.map_or(0.0, |time| time.0);
    let scv = component.service_scv.map_or(1.0, |scv| scv.0);
    let mean = request + batch * event;
    let variance = scv * (request * request + batch * event * event);
    (mean, mean * mean + variance)
}

/// Requests per second that reach each hop for one request offered, and the chance to succeed.
struct Attempts {
    sender: f64,
    reach: Vec<f64>,
    success: f64,
    once: f64,
    behind: f64,
}

/// Retries in layers: a component that retries calls the next one up to its `attempts` times; the sender
/// calls the first. What fails at a hop does not reach the next. In = out + failed, at every hop.
/// What answers the sender ends its retries: what fails behind that is not called again by it.
fn attempts(
    flow: &Flow,
    path: &[usize],
    components: &[&Component],
    acknowledged: usize,
) -> Attempts {
    let mut onward = 1.0;
    let mut chances = vec![1.0; path.len()];
    for (at, hop) in path.iter().enumerate().rev() {
        let component = components[*hop];
        let ends = at + 1 == path.len() || at == acknowledged;
        let below = if ends { 1.0 } else { success(1.0 - onward, component.attempts.0) };
        onward = (1.0 - component.failure.0) * below;
        chances[at] = onward;
    }
    let sender = attempts_mean(1.0 - onward, flow.attempts.0);
    let mut rate = sender;
    let mut reach = Vec::with_capacity(path.len());
    for (at, hop) in path.iter().enumerate() {
        reach.push(rate);
        let component = components[*hop];
        if let Some(next) = chances.get(at + 1) {
            rate *= (1.0 - component.failure.0) * attempts_mean(1.0 - next, component.attempts.0);
        }
    }
    let behind = chances.get(acknowledged + 1).zip(path.get(acknowledged));
    let behind = behind.map_or(1.0, |(next, hop)| success(1.0 - next, components[*hop].attempts.0));
    Attempts {
        sender,
        reach,
        success: success(1.0 - onward, flow.attempts.0) * behind,
        once: onward,
        behind,
    }
}

impl Journey {
    /// A flow on a path under an offer.
    pub(super) fn new(topology: &Topology<'_>, flow: &Flow, path: &[usize], offer: Offer) -> Self {
        let senders = f64::from(flow.senders.0);
        let filling =
            Filling::new(offer.rate / senders, flow.batch.0, flow.linger.map(|linger| linger.0));
        let batch = filling.events_mean;
        let mtu = topology.path_mtu(path);
        let datagram = flow.protocol == Protocol::Udp;
        let headers = if datagram { Headers::udp(mtu) } else { Headers::tcp(mtu) };
        let head = flow.head.map_or(flow.protocol.head_bytes(), |head| head.0);
        let body = batch * flow.payload.0 * offer.payload / flow.compression.0;
        let request = wire_message(body + head, headers, wrapping(flow.protocol));
        let answer = if flow.response.0 > 0.0 { flow.response.0 + head } else { 0.0 };
        let response = wire_message(answer, headers, wrapping(flow.protocol));
        // A lost packet is sent again: 1 / (1 - p) times as many.
        let again = 1.0 / (1.0 - flow.loss.0);
        let answers = flow.acknowledged_by.as_ref().and_then(|name| topology.position(name));
        let acknowledged = answers.and_then(|answers| path.iter().position(|hop| *hop == answers));
        let acknowledged = acknowledged.unwrap_or(path.len().saturating_sub(1));
        let tried = attempts(flow, path, &topology.components, acknowledged);
        let copies = Copies::of(flow, topology, path);
        let requests = offer.rate / batch;
        let visit = |(at, hop): (usize, &usize)| {
            let component = topology.components[*hop];
            let (service_mean, service_second) = service(component, batch);
            let copies = copies.at(at);
            let rate = requests * tried.reach[at] * copies;
            let load = loads(rate, [request, response], again, [service_mean, service_second]);
            let load = HopLoad { events: rate * batch, body_bytes: rate * (body + head), ..load };
            Visit { hop: *hop, load, service_mean, service_second, copies }
        };
        let visits: Vec<Visit> = path.iter().enumerate().map(visit).collect();
        let amplification = tried.reach.iter().copied().fold(tried.sender, f64::max);
        Self {
            visits,
            filling,
            packets: packets(batch, request, response, again),
            request_bits: request.bytes * 8.0,
            response_bits: response.bytes * 8.0,
            content_bits_per_event: (body + head) / batch * 8.0,
            segment_bytes: headers.segment_max(),
            sender_attempts: tried.sender,
            amplification,
            success: tried.success,
            attempt_success: tried.once,
            behind_success: tried.behind,
            acknowledged,
            copied_from: copies.from,
        }
    }
}

fn loads(rate: f64, messages: [WireMessage; 2], again: f64, service: [f64; 2]) -> HopLoad {
    let [request, response] = messages;
    HopLoad {
        requests: rate,
        forward_bits: rate * 8.0 * (request.bytes * again + response.ack_bytes),
        reverse_bits: rate * 8.0 * (response.bytes * again + request.ack_bytes),
        forward_packets: rate * (request.segments * again + response.acks),
        reverse_packets: rate * (response.segments * again + request.acks),
        work: rate * service[0],
        second: rate * service[1],
        ..HopLoad::default()
    }
}

fn packets(batch: f64, request: WireMessage, response: WireMessage, again: f64) -> PacketReport {
    PacketReport {
        batch,
        forward_bytes_per_event: (request.bytes * again + response.ack_bytes) / batch,
        reverse_bytes_per_event: (response.bytes * again + request.ack_bytes) / batch,
        forward_packets_per_event: (request.segments * again + response.acks) / batch,
        reverse_packets_per_event: (response.segments * again + request.acks) / batch,
    }
}

/// Where copies are made.
struct Copies {
    from: usize,
    number: f64,
}

impl Copies {
    fn of(flow: &Flow, topology: &Topology<'_>, path: &[usize]) -> Self {
        let none = Self { from: path.len(), number: 1.0 };
        let Some(fan_out) = flow.fan_out.as_ref().filter(|fan_out| fan_out.copies.0 > 1) else {
            return none;
        };
        let sender = fan_out.from.as_ref().and_then(|name| topology.position(name));
        let after =
            sender.and_then(|sender| path.iter().position(|hop| *hop == sender)).map(|at| at + 1);
        let last = path.len().saturating_sub(1);
        Self { from: after.unwrap_or(last).min(path.len()), number: f64::from(fan_out.copies.0) }
    }

    fn at(&self, visit: usize) -> f64 {
        if visit >= self.from { self.number } else { 1.0 }
    }
}
