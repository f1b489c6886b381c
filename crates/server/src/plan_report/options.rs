//! What could be done, best first, with effect and cost.

use super::units::{capital, seconds, share, titled};
use crate::document::Markup;
use crate::report::number::amount;
use millstream_plan::report::{PlanReport, Remedy, RemedyKind};

/// Most options that are shown.
pub const OPTIONS_MAX: usize = 12;

/// The section.
pub fn draw(report: &PlanReport, markup: &mut Markup) {
    markup.open("section", &[]);
    markup.element("h2", &[], "What to do, best first");
    markup.element("p", &[("class", "says")], &says(report));
    markup.open("ol", &[("class", "remedies")]);
    for remedy in report.options.iter().take(OPTIONS_MAX) {
        draw_one(remedy, &report.currency, markup);
    }
    markup.close("ol");
    let more = report.options.len().saturating_sub(OPTIONS_MAX);
    if more > 0 {
        let told = format!("{more} more options are worth less; `--format json` has them all.");
        markup.element("p", &[("class", "note")], &told);
    }
    markup.close("section");
}

fn says(report: &PlanReport) -> String {
    let Some(first) = report.options.first() else {
        return "No hop is short of room under any load of this plan, so there is nothing to buy."
            .to_owned();
    };
    let cures = report.options.iter().filter(|option| option.cures).count();
    let free =
        report.options.iter().filter(|one| one.cures && one.cost_per_month == Some(0.0)).count();
    let mut text = match (cures, report.options.len()) {
        (0, all) => {
            format!("None of {all} options alone brings {} inside its headroom.", first.hop)
        }
        (1, all) => format!("One of {all} options brings its hop inside its headroom."),
        (some, all) => format!("{some} of {all} options bring their hop inside its headroom."),
    };
    if free > 0 {
        let cost = if free == 1 { "costs" } else { "cost" };
        text.push_str(&format!(" {free} of them {cost} nothing but work."));
    }
    text
}

fn draw_one(remedy: &Remedy, currency: &str, markup: &mut Markup) {
    markup.open("li", &[("class", if remedy.cures { "cures" } else { "helps" })]);
    markup.open("div", &[("class", "what")]);
    markup.open("p", &[("class", "kicker")]);
    markup.text(&format!("{} · {}", titled(remedy.kind.name()), remedy.hop));
    markup.close("p");
    markup.element("p", &[], &capital(&remedy.what));
    markup.element("p", &[("class", "small")], &then(remedy));
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
        pair("saves", &format!("{} {currency} a month", amount(saves)), markup);
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

/// Where the bottleneck is afterwards.
fn then(remedy: &Remedy) -> String {
    let inside = match (remedy.kind, remedy.cures) {
        (RemedyKind::Tolerate, _) => "Nothing changes.",
        (_, true) => "Inside the headroom policy afterwards.",
        (_, false) => "Helps, but the hop stays short of its headroom.",
    };
    match &remedy.effect.bottleneck_after {
        Some(next) if *next != remedy.hop && remedy.kind != RemedyKind::Tolerate => {
            format!("{inside} The bottleneck moves to {next}.")
        }
        _ => inside.to_owned(),
    }
}
