//! Components from a file.

use super::fields::Fields;
use super::node::{Node, Value};
use crate::inventory::{Buffer, Component, Duplex, Kind, Plane, PriceStep, Scheduling};
use crate::quantity::{self, Bytes, Cost, Count};
use alloc::string::String;

/// Reads the keys of one component onto what is known of it.
pub(super) fn read(fields: &mut Fields<'_, '_, '_>, component: &mut Component) {
    if let Some(kind) = fields.choice("kind", Kind::NAMES, Kind::parse) {
        component.kind = kind;
        component.plane = Component::usual_plane(kind);
    }
    if let Some(plane) = fields.choice("plane", Plane::NAMES, Plane::parse) {
        component.plane = plane;
    }
    place(fields, component);
    capacity(fields, component);
    behaviour(fields, component);
    money(fields, component);
}

fn place(fields: &mut Fields<'_, '_, '_>, component: &mut Component) {
    if let Some(racks) = fields.texts("rack") {
        component.domains.racks = racks;
    }
    if let Some(zones) = fields.texts("zone") {
        component.domains.zones = zones;
    }
    if let Some(regions) = fields.texts("region") {
        component.domains.regions = regions;
    }
    if let Some(failover) = fields.texts("failover") {
        component.failover = failover;
    }
    fields.option("failover_time", &mut component.failover_time);
}

/// Most servers of a component, all instances together.
pub const SERVERS_MAX: u64 = 1_000_000;

fn capacity(fields: &mut Fields<'_, '_, '_>, component: &mut Component) {
    fields.set("instances", &mut component.instances);
    fields.capacity("bandwidth", &mut component.bandwidth);
    fields.capacity("packets", &mut component.packets);
    fields.capacity("events", &mut component.events);
    fields.set("servers", &mut component.servers);
    let all = u64::from(component.instances.0) * u64::from(component.servers.0);
    if all > SERVERS_MAX {
        let at = fields.at();
        let why = alloc::format!("{all} servers in all instances, at most {SERVERS_MAX}");
        fields.wrong(
            at,
            "servers",
            why,
            "describe a part, or let one server stand for many faster ones",
        );
        component.servers = Count(1);
    }
    fields.option("service", &mut component.service);
    fields.option("service_per_request", &mut component.service_per_request);
    fields.option("service_scv", &mut component.service_scv);
    fields.option("service_max", &mut component.service_max);
    if let (Some(mean), Some(max)) = (component.service, component.service_max)
        && max.0 < mean.0
    {
        let at = fields.at();
        fields.wrong(
            at,
            "service_max",
            "the longest service time is below the mean",
            "write at least `service`",
        );
        component.service_max = None;
    }
    buffer(fields, component);
    if let Some(duplex) = fields.choice("duplex", Duplex::NAMES, Duplex::parse) {
        component.duplex = duplex;
    }
    let at = fields.at();
    fields.set("oversubscription", &mut component.oversubscription);
    if component.oversubscription.0 < 1.0 {
        fields.wrong(
            at,
            "oversubscription",
            "less than 1 would create capacity",
            "write 1 or more",
        );
    }
    fields.capacity("vendor_limit", &mut component.vendor_limit);
    fields.option("mtu", &mut component.mtu);
    if component.mtu.is_some_and(|mtu| !(576.0..=65_535.0).contains(&mtu.0)) {
        fields.wrong(
            at,
            "mtu",
            "an IP packet has 576 to 65,535 bytes",
            "write it like \"1500 B\" or \"9000 B\"",
        );
        component.mtu = None;
    }
}

fn buffer(fields: &mut Fields<'_, '_, '_>, component: &mut Component) {
    let Some(entry) = fields.entry("buffer") else { return };
    let read = match &entry.node.value {
        Value::Number(number) => quantity::from_number::<Count>(*number).map(Buffer::Requests),
        Value::Text(text) if matches!(text.as_str(), "none" | "unlimited") => {
            component.buffer = None;
            return;
        }
        Value::Text(text) => match quantity::parse::<Bytes>(text) {
            Ok(bytes) => Ok(Buffer::Bytes(bytes)),
            Err(_) => quantity::parse::<Count>(text).map(Buffer::Requests),
        },
        other => {
            let why = alloc::format!("{} stands where a size or a count belongs", other.kind());
            fields.wrong(entry.node.at, "buffer", why, "write it like \"16 MiB\" or 10000");
            return;
        }
    };
    match read {
        Ok(buffer) => component.buffer = Some(buffer),
        Err(misread) => {
            fields.wrong(entry.node.at, "buffer", misread.why, "write it like \"16 MiB\" or 10000")
        }
    }
}

fn behaviour(fields: &mut Fields<'_, '_, '_>, component: &mut Component) {
    fields.set("propagation", &mut component.propagation);
    if let Some(scheduling) = fields.choice("scheduling", Scheduling::NAMES, Scheduling::parse) {
        component.scheduling = scheduling;
    }
    fields.set("failure", &mut component.failure);
    fields.set("attempts", &mut component.attempts);
    attempts_within(fields, component.attempts);
    fields.flag("drops_expired", &mut component.drops_expired);
}

/// Most attempts believed: more is a loop, not a policy.
pub const ATTEMPTS_MAX: u32 = 100;

pub(super) fn attempts_within(fields: &mut Fields<'_, '_, '_>, attempts: Count) {
    if attempts.0 > ATTEMPTS_MAX {
        let at = fields.at();
        let why = alloc::format!("{} attempts are a loop, not a policy", attempts.0);
        fields.wrong(at, "attempts", why, alloc::format!("write at most {ATTEMPTS_MAX}"));
    }
}

fn money(fields: &mut Fields<'_, '_, '_>, component: &mut Component) {
    fields.option("cost_per_month", &mut component.cost_per_month);
    fields.option("egress_cost_per_gb", &mut component.egress_cost_per_gb);
    if let Some(items) = fields.list("price_steps") {
        component.price_steps = items.iter().filter_map(|item| price_step(fields, item)).collect();
    }
}

fn price_step(fields: &mut Fields<'_, '_, '_>, item: &Node) -> Option<PriceStep> {
    let Value::Table(table) = &item.value else {
        let fix = "write it like { bandwidth = \"50 Gbit/s\", cost_per_month = 2000 }";
        fields.wrong(item.at, "price_steps", "a step is a table", fix);
        return None;
    };
    let mut step =
        PriceStep { bandwidth: None, servers: None, events: None, cost_per_month: Cost(0.0) };
    let mut inside = Fields::new(String::from("price step"), table, fields.problems);
    inside.capacity("bandwidth", &mut step.bandwidth);
    inside.option("servers", &mut step.servers);
    inside.capacity("events", &mut step.events);
    inside.set("cost_per_month", &mut step.cost_per_month);
    inside.finish();
    Some(step)
}
