//! A plan's report on a terminal: the answer, then tables that fit eighty columns.

use super::makeup;
use super::options::{cost, is_calm, worth_showing};
use super::page::{hardest, is_empty, ledes, verdict};
use super::topology::short;
use super::units::{bits, listed, rate, seconds, share, times, titled};
use super::view::{fault, worst_failures};
use crate::report::number::amount;
use crate::report::page::{Align, Grid, plain};
use crate::report::terminal::compose;
use millstream_plan::PlanReport;
use millstream_plan::report::{Fate, FlowReport, HopReport, ScenarioReport, State};

/// Width used where there is no terminal to ask.
const WIDTH_DEFAULT: u16 = 80;
/// Most hops and flows that are listed, the fullest and the latest first.
const ROWS_MAX: usize = 20;
/// Most options and failures that are listed.
const CHOICES_MAX: usize = 6;
/// Most loads that stand side by side.
const LOADS_MAX: usize = 4;
/// Most warnings that are printed.
const WARNINGS_MAX: usize = 8;

/// Sentences and tables.
pub fn render(report: &PlanReport, width: Option<u16>) -> String {
    let mut sentences = Vec::new();
    if !report.title.is_empty() {
        sentences.push(shown(&report.title));
        sentences.push(String::new());
    }
    sentences.push(shown(&verdict(report)));
    sentences.extend(ledes(report).iter().map(|text| shown(text)));
    if is_calm(report) && !is_empty(report) && !report.advice.is_empty() {
        sentences.push(shown(&report.advice));
    }
    let lines: Vec<&str> = sentences.iter().map(String::as_str).collect();
    let width = width.unwrap_or(WIDTH_DEFAULT);
    let Some(hard) = hardest(report).filter(|load| !load.hops.is_empty()) else {
        return compose(&lines, &[], width);
    };
    let mut grids = vec![use_by_load(report, hard), hops(hard)];
    grids.extend(egress(report, hard));
    grids.push(flows(hard));
    grids.extend(mixes(report));
    grids.extend(options(report));
    grids.extend(failures(report));
    grids.extend(warnings(report));
    compose(&lines, &grids, width)
}

/// Text of the plan, fit for a terminal at any length.
fn shown(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(100).map(|piece| plain(&piece.iter().collect::<String>())).collect()
}

fn grid(title: &str, columns: &[(&str, Align)]) -> Grid {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let mut grid = Grid::new(title, &names, "none");
    for (column, (_, align)) in grid.columns.iter_mut().zip(columns) {
        column.1 = *align;
    }
    grid
}

/// `Hops at launch (20 of 1,000)`
fn title(what: &str, shown: usize, all: usize) -> String {
    if all > shown { format!("{what} ({shown} of {all}, fullest first)") } else { what.to_owned() }
}

fn fullest_first(load: &ScenarioReport) -> Vec<&HopReport> {
    let mut hops: Vec<&HopReport> = load.hops.iter().collect();
    hops.sort_by(|a, b| b.utilisation.total_cmp(&a.utilisation).then_with(|| a.name.cmp(&b.name)));
    hops
}

/// `138 %!` over capacity, `93 %↻` over it with its own retries, `72 %~` tight.
fn standing(hop: &HopReport) -> String {
    match hop.state {
        State::Unstable if hop.utilisation < 1.0 => format!("{}↻", share(hop.utilisation)),
        State::Unstable => format!("{}!", share(hop.utilisation)),
        State::Tight => format!("{}~", share(hop.utilisation)),
        State::Ok => format!("{} ", share(hop.utilisation)),
        State::Failed => "down ".to_owned(),
        State::Idle => "– ".to_owned(),
    }
}

/// How full each hop is under each load, and when growth fills it.
fn use_by_load(report: &PlanReport, hard: &ScenarioReport) -> Grid {
    let mut loads: Vec<&ScenarioReport> = report.scenarios.iter().take(LOADS_MAX).collect();
    if !loads.iter().any(|load| load.name == hard.name) {
        loads.pop();
        loads.push(hard);
    }
    let names: Vec<String> = loads.iter().map(|load| format!("{} ", shown(&load.name))).collect();
    let mut columns = vec![("", Align::Left)];
    columns.extend(names.iter().map(|name| (name.as_str(), Align::Right)));
    columns.extend([("gives way", Align::Left), ("full", Align::Right)]);
    let all = fullest_first(hard);
    let what = title("Use of each hop", ROWS_MAX, all.len());
    let marks = if all.len() > ROWS_MAX {
        "~ tight, ! over, ↻ by retries"
    } else {
        "~ tight, ! over capacity, ↻ over it by its own retries"
    };
    let mut grid = grid(&format!("{what}: {marks}"), &columns);
    for hop in all.into_iter().take(ROWS_MAX) {
        let under = |load: &&ScenarioReport| {
            let found = load.hops.iter().find(|other| other.name == hop.name);
            found.map_or_else(String::new, standing)
        };
        let mut cells = vec![shown(&hop.name)];
        cells.extend(loads.iter().map(under));
        cells.push(hop.limit.map_or_else(String::new, |limit| short(limit.name())));
        let mean = report.scenarios.first();
        let mean = mean.and_then(|mean| mean.hops.iter().find(|other| other.name == hop.name));
        cells.push(mean.map_or_else(String::new, full));
        grid.rows.push(cells);
    }
    grid
}

fn full(hop: &HopReport) -> String {
    let Some(growth) = &hop.growth else { return "–".to_owned() };
    match (&growth.full_date, growth.full_months) {
        (_, Some(0.0)) => "now".to_owned(),
        (Some(date), _) => date.clone(),
        (None, Some(months)) if months < 120.0 => format!("{months:.0} months"),
        (None, _) => "–".to_owned(),
    }
}

/// What each hop carries under one load.
fn hops(load: &ScenarioReport) -> Grid {
    let columns = [
        ("", Align::Left),
        ("events", Align::Right),
        ("bits", Align::Right),
        ("back", Align::Right),
        ("packets", Align::Right),
        ("back", Align::Right),
        ("wait p99", Align::Right),
    ];
    let all = fullest_first(load);
    let what = format!("Hops at {}", shown(&load.name));
    let mut grid = grid(&title(&what, ROWS_MAX, all.len()), &columns);
    for hop in all.into_iter().take(ROWS_MAX) {
        let known = |value: f64, unit: fn(f64) -> String| {
            if value == 0.0 { "–".to_owned() } else { unit(value) }
        };
        let wait = |figure: Option<millstream_plan::Figure>| match (figure, hop.state) {
            (Some(figure), _) => seconds(figure.value),
            (None, State::Unstable) => "no limit".to_owned(),
            (None, _) => "–".to_owned(),
        };
        grid.rows.push(vec![
            shown(&hop.name),
            known(hop.events_per_s, rate),
            known(hop.forward_bits_per_s, brief_bits),
            known(hop.reverse_bits_per_s, brief_bits),
            known(hop.forward_packets_per_s, rate),
            known(hop.reverse_packets_per_s, rate),
            wait(hop.wait_p99_s),
        ]);
    }
    grid
}

/// What leaves hops whose egress has a price.
fn egress(report: &PlanReport, load: &ScenarioReport) -> Option<Grid> {
    let priced = makeup::egress(load);
    if priced.is_empty() {
        return None;
    }
    let cost = format!("{} a month", shown(&report.currency));
    let columns = [("", Align::Left), ("leaves", Align::Right), (cost.as_str(), Align::Right)];
    let mut grid = grid(&format!("Egress at {}", shown(&load.name)), &columns);
    for (hop, cost) in priced.into_iter().take(ROWS_MAX) {
        grid.rows.push(vec![shown(&hop.name), brief_bits(hop.forward_bits_per_s), amount(cost)]);
    }
    Some(grid)
}

/// Of what each named peak with a forecast is made.
fn mixes(report: &PlanReport) -> Vec<Grid> {
    let columns = [
        ("", Align::Left),
        ("campaign", Align::Left),
        ("channel", Align::Left),
        ("events", Align::Right),
        ("part", Align::Right),
    ];
    let mix = |load: &&ScenarioReport| {
        let mut grid = grid(&format!("Of what {} is made", shown(&load.name)), &columns);
        for line in load.mix.iter().take(ROWS_MAX) {
            grid.rows.push(vec![
                shown(&line.flow),
                shown(&makeup::campaign(line)),
                shown(&makeup::channel(line)),
                rate(line.events_per_s),
                share(line.share),
            ]);
        }
        grid
    };
    makeup::mixes(report).iter().take(LOADS_MAX).map(mix).collect()
}

/// `1.2 Gb/s`: bits, where columns are narrow.
fn brief_bits(per_second: f64) -> String {
    bits(per_second).replace("bit/s", "b/s")
}

/// How long each flow takes under one load.
fn flows(load: &ScenarioReport) -> Grid {
    let columns = [
        ("", Align::Left),
        ("events", Align::Right),
        ("arrive", Align::Right),
        ("tries", Align::Right),
        ("p50", Align::Right),
        ("p99", Align::Right),
        ("deadline", Align::Right),
        ("miss it", Align::Right),
    ];
    let mut all: Vec<&FlowReport> = load.flows.iter().collect();
    let urgency = |flow: &FlowReport| match (flow.p99_s, flow.deadline_s) {
        (None, _) => f64::MAX,
        (Some(tail), Some(deadline)) => tail.value / deadline.max(1e-12),
        (Some(_), None) => 0.0,
    };
    all.sort_by(|a, b| urgency(b).total_cmp(&urgency(a)).then_with(|| a.name.cmp(&b.name)));
    let what = format!("Flows at {}, from event to last hop", shown(&load.name));
    let mut grid = grid(&title(&what, ROWS_MAX, all.len()), &columns);
    for flow in all.into_iter().take(ROWS_MAX) {
        let time = |figure: Option<millstream_plan::Figure>| match (figure, flow.fate) {
            (_, Fate::Lost) => "lost".to_owned(),
            (Some(figure), _) => seconds(figure.value),
            (None, _) => "no limit".to_owned(),
        };
        let part = if flow.offered_per_s > 0.0 {
            flow.goodput_per_s.value / flow.offered_per_s
        } else {
            1.0
        };
        grid.rows.push(vec![
            shown(&flow.name),
            rate(flow.offered_per_s),
            share(part.min(1.0)),
            times(flow.amplification.value),
            time(flow.p50_s),
            time(flow.p99_s),
            flow.deadline_s.map_or_else(|| "–".to_owned(), seconds),
            match (flow.miss, flow.deadline_s) {
                (Some(miss), Some(_)) => share(miss.value),
                _ => "–".to_owned(),
            },
        ]);
    }
    grid
}

fn options(report: &PlanReport) -> Option<Grid> {
    let shown_options = worth_showing(report);
    if shown_options.is_empty() {
        return None;
    }
    let columns = [
        ("", Align::Left),
        ("what", Align::Prose),
        ("use", Align::Right),
        ("p99", Align::Right),
        ("cost", Align::Right),
    ];
    let title =
        if is_calm(report) { "What would still help, best first" } else { "Options, best first" };
    let mut grid = grid(title, &columns);
    for (index, option) in shown_options.iter().take(CHOICES_MAX).enumerate() {
        let effect = &option.effect;
        let time = |time: Option<f64>| time.map_or_else(|| "no limit".to_owned(), seconds);
        grid.rows.push(vec![
            format!("{}", index + 1),
            shown(&format!("{}: {}", option.hop, option.what)),
            format!("{} → {}", share(effect.utilisation_before), share(effect.utilisation_after)),
            effect.flow.as_ref().map_or_else(|| "–".to_owned(), |_| time(effect.p99_after_s)),
            cost(option, &report.currency).replace(" a month", "/month"),
        ]);
    }
    Some(grid)
}

fn failures(report: &PlanReport) -> Option<Grid> {
    let worst = worst_failures(report);
    if worst.is_empty() {
        return None;
    }
    let columns = [
        ("", Align::Left),
        ("flows lost", Align::Prose),
        ("fullest then", Align::Right),
        ("failover", Align::Right),
    ];
    let what = format!("Worst of {} failures at {}", worst.len(), shown(&report.failures_at));
    let mut grid = grid(&what, &columns);
    for failure in worst.into_iter().take(CHOICES_MAX) {
        let fullest = failure.fullest.as_ref().map_or_else(
            || "–".to_owned(),
            |hop| format!("{} {}", shown(hop), share(failure.utilisation_max)),
        );
        grid.rows.push(vec![
            shown(&titled(&fault(&failure.fault))),
            shown(&listed(&failure.lost)),
            fullest,
            failure.failover_s.map_or_else(|| "–".to_owned(), seconds),
        ]);
    }
    Some(grid)
}

/// What no table shows: storms, overspent budgets, flows that nobody listed, warnings.
fn warnings(report: &PlanReport) -> Option<Grid> {
    let found = super::risks::cautions(report);
    if found.is_empty() {
        return None;
    }
    let mut grid = grid("Take care", &[("", Align::Left), ("", Align::Prose)]);
    let more = found.len().saturating_sub(WARNINGS_MAX);
    for (kind, text) in found.into_iter().take(WARNINGS_MAX) {
        grid.rows.push(vec![kind.to_owned(), shown(&text)]);
    }
    if more > 0 {
        let told = format!("and {more} more: --html and --format json have them all");
        grid.rows.push(vec![String::new(), told]);
    }
    Some(grid)
}
