//! What fails: hops as load rises, components one by one, and what no table shows.

use super::lists::{ROWS_MAX, head, table};
use super::units::{count, listed, rate, seconds, share, significant, spoken, times};
use super::view::{fault, worst_failures};
use crate::document::Markup;
use crate::report::number::amount;
use millstream_plan::PlanReport;
use millstream_plan::report::HopReport;

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

/// Every failure, worst first.
pub fn failures(report: &PlanReport, markup: &mut Markup) {
    let failures = worst_failures(report);
    let Some(worst) = failures.first() else { return };
    markup.open("section", &[]);
    let harmful = failures
        .iter()
        .filter(|one| !(one.lost.is_empty() && one.degraded.is_empty() && one.unstable.is_empty()))
        .count();
    let says = if worst.lost.is_empty() && worst.unstable.is_empty() {
        format!("None of {} failures stops a flow.", failures.len())
    } else {
        format!(
            "Tried one by one at the {} load: {harmful} of {} failures stop or slow a flow. The worst is {}.",
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
        let calm = storm.calm_at.map_or_else(
            || "it does not come to rest, for late answers alone fill it".to_owned(),
            |calm| format!("undisturbed it stays at {} of its capacity", share(calm)),
        );
        found.push(("Retry storm", format!(
            "{} at {}: {calm}; after an overload of {} retries would keep it at {}. What breaks that: {}.",
            storm.hop, storm.scenario, seconds(storm.timeout_s), share(storm.load_with_retries), storm.breaks_it.join("; ")
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
    found.extend(report.warnings.iter().map(|text| ("Take care", text.clone())));
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
        markup.sentence("p", &[], text);
        markup.close("li");
    }
    markup.close("ul");
    markup.close("section");
}
