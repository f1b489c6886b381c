//! Flows from a file.

use super::component::attempts_within;
use super::fields::Fields;
use super::node::{Node, Value};
use crate::inventory::{Archetype, Class, FanOut, Flow, Protocol, Risk};
use crate::quantity::{Bytes, Count};
use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Most components on one path.
pub const PATH_HOPS_MAX: usize = 64;
/// Most copies of one event.
pub const COPIES_MAX: u32 = 64;

/// Reads the keys of one flow onto what is known of it.
pub(super) fn read(fields: &mut Fields<'_, '_, '_>, flow: &mut Flow) {
    if let Some(archetype) = fields.choice("archetype", Archetype::NAMES, Archetype::parse) {
        suppose(flow, archetype);
    }
    if let Some(class) = fields.choice("class", Class::NAMES, Class::parse) {
        flow.class = class;
    }
    if let Some(items) = fields.list("path") {
        flow.path = path(fields, "path", items);
    }
    if let Some(items) = fields.list("alternates") {
        flow.alternates = alternates(fields, items);
    }
    volume(fields, flow);
    wire(fields, flow);
    patience(fields, flow);
    worth(fields, flow);
}

/// What an archetype says about a flow; keys of the flow itself go over it.
fn suppose(flow: &mut Flow, archetype: Archetype) {
    flow.archetype = Some(archetype);
    let (class, priority, risk) = match archetype {
        Archetype::SteadyIngest | Archetype::BurstIngest => (Class::Ingest, 2, Risk::High),
        Archetype::Backfill => (Class::Backfill, 5, Risk::Low),
        Archetype::Replication => (Class::Replication, 3, Risk::High),
        Archetype::InteractiveQuery => (Class::Query, 1, Risk::High),
        Archetype::AlertFanOut => (Class::Alert, 1, Risk::Critical),
    };
    (flow.class, flow.priority, flow.risk) = (class, Count(priority), risk);
    flow.round_trip = archetype == Archetype::InteractiveQuery;
}

fn path(fields: &mut Fields<'_, '_, '_>, key: &'static str, items: &[Node]) -> Vec<String> {
    let mut path: Vec<String> = Vec::with_capacity(items.len());
    for item in items.iter().take(PATH_HOPS_MAX + 1) {
        let Some((name, at)) = fields.text_of(key, item) else { continue };
        if path.iter().any(|earlier| earlier == name) {
            let why = format!("`{name}` comes twice: a path with a cycle never ends");
            fields.wrong(
                at,
                key,
                why,
                "list each component once; what returns is a flow of its own",
            );
        }
        path.push(name.to_owned());
    }
    if items.len() > PATH_HOPS_MAX {
        let at = items.last().map_or(0, |item| item.at);
        fields.wrong(
            at,
            key,
            format!("more than {PATH_HOPS_MAX} components"),
            "split the flow in two",
        );
        path.truncate(PATH_HOPS_MAX);
    }
    path
}

fn alternates(fields: &mut Fields<'_, '_, '_>, items: &[Node]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for item in items {
        match &item.value {
            Value::List(hops) => found.push(path(fields, "alternates", hops)),
            _ => {
                let fix = "write it like [[\"edge\", \"line-b\", \"capture\"]]";
                fields.wrong(item.at, "alternates", "each alternate is a list of components", fix);
            }
        }
    }
    found
}

fn volume(fields: &mut Fields<'_, '_, '_>, flow: &mut Flow) {
    fields.set("priority", &mut flow.priority);
    fields.set("weight", &mut flow.weight);
    if flow.weight.0 <= 0.0 {
        let at = fields.at();
        fields.wrong(at, "weight", "a weight of zero gets nothing", "write more than zero");
    }
    fields.set("rate", &mut flow.rate);
    fields.option("peak", &mut flow.peak);
    fields.option("burst", &mut flow.burst);
    fields.option("arrival_scv", &mut flow.arrival_scv);
    fields.set("senders", &mut flow.senders);
    fields.set("concurrency", &mut flow.concurrency);
    if flow.peak.is_some_and(|peak| peak.0 < flow.rate.0) {
        let at = fields.at();
        fields.wrong(
            at,
            "peak",
            "the peak is below the mean rate",
            "write a peak of at least `rate`",
        );
        flow.peak = None;
    }
}

fn wire(fields: &mut Fields<'_, '_, '_>, flow: &mut Flow) {
    fields.set("payload", &mut flow.payload);
    fields.set("response", &mut flow.response);
    fields.option("head", &mut flow.head);
    fields.set("batch", &mut flow.batch);
    fields.option("linger", &mut flow.linger);
    fields.set("compression", &mut flow.compression);
    if flow.compression.0 < 1.0 {
        let at = fields.at();
        let fix = "write bytes before over bytes after, 1 or more";
        fields.wrong(at, "compression", "less than 1 would make events larger", fix);
        flow.compression.0 = 1.0;
    }
    if let Some(protocol) = fields.choice("protocol", Protocol::NAMES, Protocol::parse) {
        flow.protocol = protocol;
    }
    fields.option::<Bytes>("window", &mut flow.window);
    fields.set("loss", &mut flow.loss);
    if flow.loss.0 >= 1.0 {
        let at = fields.at();
        fields.wrong(at, "loss", "all packets are lost", "write less than 100 %");
        flow.loss.0 = 0.0;
    }
    if let Some(table) = fields.table("fan_out") {
        let mut fan_out = flow.fan_out.take().unwrap_or(FanOut {
            copies: Count(1),
            quorum: Count(1),
            from: None,
        });
        let mut inside =
            Fields::new(format!("flow `{}`: fan_out", flow.name), table, fields.problems);
        inside.set("copies", &mut fan_out.copies);
        fan_out.quorum = fan_out.quorum.min(fan_out.copies);
        if inside.entry("quorum").is_none() {
            fan_out.quorum = fan_out.copies;
        }
        inside.set("quorum", &mut fan_out.quorum);
        if let Some((from, _)) = inside.text("from") {
            fan_out.from = Some(from.to_owned());
        }
        let at = inside.at();
        if fan_out.quorum > fan_out.copies || fan_out.copies.0 > COPIES_MAX {
            let fix = format!(
                "wait for at most as many copies as are sent, and send at most {COPIES_MAX}"
            );
            inside.wrong(at, "quorum", "more than can ever come", fix);
            fan_out = FanOut { copies: Count(1), quorum: Count(1), from: None };
        }
        inside.finish();
        flow.fan_out = Some(fan_out);
    }
}

fn patience(fields: &mut Fields<'_, '_, '_>, flow: &mut Flow) {
    fields.option("timeout", &mut flow.timeout);
    fields.set("attempts", &mut flow.attempts);
    attempts_within(fields, flow.attempts);
    fields.flag("round_trip", &mut flow.round_trip);
    if let Some((name, _)) = fields.text("acknowledged_by") {
        flow.acknowledged_by = (name != "none").then(|| name.to_owned());
    }
    fields.option("deadline", &mut flow.deadline);
    fields.set("recovery_margin", &mut flow.recovery_margin);
    if let Some(deadline) = flow.deadline
        && flow.recovery_margin.0 >= deadline.0
    {
        let at = fields.at();
        let fix = "write a margin shorter than the deadline";
        fields.wrong(at, "recovery_margin", "nothing of the deadline is left", fix);
        flow.recovery_margin.0 = 0.0;
    }
    if let Some(allowances) = fields.named("budget") {
        flow.budget = BTreeMap::new();
        for (entry, allowance) in allowances {
            flow.budget.insert(entry.key.clone(), allowance);
        }
    }
    fields.option("jitter_tolerance", &mut flow.jitter_tolerance);
    fields.option("tolerance", &mut flow.tolerance);
}

fn worth(fields: &mut Fields<'_, '_, '_>, flow: &mut Flow) {
    if let Some((impact, _)) = fields.text("failure_impact") {
        flow.failure_impact = Some(impact.to_owned());
    }
    fields.option("value_per_event", &mut flow.value_per_event);
    let cost = &mut flow.cost_of_delay;
    fields.inside("cost_of_delay", |inside| {
        inside.option("per_event_second", &mut cost.per_event_second);
        inside.option("at_deadline", &mut cost.at_deadline);
    });
    if let Some(risk) = fields.choice("risk", Risk::NAMES, Risk::parse) {
        flow.risk = risk;
    }
}
