//! What could be done, best first, with effect and cost.

use super::units::{capital, seconds, share, titled};
use crate::document::Markup;
use crate::report::number::amount;
use millstream_plan::report::{Effect, PlanReport, Remedy, RemedyKind, State};

/// Most options that are shown.
pub const OPTIONS_MAX: usize = 10;
/// Hours in a month of 30.44 days.
pub const HOURS_A_MONTH: f64 = 30.44 * 24.0;

/// The options that change something for the better, best first.
pub fn worth_showing(report: &PlanReport) -> Vec<&Remedy> {
    let tolerates = |one: &Remedy| one.kind == RemedyKind::Tolerate;
    report.options.iter().filter(|one| tolerates(one) || helps(&one.effect)).collect()
}

/// True when every hop keeps its headroom under every load: then options are only what would still help.
pub fn is_calm(report: &PlanReport) -> bool {
    let mut hops = report.scenarios.iter().flat_map(|load| &load.hops);
    !hops.any(|hop| matches!(hop.state, State::Tight | State::Unstable))
}

/// Whether an option changes anything that can be seen: a hundredth of a load or of a tail.
pub fn helps(effect: &Effect) -> bool {
    const SEEN: f64 = 0.99;
    let emptier = effect.utilisation_after < effect.utilisation_before * SEEN;
    let faster = match (effect.p99_before_s, effect.p99_after_s) {
        (None, Some(_)) => true,
        (Some(before), Some(after)) => after < before * SEEN,
        (_, None) => false,
    };
    emptier || faster
}

/// The section; nothing when no options were asked for.
pub fn draw(report: &PlanReport, markup: &mut Markup) {
    if report.advice.is_empty() {
        return;
    }
    markup.open("section", &[]);
    markup.element("h2", &[], "What to do, best first");
    markup.sentence("p", &[("class", "says")], &report.advice);
    let shown = worth_showing(report);
    if shown.is_empty() {
        markup.close("section");
        return;
    }
    markup.open("ol", &[("class", "remedies")]);
    for remedy in shown.iter().take(OPTIONS_MAX) {
        draw_one(remedy, report, markup);
    }
    markup.close("ol");
    let more = report.options.len() - shown.len().min(OPTIONS_MAX);
    if more > 0 {
        let told = format!(
            "Tried as well, and worth less or nothing here: {more}; `--format json` has them all."
        );
        markup.sentence("p", &[("class", "note")], &told);
    }
    markup.close("section");
}

fn draw_one(remedy: &Remedy, report: &PlanReport, markup: &mut Markup) {
    let currency = &report.currency;
    markup.open("li", &[("class", if remedy.cures { "cures" } else { "helps" })]);
    markup.open("div", &[("class", "what")]);
    markup.open("p", &[("class", "kicker")]);
    markup.text(&format!("{} · {}", titled(remedy.kind.name()), remedy.hop));
    markup.close("p");
    markup.sentence("p", &[], &capital(&remedy.what));
    markup.element("p", &[("class", "small")], &then(remedy, report));
    markup.close("div");
    markup.open("dl", &[]);
    let effect = &remedy.effect;
    let loads = format!("utilisation, {}", effect.scenario);
    pair(
        &loads,
        &arrow(&share(effect.utilisation_before), &share(effect.utilisation_after)),
        markup,
    );
    if let Some(flow) = &effect.flow {
        let time = |time: Option<f64>| time.map_or_else(|| "no limit".to_owned(), seconds);
        let change = arrow(&time(effect.p99_before_s), &time(effect.p99_after_s));
        pair(&format!("p99 of {flow}"), &change, markup);
    }
    pair("cost", &cost(remedy, currency), markup);
    if let Some(saves) = remedy.saves_per_month {
        let hourly = saves / HOURS_A_MONTH;
        let name = if hourly < 0.0 { "delay adds" } else { "delay saved" };
        let label = format!("{name}, an hour of {}", effect.scenario);
        if hourly.abs() >= 0.5 {
            pair(&label, &format!("{} {currency}", amount(hourly.abs())), markup);
        }
    }
    markup.close("dl");
    if !remedy.overlay.trim().is_empty() {
        markup.fixed("<details><summary>The change, for --what-if</summary>");
        markup.element("pre", &[], remedy.overlay.trim());
        markup.close("details");
    }
    markup.close("li");
}

fn pair(name: &str, value: &str, markup: &mut Markup) {
    markup.fixed("<div>");
    markup.element("dt", &[], name);
    markup.element("dd", &[], value);
    markup.close("div");
}

fn arrow(before: &str, after: &str) -> String {
    if before == after { before.to_owned() } else { format!("{before} → {after}") }
}

/// What it costs a month.
pub fn cost(remedy: &Remedy, currency: &str) -> String {
    match remedy.cost_per_month {
        None => "no price known".to_owned(),
        Some(0.0) => "nothing to buy".to_owned(),
        Some(cost) => format!("{} {currency} a month", amount(cost)),
    }
}

/// What is so afterwards: headroom, and where the bottleneck is.
fn then(remedy: &Remedy, report: &PlanReport) -> String {
    let load = report.scenario(&remedy.effect.scenario);
    let hop = load.and_then(|load| load.hops.iter().find(|hop| hop.name == remedy.hop));
    let short = hop.is_some_and(|hop| matches!(hop.state, State::Tight | State::Unstable));
    let inside = match (remedy.kind, short, remedy.cures) {
        (RemedyKind::Tolerate, ..) => return "Nothing changes.".to_owned(),
        (_, true, true) => "Inside the headroom policy afterwards.",
        (_, true, false) => "Helps, but the hop stays short of its headroom.",
        (RemedyKind::Failover, false, _) => {
            "For the day it fails: on other days the hop has room enough."
        }
        (_, false, _) => "The hop keeps its headroom without it, too.",
    };
    let was = load.and_then(|load| load.bottleneck.as_ref()).map(|bottleneck| &bottleneck.hop);
    match &remedy.effect.bottleneck_after {
        Some(next) if was == Some(&remedy.hop) && *next != remedy.hop => {
            format!("{inside} The bottleneck moves to {next}.")
        }
        _ => inside.to_owned(),
    }
}
