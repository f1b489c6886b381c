//! Of what a named peak is made, and what leaving costs: the parts behind sums.

use super::lists::{head, table};
use super::units::{bits, rate, share, spoken, titled};
use crate::document::Markup;
use crate::report::number::amount;
use millstream_plan::PlanReport;
use millstream_plan::report::{HopReport, MixLine, ScenarioReport};

/// Most lines of one mix, largest part of each flow first.
pub const LINES_MAX: usize = 40;

/// Peaks with a forecast, each with its lines.
pub fn mixes(report: &PlanReport) -> Vec<&ScenarioReport> {
    report.scenarios.iter().filter(|load| !load.mix.is_empty()).collect()
}

/// Where a part comes from: `newsletter`, or what comes anyway.
pub fn campaign(line: &MixLine) -> String {
    line.campaign_type.as_deref().map_or_else(|| "without campaigns".to_owned(), shown)
}

/// And through which channel.
pub fn channel(line: &MixLine) -> String {
    line.channel.as_deref().map_or_else(|| "–".to_owned(), shown)
}

fn shown(text: &str) -> String {
    if text.is_empty() { "not stated".to_owned() } else { spoken(text) }
}

/// Hops whose egress has a price, dearest first, with the cost of a month under this load.
pub fn egress(load: &ScenarioReport) -> Vec<(&HopReport, f64)> {
    let priced = load.hops.iter().filter_map(|hop| Some((hop, hop.egress_cost_per_month?.value)));
    let mut priced: Vec<(&HopReport, f64)> = priced.filter(|(_, cost)| *cost > 0.0).collect();
    priced.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.name.cmp(&b.0.name)));
    priced
}

/// The peaks with a forecast as tables.
pub fn draw(report: &PlanReport, markup: &mut Markup) {
    let peaks = mixes(report);
    if peaks.is_empty() {
        return;
    }
    markup.open("section", &[]);
    head("What the peaks are made of", &says(&peaks), markup);
    for peak in peaks {
        markup.element("h3", &[], &titled(&peak.name));
        let row = |line: &MixLine| {
            vec![
                line.flow.clone(),
                campaign(line),
                channel(line),
                rate(line.events_per_s),
                share(line.share),
            ]
        };
        let rows: Vec<Vec<String>> = peak.mix.iter().take(LINES_MAX).map(row).collect();
        let columns = [
            ("Flow", false),
            ("Campaign", false),
            ("Channel", false),
            ("Events", true),
            ("Part of the flow", true),
        ];
        table(&columns, &rows, markup);
        if peak.mix.len() > LINES_MAX {
            let more = format!("{} smaller parts are in the JSON.", peak.mix.len() - LINES_MAX);
            markup.element("p", &[("class", "note")], &more);
        }
    }
    markup.close("section");
}

/// The largest part that a campaign adds.
fn says(peaks: &[&ScenarioReport]) -> String {
    let added = peaks
        .iter()
        .flat_map(|peak| peak.mix.iter().map(move |line| (peak, line)))
        .filter(|(_, line)| line.campaign_type.is_some());
    let most = added.max_by(|a, b| a.1.events_per_s.total_cmp(&b.1.events_per_s));
    most.map_or_else(String::new, |(peak, line)| {
        format!(
            "At {} the most comes from {} through {}: {} events/s, {} of {}.",
            spoken(&peak.name),
            campaign(line),
            channel(line),
            rate(line.events_per_s).trim_end_matches("/s"),
            share(line.share),
            line.flow
        )
    })
}

/// What leaves and what that costs, under the loads, as a table.
pub fn draw_egress(report: &PlanReport, markup: &mut Markup) {
    let loads: Vec<&ScenarioReport> = report.scenarios.iter().take(4).collect();
    let Some(first) = loads.iter().copied().find(|load| !egress(load).is_empty()) else { return };
    markup.open("section", &[]);
    let total = |load: &ScenarioReport| egress(load).iter().map(|(_, cost)| cost).sum::<f64>();
    let says = format!(
        "What leaves costs {} {} in a month of the {} load.",
        amount(total(first)),
        report.currency,
        spoken(&first.name)
    );
    head("Egress", &says, markup);
    let names: Vec<String> =
        loads.iter().map(|load| format!("{}, a month", titled(&load.name))).collect();
    let mut columns = vec![("Hop", false), ("Leaves", true)];
    columns.extend(names.iter().map(|name| (name.as_str(), true)));
    let row = |(hop, _): &(&HopReport, f64)| {
        let mut cells = vec![hop.name.clone(), bits(hop.forward_bits_per_s)];
        cells.extend(loads.iter().map(|load| {
            let found = load.hops.iter().find(|other| other.name == hop.name);
            let cost = found.and_then(|hop| hop.egress_cost_per_month);
            cost.map_or_else(|| "–".to_owned(), |cost| amount(cost.value))
        }));
        cells
    };
    let rows: Vec<Vec<String>> = egress(first).iter().take(LINES_MAX).map(row).collect();
    table(&columns, &rows, markup);
    markup.close("section");
}
