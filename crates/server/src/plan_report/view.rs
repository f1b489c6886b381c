//! What the reader can look at: each load, and the worst failures, as one shape.

use super::units::{capital, listed, seconds, share};
use millstream_plan::report::{
    FailureReport, Fate, Fault, PlanReport, Resource, ScenarioReport, State,
};

/// Most loads that are drawn.
pub const LOADS_MAX: usize = 10;
/// Most failures that are drawn, worst first; a table lists more.
pub const FAILURES_MAX: usize = 12;

/// A hop as it is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct HopLook {
    /// Its name.
    pub name: String,
    /// How it stands.
    pub state: State,
    /// Of its fullest resource; `None` when it is down.
    pub utilisation: Option<f64>,
    /// Which resource that is.
    pub limit: Option<Resource>,
}

/// A flow as it is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowLook {
    /// Its name.
    pub name: String,
    /// How it fares.
    pub fate: Fate,
    /// The hops it takes.
    pub path: Vec<String>,
    /// Bits per second towards the receiver.
    pub bits_per_s: f64,
}

/// One load or one failure.
#[derive(Clone, Debug)]
pub struct View<'r> {
    /// What the reader chooses.
    pub label: String,
    /// The figures of the load; of the load under which the failure happens.
    pub scenario: &'r ScenarioReport,
    /// The failure, where it is one.
    pub failure: Option<&'r FailureReport>,
    /// Every hop, by name.
    pub hops: Vec<HopLook>,
    /// Every flow, by name.
    pub flows: Vec<FlowLook>,
}

/// Every load, then the worst failures.
pub fn views(report: &PlanReport) -> Vec<View<'_>> {
    let mut views: Vec<View<'_>> = report.scenarios.iter().take(LOADS_MAX).map(load).collect();
    if let Some(base) = report.scenario(&report.failures_at) {
        let worst = worst_failures(report);
        views.extend(worst.into_iter().take(FAILURES_MAX).map(|one| failure(base, one)));
    }
    views
}

/// Failures that change something, worst first: lost value, lost events, fullest hop.
pub fn worst_failures(report: &PlanReport) -> Vec<&FailureReport> {
    let mut failures: Vec<&FailureReport> = report.failures.iter().collect();
    failures.sort_by(|a, b| {
        b.lost_value_per_hour
            .total_cmp(&a.lost_value_per_hour)
            .then_with(|| b.lost_events_per_s.total_cmp(&a.lost_events_per_s))
            .then_with(|| b.unstable.len().cmp(&a.unstable.len()))
            .then_with(|| b.utilisation_max.total_cmp(&a.utilisation_max))
            .then_with(|| a.fault.cmp(&b.fault))
    });
    failures
}

fn load(scenario: &ScenarioReport) -> View<'_> {
    let hops = scenario.hops.iter().map(|hop| HopLook {
        name: hop.name.clone(),
        state: hop.state,
        utilisation: Some(hop.utilisation),
        limit: hop.limit,
    });
    let flows = scenario.flows.iter().map(|flow| FlowLook {
        name: flow.name.clone(),
        fate: flow.fate,
        path: flow.path.clone(),
        bits_per_s: flow.offered_per_s * flow.packets.forward_bytes_per_event * 8.0,
    });
    View {
        label: super::units::titled(&scenario.name),
        scenario,
        failure: None,
        hops: hops.collect(),
        flows: flows.collect(),
    }
}

fn failure<'r>(base: &'r ScenarioReport, failure: &'r FailureReport) -> View<'r> {
    let mut view = load(base);
    view.label = fault(&failure.fault);
    view.failure = Some(failure);
    for shift in &failure.hops {
        let Some(look) = view.hops.iter_mut().find(|look| look.name == shift.hop) else { continue };
        let policy = base
            .hops
            .iter()
            .find(|hop| hop.name == shift.hop)
            .map_or(0.0, |hop| hop.headroom_policy);
        look.utilisation = shift.after;
        look.limit = shift.limit;
        look.state = match shift.after {
            None => State::Failed,
            Some(after) if after >= 1.0 => State::Unstable,
            Some(after) if after > 1.0 - policy => State::Tight,
            Some(0.0) => State::Idle,
            Some(_) => State::Ok,
        };
    }
    for look in &mut view.flows {
        if failure.lost.contains(&look.name) {
            look.fate = Fate::Lost;
        } else if let Some(shift) = failure.rerouted.iter().find(|shift| shift.flow == look.name) {
            look.fate = Fate::Rerouted;
            look.path = shift.path.clone();
        } else if failure.degraded.contains(&look.name) {
            look.fate = Fate::Throttled;
        }
    }
    view
}

/// A fault in words.
pub fn fault(fault: &Fault) -> String {
    match fault {
        Fault::Component { name } => format!("{name} down"),
        Fault::Instance { name } => format!("one {name} down"),
        Fault::Rack { name } => format!("rack {name} down"),
        Fault::Zone { name } => format!("zone {name} down"),
        Fault::Region { name } => format!("region {name} down"),
        Fault::Pair { name, other } => format!("{name} and {other} down"),
    }
}

impl View<'_> {
    /// What this view shows, in a few sentences that begin with its label.
    pub fn says(&self) -> String {
        let said = self.failure.map_or_else(|| load_says(self), failure_says);
        format!("{}: {said}", capital(&self.label))
    }
}

fn load_says(view: &View<'_>) -> String {
    let scenario = view.scenario;
    let unstable: Vec<&str> = scenario
        .hops
        .iter()
        .filter(|hop| hop.state == State::Unstable)
        .map(|hop| hop.name.as_str())
        .collect();
    let late: Vec<&str> = scenario
        .flows
        .iter()
        .filter(|flow| flow.fate == Fate::Late)
        .map(|flow| flow.name.as_str())
        .collect();
    let mut text = match (&scenario.bottleneck, unstable.is_empty()) {
        (None, _) => "nothing here has a capacity, so nothing can be full.".to_owned(),
        (Some(bottleneck), false) => format!(
            "this load does not fit. Without room: {}. Worst is {}, asked for {} of its {}.",
            listed(&unstable),
            bottleneck.hop,
            share(bottleneck.utilisation),
            super::units::spoken(bottleneck.resource.name())
        ),
        (Some(bottleneck), true) => format!(
            "this load fits. The fullest hop is {}, at {} of its {}{}.",
            bottleneck.hop,
            share(bottleneck.utilisation),
            super::units::spoken(bottleneck.resource.name()),
            bottleneck.full_at.map_or_else(String::new, |at| {
                format!("; {} this load would fill it", super::units::times(at))
            })
        ),
    };
    if !late.is_empty() {
        text.push_str(&format!(" Past their deadlines at the 99th percentile: {}.", listed(&late)));
    }
    text
}

fn failure_says(failure: &FailureReport) -> String {
    let rerouted: Vec<&str> = failure.rerouted.iter().map(|shift| shift.flow.as_str()).collect();
    let parts = [
        ("stopped", listed(&failure.lost), failure.lost.is_empty()),
        ("on another way", listed(&rerouted), rerouted.is_empty()),
        ("slowed by a full hop", listed(&failure.degraded), failure.degraded.is_empty()),
    ];
    let told: Vec<String> = parts
        .iter()
        .filter(|(_, _, none)| !none)
        .map(|(what, names, _)| format!("{what}: {names}"))
        .collect();
    let mut text = if told.is_empty() {
        "no flow notices.".to_owned()
    } else {
        format!("{}.", told.join("; "))
    };
    if let Some(fullest) = &failure.fullest {
        let share = share(failure.utilisation_max);
        text.push_str(&format!(" The fullest hop left is {fullest}, at {share}."));
    }
    if let Some(time) = failure.failover_s {
        text.push_str(&format!(" Failover takes {}.", seconds(time)));
    }
    if !failure.intolerable.is_empty() {
        text.push_str(&format!(" Longer than they tolerate: {}.", listed(&failure.intolerable)));
    }
    text
}
