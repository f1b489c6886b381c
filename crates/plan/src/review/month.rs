//! Every month: peaks with what has been added, recovery inside its windows, what could be saved.

use super::{
    Baseline, FIGURES_MAX, Question, ReviewFigure, Standing, Subject, Unit, listed, percent,
};
use crate::inventory::Kind;
use crate::report::{Fault, RemedyKind, State};
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

pub(super) fn questions(subject: &Subject<'_>) -> Vec<Question> {
    [demand(subject), integrations(subject), recovery(subject), savings(subject), segment(subject)]
        .into()
}

/// Peak demand of each flow, and what a month of growth makes of it.
fn demand(subject: &Subject<'_>) -> Question {
    let growth = 1.0 + subject.plan.policies.growth_per_month.0;
    let mut peaks: Vec<(&str, f64, f64)> = Vec::new();
    for flow in subject.mean().into_iter().flat_map(|mean| &mean.flows) {
        let loads = subject.report.scenarios.iter();
        let peak = loads
            .filter_map(|load| load.flows.iter().find(|other| other.name == flow.name))
            .map(|flow| flow.offered_per_s)
            .fold(0.0, f64::max);
        peaks.push((&flow.name, flow.offered_per_s, peak));
    }
    peaks.sort_by(|a, b| b.2.total_cmp(&a.2).then_with(|| a.0.cmp(b.0)));
    let full: Vec<&str> = subject
        .report
        .fails_in_order
        .iter()
        .filter(|(_, at)| *at < growth)
        .map(|(hop, _)| hop.as_str())
        .collect();
    let (standing, answer) = if full.is_empty() {
        let grown = percent(subject.plan.policies.growth_per_month.0);
        (Standing::Fine, format!("A month of growth ({grown}) fills no hop at the mean load."))
    } else {
        (
            Standing::Act,
            format!("A month of growth is more than these can take: {}.", listed(&full)),
        )
    };
    let figures = peaks
        .iter()
        .take(FIGURES_MAX)
        .map(|(name, mean, peak)| ReviewFigure {
            what: (*name).into(),
            unit: Unit::Rate,
            value: Some(*mean),
            baselines: vec![
                Baseline { of: "highest peak".into(), value: Some(*peak) },
                Baseline { of: "next month's peak".into(), value: Some(peak * growth) },
            ],
        })
        .collect();
    Question { question: "What is the peak demand of each flow now?", answer, standing, figures }
}

/// Tags, integrations and consumers: who takes events, and how many copies of an event that makes.
fn integrations(subject: &Subject<'_>) -> Question {
    let takes = |kind: Kind| {
        matches!(
            kind,
            Kind::Destination
                | Kind::Crm
                | Kind::Bi
                | Kind::Warehouse
                | Kind::ReverseEtl
                | Kind::Etl
        )
    };
    let mut consumers: Vec<(&str, f64)> = subject
        .mean()
        .into_iter()
        .flat_map(|mean| &mean.hops)
        .filter(|hop| takes(hop.kind) && hop.events_per_s > 0.0)
        .map(|hop| (hop.name.as_str(), hop.events_per_s))
        .collect();
    consumers.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let answer = format!(
        "Consumers of events: {}; usual flows that the plan does not list: {}. Compare with what was added this month.",
        consumers.len(),
        subject.report.hidden.len()
    );
    let standing = if subject.report.hidden.is_empty() { Standing::Fine } else { Standing::Watch };
    let figures = consumers
        .iter()
        .take(FIGURES_MAX)
        .map(|(name, rate)| ReviewFigure {
            what: (*name).into(),
            unit: Unit::Rate,
            value: Some(*rate),
            baselines: subject.baselines(|load| {
                load.hops.iter().find(|hop| hop.name == *name).map(|hop| hop.events_per_s)
            }),
        })
        .collect();
    Question {
        question: "Which tags, integrations and consumers take events?",
        answer,
        standing,
        figures,
    }
}

/// Failover against the time that flows tolerate.
fn recovery(subject: &Subject<'_>) -> Question {
    let failures = &subject.report.failures;
    let beyond: Vec<String> = failures
        .iter()
        .filter(|failure| !failure.intolerable.is_empty())
        .map(|failure| name(&failure.fault))
        .collect();
    let known = failures.iter().any(|failure| failure.failover_s.is_some());
    let named: Vec<&str> = beyond.iter().map(String::as_str).collect();
    let (standing, answer) = match (beyond.is_empty(), known) {
        (false, _) => (
            Standing::Act,
            format!(
                "Flows are away longer than they tolerate when these fail: {}.",
                listed(&named)
            ),
        ),
        (true, true) => {
            (Standing::Fine, "Every failover ends inside what its flows tolerate.".into())
        }
        (true, false) => (
            Standing::Unknown,
            "The plan names no failover time; time one and write it down as `failover_time`."
                .into(),
        ),
    };
    let mut timed: Vec<_> =
        failures.iter().filter(|failure| failure.failover_s.is_some()).collect();
    timed.sort_by(|a, b| {
        b.failover_s
            .unwrap_or(0.0)
            .total_cmp(&a.failover_s.unwrap_or(0.0))
            .then_with(|| a.fault.cmp(&b.fault))
    });
    let figures = timed
        .iter()
        .take(FIGURES_MAX)
        .map(|failure| {
            let stopped =
                failure.lost.iter().chain(failure.rerouted.iter().map(|shift| &shift.flow));
            let window = stopped
                .filter_map(|flow| subject.plan.flows.get(flow)?.tolerance)
                .map(|tolerance| tolerance.0)
                .fold(None, |least: Option<f64>, next| {
                    Some(least.map_or(next, |least| least.min(next)))
                });
            ReviewFigure {
                what: name(&failure.fault),
                unit: Unit::Seconds,
                value: failure.failover_s,
                baselines: window
                    .map(|window| Baseline { of: "window".into(), value: Some(window) })
                    .into_iter()
                    .collect(),
            }
        })
        .collect();
    Question {
        question: "Do failover and recovery end inside their windows?",
        answer,
        standing,
        figures,
    }
}

/// A fault by the names of what fails.
pub(super) fn name(fault: &Fault) -> String {
    match fault {
        Fault::Component { name } => name.clone(),
        Fault::Instance { name } => format!("one {name}"),
        Fault::Rack { name } => format!("rack {name}"),
        Fault::Zone { name } => format!("zone {name}"),
        Fault::Region { name } => format!("region {name}"),
        Fault::Pair { name, other } => format!("{name} and {other}"),
    }
}

/// What compression, batching and edge aggregation would bring.
fn savings(subject: &Subject<'_>) -> Question {
    let saves = |kind| {
        matches!(kind, RemedyKind::Compression | RemedyKind::Batching | RemedyKind::EdgeAggregation)
    };
    let options: Vec<_> =
        subject.report.options.iter().filter(|option| saves(option.kind)).collect();
    let (standing, answer): (Standing, String) = match options.first() {
        None => (Standing::Fine, "Nothing worth naming where room is short.".into()),
        Some(first) => (
            Standing::Watch,
            format!("Best of them: {}, {}.", first.hop, first.what.trim_end_matches('.')),
        ),
    };
    let figures = options
        .iter()
        .take(FIGURES_MAX)
        .map(|option| ReviewFigure {
            what: format!("{}: {}", option.hop, option.what),
            unit: Unit::Share,
            value: Some(option.effect.utilisation_before),
            baselines: vec![Baseline {
                of: "with it".into(),
                value: Some(option.effect.utilisation_after),
            }],
        })
        .collect();
    Question {
        question: "What would compression, batching or edge aggregation save?",
        answer,
        standing,
        figures,
    }
}

/// A segment or a topology of its own is due where classes meet on a hop that is short of room.
fn segment(subject: &Subject<'_>) -> Question {
    let short = |name: &str| {
        subject
            .report
            .scenarios
            .iter()
            .flat_map(|load| &load.hops)
            .any(|hop| hop.name == name && matches!(hop.state, State::Tight | State::Unstable))
    };
    let due: Vec<_> = subject
        .report
        .shared_hops
        .iter()
        .filter(|hop| hop.mixed_classes && short(&hop.hop))
        .collect();
    let names: Vec<&str> = due.iter().map(|hop| hop.hop.as_str()).collect();
    let (standing, answer) = if due.is_empty() {
        (Standing::Fine, "Not due: no hop on which classes meet is short of room.".into())
    } else {
        (
            Standing::Act,
            format!(
                "Due: classes meet on hops that are short of room under some load, {}.",
                listed(&names)
            ),
        )
    };
    let figures = due
        .iter()
        .take(FIGURES_MAX)
        .flat_map(|shared| {
            shared.flows.iter().take(3).map(|(flow, part)| ReviewFigure {
                what: format!("{} by {flow}", shared.hop),
                unit: Unit::Share,
                value: Some(*part),
                baselines: Vec::new(),
            })
        })
        .collect();
    Question { question: "Is a segment or a topology of its own due?", answer, standing, figures }
}
