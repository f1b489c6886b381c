//! What else a reader must know: growth, sharing, failures, storms, budgets, gaps, sensitivity.

use super::units::{count, listed, rate, seconds, share, significant, spoken, times};
use super::view::{fault, worst_failures};
use crate::document::Markup;
use crate::report::number::amount;
use millstream_plan::report::{HopReport, PlanReport, SharedHop};

/// Most rows of each list.
pub const ROWS_MAX: usize = 40;
/// Most shared hops that are drawn.
const SHARED_MAX: usize = 12;
/// Classes of the parts of a bar.
const FILLS: [&str; 5] = ["f1", "f2", "f3", "f4", "f5"];

fn head(title: &str, says: &str, markup: &mut Markup) {
    markup.element("h2", &[], title);
    markup.element("p", &[("class", "says")], says);
}

fn table(columns: &[(&'static str, bool)], rows: &[Vec<String>], markup: &mut Markup) {
    markup.fixed("<div class=\"scroll\"><table><thead><tr>");
    for (name, number) in columns {
        let class = if *number { "number" } else { "words" };
        markup.element("th", &[("scope", "col"), ("class", class)], name);
    }
    markup.fixed("</tr></thead>\n<tbody>\n");
    for row in rows {
        markup.open("tr", &[]);
        for (index, (cell, (_, number))) in row.iter().zip(columns).enumerate() {
            let class = if *number { "number" } else { "words" };
            if index == 0 {
                markup.element("th", &[("scope", "row")], cell);
            } else {
                markup.element("td", &[("class", class)], cell);
            }
        }
        markup.close("tr");
    }
    markup.fixed("</tbody></table></div>\n");
}

/// Which hop is full first as load and time go on.
pub fn growth(report: &PlanReport, markup: &mut Markup) {
    let Some((first, at)) = report.fails_in_order.first() else { return };
    markup.open("section", &[]);
    let says = format!("As load rises, {first} is full first, at {} of the mean load.", times(*at));
    head("What fails first", &says, markup);
    let mean = report.scenarios.first();
    let hop = |name: &str| mean.and_then(|mean| mean.hops.iter().find(|hop| hop.name == name));
    let rows: Vec<Vec<String>> = report
        .fails_in_order
        .iter()
        .take(ROWS_MAX)
        .map(|(name, at)| {
            let resource = hop(name).and_then(|hop| hop.limit);
            let resource = resource.map_or_else(String::new, |limit| spoken(limit.name()));
            let (headroom, full) = hop(name).map_or_else(Default::default, dates);
            vec![name.clone(), times(*at), resource, headroom, full]
        })
        .collect();
    let columns = [
        ("Hop", false),
        ("Full at", true),
        ("Gives way", false),
        ("Headroom used up", true),
        ("Full", true),
    ];
    table(&columns, &rows, markup);
    markup.close("section");
}

fn dates(hop: &HopReport) -> (String, String) {
    let Some(growth) = &hop.growth else { return ("–".to_owned(), "–".to_owned()) };
    let when = |date: &Option<String>, months: Option<f64>| match (date, months) {
        (_, Some(0.0)) => "already".to_owned(),
        (Some(date), _) => date.clone(),
        (None, Some(months)) => format!("in {} months", significant(months)),
        (None, None) => "never".to_owned(),
    };
    (
        when(&growth.headroom_date, growth.headroom_months),
        when(&growth.full_date, growth.full_months),
    )
}

/// Which flows share which hop.
pub fn sharing(report: &PlanReport, markup: &mut Markup) {
    if report.shared_hops.is_empty() {
        return;
    }
    markup.open("section", &[]);
    let mixed: Vec<&str> = report
        .shared_hops
        .iter()
        .filter(|hop| hop.mixed_classes)
        .map(|hop| hop.hop.as_str())
        .collect();
    let says = if mixed.is_empty() {
        "Several flows share these hops, each class apart.".to_owned()
    } else {
        format!(
            "On {} different classes of traffic meet without separation: one can slow the other.",
            listed(&mixed)
        )
    };
    head("Shared hops", &says, markup);
    markup.open("div", &[("class", "shared")]);
    for hop in report.shared_hops.iter().take(SHARED_MAX) {
        shared(hop, markup);
    }
    markup.close("div");
    markup.close("section");
}

fn shared(hop: &SharedHop, markup: &mut Markup) {
    let sum: f64 = hop.flows.iter().map(|(_, part)| part).sum();
    markup.open("div", &[]);
    markup.open("p", &[]);
    markup.element("b", &[], &hop.hop);
    markup.element("small", &[], &format!(" {} taken", share(sum)));
    markup.close("p");
    markup.open("svg", &[("class", "gauge"), ("height", "10"), ("aria-hidden", "true")]);
    markup.shape("rect", &[("class", "track"), ("width", "100%"), ("height", "10"), ("rx", "3")]);
    let whole = sum.max(1.0);
    let mut from = 0.0;
    for (index, (_, part)) in hop.flows.iter().enumerate() {
        let fill = FILLS[index.min(FILLS.len() - 1)];
        let (x, width) =
            (format!("{:.2}%", from / whole * 100.0), format!("{:.2}%", part / whole * 100.0));
        markup.shape("rect", &[("class", fill), ("x", &x), ("width", &width), ("height", "10")]);
        from += part;
    }
    markup.close("svg");
    markup.open("ul", &[("class", "legend")]);
    for (index, (flow, part)) in hop.flows.iter().enumerate().take(FILLS.len() + 2) {
        markup.fixed("<li><svg viewBox=\"0 0 1 1\" aria-hidden=\"true\">");
        let fill = FILLS[index.min(FILLS.len() - 1)];
        markup.shape("rect", &[("class", fill), ("width", "1"), ("height", "1")]);
        markup.fixed("</svg>");
        markup.text(&format!("{flow} {}", share(*part)));
        markup.close("li");
    }
    markup.close("ul");
    markup.close("div");
}

/// Every failure, worst first.
pub fn failures(report: &PlanReport, markup: &mut Markup) {
    let failures = worst_failures(report);
    let Some(worst) = failures.first() else { return };
    markup.open("section", &[]);
    let harmless = failures
        .iter()
        .filter(|one| one.lost.is_empty() && one.degraded.is_empty() && one.unstable.is_empty())
        .count();
    let says = if worst.lost.is_empty() && worst.unstable.is_empty() {
        format!("None of {} failures stops a flow.", failures.len())
    } else {
        format!(
            "Tried at the {} load, one by one: {harmless} of {} failures hurt no flow. The worst is {}.",
            spoken(&report.failures_at),
            failures.len(),
            fault(&worst.fault)
        )
    };
    head("Blast radius", &says, markup);
    let rows: Vec<Vec<String>> = failures
        .iter()
        .take(ROWS_MAX)
        .map(|one| {
            vec![
                fault(&one.fault),
                listed(&one.lost),
                listed(&one.degraded),
                one.fullest.as_ref().map_or_else(
                    || "–".to_owned(),
                    |hop| format!("{hop} {}", share(one.utilisation_max)),
                ),
                if one.lost_events_per_s > 0.0 {
                    rate(one.lost_events_per_s)
                } else {
                    "–".to_owned()
                },
                if one.lost_value_per_hour > 0.0 {
                    amount(one.lost_value_per_hour)
                } else {
                    "–".to_owned()
                },
                one.failover_s.map_or_else(|| "–".to_owned(), seconds),
            ]
        })
        .collect();
    let columns = [
        ("What fails", false),
        ("Flows lost", false),
        ("Flows that suffer", false),
        ("Fullest then", false),
        ("Events lost", true),
        ("Value lost an hour", true),
        ("Failover", true),
    ];
    table(&columns, &rows, markup);
    let more = failures.len().saturating_sub(ROWS_MAX);
    if more > 0 {
        markup.element(
            "p",
            &[("class", "note")],
            &format!("{more} more failures do less harm; `--format json` has them all."),
        );
    }
    markup.close("section");
}

/// Storms, overspent budgets, flows that nobody listed, warnings: each with its kind.
pub fn cautions(report: &PlanReport) -> Vec<(&'static str, String)> {
    let mut found: Vec<(&'static str, String)> = Vec::new();
    for storm in &report.metastable {
        found.push(("Retry storm", format!(
            "{} at {}: {} of its capacity without retries, {} with every attempt used. An overload that outlasts {} would keep itself alive. What breaks it: {}.",
            storm.hop, storm.scenario, share(storm.load), share(storm.load_with_retries), seconds(storm.timeout_s), storm.breaks_it.join("; ")
        )));
    }
    for overrun in &report.overruns {
        let taken = overrun.taken_s.map_or_else(|| "without limit".to_owned(), seconds);
        found.push((
            "Budget overspent",
            format!(
                "{} may spend {} at {} and takes {taken} ({}).",
                overrun.flow,
                seconds(overrun.allowed_s),
                overrun.hop,
                overrun.scenario
            ),
        ));
    }
    for hidden in &report.hidden {
        found.push((
            "Nobody listed",
            format!(
                "{}, usually over {}: {}.",
                hidden.what,
                listed(&hidden.hops),
                hidden.usual.trim_end_matches('.')
            ),
        ));
    }
    found.extend(report.warnings.iter().map(|text| ("Take care", text.clone())));
    found
}

/// The cautions as a list.
pub fn warnings(report: &PlanReport, markup: &mut Markup) {
    let found = cautions(report);
    if found.is_empty() {
        return;
    }
    markup.open("section", &[]);
    let says = format!("{} that no table above shows.", count(found.len(), "thing"));
    head("Take care", &says, markup);
    markup.open("ul", &[("class", "warnings")]);
    for (kind, text) in found.iter().take(ROWS_MAX) {
        markup.open("li", &[]);
        markup.element("b", &[], kind);
        markup.element("p", &[], text);
        markup.close("li");
    }
    markup.close("ul");
    markup.close("section");
}

/// Which input moves the answer, and what time is worth.
pub fn sensitivity(report: &PlanReport, markup: &mut Markup) {
    if !report.sensitivity.is_empty() {
        markup.open("section", &[]);
        let says = report
            .sensitivity
            .iter()
            .max_by(|a, b| a.worth_measuring.total_cmp(&b.worth_measuring))
            .map_or_else(String::new, |first| {
                format!(
                    "Measuring {} would settle most: one per cent of it moves {} by {} per cent.",
                    first.input,
                    first.answer,
                    significant(first.elasticity)
                )
            });
        head("What the answer hangs on", &says, markup);
        let rows: Vec<Vec<String>> = report
            .sensitivity
            .iter()
            .take(12)
            .map(|one| {
                vec![
                    one.input.clone(),
                    one.answer.clone(),
                    significant(one.elasticity),
                    format!("± {}", share(one.uncertainty)),
                    significant(one.worth_measuring * 100.0),
                ]
            })
            .collect();
        table(
            &[
                ("Input", false),
                ("Moves", false),
                ("% for 1 %", true),
                ("Known to", true),
                ("Worth measuring", true),
            ],
            &rows,
            markup,
        );
        markup.close("section");
    }
    if !report.investments.is_empty() {
        markup.open("section", &[]);
        let paying = report.investments.iter().filter(|one| one.pays).count();
        let says = format!(
            "{paying} of {} investments are worth their price at the low end of what a millisecond brings.",
            report.investments.len()
        );
        head("What a millisecond is worth", &says, markup);
        let rows: Vec<Vec<String>> = report
            .investments
            .iter()
            .map(|one| {
                vec![
                    one.name.clone(),
                    format!("{} ms", significant(one.saves_ms)),
                    amount(one.cost_per_month),
                    format!(
                        "{} ({} to {})",
                        amount(one.worth_per_month),
                        amount(one.worth_low),
                        amount(one.worth_high)
                    ),
                    one.break_even_ms
                        .map_or_else(|| "–".to_owned(), |ms| format!("{} ms", significant(ms))),
                    (if one.pays { "pays" } else { "does not pay" }).to_owned(),
                    (if one.measured { "measured" } else { "assumed" }).to_owned(),
                ]
            })
            .collect();
        table(
            &[
                ("Investment", false),
                ("Saves", true),
                ("Cost a month", true),
                ("Worth a month", true),
                ("Breaks even at", true),
                ("Verdict", false),
                ("Lift", false),
            ],
            &rows,
            markup,
        );
        markup.close("section");
    }
}

/// What the simulator settled, and what was assumed.
pub fn grounds(report: &PlanReport, markup: &mut Markup) {
    markup.open("section", &[]);
    head(
        "Grounds",
        "How far these figures can be trusted. Every figure of the JSON form carries its own confidence: exact, approximation with its known error, bound, or simulated with its interval.",
        markup,
    );
    if !report.settled.is_empty() {
        let rows: Vec<Vec<String>> = report
            .settled
            .iter()
            .take(ROWS_MAX)
            .map(|one| {
                let interval = match one.figure.confidence {
                    millstream_plan::Confidence::Simulated { low, high } => {
                        format!("{} to {}", significant(low), significant(high))
                    }
                    _ => "–".to_owned(),
                };
                vec![
                    one.what.clone(),
                    significant(one.figure.value),
                    interval,
                    one.formula.map_or_else(|| "–".to_owned(), significant),
                ]
            })
            .collect();
        table(
            &[
                ("Simulated", false),
                ("Value", true),
                ("95 % interval", true),
                ("Formula says", true),
            ],
            &rows,
            markup,
        );
    }
    if !report.assumptions.is_empty() {
        markup.element("h3", &[], "Assumed, because the plan does not say");
        markup.open("ul", &[("class", "assumed")]);
        for text in report.assumptions.iter().take(ROWS_MAX) {
            markup.element("li", &[], text);
        }
        markup.close("ul");
    }
    markup.close("section");
}
