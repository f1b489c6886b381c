//! The whole page.

use super::units::{seconds, sentence, share, spoken, titled};
use super::view::views;
use super::{makeup, options, reviews, risks, sharing, stage, worth};
use crate::document::{self, Markup};
use crate::report::number::amount;
use millstream_plan::PlanReport;
use millstream_plan::report::{Fate, RemedyKind, ScenarioReport, State};
use millstream_plan::review::Review;

/// Renders one review as an HTML file of its own.
pub fn render_review(review: &Review) -> String {
    let mut body = Markup::default();
    body.open("main", &[]);
    body.open("header", &[]);
    let dated =
        review.as_of.as_ref().map_or_else(String::new, |day| format!(" · figures of {day}"));
    let named = if review.title.is_empty() { "Plan" } else { &review.title };
    body.element("p", &[("class", "kicker")], &format!("{named}{dated}"));
    body.element("h1", &[], reviews::name(review.period));
    body.element("p", &[("class", "lede")], &reviews::summary(review));
    body.close("header");
    reviews::sheet(review, &mut body);
    body.close("main");
    document::render(
        &format!("{}, {named}", reviews::name(review.period)),
        include_str!("plan.css"),
        body,
    )
}

/// Renders a plan and its reviews as one HTML file.
pub fn render(report: &PlanReport, reviews: &[Review]) -> String {
    let views = views(report);
    let mut body = Markup::default();
    let mut style = include_str!("plan.css").to_owned();
    style.push_str(&stage::choices_style(views.len()));
    body.open("main", &[]);
    header(report, &mut body);
    if is_empty(report) {
        body.open("section", &[]);
        body.element("h2", &[], "Nothing to show yet");
        body.element("p", &[("class", "says")], "A plan needs at least one component and one flow that crosses it. `millstream plan init` writes a commented file to begin with.");
        body.close("section");
    } else {
        stage::draw(&views, report, &mut body);
        options::draw(report, &mut body);
        makeup::draw(report, &mut body);
        risks::growth(report, &mut body);
        risks::failures(report, &mut body);
        sharing::draw(report, &mut body);
        risks::warnings(report, &mut body);
        makeup::draw_egress(report, &mut body);
        worth::sensitivity(report, &mut body);
        worth::investments(report, &mut body);
        reviews::section(reviews, &mut body);
        worth::grounds(report, &mut body);
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

/// True when nothing crosses anything.
pub fn is_empty(report: &PlanReport) -> bool {
    report.scenarios.iter().all(|scenario| scenario.hops.is_empty() || scenario.flows.is_empty())
}

fn header(report: &PlanReport, body: &mut Markup) {
    body.open("header", &[]);
    let dated =
        report.as_of.as_ref().map_or_else(String::new, |day| format!(" · figures of {day}"));
    body.element("p", &[("class", "kicker")], &format!("{}{dated}", title(report)));
    body.sentence("h1", &[], &verdict(report));
    for sentence in ledes(report) {
        body.sentence("p", &[("class", "lede")], &sentence);
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
        if let Some(more) = hop.utilisation_with_retries.filter(|_| hop.utilisation < 1.0) {
            let (name, more) = (spoken(&scenario.name), share(more));
            return format!(
                "The {name} load makes retries that do not fit: `{}` goes from {fills} of what it can do to {more}.",
                hop.name
            );
        }
        return match scenario.name.as_str() {
            "mean" => format!(
                "Even the mean load does not fit: `{}` is asked for {fills} of what it can do.",
                hop.name
            ),
            name => format!(
                "{} does not fit: `{}` is asked for {fills} of what it can do.",
                titled(name),
                hop.name
            ),
        };
    }
    let late = report.scenarios.iter().find_map(|scenario| {
        scenario.flows.iter().find(|flow| flow.fate == Fate::Late).map(|flow| (scenario, flow))
    });
    if let Some((scenario, flow)) = late {
        return format!(
            "Every load fits, but `{}` misses its deadline at {}.",
            flow.name,
            spoken(&scenario.name)
        );
    }
    if let Some((scenario, hop)) = states(State::Tight) {
        return format!(
            "Every load fits; at {} `{}` has less headroom than its risk asks for.",
            spoken(&scenario.name),
            hop.name
        );
    }
    "Every load fits, with the headroom that its risk asks for.".to_owned()
}

/// Where it hurts and what to do first.
pub fn ledes(report: &PlanReport) -> Vec<String> {
    let mut sentences = Vec::new();
    let hard = hardest(report);
    if let Some(bottleneck) = hard.and_then(|load| load.bottleneck.as_ref()) {
        sentences.push(sentence(&bottleneck.because));
    }
    if let Some(first) =
        options::worth_showing(report).into_iter().find(|one| one.kind != RemedyKind::Tolerate)
    {
        let what = first.what.trim_end_matches('.');
        let mut text = format!("First remedy, `{}`: {what}", first.hop);
        if let (Some(flow), Some(after)) = (&first.effect.flow, first.effect.p99_after_s) {
            let before = first.effect.p99_before_s.map_or_else(|| "no limit".to_owned(), seconds);
            let after = seconds(after);
            if before != after {
                text.push_str(&format!("; p99 of `{flow}` goes from {before} to {after}"));
            }
        }
        text.push_str(&format!(", {}.", options::cost(first, &report.currency)));
        sentences.push(text);
    }
    let delay = hard.and_then(|load| load.cost_of_delay_per_month);
    let hourly = delay.map_or(0.0, |cost| cost.value / options::HOURS_A_MONTH);
    if hourly >= 1.0 {
        let cost = amount(hourly);
        sentences.push(format!(
            "While that load lasts, delay costs {cost} {} an hour.",
            report.currency
        ));
    }
    sentences
}
