//! A report made by hand, so that every state is there.

#![allow(clippy::too_many_arguments, reason = "a report made by hand is a list of values")]

use millstream_plan::inventory::{Class, Kind, Plane, Risk};
use millstream_plan::report::{
    Bottleneck, BottleneckType, BudgetOverrun, Effect, FailureReport, Fate, Fault, FirstFailure,
    FlowReport, FlowShift, GrowthDate, HiddenFlow, HopReport, HopShift, InvestmentReport,
    Metastability, MixLine, PacketReport, Remedy, RemedyKind, Resource, ResourceUse, ScenarioKind,
    ScenarioReport, Sensitivity, Settled, SharedHop, StageReport, State,
};
use millstream_plan::{Confidence, Figure, PlanReport};

fn exact(value: f64) -> Figure {
    Figure::exact(value).unwrap()
}

pub(super) fn hop(name: &str, kind: Kind, plane: Plane, use_at_mean: f64, times: f64) -> HopReport {
    let utilisation = use_at_mean * times;
    let state = match utilisation {
        0.0 => State::Idle,
        over if over >= 1.0 => State::Unstable,
        tight if tight > 0.6 => State::Tight,
        _ => State::Ok,
    };
    let stable = utilisation < 1.0;
    let limit = if kind == Kind::Link { Resource::ForwardBits } else { Resource::Service };
    HopReport {
        name: name.to_owned(),
        kind,
        plane,
        state,
        verdict: (!stable)
            .then(|| format!("unstable at {utilisation:.2}: service; one more server would do")),
        events_per_s: 2_000.0 * times,
        requests_per_s: 200.0 * times,
        forward_bits_per_s: 18e6 * times,
        reverse_bits_per_s: 1.1e6 * times,
        forward_packets_per_s: 2_400.0 * times,
        reverse_packets_per_s: 1_300.0 * times,
        resources: vec![ResourceUse { resource: limit, utilisation, capacity: 4.0 }],
        utilisation,
        utilisation_with_retries: None,
        limit: Some(limit),
        headroom_policy: 0.4,
        headroom: 1.0 - utilisation,
        loss: None,
        wait_mean_s: stable.then(|| exact(0.002 * utilisation / (1.0 - utilisation))),
        wait_p99_s: stable.then(|| exact(0.01 * utilisation / (1.0 - utilisation))),
        queue_mean: stable.then(|| exact(utilisation / (1.0 - utilisation))),
        overflow: None,
        delay_bound_s: None,
        egress_cost_per_month: (name == "load balancer").then(|| exact(410.0)),
        growth: Some(GrowthDate {
            headroom_months: Some((0.6_f64 / use_at_mean).max(1.0).ln() / 0.04),
            headroom_date: None,
            full_months: Some((1.0 / use_at_mean).ln() / 0.04),
            full_date: Some("2027-08-01".to_owned()),
        }),
        flows: vec!["clicks".to_owned(), "events".to_owned()],
    }
}

pub(super) fn flow(
    name: &str,
    path: &[&str],
    per_s: f64,
    bytes: f64,
    p99: Option<f64>,
    deadline: Option<f64>,
) -> FlowReport {
    let fate = match (p99, deadline) {
        (None, _) => Fate::Throttled,
        (Some(tail), Some(deadline)) if tail > deadline => Fate::Late,
        _ => Fate::Ok,
    };
    let part = |share: f64| p99.map(|tail| exact(tail * share));
    FlowReport {
        name: name.to_owned(),
        class: Class::Ingest,
        risk: Risk::High,
        fate,
        path: path.iter().map(|hop| (*hop).to_owned()).collect(),
        offered_per_s: per_s,
        goodput_per_s: exact(if fate == Fate::Throttled { per_s * 0.75 } else { per_s }),
        limited_by: (fate == Fate::Throttled).then(|| "broker".to_owned()),
        amplification: exact(1.01),
        success: exact(0.9999),
        packets: PacketReport {
            batch: 10.0,
            forward_bytes_per_event: bytes,
            reverse_bytes_per_event: 60.0,
            forward_packets_per_event: 1.2,
            reverse_packets_per_event: 0.7,
        },
        batching_s: exact(0.0),
        stages: vec![StageReport {
            hop: path[0].to_owned(),
            mean_s: Some(exact(0.001)),
            budget_s: None,
        }],
        mean_s: part(0.35),
        p50_s: part(0.22),
        p95_s: part(0.7),
        p99_s: part(1.0),
        bound_s: part(3.0),
        deadline_s: deadline,
        miss: p99.map(|tail| exact(if fate == Fate::Late { 0.031 } else { 0.0001 * tail })),
        tcp_ceiling_per_s: None,
        cost_of_delay_per_month: Some(exact(1_200.0)),
        millisecond_worth_per_month: Some(exact(14.0)),
        jitter_exceeded: false,
    }
}

/// The hops that the shop's events pass.
fn hops(times: f64) -> Vec<HopReport> {
    vec![
        hop("sdk", Kind::Sdk, Plane::FrontEnd, 0.02, times),
        hop("cdn", Kind::Cdn, Plane::FrontEnd, 0.11, times),
        hop("load balancer", Kind::LoadBalancer, Plane::FrontEnd, 0.21, times),
        hop("capture", Kind::Edge, Plane::FrontEnd, 0.28, times),
        hop("line to the data centre", Kind::Link, Plane::ScaleOut, 0.19, times),
        hop("broker", Kind::Broker, Plane::BackEnd, 0.46, times),
        hop("stream", Kind::Stream, Plane::BackEnd, 0.34, times),
        hop("tables", Kind::Warehouse, Plane::BackEnd, 0.22, times),
        hop("destinations", Kind::Destination, Plane::BackEnd, 0.15, times),
        hop("monitoring", Kind::Monitoring, Plane::OutOfBand, 0.05, times),
    ]
}

pub(super) fn scenario(name: &str, kind: ScenarioKind, times: f64) -> ScenarioReport {
    let hops = hops(times);
    let slow = 1.0 / (1.0 - 0.46 * times).max(0.02);
    let behind = (0.46 * times < 1.0).then_some(slow);
    let flows = vec![
        flow("alerts", &["stream", "monitoring"], 3.0, 900.0, Some(0.4), None),
        flow(
            "clicks",
            &["sdk", "cdn", "load balancer", "capture"],
            400.0 * times,
            620.0,
            Some(0.021 + 0.004 * times),
            Some(0.1),
        ),
        flow(
            "events",
            &[
                "sdk",
                "cdn",
                "load balancer",
                "capture",
                "line to the data centre",
                "broker",
                "stream",
                "tables",
            ],
            2_000.0 * times,
            1_150.0,
            behind.map(|slow| 0.31 * slow),
            Some(1.0),
        ),
        flow(
            "forwarding",
            &["stream", "destinations"],
            900.0 * times,
            1_300.0,
            Some(4.2),
            Some(60.0),
        ),
        flow(
            "replication",
            &["broker", "stream"],
            2_000.0 * times,
            1_100.0,
            behind.map(|slow| 0.01 * slow),
            Some(0.05),
        ),
    ];
    let broker = &hops[5];
    ScenarioReport {
        name: name.to_owned(),
        kind,
        bottleneck: Some(Bottleneck {
            hop: "broker".to_owned(),
            resource: Resource::Service,
            fails_first: FirstFailure::Service,
            bottleneck_type: BottleneckType::StreamCollapse,
            priority_metric: "lag",
            usual_fix: "partitions",
            utilisation: broker.utilisation,
            full_at: Some(1.0 / broker.utilisation),
            flows: vec!["events".to_owned(), "replication".to_owned()],
            because: "The broker's three servers are busy first: each request costs 1.4 ms of one of them.".to_owned(),
        }),
        hops,
        flows,
        mix: if name == "launch" { mix() } else { Vec::new() },
        rungs: Vec::new(),
        cost_of_delay_per_month: Some(exact(5_300.0 * times)),
    }
}

fn failure(fault: Fault, lost: &[&str], after: Option<f64>, value: f64) -> FailureReport {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    FailureReport {
        fault,
        hops: vec![HopShift {
            hop: "broker".to_owned(),
            before: 0.46,
            after,
            limit: Some(Resource::Service),
        }],
        lost: names(lost),
        rerouted: vec![FlowShift {
            flow: "clicks".to_owned(),
            path: names(&["sdk", "load balancer", "capture"]),
            mean_s: Some(0.012),
            p99_s: Some(0.058),
        }],
        degraded: Vec::new(),
        unstable: Vec::new(),
        utilisation_max: after.unwrap_or(0.34),
        fullest: Some("stream".to_owned()),
        lost_events_per_s: if lost.is_empty() { 0.0 } else { 2_000.0 },
        lost_value_per_hour: value,
        failover_s: Some(12.0),
        intolerable: Vec::new(),
    }
}

fn remedy(kind: RemedyKind, what: &str, after: f64, cost: Option<f64>, cures: bool) -> Remedy {
    Remedy {
        kind,
        hop: "broker".to_owned(),
        what: what.to_owned(),
        overlay: "[[components]]\nname = \"broker\"\ninstances = 5\n".to_owned(),
        cost_per_month: cost,
        saves_per_month: Some(8_200.0),
        effect: Effect {
            scenario: "launch".to_owned(),
            utilisation_before: 1.38,
            utilisation_after: after,
            flow: Some("events".to_owned()),
            p99_before_s: None,
            p99_after_s: Some(0.72),
            cost_of_delay_before: None,
            cost_of_delay_after: Some(900.0),
            bottleneck_after: Some("stream".to_owned()),
        },
        cures,
    }
}

fn shared_hops() -> Vec<SharedHop> {
    vec![
        SharedHop {
            hop: "broker".to_owned(),
            flows: vec![("events".to_owned(), 0.31), ("replication".to_owned(), 0.15)],
            resource: Resource::Service,
            mixed_classes: true,
        },
        SharedHop {
            hop: "stream".to_owned(),
            flows: vec![
                ("events".to_owned(), 0.2),
                ("forwarding".to_owned(), 0.09),
                ("replication".to_owned(), 0.05),
            ],
            resource: Resource::Service,
            mixed_classes: false,
        },
    ]
}

fn options() -> Vec<Remedy> {
    vec![
        remedy(
            RemedyKind::Batching,
            "batch 50 events instead of 10, waiting 20 ms at most",
            0.55,
            Some(0.0),
            true,
        ),
        remedy(RemedyKind::Capacity, "five brokers instead of three", 0.59, Some(840.0), true),
        remedy(
            RemedyKind::Tolerate,
            "let the backlog of 12 minutes drain after the launch",
            1.38,
            None,
            false,
        ),
    ]
}

/// A newsletter over what comes anyway.
fn mix() -> Vec<MixLine> {
    let line = |campaign: Option<(&str, &str)>, events_per_s: f64, share: f64| MixLine {
        flow: "events".to_owned(),
        campaign_type: campaign.map(|(kind, _)| kind.to_owned()),
        channel: campaign.map(|(_, channel)| channel.to_owned()),
        events_per_s,
        share,
    };
    vec![
        line(Some(("newsletter", "email")), 1_500.0, 0.5),
        line(None, 1_000.0, 1.0 / 3.0),
        line(Some(("paid_search", "")), 500.0, 1.0 / 6.0),
    ]
}

fn metastable() -> Vec<Metastability> {
    vec![Metastability {
        hop: "broker".to_owned(),
        scenario: "peak".to_owned(),
        load: 0.74,
        load_with_retries: 1.9,
        calm_at: Some(0.75),
        queue_holds_s: None,
        timeout_s: 2.0,
        breaks_it: vec![
            "a buffer that holds less than 2 s of work".to_owned(),
            "two attempts instead of four".to_owned(),
        ],
    }]
}

fn investments() -> Vec<InvestmentReport> {
    vec![InvestmentReport {
        name: "edge cluster".to_owned(),
        cost_per_month: 1_800.0,
        saves_ms: 38.0,
        worth_per_month: 2_600.0,
        worth_low: 1_900.0,
        worth_high: 3_300.0,
        pays: true,
        break_even_ms: Some(26.0),
        measured: false,
    }]
}

fn settled() -> Vec<Settled> {
    vec![Settled {
        what: "flow replication: p99 of the quorum".to_owned(),
        question: "two of three copies".to_owned(),
        figure: Figure::new(0.0123, Confidence::Simulated { low: 0.0119, high: 0.0127 }).unwrap(),
        formula: Some(0.0131),
        events: 200_000,
    }]
}

/// A shop whose launch does not fit.
pub(super) fn shop() -> PlanReport {
    let component = |name: &str| Fault::Component { name: name.to_owned() };
    PlanReport {
        title: "Spring launch".to_owned(),
        currency: "EUR".to_owned(),
        as_of: Some("2026-11-22".to_owned()),
        scenarios: vec![
            scenario("mean", ScenarioKind::Mean, 1.0),
            scenario("peak", ScenarioKind::Peak, 1.6),
            scenario("launch", ScenarioKind::NamedPeak, 3.0),
            scenario("quarter end", ScenarioKind::NamedPeak, 1.3),
        ],
        failures_at: "mean".to_owned(),
        failures: vec![
            failure(component("broker"), &["events", "replication"], None, 4_100.0),
            failure(Fault::Instance { name: "broker".to_owned() }, &[], Some(0.69), 0.0),
            failure(component("cdn"), &[], Some(0.46), 0.0),
            failure(Fault::Zone { name: "a".to_owned() }, &[], Some(0.93), 0.0),
        ],
        fails_in_order: vec![
            ("broker".to_owned(), 2.17),
            ("stream".to_owned(), 2.94),
            ("capture".to_owned(), 3.57),
        ],
        shared_hops: shared_hops(),
        advice: "Two of 3 options bring their hop inside its headroom. One of them costs nothing but work.".to_owned(),
        options: options(),
        overruns: vec![BudgetOverrun {
            flow: "events".to_owned(),
            hop: "broker".to_owned(),
            scenario: "peak".to_owned(),
            allowed_s: 0.1,
            taken_s: Some(0.34),
        }],
        metastable: metastable(),
        hidden: vec![HiddenFlow {
            what: "schema registry lookups".to_owned(),
            hops: vec!["broker".to_owned()],
            usual: "one request for each new schema and producer".to_owned(),
        }],
        sensitivity: vec![Sensitivity {
            input: "components.broker.service".to_owned(),
            elasticity: 1.84,
            uncertainty: 0.5,
            worth_measuring: 0.92,
            answer: "p99 of events".to_owned(),
        }],
        investments: investments(),
        settled: settled(),
        warnings: vec!["The line to the data centre is half duplex.".to_owned()],
        assumptions: vec![
            "broker: service times vary like an exponential, because no variability is given"
                .to_owned(),
        ],
    }
}
