//! Every quarter: the whole bottleneck at today's volume, and what outside parties limit or charge.

use super::month::name;
use super::{
    Baseline, FIGURES_MAX, Question, ReviewFigure, Standing, Subject, Unit, listed, percent,
};
use crate::report::{Resource, State};
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// Share of a vendor's limit from which it is time to talk to the vendor.
const VENDOR_WATCH: f64 = 0.7;

pub(super) fn questions(subject: &Subject<'_>) -> Vec<Question> {
    [bottleneck(subject), growth(subject), vendors(subject), egress(subject), recovery(subject)]
        .into()
}

fn bottleneck(subject: &Subject<'_>) -> Question {
    let mut figures = Vec::new();
    for load in subject.report.scenarios.iter().take(FIGURES_MAX) {
        if let Some(bottleneck) = &load.bottleneck {
            figures.push(ReviewFigure {
                what: format!(
                    "{}: {} ({})",
                    load.name,
                    bottleneck.hop,
                    bottleneck.bottleneck_type.name().replace('_', " ")
                ),
                unit: Unit::Share,
                value: Some(bottleneck.utilisation),
                baselines: vec![Baseline {
                    of: "full at, of that load".into(),
                    value: bottleneck.full_at,
                }],
            });
        }
    }
    let over: Vec<&str> = subject
        .report
        .scenarios
        .iter()
        .filter(|load| load.hops.iter().any(|hop| hop.state == State::Unstable))
        .map(|load| load.name.as_str())
        .collect();
    let (standing, answer) = if figures.is_empty() {
        (Standing::Unknown, "Nothing in the plan has a capacity.".into())
    } else if over.is_empty() {
        (Standing::Fine, "Every planned load fits.".into())
    } else {
        let first = subject.report.options.first();
        let remedy = first.map_or_else(String::new, |option| {
            format!(" First remedy: {}, {}.", option.hop, option.what.trim_end_matches('.'))
        });
        (Standing::Act, format!("Does not fit: {}.{remedy}", listed(&over)))
    };
    Question { question: "Where is the bottleneck at today's volume?", answer, standing, figures }
}

fn growth(subject: &Subject<'_>) -> Question {
    let mut dated: Vec<(&str, Option<f64>, Option<f64>)> = Vec::new();
    for hop in subject.mean().into_iter().flat_map(|mean| &mean.hops) {
        if let Some(growth) = hop.growth.as_ref().filter(|growth| growth.full_months.is_some()) {
            dated.push((&hop.name, growth.headroom_months, growth.full_months));
        }
    }
    let order = |months: Option<f64>| months.unwrap_or(f64::MAX);
    dated.sort_by(|a, b| order(a.2).total_cmp(&order(b.2)).then_with(|| a.0.cmp(b.0)));
    let (standing, answer): (Standing, String) = match dated.first() {
        None => (
            Standing::Unknown,
            "The plan names no growth; write it down as `growth_per_month`.".into(),
        ),
        Some((hop, headroom, Some(full))) => {
            let soon = order(*headroom) < 3.0;
            let standing = if soon { Standing::Act } else { Standing::Fine };
            (standing, format!("{hop} is full first, in {full:.1} months."))
        }
        Some(_) => (Standing::Fine, "Growth fills no hop.".into()),
    };
    let figures = dated
        .iter()
        .take(FIGURES_MAX)
        .map(|(hop, headroom, full)| ReviewFigure {
            what: (*hop).into(),
            unit: Unit::Months,
            value: *full,
            baselines: vec![Baseline { of: "headroom used up".into(), value: *headroom }],
        })
        .collect();
    Question { question: "When does growth fill each hop?", answer, standing, figures }
}

fn vendors(subject: &Subject<'_>) -> Question {
    let limit = |hop: &crate::report::HopReport| {
        let mut uses = hop.resources.iter();
        uses.find(|part| part.resource == Resource::VendorLimit).map(|part| part.utilisation)
    };
    let mut limited: Vec<(&str, f64)> = subject
        .mean()
        .into_iter()
        .flat_map(|mean| &mean.hops)
        .filter_map(|hop| limit(hop).map(|part| (hop.name.as_str(), part)))
        .collect();
    limited.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let at_worst = |name: &str| {
        let hops = subject.report.scenarios.iter().flat_map(|load| &load.hops);
        hops.filter(|hop| hop.name == name).filter_map(limit).fold(0.0, f64::max)
    };
    let near: Vec<&str> = limited
        .iter()
        .filter(|(name, _)| at_worst(name) > VENDOR_WATCH)
        .map(|(name, _)| *name)
        .collect();
    let (standing, answer) = match (limited.is_empty(), near.is_empty()) {
        (true, _) => (
            Standing::Unknown,
            "The plan names no vendor limit; ask for them and write them down as `vendor_limit`."
                .into(),
        ),
        (false, true) => (
            Standing::Fine,
            format!("No load comes within {} of a vendor's limit.", percent(1.0 - VENDOR_WATCH)),
        ),
        (false, false) => (
            Standing::Act,
            format!("Near or over a vendor's limit under some load: {}.", listed(&near)),
        ),
    };
    let figures = limited
        .iter()
        .take(FIGURES_MAX)
        .map(|(name, part)| ReviewFigure {
            what: (*name).into(),
            unit: Unit::Share,
            value: Some(*part),
            baselines: subject
                .baselines(|load| load.hops.iter().find(|hop| hop.name == *name).and_then(limit)),
        })
        .collect();
    Question { question: "How near are vendors' limits?", answer, standing, figures }
}

/// Egress at the mean load.
fn egress(subject: &Subject<'_>) -> Question {
    let mut charged: Vec<(&str, f64)> = Vec::new();
    for hop in subject.mean().into_iter().flat_map(|mean| &mean.hops) {
        charged.extend(hop.egress_cost_per_month.map(|cost| (hop.name.as_str(), cost.value)));
    }
    charged.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let sum: f64 = charged.iter().map(|(_, cost)| cost).sum();
    let (standing, answer) = if charged.is_empty() {
        (
            Standing::Unknown,
            "The plan names no price of egress; write it down as `egress_cost_per_gb`.".into(),
        )
    } else {
        (Standing::Fine, format!("{sum:.0} {} a month at the mean load.", subject.report.currency))
    };
    let figures = charged
        .iter()
        .take(FIGURES_MAX)
        .map(|(name, cost)| ReviewFigure {
            what: (*name).into(),
            unit: Unit::Money,
            value: Some(*cost),
            baselines: Vec::new(),
        })
        .collect();
    Question { question: "What does egress cost?", answer, standing, figures }
}

/// How long overloads and failures take to be over.
fn recovery(subject: &Subject<'_>) -> Question {
    let mut figures = Vec::new();
    for load in &subject.report.scenarios {
        for hop in &load.hops {
            let Some(overflow) = &hop.overflow else { continue };
            figures.push(ReviewFigure {
                what: format!("{} after {}", hop.name, load.name),
                unit: Unit::Seconds,
                value: overflow.drain_s.map(|figure| figure.value),
                baselines: Vec::new(),
            });
        }
    }
    let never = figures.iter().filter(|figure| figure.value.is_none()).count();
    for failure in &subject.report.failures {
        if let Some(time) = failure.failover_s {
            figures.push(ReviewFigure {
                what: format!("failover of {}", name(&failure.fault)),
                unit: Unit::Seconds,
                value: Some(time),
                baselines: Vec::new(),
            });
        }
    }
    let order = |figure: &ReviewFigure| figure.value.unwrap_or(f64::MAX);
    figures.sort_by(|a, b| order(b).total_cmp(&order(a)).then_with(|| a.what.cmp(&b.what)));
    let longest = figures.iter().filter_map(|figure| figure.value).fold(0.0, f64::max);
    let (standing, answer) = match (figures.is_empty(), never) {
        (true, _) => (
            Standing::Unknown,
            "No load overflows and no failover time is known; rehearse one.".into(),
        ),
        (false, 0) => (Standing::Fine, format!("The longest takes {longest:.0} s.")),
        (false, never) => {
            (Standing::Act, format!("{never} backlogs never drain at the mean load."))
        }
    };
    figures.truncate(FIGURES_MAX);
    Question { question: "How long does recovery take?", answer, standing, figures }
}
