//! Plans from TOML, kindly: units in place, every error with line, column, cause and remedy.
//!
//! A file is read *onto* a plan: what it names anew is added, what it names again is changed key by
//! key, and `remove = true` takes it away. So an overlay is a file of the same form.

mod component;
mod csv;
mod fields;
mod flow;
mod json;
mod node;
mod policy;
mod problem;
mod references;

pub use component::{ATTEMPTS_MAX, SERVERS_MAX};
pub use csv::{COLUMNS_MAX, ROWS_MAX};
pub use fields::NAME_LETTERS_MAX;
pub use flow::{COPIES_MAX, PATH_HOPS_MAX};
pub(crate) use node::{Entry, Table, Value, parse_toml};
pub use problem::{PROBLEMS_MAX, PlanError, Problem};
pub(crate) use problem::{Problems, nearest};

use crate::inventory::{Component, Flow, Plan};
use alloc::borrow::ToOwned;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use fields::Fields;

/// Most bytes of one plan file.
pub const PLAN_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Most components of one plan.
pub const COMPONENTS_MAX: usize = 20_000;
/// Most flows of one plan.
pub const FLOWS_MAX: usize = 200_000;

impl Plan {
    /// Reads a plan. `name` is what errors call the file.
    pub fn parse(name: &str, text: &str) -> Result<Self, PlanError> {
        let plan = Self::default().overlaid(name, text)?;
        if plan.components.is_empty() && plan.flows.is_empty() {
            return Err(PlanError::Empty { name: name.to_owned() });
        }
        Ok(plan)
    }

    /// This plan with a file laid over it: an overlay, a second part, an option of a report.
    pub fn overlaid(&self, name: &str, text: &str) -> Result<Self, PlanError> {
        within_limit(name, text)?;
        let root = parse_toml(name, text, "`millstream plan init`")?;
        let mut problems = Problems::new(name, text);
        let plan = self.with(&root, &mut problems);
        problems.finish().map(|()| plan)
    }

    /// This plan with a comma-separated inventory or forecast laid over it.
    pub fn overlaid_csv(&self, name: &str, text: &str) -> Result<Self, PlanError> {
        within_limit(name, text)?;
        let mut problems = Problems::new(name, text);
        let root = csv::plan_of(text, &mut problems);
        let plan = self.with(&root, &mut problems);
        problems.finish().map(|()| plan)
    }

    /// This plan with a JSON forecast laid over it.
    pub fn overlaid_json(&self, name: &str, text: &str) -> Result<Self, PlanError> {
        within_limit(name, text)?;
        let mut problems = Problems::new(name, text);
        let table = json::forecast_table(text, &mut problems);
        problems.finish()?;
        self.overlaid_csv(name, &table)
    }

    fn with(&self, root: &Table, problems: &mut Problems<'_>) -> Self {
        let mut plan = self.clone();
        read_root(root, &mut plan, problems);
        references::check(&plan, root, problems);
        plan
    }
}

fn within_limit(name: &str, text: &str) -> Result<(), PlanError> {
    if text.len() <= PLAN_BYTES_MAX {
        return Ok(());
    }
    Err(PlanError::TooLarge { name: name.to_owned(), limit: PLAN_BYTES_MAX })
}

fn read_root(root: &Table, plan: &mut Plan, problems: &mut Problems<'_>) {
    let mut fields = Fields::new(String::from("the plan"), root, problems);
    if let Some((title, _)) = fields.text("title") {
        plan.title = title.to_owned();
    }
    let policies = fields.table("policies");
    let components = fields.tables("components");
    let flows = fields.tables("flows");
    let peaks = fields.tables("peaks");
    let rungs = fields.tables("rungs");
    let investments = fields.tables("investments");
    fields.finish();
    if let Some(table) = policies {
        let mut fields = Fields::new(String::from("policies"), table, problems);
        policy::read(&mut fields, &mut plan.policies);
        fields.finish();
    }
    read_components(&components, plan, problems);
    read_flows(&flows, plan, problems);
    read_peaks(&peaks, plan, problems);
    let mut named = BTreeSet::new();
    for table in rungs {
        if let Some(name) = unique_name("rung", table, &mut named, problems) {
            let rung = policy::read_rung(name, table, problems);
            plan.policies.rungs.retain(|earlier| earlier.name != name);
            plan.policies.rungs.push(rung);
        }
    }
    named.clear();
    for table in investments {
        if let Some(name) = unique_name("investment", table, &mut named, problems) {
            let investment = policy::read_investment(name, table, problems);
            plan.policies.investments.retain(|earlier| earlier.name != name);
            plan.policies.investments.push(investment);
        }
    }
    plan.policies.rungs.sort_by(|one, two| {
        one.above.0.total_cmp(&two.above.0).then_with(|| one.name.cmp(&two.name))
    });
    plan.policies.investments.sort_by(|one, two| one.name.cmp(&two.name));
}

/// The name of one table of several, told apart from the ones before.
fn unique_name<'d>(
    what: &str,
    table: &'d Table,
    earlier: &mut BTreeSet<&'d str>,
    problems: &mut Problems<'_>,
) -> Option<&'d str> {
    let mut fields = Fields::new(format!("a {what}"), table, problems);
    let at = fields.at();
    let Some((name, name_at)) = fields.text("name") else {
        if table.get("name").is_none() {
            fields.wrong(at, "", "it has no name", "write name = \"...\" first");
        }
        return None;
    };
    if name.trim().is_empty() || name.chars().any(char::is_control) {
        fields.wrong(
            name_at,
            "name",
            "the name is empty or holds control characters",
            "give it a readable name",
        );
        return None;
    }
    if !earlier.insert(name) {
        let why = format!("`{name}` is described twice");
        fields.wrong(
            name_at,
            "name",
            why,
            "rename one of the two, or put the change into an overlay",
        );
        return None;
    }
    Some(name)
}

fn read_components(tables: &[&Table], plan: &mut Plan, problems: &mut Problems<'_>) {
    let mut named = BTreeSet::new();
    for table in tables {
        let Some(name) = unique_name("component", table, &mut named, problems) else { continue };
        let mut component = plan.components.remove(name).unwrap_or_else(|| Component::new(name));
        let is_new = component == Component::new(name);
        let mut fields = Fields::new(format!("component `{name}`"), table, problems);
        let mut remove = false;
        fields.entry("name");
        fields.flag("remove", &mut remove);
        component::read(&mut fields, &mut component);
        if is_new && !remove && table.get("kind").is_none() {
            let at = fields.at();
            fields.wrong(
                at,
                "kind",
                "nobody said what it is",
                "write kind = \"edge\", \"link\", \"store\", ...",
            );
        }
        fields.finish();
        if !remove {
            plan.components.insert(name.to_owned(), component);
        }
    }
    if plan.components.len() > COMPONENTS_MAX {
        let why = format!("{} components, at most {COMPONENTS_MAX}", plan.components.len());
        problems.add(0, "the plan", why, "merge equal components with `instances`");
    }
}

fn read_flows(tables: &[&Table], plan: &mut Plan, problems: &mut Problems<'_>) {
    let mut named = BTreeSet::new();
    for table in tables {
        let Some(name) = unique_name("flow", table, &mut named, problems) else { continue };
        let known = plan.flows.remove(name);
        let is_new = known.is_none();
        let mut flow = known.unwrap_or_else(|| Flow::new(name));
        let mut fields = Fields::new(format!("flow `{name}`"), table, problems);
        let mut remove = false;
        fields.entry("name");
        fields.flag("remove", &mut remove);
        flow::read(&mut fields, &mut flow);
        if is_new && !remove {
            let at = fields.at();
            for (key, example) in
                [("path", "[\"edge\", \"capture\", \"log\"]"), ("rate", "\"500/s\"")]
            {
                if table.get(key).is_none() {
                    fields.wrong(at, key, "it is missing", format!("write {key} = {example}"));
                }
            }
        }
        fields.finish();
        if !remove {
            plan.flows.insert(name.to_owned(), flow);
        }
    }
    if plan.flows.len() > FLOWS_MAX {
        let why = format!("{} flows, at most {FLOWS_MAX}", plan.flows.len());
        problems.add(0, "the plan", why, "merge flows that take one path");
    }
}

fn read_peaks(tables: &[&Table], plan: &mut Plan, problems: &mut Problems<'_>) {
    let mut named = BTreeSet::new();
    for table in tables {
        let Some(name) = unique_name("peak", table, &mut named, problems) else { continue };
        if matches!(name, "mean" | "peak") {
            let why = format!("`{name}` is the name of a scenario that always exists");
            problems.add(table.at, "a peak", why, "choose another name: launch, sale, quarter end");
            continue;
        }
        let mut peak = plan.policies.peaks.remove(name).unwrap_or_default();
        peak.name = name.to_owned();
        let mut fields = Fields::new(format!("peak `{name}`"), table, problems);
        let mut remove = false;
        fields.entry("name");
        fields.flag("remove", &mut remove);
        policy::read_peak(&mut fields, &mut peak);
        fields.finish();
        if !remove {
            plan.policies.peaks.insert(name.to_owned(), peak);
        }
    }
}
