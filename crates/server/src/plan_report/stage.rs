//! The choice of a load or a failure, and what depends on it: topology, flows, hops.

use super::bands::{self, Scale};
use super::layout::{Layout, lay_out};
use super::topology;
use super::units::{count, listed, seconds, spoken};
use super::view::View;
use super::{hops, ladder};
use crate::document::Markup;
use millstream_plan::PlanReport;
use millstream_plan::report::{FailureReport, Fate, State};
use std::collections::BTreeMap;

/// Shows the chosen view alone: `n` rules, written out because a style sheet has no variables in selectors.
pub fn choices_style(views: usize) -> String {
    let mut style = String::from("@supports selector(:has(*)) {\n.view { display: none; }\n");
    for index in 0..views {
        style.push_str(&format!(
            "body:has(#view-{index}:checked) .view-{index} {{ display: block; }}\n"
        ));
    }
    style.push_str("}\n");
    style
}

/// The choice of a view, and what depends on it: topology, flows, hops.
pub fn draw(views: &[View<'_>], report: &PlanReport, body: &mut Markup) {
    let mut worst: BTreeMap<&str, f64> = BTreeMap::new();
    for look in views.iter().flat_map(|view| &view.hops) {
        let entry = worst.entry(&look.name).or_default();
        *entry = entry.max(look.utilisation.unwrap_or(0.0));
    }
    let Some(first) = views.first() else { return };
    let layout = lay_out(first.scenario, &first.flows, &worst);
    let bits_max = views.iter().map(|view| topology::most_bits(view, &layout)).fold(0.0, f64::max);
    choices(views, body);
    body.open("section", &[]);
    body.element("h2", &[], "Topology");
    for (index, view) in views.iter().enumerate() {
        opened(index, body);
        body.element("p", &[("class", "says")], &view.says());
        body.scroll("Topology drawing");
        topology::draw(view, &layout, bits_max, body);
        ladder::draw(view, &layout, bits_max, body);
        body.close("div");
        body.close("div");
    }
    key(&layout, body);
    body.close("section");
    body.open("section", &[]);
    body.element("h2", &[], "How long each flow takes");
    let scale = Scale::over(views);
    for (index, view) in views.iter().enumerate() {
        opened(index, body);
        match view.failure {
            None => {
                body.element("p", &[("class", "says")], &flows_say(view));
                bands::draw(view, scale, body);
            }
            Some(failure) => shifted(failure, body),
        }
        body.close("div");
    }
    body.element("p", &[("class", "note")], "A band runs from the median to the 99th percentile, with the mean as a dot and the 95th percentile as a notch; the upright line is the deadline less its recovery margin. The scale is logarithmic.");
    body.close("section");
    body.open("section", &[]);
    body.element("h2", &[], "Hops");
    for (index, view) in views.iter().enumerate() {
        opened(index, body);
        match view.failure {
            None => {
                body.element("p", &[("class", "says")], &hops_say(view));
                hops::draw(view, body);
            }
            Some(failure) => {
                let says = format!(
                    "Hops whose load the failure changes, at the {} load.",
                    spoken(&report.failures_at)
                );
                body.element("p", &[("class", "says")], &says);
                hops::draw_shifts(failure, body);
            }
        }
        body.close("div");
    }
    body.close("section");
}

fn opened(index: usize, body: &mut Markup) {
    body.open("div", &[("class", &format!("view view-{index}"))]);
}

/// The view to begin with: the fullest load that does not fit, else the first.
fn begin_with(views: &[View<'_>]) -> usize {
    let fullest =
        |view: &View<'_>| view.scenario.hops.iter().map(|hop| hop.utilisation).fold(0.0, f64::max);
    let unstable = |view: &View<'_>| view.hops.iter().any(|hop| hop.state == State::Unstable);
    let over =
        views.iter().enumerate().filter(|(_, view)| view.failure.is_none() && unstable(view));
    let worst = over.max_by(|a, b| fullest(a.1).total_cmp(&fullest(b.1)));
    worst.map_or(0, |(index, _)| index)
}

fn choices(views: &[View<'_>], body: &mut Markup) {
    let chosen = begin_with(views);
    body.open("div", &[("class", "choices")]);
    let mut group = |legend: &'static str, failures: bool| {
        if !views.iter().any(|view| view.failure.is_some() == failures) {
            return;
        }
        body.open("fieldset", &[]);
        body.element("legend", &[], legend);
        body.open("div", &[("class", "chips")]);
        for (index, view) in views.iter().enumerate() {
            if view.failure.is_some() != failures {
                continue;
            }
            let id = format!("view-{index}");
            body.open("label", &[("class", trouble(view))]);
            let mut attributes = vec![("type", "radio"), ("name", "view"), ("id", id.as_str())];
            if index == chosen {
                attributes.push(("checked", ""));
            }
            body.void("input", &attributes);
            body.element("span", &[], &view.label);
            body.close("label");
        }
        body.close("div");
        body.close("fieldset");
    };
    group("Load", false);
    group("Failure", true);
    body.close("div");
}

/// How much trouble a view is in, as a class.
fn trouble(view: &View<'_>) -> &'static str {
    let bad = view.hops.iter().any(|hop| hop.state == State::Unstable)
        || view.flows.iter().any(|flow| flow.fate == Fate::Lost);
    let tight = view.hops.iter().any(|hop| hop.state == State::Tight)
        || view.flows.iter().any(|flow| matches!(flow.fate, Fate::Late | Fate::Throttled));
    match (bad, tight) {
        (true, _) => "bad",
        (false, true) => "tight",
        (false, false) => "fine",
    }
}

fn key(layout: &Layout, body: &mut Markup) {
    body.fixed("<ul class=\"legend\"><li><svg viewBox=\"0 0 1 1\" aria-hidden=\"true\"><rect class=\"good\" width=\"1\" height=\"1\"/></svg>inside its headroom</li><li><svg viewBox=\"0 0 1 1\" aria-hidden=\"true\"><rect class=\"tight\" width=\"1\" height=\"1\"/></svg>tight</li><li><svg viewBox=\"0 0 1 1\" aria-hidden=\"true\"><rect class=\"over\" width=\"1\" height=\"1\"/></svg>over its capacity</li><li><svg viewBox=\"0 0 1 1\" aria-hidden=\"true\"><rect class=\"off\" width=\"1\" height=\"1\"/></svg>idle or down</li></ul>\n");
    if layout.left_out > 0 {
        let told = format!("{} with more room are not drawn.", count(layout.left_out, "hop"));
        body.element("p", &[("class", "note")], &told);
    }
}

fn flows_say(view: &View<'_>) -> String {
    let flows = &view.scenario.flows;
    let dated = flows.iter().filter(|flow| flow.deadline_s.is_some()).count();
    let missing: Vec<&str> = flows
        .iter()
        .filter(|flow| matches!(flow.fate, Fate::Late | Fate::Lost | Fate::Throttled))
        .map(|flow| flow.name.as_str())
        .collect();
    match (dated, missing.as_slice()) {
        (0, _) => "No flow has a deadline, so none can miss it.".to_owned(),
        (_, []) => format!(
            "{} with a deadline, and all keep it at the 99th percentile.",
            count(dated, "flow")
        ),
        (_, names) => format!("Late, throttled or lost: {}.", listed(names)),
    }
}

fn hops_say(view: &View<'_>) -> String {
    let tight = view.hops.iter().filter(|hop| hop.state == State::Tight).count();
    let over = view.hops.iter().filter(|hop| hop.state == State::Unstable).count();
    let rest = view.hops.len() - tight - over;
    format!(
        "{} inside their headroom, {tight} tight, {over} over capacity. The notch marks where the headroom policy begins.",
        count(rest, "hop")
    )
}

fn shifted(failure: &FailureReport, body: &mut Markup) {
    if failure.rerouted.is_empty() {
        body.element("p", &[("class", "says")], "No flow takes another way; those that go on take as long as before, except across hops that are full.");
        return;
    }
    body.open("ul", &[("class", "warnings")]);
    for shift in &failure.rerouted {
        body.open("li", &[]);
        body.element("b", &[], &shift.flow);
        let tail = shift.p99_s.map_or_else(
            || "p99 without limit".to_owned(),
            |time| format!("p99 {}", seconds(time)),
        );
        body.element("p", &[], &format!("{}: {tail}", shift.path.join(" → ")));
        body.close("li");
    }
    body.close("ul");
}
