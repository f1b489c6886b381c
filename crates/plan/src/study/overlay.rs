//! Overlays as text: what an option would change, in the form of a plan file.

use crate::inventory::{Buffer, Component, Domains};
use crate::quantity::{BitRate, PerSecond, Seconds};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A TOML string.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            letter if letter.is_control() => out.push_str(&format!("\\u{:04X}", letter as u32)),
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

fn list(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    format!("[{}]", quoted.join(", "))
}

/// A list of names.
pub(super) fn path(names: &[String]) -> String {
    list(names)
}

/// A table of an array of tables, with keys already written as TOML values.
pub(super) fn table(section: &str, name: &str, keys: &[(&str, String)]) -> String {
    let mut out = format!("[[{section}]]\nname = {}\n", quoted(name));
    for (key, value) in keys {
        out.push_str(&format!("{key} = {value}\n"));
    }
    out
}

/// A number that reads back as the same number.
fn exact(number: f64, unit: &str) -> String {
    format!("\"{number:?} {unit}\"")
}

/// Bits per second.
pub(super) fn bits(rate: f64) -> String {
    exact(rate, "bit/s")
}

/// Per second.
pub(super) fn per_second(rate: f64) -> String {
    format!("\"{rate:?}/s\"")
}

/// Seconds.
pub(super) fn seconds(time: f64) -> String {
    exact(time, "s")
}

/// A whole component under a new name.
pub(super) fn component(original: &Component, name: &str) -> String {
    let mut keys: Vec<(&str, String)> = Vec::new();
    keys.push(("kind", quoted(original.kind.name())));
    keys.push(("plane", quoted(original.plane.name())));
    domains(&original.domains, &mut keys);
    keys.push(("instances", original.instances.0.to_string()));
    keys.push(("servers", original.servers.0.to_string()));
    let mut capacity =
        |key: &'static str, value: Option<String>| keys.extend(value.map(|value| (key, value)));
    capacity("bandwidth", original.bandwidth.map(|BitRate(rate)| bits(rate)));
    capacity("packets", original.packets.map(|PerSecond(rate)| per_second(rate)));
    capacity("events", original.events.map(|PerSecond(rate)| per_second(rate)));
    capacity("vendor_limit", original.vendor_limit.map(|PerSecond(rate)| per_second(rate)));
    capacity("service", original.service.map(|Seconds(time)| seconds(time)));
    capacity(
        "service_per_request",
        original.service_per_request.map(|Seconds(time)| seconds(time)),
    );
    capacity("service_scv", original.service_scv.map(|scv| format!("{:?}", scv.0)));
    capacity("service_max", original.service_max.map(|Seconds(time)| seconds(time)));
    capacity("mtu", original.mtu.map(|mtu| exact(mtu.0, "B")));
    capacity("cost_per_month", original.cost_per_month.map(|cost| format!("{:?}", cost.0)));
    capacity("egress_cost_per_gb", original.egress_cost_per_gb.map(|cost| format!("{:?}", cost.0)));
    capacity(
        "buffer",
        original.buffer.map(|buffer| match buffer {
            Buffer::Requests(count) => count.0.to_string(),
            Buffer::Bytes(bytes) => exact(bytes.0, "B"),
        }),
    );
    keys.push(("propagation", seconds(original.propagation.0)));
    keys.push(("scheduling", quoted(original.scheduling.name())));
    keys.push(("duplex", quoted(original.duplex.name())));
    keys.push(("oversubscription", format!("{:?}", original.oversubscription.0)));
    keys.push(("failure", format!("{:?}", original.failure.0)));
    keys.push(("attempts", original.attempts.0.to_string()));
    keys.push(("drops_expired", original.drops_expired.to_string()));
    table("components", name, &keys)
}

fn domains(domains: &Domains, keys: &mut Vec<(&str, String)>) {
    for (key, names) in
        [("rack", &domains.racks), ("zone", &domains.zones), ("region", &domains.regions)]
    {
        if !names.is_empty() {
            keys.push((key, list(names)));
        }
    }
}
