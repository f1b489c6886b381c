//! The whole page.

use super::bands::{self, Scale};
use super::layout::{Layout, lay_out};
use super::topology;
use super::units::{count, seconds, share, spoken};
use super::view::{View, views};
use super::{hops, ladder, options, risks};
use crate::document::{self, Markup};
use crate::report::number::amount;
use millstream_plan::PlanReport;
use millstream_plan::report::{Fate, ScenarioReport, State};
use std::collections::BTreeMap;

/// Renders a plan as one HTML file; `reviews` is added after the figures.
pub fn render(report: &PlanReport, reviews: Markup) -> String {
    let views = views(report);
    let mut body = Markup::default();
    let mut style = include_str!("plan.css").to_owned();
    style.push_str(&choices_style(views.len()));
    body.open("main", &[]);
    header(report, &mut body);
    if is_empty(report) {
        body.open("section", &[]);
        body.element("h2", &[], "Nothing to show yet");
        body.element("p", &[("class", "says")], "A plan needs at least one component and one flow that crosses it. `millstream plan init` writes a commented file to begin with.");
        body.close("section");
    } else {
        stage(&views, report, &mut body);
        options::draw(report, &mut body);
        risks::growth(report, &mut body);
        risks::failures(report, &mut body);
        risks::sharing(report, &mut body);
        risks::warnings(report, &mut body);
        risks::sensitivity(report, &mut body);
        body.append(reviews);
        risks::grounds(report, &mut body);
    }
    body.close("main");
    body.open("footer", &[]);
    body.element("p", &[], "Lines are as thick as the root of the bits they carry. Utilisation is load over capacity of the fullest resource. Percentiles along a path come from the sum of means and variances, never from sums of percentiles.");
    body.close("footer");
    document::render(title(report), &style, body)
}

fn title(report: &PlanReport) -> &str {
    if report.title.is_empty() { "Plan" } else { &report.title }
}

fn is_empty(report: &PlanReport) -> bool {
    report.scenarios.iter().all(|scenario| scenario.hops.is_empty() || scenario.flows.is_empty())
}

fn header(report: &PlanReport, body: &mut Markup) {
    body.open("header", &[]);
    let dated =
        report.as_of.as_ref().map_or_else(String::new, |day| format!(" · figures of {day}"));
    body.element("p", &[("class", "kicker")], &format!("{}{dated}", title(report)));
    body.element("h1", &[], &verdict(report));
    for sentence in ledes(report) {
        body.element("p", &[("class", "lede")], &sentence);
    }
    body.close("header");
}

/// The load that hurts most: the most unstable or fullest, the later of equals.
pub fn hardest(report: &PlanReport) -> Option<&ScenarioReport> {
    let fullest = |scenario: &ScenarioReport| {
        scenario.hops.iter().map(|hop| hop.utilisation).fold(0.0, f64::max)
    };
    report.scenarios.iter().max_by(|a, b| fullest(a).total_cmp(&fullest(b)))
}

/// The answer in one sentence.
pub fn verdict(report: &PlanReport) -> String {
    let states = |state: State| {
        report.scenarios.iter().find_map(|scenario| {
            let hops = scenario.hops.iter().filter(|hop| hop.state == state);
            let fullest = hops.max_by(|a, b| a.utilisation.total_cmp(&b.utilisation))?;
            Some((scenario, fullest))
        })
    };
    if is_empty(report) {
        return "There is nothing to plan yet.".to_owned();
    }
    if let Some((scenario, hop)) = states(State::Unstable) {
        let fills = share(hop.utilisation);
        return match scenario.name.as_str() {
            "mean" => format!(
                "Even the mean load does not fit: {} is asked for {fills} of what it can do.",
                hop.name
            ),
            name => format!(
                "{} does not fit: {} is asked for {fills} of what it can do.",
                super::units::titled(name),
                hop.name
            ),
        };
    }
    let late = report.scenarios.iter().find_map(|scenario| {
        scenario.flows.iter().find(|flow| flow.fate == Fate::Late).map(|flow| (scenario, flow))
    });
    if let Some((scenario, flow)) = late {
        return format!(
            "Every load fits, but {} misses its deadline at {}.",
            flow.name,
            spoken(&scenario.name)
        );
    }
    if let Some((scenario, hop)) = states(State::Tight) {
        return format!(
            "Every load fits; at {} {} has less headroom than its risk asks for.",
            spoken(&scenario.name),
            hop.name
        );
    }
    "Every load fits, with the headroom that its risk asks for.".to_owned()
}

/// Where it hurts and what to do first.
pub fn ledes(report: &PlanReport) -> Vec<String> {
    let mut sentences = Vec::new();
    if let Some(bottleneck) = hardest(report).and_then(|scenario| scenario.bottleneck.as_ref()) {
        sentences.push(bottleneck.because.clone());
    }
    if let Some(first) = report.options.first() {
        let mut text = format!("First remedy: {}", first.what.trim_end_matches('.'));
        if let (Some(flow), Some(after)) = (&first.effect.flow, first.effect.p99_after_s) {
            let before = first.effect.p99_before_s.map_or_else(|| "no limit".to_owned(), seconds);
            text.push_str(&format!("; p99 of {flow} goes from {before} to {}", seconds(after)));
        }
        text.push_str(&format!(", {}.", options::cost(first, &report.currency)));
        sentences.push(text);
    }
    let delay = hardest(report).and_then(|scenario| scenario.cost_of_delay_per_month);
    if let Some(cost) = delay.filter(|cost| cost.value >= 1.0) {
        sentences.push(format!(
            "Delay under the hardest load costs {} {} a month.",
            amount(cost.value),
            report.currency
        ));
    }
    sentences
}

/// Shows the chosen view alone: `n` rules, written out because a style sheet has no variables in selectors.
fn choices_style(views: usize) -> String {
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
fn stage(views: &[View<'_>], report: &PlanReport, body: &mut Markup) {
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
        body.open(
            "div",
            &[
                ("class", "scroll"),
                ("tabindex", "0"),
                ("role", "region"),
                ("aria-label", "Topology drawing"),
            ],
        );
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
        (_, names) => format!("Late, throttled or lost: {}.", super::units::listed(names)),
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

fn shifted(failure: &millstream_plan::report::FailureReport, body: &mut Markup) {
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
