//! One flow's figures.

use super::end_to_end::{EndToEnd, time};
use super::goodput::{Carried, tcp_ceiling};
use super::growth::SECONDS_PER_MONTH;
use super::hop_queue::Delay;
use super::loaded::Loaded;
use crate::confidence::{Confidence, Figure};
use crate::inventory::Flow;
use crate::report::{Fate, FlowReport, StageReport};
use alloc::string::String;
use alloc::vec::Vec;

/// Known relative error of sharing among flows: real transports are only roughly max-min fair.
const SHARING_ERROR: f64 = 0.15;
/// Known relative error of TCP's laws against CUBIC and BBR, which do better.
const TCP_ERROR: f64 = 0.5;

/// Reports a flow; `bound` is its worst case. What is carried is told twice: of what its senders want, and of
/// what they send with the retries that load makes.
pub(super) fn report(
    loaded: &Loaded<'_, '_>,
    flow: usize,
    (plain, carried): (&Carried, &Carried),
    bound: Option<f64>,
) -> FlowReport {
    let (described, journey) = (loaded.flow(flow), &loaded.journeys[flow]);
    let timing = time(loaded, flow);
    let whole = timing.whole.as_ref();
    let offered = loaded.scenario.offers[flow].rate;
    let (success, arriving) = arriving(loaded, flow, plain.share[flow], carried);
    let ceiling = tcp_ceiling(loaded, flow).filter(|(ceiling, _)| ceiling.is_finite());
    let share = carried.share[flow];
    let through = offered * arriving;
    let held_back = ceiling.filter(|(ceiling, _)| *ceiling < through);
    let goodput = held_back.map_or(through, |(ceiling, _)| ceiling);
    let arrives = if offered > 0.0 { goodput / offered } else { 1.0 };
    let deadline = described.usable_deadline();
    let miss = deadline
        .map(|deadline| 1.0 - arrives * (1.0 - whole.map_or(1.0, |whole| whole.tail(deadline))));
    let confidence =
        whole.map_or(Confidence::Approximation { error: SHARING_ERROR }, EndToEnd::confidence);
    let limited_by = match held_back {
        Some((_, law)) => Some(String::from(law)),
        None => carried.limited_by[flow].map(|hop| loaded.topology.components[hop].name.clone()),
    };
    let p50 = whole.map(|whole| whole.quantile(0.5));
    let p99 = whole.map(|whole| whole.quantile(0.99));
    let jitter = p99
        .zip(p50)
        .zip(described.jitter_tolerance)
        .is_some_and(|((p99, p50), most)| p99 - p50 > most.0);
    let late = deadline.is_some_and(|deadline| p99.is_none_or(|p99| p99 > deadline));
    let exact_rate = if share < 1.0 {
        Confidence::Approximation { error: SHARING_ERROR }
    } else {
        Confidence::Exact
    };
    FlowReport {
        name: described.name.clone(),
        class: described.class,
        risk: described.risk,
        fate: fate(arrives, late, success),
        path: described.path.clone(),
        offered_per_s: offered,
        goodput_per_s: Figure { value: goodput, confidence: exact_rate },
        limited_by,
        amplification: Figure { value: journey.amplification, confidence: Confidence::Exact },
        success: Figure { value: success, confidence: Confidence::Exact },
        packets: journey.packets,
        batching_s: Figure { value: journey.filling.wait_mean, confidence: Confidence::Exact },
        stages: stages(loaded, flow, &timing.stages),
        mean_s: whole.and_then(EndToEnd::mean_figure),
        p50_s: whole.and_then(|whole| whole.quantile_figure(0.5)),
        p95_s: whole.and_then(|whole| whole.quantile_figure(0.95)),
        p99_s: whole.and_then(|whole| whole.quantile_figure(0.99)),
        bound_s: bound.and_then(Figure::bound),
        deadline_s: deadline,
        miss: miss.and_then(|miss| Figure::new(miss.clamp(0.0, 1.0), confidence)),
        tcp_ceiling_per_s: ceiling.and_then(|(ceiling, _)| Figure::approximate(ceiling, TCP_ERROR)),
        cost_of_delay_per_month: cost(described, offered, arrives, whole, miss)
            .and_then(|cost| Figure::new(cost, confidence)),
        millisecond_worth_per_month: millisecond(loaded, flow, arrives, whole)
            .and_then(|worth| Figure::new(worth, confidence)),
        jitter_exceeded: jitter,
    }
}

fn fate(arrives: f64, late: bool, success: f64) -> Fate {
    // What fails for reasons other than load is the plan's own choice: only more loss than that throttles.
    if arrives <= 0.0 {
        Fate::Lost
    } else if arrives < success * (1.0 - 1e-6) || arrives < 0.99 {
        Fate::Throttled
    } else if late {
        Fate::Late
    } else {
        Fate::Ok
    }
}

/// The chance to arrive after all attempts where nothing is full, and where something is.
fn arriving(loaded: &Loaded<'_, '_>, flow: usize, plain: f64, carried: &Carried) -> (f64, f64) {
    let (journey, most) = (&loaded.journeys[flow], loaded.flow(flow).attempts.0);
    // A hop that is asked for more than it has is told by what it carries, not by its buffer as well.
    let kept = |visit: &super::visit::Visit| {
        let loss = loaded.queues[visit.hop].loss.filter(|_| loaded.utilisation(visit.hop) <= 1.0);
        loss.map_or(1.0, |loss| 1.0 - loss.value)
    };
    let (asked, behind) =
        journey.visits.split_at(journey.visits.len().min(journey.acknowledged + 1));
    let asked: f64 = asked.iter().map(kept).product();
    let behind: f64 = journey.behind_success * behind.iter().map(kept).product::<f64>();
    let once = journey.attempt_success * asked;
    let success = crate::queue::retry::success(1.0 - once, most) * behind;
    let share = carried.share[flow];
    let refuses = carried.limited_by[flow].is_some_and(|hop| loaded.queues[hop].loss.is_some());
    if !refuses {
        return (success, success * share);
    }
    // A full buffer refuses at once, and what is refused is tried again: never more than fits without retries.
    let again = crate::queue::retry::success(1.0 - once * share, most) * behind;
    (success, again.min(success * plain))
}

fn stages(loaded: &Loaded<'_, '_>, flow: usize, stages: &[Option<Delay>]) -> Vec<StageReport> {
    let described = loaded.flow(flow);
    let stage = |(visit, delay): (&super::visit::Visit, &Option<Delay>)| {
        let hop = &loaded.topology.components[visit.hop].name;
        StageReport {
            hop: hop.clone(),
            mean_s: delay.and_then(|delay| Figure::new(delay.mean, delay.confidence)),
            budget_s: described.budget.get(hop).map(|budget| budget.0),
        }
    };
    loaded.journeys[flow].visits.iter().zip(stages).map(stage).collect()
}

/// Cost of a month: age of each event, missed deadlines, events that never arrive. `None` when nothing has a
/// price, or when an age has one and never ends.
fn cost(
    flow: &Flow,
    offered: f64,
    arrives: f64,
    whole: Option<&EndToEnd>,
    miss: Option<f64>,
) -> Option<f64> {
    let prices = flow.cost_of_delay;
    let value = flow.value_per_event.map(|value| value.0 * (1.0 - arrives));
    let age = match prices.per_event_second {
        Some(price) => Some(price.0 * whole?.mean() * arrives),
        None => None,
    };
    let late = prices.at_deadline.zip(miss).map(|(price, miss)| price.0 * miss);
    let each = [value, age, late];
    let priced = each.iter().any(Option::is_some);
    priced.then(|| each.iter().flatten().sum::<f64>() * offered * SECONDS_PER_MONTH)
}

/// What a millisecond less is worth in a month: age, deadlines kept, and the lift of the policies.
pub(super) fn millisecond(
    loaded: &Loaded<'_, '_>,
    flow: usize,
    arrives: f64,
    whole: Option<&EndToEnd>,
) -> Option<f64> {
    const MILLISECOND: f64 = 1e-3;
    let described = loaded.flow(flow);
    let age = described.cost_of_delay.per_event_second.map(|price| price.0 * MILLISECOND * arrives);
    let kept = match (described.cost_of_delay.at_deadline, described.usable_deadline(), whole) {
        (Some(price), Some(deadline), Some(whole)) => {
            Some(price.0 * (whole.tail(deadline) - whole.tail(deadline + MILLISECOND)).max(0.0))
        }
        _ => None,
    };
    let lift = loaded.topology.plan.policies.lift;
    let lifted = described
        .value_per_event
        .zip(lift)
        .map(|(value, lift)| value.0 * arrives * lift.per_100_ms.0 / 100.0);
    let each = [age, kept, lifted];
    let priced = each.iter().any(Option::is_some);
    let rate = loaded.scenario.offers[flow].rate;
    priced.then(|| each.iter().flatten().sum::<f64>() * rate * SECONDS_PER_MONTH)
}
