//! Every week: how full, how lossy, how late, against the peaks that are planned for.

use super::{FIGURES_MAX, Question, ReviewFigure, Standing, Subject, Unit, listed, percent};
use crate::inventory::{Class, Kind};
use crate::report::{FlowReport, HopReport, ScenarioReport, State};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Share of packets sent again from which a path deserves a look.
const RETRANSMITS_WATCH: f64 = 0.005;
/// Requests waiting on average from which a queue is named.
const QUEUE_SEEN: f64 = 0.1;

pub(super) fn questions(subject: &Subject<'_>) -> Vec<Question> {
    [utilisation(subject), retransmits(subject), queues(subject), lag(subject)]
        .into_iter()
        .chain([replication(subject), sharing(subject)])
        .collect()
}

fn hop<'r>(load: &'r ScenarioReport, name: &str) -> Option<&'r HopReport> {
    load.hops.iter().find(|hop| hop.name == name)
}

fn flow<'r>(load: &'r ScenarioReport, name: &str) -> Option<&'r FlowReport> {
    load.flows.iter().find(|flow| flow.name == name)
}

/// Hops with the highest figure first, at most [`FIGURES_MAX`].
fn top<'r>(subject: &'r Subject<'_>, by: impl Fn(&HopReport) -> f64) -> Vec<&'r HopReport> {
    let mut hops: Vec<&HopReport> =
        subject.mean().into_iter().flat_map(|mean| &mean.hops).collect();
    hops.retain(|hop| by(hop) > 0.0);
    hops.sort_by(|a, b| by(b).total_cmp(&by(a)).then_with(|| a.name.cmp(&b.name)));
    hops.truncate(FIGURES_MAX);
    hops
}

fn utilisation(subject: &Subject<'_>) -> Question {
    let worst = |name: &str| {
        let loads = subject.report.scenarios.iter().filter_map(|load| hop(load, name));
        loads.map(|hop| hop.utilisation).fold(0.0, f64::max)
    };
    let hops = top(subject, |hop| worst(&hop.name));
    let in_state = |state: State| -> Vec<&str> {
        let mean = subject.mean().into_iter().flat_map(|mean| &mean.hops);
        mean.filter(|hop| hop.state == state).map(|hop| hop.name.as_str()).collect()
    };
    let (over, tight) = (in_state(State::Unstable), in_state(State::Tight));
    let (standing, answer) = if !over.is_empty() {
        (Standing::Act, format!("Over capacity on an ordinary day: {}.", listed(&over)))
    } else if !tight.is_empty() {
        (Standing::Watch, format!("Less headroom than their risk asks for: {}.", listed(&tight)))
    } else {
        (Standing::Fine, "Every hop keeps its headroom on an ordinary day.".into())
    };
    let figures = hops
        .iter()
        .map(|one| ReviewFigure {
            what: one.name.clone(),
            unit: Unit::Share,
            value: Some(one.utilisation),
            baselines: subject.baselines(|load| hop(load, &one.name).map(|hop| hop.utilisation)),
        })
        .collect();
    Question {
        question: "How full is each hop, and how full at the planned peaks?",
        answer,
        standing,
        figures,
    }
}

fn retransmits(subject: &Subject<'_>) -> Question {
    let mut lossy: Vec<(&str, f64, f64)> = Vec::new();
    for flow in subject.mean().into_iter().flat_map(|mean| &mean.flows) {
        let Some(planned) = subject.plan.flows.get(&flow.name) else { continue };
        let loss = planned.loss.0;
        let packets = flow.offered_per_s * flow.packets.forward_packets_per_event;
        if loss > 0.0 && loss < 1.0 {
            lossy.push((&flow.name, loss / (1.0 - loss), packets * loss / (1.0 - loss)));
        }
    }
    lossy.sort_by(|a, b| b.2.total_cmp(&a.2).then_with(|| a.0.cmp(b.0)));
    let (standing, answer): (Standing, String) = match lossy.first() {
        None => (
            Standing::Unknown,
            "The plan names no loss: measure it at the senders and write it down as `loss`.".into(),
        ),
        Some((name, share, _)) if *share > RETRANSMITS_WATCH => {
            (Standing::Watch, format!("{name} sends {:.2} % of its packets again.", share * 100.0))
        }
        Some(_) => (Standing::Fine, "No flow sends more than 0.5 % of its packets again.".into()),
    };
    let figures = lossy
        .iter()
        .take(FIGURES_MAX)
        .map(|(name, share, _)| ReviewFigure {
            what: (*name).into(),
            unit: Unit::Share,
            value: Some(*share),
            baselines: Vec::new(),
        })
        .collect();
    Question { question: "How many packets are sent again?", answer, standing, figures }
}

fn queues(subject: &Subject<'_>) -> Question {
    let waiting = |hop: &HopReport| hop.queue_mean.map_or(0.0, |figure| figure.value);
    let hops = top(subject, waiting);
    let longest = hops.first().filter(|first| waiting(first) >= QUEUE_SEEN);
    let answer = longest.map_or_else(
        || "No queue holds a tenth of a request on an ordinary day.".into(),
        |first| {
            format!(
                "The longest queue stands before {}: {:.1} requests on average.",
                first.name,
                waiting(first)
            )
        },
    );
    let endless =
        subject.mean().is_some_and(|mean| mean.hops.iter().any(|hop| hop.state == State::Unstable));
    let figures = hops
        .iter()
        .map(|one| ReviewFigure {
            what: one.name.clone(),
            unit: Unit::Count,
            value: Some(waiting(one)),
            baselines: subject.baselines(|load| {
                hop(load, &one.name).and_then(|hop| hop.queue_mean).map(|figure| figure.value)
            }),
        })
        .collect();
    let standing = if endless { Standing::Act } else { Standing::Fine };
    Question { question: "How deep are the queues?", answer, standing, figures }
}

/// Waits of streams and brokers; where a peak does not fit, what it leaves behind.
fn lag(subject: &Subject<'_>) -> Question {
    let streams: Vec<&HopReport> = subject
        .mean()
        .into_iter()
        .flat_map(|mean| &mean.hops)
        .filter(|hop| matches!(hop.kind, Kind::Stream | Kind::Broker))
        .collect();
    let behind = |hop: &HopReport| match (&hop.overflow, hop.wait_p99_s) {
        (Some(overflow), _) => Some(overflow.delay_s.value),
        (None, wait) => wait.map(|figure| figure.value),
    };
    let figures: Vec<ReviewFigure> = streams
        .iter()
        .take(FIGURES_MAX)
        .map(|one| ReviewFigure {
            what: one.name.clone(),
            unit: Unit::Seconds,
            value: behind(one),
            baselines: subject.baselines(|load| hop(load, &one.name).and_then(behind)),
        })
        .collect();
    let endless: Vec<&str> = figures
        .iter()
        .filter(|figure| {
            figure.value.is_none() || figure.baselines.iter().any(|base| base.value.is_none())
        })
        .map(|figure| figure.what.as_str())
        .collect();
    let (standing, answer) = match (streams.is_empty(), endless.is_empty()) {
        (true, _) => (Standing::Unknown, "The plan has no stream and no broker.".into()),
        (false, true) => (Standing::Fine, "Every stream follows under every planned load.".into()),
        (false, false) => (
            Standing::Act,
            format!("Falls behind without limit under some load: {}.", listed(&endless)),
        ),
    };
    Question {
        question: "How far behind is each stream (p99 of its wait)?",
        answer,
        standing,
        figures,
    }
}

fn replication(subject: &Subject<'_>) -> Question {
    let copies: Vec<&FlowReport> = subject
        .mean()
        .into_iter()
        .flat_map(|mean| &mean.flows)
        .filter(|flow| flow.class == Class::Replication)
        .collect();
    let time = |flow: &FlowReport| flow.p99_s.map(|figure| figure.value);
    let figures: Vec<ReviewFigure> = copies
        .iter()
        .take(FIGURES_MAX)
        .map(|one| ReviewFigure {
            what: one.name.clone(),
            unit: Unit::Seconds,
            value: time(one),
            baselines: subject.baselines(|load| flow(load, &one.name).and_then(time)),
        })
        .collect();
    let late: Vec<&str> = figures
        .iter()
        .filter(|figure| {
            figure.value.is_none() || figure.baselines.iter().any(|base| base.value.is_none())
        })
        .map(|figure| figure.what.as_str())
        .collect();
    let (standing, answer) = match (copies.is_empty(), late.is_empty()) {
        (true, _) => (
            Standing::Unknown,
            "The plan lists no flow of class replication; if anything is copied, write it down."
                .into(),
        ),
        (false, true) => (Standing::Fine, "Replication keeps up under every planned load.".into()),
        (false, false) => {
            (Standing::Act, format!("A backlog grows under some load: {}.", listed(&late)))
        }
    };
    Question {
        question: "Does replication keep up at launch, campaign and quarter end (p99)?",
        answer,
        standing,
        figures,
    }
}

fn sharing(subject: &Subject<'_>) -> Question {
    let shared = &subject.report.shared_hops;
    let mixed: Vec<&str> =
        shared.iter().filter(|hop| hop.mixed_classes).map(|hop| hop.hop.as_str()).collect();
    let figures = shared
        .iter()
        .take(FIGURES_MAX)
        .map(|hop| {
            let names: Vec<&str> = hop.flows.iter().map(|(flow, _)| flow.as_str()).collect();
            ReviewFigure {
                what: format!("{}: {}", hop.hop, listed(&names)),
                unit: Unit::Share,
                value: Some(hop.flows.iter().map(|(_, part)| part).sum()),
                baselines: Vec::new(),
            }
        })
        .collect();
    let (standing, answer) = if shared.is_empty() {
        (Standing::Fine, "No two flows share a hop.".into())
    } else if mixed.is_empty() {
        (
            Standing::Fine,
            format!("{} hops are shared, with their classes kept apart.", shared.len()),
        )
    } else {
        let largest = shared.iter().find(|hop| hop.mixed_classes);
        let taken = largest.map_or(0.0, |hop| hop.flows.iter().map(|(_, part)| part).sum());
        (
            Standing::Watch,
            format!(
                "Classes meet unseparated on {}; on the first {} is taken.",
                listed(&mixed),
                percent(taken)
            ),
        )
    };
    Question { question: "Which flows share a path?", answer, standing, figures }
}
