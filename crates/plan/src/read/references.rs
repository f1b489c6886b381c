//! Names that point at something else: paths, failovers, budgets, peaks.

use super::node::{Node, Table, Value};
use super::problem::{Problems, nearest};
use crate::inventory::{Flow, Plan};
use alloc::format;
use alloc::string::String;

/// Complains about every name that leads nowhere, at its place in the file where it stands there.
pub(super) fn check(plan: &Plan, root: &Table, problems: &mut Problems<'_>) {
    let mut checker = Checker { plan, root, problems };
    for flow in plan.flows.values() {
        checker.flow(flow);
    }
    for component in plan.components.values() {
        for name in &component.failover {
            let owner = format!("component `{}`: failover", component.name);
            if *name == component.name {
                let at = checker.place("components", &component.name, "failover", name);
                checker.problems.add(
                    at,
                    owner,
                    "it cannot take over from itself",
                    "name another component",
                );
            } else {
                checker.component("components", &component.name, "failover", name);
            }
        }
    }
    checker.policies();
}

struct Checker<'a, 'p, 't> {
    plan: &'a Plan,
    root: &'a Table,
    problems: &'p mut Problems<'t>,
}

impl Checker<'_, '_, '_> {
    fn flow(&mut self, flow: &Flow) {
        if flow.path.is_empty() {
            let at = self.place("flows", &flow.name, "path", "");
            let what = format!("flow `{}`: path", flow.name);
            self.problems.add(at, what, "it passes nothing", "list the components in order");
        }
        for name in flow.path.iter().chain(flow.alternates.iter().flatten()) {
            self.component("flows", &flow.name, "path", name);
        }
        for name in flow.budget.keys() {
            self.component("flows", &flow.name, "budget", name);
        }
        let from = flow.fan_out.as_ref().and_then(|fan_out| fan_out.from.as_ref());
        for (key, name) in [("fan_out", from), ("acknowledged_by", flow.acknowledged_by.as_ref())] {
            if let Some(name) = name.filter(|name| !flow.path.contains(name)) {
                let at = self.place("flows", &flow.name, key, name);
                let near = nearest(name, flow.path.iter().map(String::as_str));
                let fix = near.map_or_else(
                    || String::from("name a component of the path"),
                    |near| format!("did you mean `{near}`?"),
                );
                let what = format!("flow `{}`: {key}", flow.name);
                self.problems.add(at, what, format!("`{name}` is not on its path"), fix);
            }
        }
    }

    fn policies(&mut self) {
        let policies = &self.plan.policies;
        for (name, peak) in &policies.peaks {
            for flow in peak.flows.keys().chain(peak.forecast.iter().map(|line| &line.flow)) {
                self.flow_name("peaks", name, flow);
            }
        }
        for investment in &policies.investments {
            for flow in &investment.flows {
                self.flow_name("investments", &investment.name, flow);
            }
        }
        let scenario = &policies.failures_at;
        let known = ["mean", "peak"].into_iter().chain(policies.peaks.keys().map(String::as_str));
        if !known.clone().any(|name| name == scenario) {
            let fix = nearest(scenario, known).map_or_else(
                || String::from("write \"mean\""),
                |near| format!("did you mean `{near}`?"),
            );
            let at = self.root.get("policies").map_or(0, |entry| find_text(&entry.node, scenario));
            self.problems.add(at, "policies: failures_at", format!("no peak `{scenario}`"), fix);
        }
    }

    fn component(&mut self, section: &str, owner: &str, key: &str, name: &str) {
        if self.plan.components.contains_key(name) {
            return;
        }
        let at = self.place(section, owner, key, name);
        let near = nearest(name, self.plan.components.keys().map(String::as_str));
        let fix = near.map_or_else(
            || format!("describe it: [[components]] name = \"{name}\""),
            |near| format!("did you mean `{near}`?"),
        );
        let what = format!("{} `{owner}`: {key}", section.trim_end_matches('s'));
        self.problems.add(at, what, format!("no component `{name}`"), fix);
    }

    fn flow_name(&mut self, section: &str, owner: &str, name: &str) {
        if self.plan.flows.contains_key(name) {
            return;
        }
        let at = self.place(section, owner, "flows", name);
        let near = nearest(name, self.plan.flows.keys().map(String::as_str));
        let fix = near.map_or_else(
            || format!("describe it: [[flows]] name = \"{name}\""),
            |near| format!("did you mean `{near}`?"),
        );
        let what = format!("{} `{owner}`: flows", section.trim_end_matches('s'));
        self.problems.add(at, what, format!("no flow `{name}`"), fix);
    }

    /// Where a word stands under a key of a named table; the table itself when it stands elsewhere.
    fn place(&self, section: &str, owner: &str, key: &str, word: &str) -> usize {
        let Some(Node { value: Value::List(items), .. }) =
            self.root.get(section).map(|entry| &entry.node)
        else {
            return 0;
        };
        let named = |item: &&Node| match &item.value {
            Value::Table(table) => table.get("name").is_some_and(
                |entry| matches!(&entry.node.value, Value::Text(text) if text == owner),
            ),
            _ => false,
        };
        let Some(Node { value: Value::Table(table), at }) = items.iter().find(named) else {
            return 0;
        };
        let keys = [key, "alternates", "path"];
        let mut found =
            keys.iter().filter_map(|key| table.get(key)).map(|entry| find_text(&entry.node, word));
        found.find(|at| *at > 0).unwrap_or(*at)
    }
}

/// The offset of a text, or of a key, inside a value; zero when it is not there.
fn find_text(node: &Node, word: &str) -> usize {
    match &node.value {
        Value::Text(text) if text == word => node.at,
        Value::List(items) => {
            items.iter().map(|item| find_text(item, word)).find(|at| *at > 0).unwrap_or(0)
        }
        Value::Table(table) => {
            let inside = |entry: &super::node::Entry| {
                if entry.key == word { entry.key_at } else { find_text(&entry.node, word) }
            };
            table.entries.iter().map(inside).find(|at| *at > 0).unwrap_or(0)
        }
        _ => 0,
    }
}
