//! Cases of packets and TCP.

use super::case::Inputs;
use super::judge::{Answering, Asked, Computed};
use super::key::numbers;
use crate::network::packet::{Headers, Wrapping, packets_per_second, wire_message};
use crate::network::tcp;
use alloc::boxed::Box;

fn number(value: f64) -> Option<Computed> {
    Some(Computed::Number(value))
}

fn headers(inputs: Inputs<'_>, mtu: f64) -> Headers {
    let flag = |key: &str, usual: bool| {
        inputs.value(key).and_then(|value| value.as_bool()).unwrap_or(usual)
    };
    let version =
        inputs.any(&["ip_version"]).unwrap_or(if flag("ipv6", false) { 6.0 } else { 4.0 });
    Headers {
        mtu,
        ip: if version == 6.0 { 40.0 } else { 20.0 },
        transport: if flag("timestamps", true) { 32.0 } else { 20.0 },
        tag: if flag("vlan", false) { 4.0 } else { 0.0 },
    }
}

/// Bits per second in `1GbE`, `10GbE`, `400GbE`.
fn ethernet(key: &str) -> Option<f64> {
    let word = key.split('_').find(|word| word.ends_with("GbE"))?;
    word.trim_end_matches("GbE").parse::<f64>().ok().map(|gigabits| gigabits * 1e9)
}

pub(super) fn frames(inputs: Inputs<'_>) -> Option<Answering<'_>> {
    let first = inputs.numbers("mtu")?.first().copied()?;
    Some(Box::new(move |key: &str, _: Asked| {
        if let Some(rest) = key.strip_prefix("goodput_frac_") {
            return number(headers(inputs, rest.parse().ok()?).goodput_share());
        }
        if key.starts_with("goodput_Mbps") {
            let mtu = numbers(key.split("GbE").nth(1)?).next().unwrap_or(first);
            return number(headers(inputs, mtu).goodput_share() * ethernet(key)? / 1e6);
        }
        let size = key.strip_prefix("max_pps_")?.split('_').next()?;
        match size.strip_suffix('B') {
            Some(frame) => number(packets_per_second(ethernet(key)?, frame.parse().ok()?)),
            None => number(packets_per_second(ethernet(key)?, size.parse::<f64>().ok()? + 18.0)),
        }
    }))
}

pub(super) fn message(inputs: Inputs<'_>) -> Option<Answering<'_>> {
    let payload = inputs.number("payload")?;
    let head = inputs.any(&["http_headers", "head"]).unwrap_or(0.0);
    let compression = inputs.any(&["compression", "compression_ratio"]).unwrap_or(1.0);
    let encrypted = inputs.value("tls").is_some_and(|tls| {
        tls.as_str() != Some("none") && tls.as_bool() != Some(false) && !tls.is_null()
    });
    let wrapping = if encrypted { Wrapping::Encrypted } else { Wrapping::Plain };
    let headers = headers(inputs, inputs.number("mtu").unwrap_or(1500.0));
    Some(Box::new(move |key: &str, _: Asked| {
        let (batch, what) = key.strip_prefix("batch")?.split_once('_')?;
        let batch: f64 = batch.parse().ok()?;
        let message = wire_message(batch * payload / compression + head, headers, wrapping);
        match what {
            "wire_fwd" | "wire" => number(message.bytes),
            "wire_per_event" => number(message.bytes / batch),
            "segments" | "packets" => number(message.segments),
            "segments_per_event" => number(message.segments / batch),
            "acks" => number(message.acks),
            "acks_wire" | "wire_rev" | "ack_bytes" => number(message.ack_bytes),
            "wire_both_per_event" => number((message.bytes + message.ack_bytes) / batch),
            _ => None,
        }
    }))
}

pub(super) fn loss_limited(inputs: Inputs<'_>) -> Option<Answering<'_>> {
    let (segment, round_trip) = (inputs.number("mss_bytes")?, inputs.time("rtt")?);
    let loss = inputs.any(&["p", "loss"]);
    Some(Box::new(move |key: &str, _: Asked| {
        if let Some(loss) = loss {
            let rate =
                |constant: f64| number(tcp::loss_limited(segment, round_trip, loss, constant));
            match key {
                "rate_bps" | "bw_bps" | "mathis_bps" => return rate(tcp::MATHIS),
                "rate_delayed_ack_bps" | "mathis_delayed_bps" => return rate(tcp::MATHIS_DELAYED),
                "rfc3649_bps" => return rate(tcp::RFC_3649),
                "pftk_bps" => {
                    return number(tcp::loss_limited_with_timeouts(segment, round_trip, loss));
                }
                _ => {}
            }
        }
        let (what, target) = key.split_once('_')?;
        let (digits, scale) = match target.strip_suffix("Mbps") {
            Some(digits) => (digits, 1e6),
            None => (target.strip_suffix("Gbps")?, 1e9),
        };
        let window = tcp::window_packets(digits.parse::<f64>().ok()? * scale, round_trip, segment);
        match what {
            "W" => number(window),
            "p" => number(tcp::loss_for_window(window)),
            _ => None,
        }
    }))
}

pub(super) fn window_limited(inputs: Inputs<'_>) -> Option<Answering<'_>> {
    let (line, round_trip) = (inputs.number("link_bps")?, inputs.time("rtt")?);
    let window = inputs.any(&["window_bytes", "window"]);
    Some(Box::new(move |key: &str, _: Asked| match key {
        "bdp_bytes" => number(tcp::bandwidth_delay_bytes(line, round_trip)),
        "bdp_packets" => {
            number(tcp::bandwidth_delay_bytes(line, round_trip) / inputs.any(&["mss_bytes"])?)
        }
        "utilisation" | "utilization" => {
            number((tcp::window_limited(window?, round_trip) / line).min(1.0))
        }
        "rate_bps" => number(tcp::window_limited(window?, round_trip).min(line)),
        _ if key.starts_with("rate_") && key.ends_with("_bps") => {
            number(tcp::window_limited(window?, round_trip).min(line))
        }
        _ => None,
    }))
}
