//! The choice of a load or a failure, and what depends on it: topology, flows, hops.

use super::bands::{self, Scale};
use super::layout::lay_out;
use super::topology;
use super::units::{count, listed, seconds, spoken};
use super::view::{FlowLook, View};
use super::{hops, ladder, lists};
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
    key(body);
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
                body.element("p", &[("class", "note")], BANDS);
            }
            Some(failure) => shifted(failure, view, body),
        }
        body.close("div");
    }
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
                    "What the failure changes at the {} load, the rest folded below.",
                    spoken(&report.failures_at)
                );
                body.element("p", &[("class", "says")], &says);
                hops::draw_shifts(failure, view, body);
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

fn key(body: &mut Markup) {
    body.fixed("<ul class=\"legend\"><li><svg viewBox=\"0 0 1 1\" aria-hidden=\"true\"><rect class=\"good\" width=\"1\" height=\"1\"/></svg>inside its headroom</li><li><svg viewBox=\"0 0 1 1\" aria-hidden=\"true\"><rect class=\"tight\" width=\"1\" height=\"1\"/></svg>tight</li><li><svg viewBox=\"0 0 1 1\" aria-hidden=\"true\"><rect class=\"over\" width=\"1\" height=\"1\"/></svg>over its capacity</li><li><svg viewBox=\"0 0 1 1\" aria-hidden=\"true\"><rect class=\"off\" width=\"1\" height=\"1\"/></svg>idle or down</li></ul>\n");
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

/// How to read the bands.
const BANDS: &str = "A band runs from the median to the 99th percentile, with the mean as a dot and the 95th percentile as a notch; the upright line is the deadline less its recovery margin. The scale is logarithmic.";
/// Most flows that a failure's table lists; lost ones first.
const FLOWS_MAX: usize = 60;

/// Every flow with a failure: what becomes of it, and how long it takes then.
fn shifted(failure: &FailureReport, view: &View<'_>, body: &mut Markup) {
    let mut looks: Vec<&FlowLook> = view.flows.iter().collect();
    let rank = |look: &FlowLook| match look.fate {
        Fate::Lost => 0,
        Fate::Throttled => 1,
        Fate::Rerouted => 2,
        Fate::Late => 3,
        Fate::Ok => 4,
    };
    looks.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.name.cmp(&b.name)));
    let untouched = looks.iter().filter(|look| rank(look) > 2).count();
    let says = if untouched == looks.len() {
        "No flow is lost or takes another way.".to_owned()
    } else if untouched == 0 {
        "No flow goes on as it should.".to_owned()
    } else {
        format!("{} of {} go on as before.", untouched, count(looks.len(), "flow"))
    };
    body.element("p", &[("class", "says")], &says);
    let row = |look: &&FlowLook| {
        let before = view.scenario.flows.iter().find(|flow| flow.name == look.name);
        let before = before.and_then(|flow| flow.p99_s).map(|p99| p99.value);
        let shift = failure.rerouted.iter().find(|shift| shift.flow == look.name);
        let time = |time: Option<f64>| time.map_or_else(|| "no limit".to_owned(), seconds);
        let (fate, after) = match (look.fate, shift) {
            (Fate::Lost, _) => ("stops", "–".to_owned()),
            (Fate::Throttled, _) => ("slowed by a full hop", "no limit".to_owned()),
            (_, Some(shift)) => ("takes another way", time(shift.p99_s)),
            _ => ("goes on", "as before".to_owned()),
        };
        vec![look.name.clone(), fate.to_owned(), look.path.join(" → "), time(before), after]
    };
    let rows: Vec<Vec<String>> = looks.iter().take(FLOWS_MAX).map(row).collect();
    let columns = [
        ("Flow", false),
        ("With the failure", false),
        ("Way", false),
        ("p99 before", true),
        ("p99 then", true),
    ];
    lists::table(&columns, &rows, body);
    if looks.len() > FLOWS_MAX {
        let more = format!("{} more flows are in the JSON.", looks.len() - FLOWS_MAX);
        body.element("p", &[("class", "note")], &more);
    }
}
