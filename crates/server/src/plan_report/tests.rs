//! What a plan's report looks like, on reports made by hand so that every state is there.

#![allow(
    clippy::too_many_arguments,
    clippy::too_many_lines,
    reason = "a report made by hand is a list of values"
)]

use super::layout::{HOP_HEIGHT, HOP_WIDTH, HOPS_MAX, lay_out};
use super::{html, review_html, review_table, table};
use millstream_plan::inventory::{Class, Kind, Plane, Risk};
use millstream_plan::report::{
    Bottleneck, BottleneckType, BudgetOverrun, Effect, FailureReport, Fate, Fault, FirstFailure,
    FlowReport, FlowShift, GrowthDate, HiddenFlow, HopReport, HopShift, InvestmentReport,
    Metastability, PacketReport, Remedy, RemedyKind, Resource, ResourceUse, ScenarioKind,
    ScenarioReport, Sensitivity, Settled, SharedHop, StageReport, State,
};
use millstream_plan::review::{Period, Review};
use millstream_plan::{Confidence, Figure, Plan, PlanReport};

fn exact(value: f64) -> Figure {
    Figure::exact(value).unwrap()
}

fn hop(name: &str, kind: Kind, plane: Plane, use_at_mean: f64, times: f64) -> HopReport {
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
        limit: Some(limit),
        headroom_policy: 0.4,
        headroom: 1.0 - utilisation,
        loss: None,
        wait_mean_s: stable.then(|| exact(0.002 * utilisation / (1.0 - utilisation))),
        wait_p99_s: stable.then(|| exact(0.01 * utilisation / (1.0 - utilisation))),
        queue_mean: stable.then(|| exact(utilisation / (1.0 - utilisation))),
        overflow: None,
        delay_bound_s: None,
        egress_cost_per_month: None,
        growth: Some(GrowthDate {
            headroom_months: Some((0.6_f64 / use_at_mean).max(1.0).ln() / 0.04),
            headroom_date: None,
            full_months: Some((1.0 / use_at_mean).ln() / 0.04),
            full_date: Some("2027-08-01".to_owned()),
        }),
        flows: vec!["clicks".to_owned(), "events".to_owned()],
    }
}

fn flow(
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

fn scenario(name: &str, kind: ScenarioKind, times: f64) -> ScenarioReport {
    let hops = vec![
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
    ];
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

/// A shop whose launch does not fit.
pub fn shop() -> PlanReport {
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
        shared_hops: vec![
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
        ],
        options: vec![
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
        ],
        overruns: vec![BudgetOverrun {
            flow: "events".to_owned(),
            hop: "broker".to_owned(),
            scenario: "peak".to_owned(),
            allowed_s: 0.1,
            taken_s: Some(0.34),
        }],
        metastable: vec![Metastability {
            hop: "broker".to_owned(),
            scenario: "peak".to_owned(),
            load: 0.74,
            load_with_retries: 1.9,
            queue_holds_s: None,
            timeout_s: 2.0,
            breaks_it: vec![
                "a buffer that holds less than 2 s of work".to_owned(),
                "two attempts instead of four".to_owned(),
            ],
        }],
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
        investments: vec![InvestmentReport {
            name: "edge cluster".to_owned(),
            cost_per_month: 1_800.0,
            saves_ms: 38.0,
            worth_per_month: 2_600.0,
            worth_low: 1_900.0,
            worth_high: 3_300.0,
            pays: true,
            break_even_ms: Some(26.0),
            measured: false,
        }],
        settled: vec![Settled {
            what: "flow replication: p99 of the quorum".to_owned(),
            question: "two of three copies".to_owned(),
            figure: Figure::new(0.0123, Confidence::Simulated { low: 0.0119, high: 0.0127 })
                .unwrap(),
            formula: Some(0.0131),
            events: 200_000,
        }],
        warnings: vec!["The line to the data centre is half duplex.".to_owned()],
        assumptions: vec![
            "broker: service times vary like an exponential, because no variability is given"
                .to_owned(),
        ],
    }
}

fn nothing() -> PlanReport {
    PlanReport {
        title: String::new(),
        scenarios: Vec::new(),
        failures: Vec::new(),
        fails_in_order: Vec::new(),
        shared_hops: Vec::new(),
        options: Vec::new(),
        overruns: Vec::new(),
        metastable: Vec::new(),
        hidden: Vec::new(),
        sensitivity: Vec::new(),
        investments: Vec::new(),
        settled: Vec::new(),
        warnings: Vec::new(),
        assumptions: Vec::new(),
        ..shop()
    }
}

#[test]
fn the_page_shows_every_load_and_failure_and_runs_nothing() {
    let page = html(&shop(), &reviews());
    for label in
        ["Mean", "Peak", "Launch", "Quarter end", "broker down", "one broker down", "zone a down"]
    {
        assert!(page.contains(&format!("<span>{label}</span>")), "{label}");
    }
    assert!(
        page.contains("Launch does not fit: <span class=\"name\">broker</span> is asked for 138\u{a0}% of what it can do.")
    );
    for dangerous in ["style=", "<script", "http://", "https://", "NaN", ">inf"] {
        assert!(!page.contains(dangerous), "{dangerous}");
    }
    for tag in ["section", "svg", "div", "table", "tr", "td", "li", "ul", "g", "dl"] {
        let opened =
            page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn a_plan_of_nothing_says_how_to_begin() {
    let page = html(&nothing(), &[]);
    assert!(page.contains("There is nothing to plan yet."));
    assert!(page.contains("plan init"));
    assert!(!page.contains("<fieldset"));
}

#[test]
fn names_of_a_plan_are_text() {
    let mut report = shop();
    for scenario in &mut report.scenarios {
        for hop in &mut scenario.hops {
            hop.name = "<script>alert(1)</script>".to_owned();
        }
    }
    report.title = "\"><img src=x>".to_owned();
    let page = html(&report, &[]);
    assert!(!page.contains("<script") && !page.contains("<img"));
}

#[test]
fn the_tables_fit_eighty_columns() {
    let text = table(&shop(), Some(80));
    let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "{wide:#?}");
    insta::assert_snapshot!(text);
}

#[test]
fn the_tables_of_nothing_are_a_sentence() {
    assert_eq!(table(&nothing(), Some(80)), "There is nothing to plan yet.\n");
}

fn reviews() -> Vec<Review> {
    let text = "[policies]\ngrowth_per_month = \"4 %\"\n[[components]]\nname = \"broker\"\nkind = \"broker\"\n";
    let plan = Plan::parse("shop.toml", text).unwrap();
    let report = shop();
    Period::ALL.iter().map(|period| Review::of(*period, &plan, &report)).collect()
}

#[test]
fn the_reviews_fit_eighty_columns() {
    let text: Vec<String> = reviews().iter().map(|review| review_table(review, Some(80))).collect();
    let text = text.join("\n\n");
    let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "{wide:#?}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_review_has_a_page_of_its_own() {
    for review in reviews() {
        let page = review_html(&review);
        for question in &review.questions {
            assert!(
                page.contains(&question.question.replace('\'', "&#39;")),
                "{}",
                question.question
            );
        }
        assert!(!page.contains("style="));
    }
}

/// A plan of many hops in all planes; its flows go to and fro between them, in circles as well.
fn large(hops: usize, flows: usize) -> PlanReport {
    let name = |at: usize| format!("hop {at}");
    let planes = Plane::ALL;
    let made: Vec<HopReport> = (0..hops)
        .map(|at| {
            let use_at_mean = 0.01 + 0.9 * (at % 17) as f64 / 17.0;
            hop(&name(at), Kind::Store, planes[at % planes.len()], use_at_mean, 1.0)
        })
        .collect();
    let path = |at: usize| -> Vec<String> {
        (0..5).map(|step| name((at * 31 + step * (7 + at % 11)) % hops)).collect()
    };
    let made_flows: Vec<FlowReport> = (0..flows)
        .map(|at| {
            let path = path(at);
            let names: Vec<&str> = path.iter().map(String::as_str).collect();
            flow(&format!("flow {at}"), &names, 1.0 + at as f64, 900.0, Some(0.02), Some(0.1))
        })
        .collect();
    let mut load = scenario("mean", ScenarioKind::Mean, 1.0);
    (load.hops, load.flows) = (made, made_flows);
    PlanReport { scenarios: vec![load], failures: Vec::new(), ..shop() }
}

#[test]
fn boxes_of_the_drawing_never_overlap_and_stay_inside() {
    for (hops, flows) in [(1, 1), (2, 3), (9, 40), (60, 200), (61, 10)] {
        let report = large(hops, flows);
        let view = &super::view::views(&report)[0];
        let worst = view.hops.iter().map(|hop| (hop.name.as_str(), hop.utilisation.unwrap_or(0.0)));
        let layout = lay_out(view.scenario, &view.flows, &worst.collect());
        assert_eq!(layout.hops.len(), hops.min(HOPS_MAX));
        assert_eq!(layout.left_out, hops.saturating_sub(HOPS_MAX));
        let places: Vec<(f64, f64)> = layout.hops.values().copied().collect();
        for (at, one) in places.iter().enumerate() {
            assert!(one.0 >= 0.0 && one.0 + HOP_WIDTH <= layout.width, "{one:?} {}", layout.width);
            assert!(one.1 >= 0.0 && one.1 + HOP_HEIGHT <= layout.height, "{one:?}");
            for other in &places[..at] {
                let apart =
                    (one.0 - other.0).abs() >= HOP_WIDTH || (one.1 - other.1).abs() >= HOP_HEIGHT;
                assert!(apart, "{one:?} {other:?}");
            }
        }
    }
}

#[test]
fn a_large_plan_is_cut_to_what_can_be_read() {
    const BYTES_MAX: usize = 2 << 20;
    let report = large(1_000, 5_000);
    let page = html(&report, &[]);
    assert!(page.len() < BYTES_MAX, "{} bytes", page.len());
    assert!(page.contains("940 hops with more room are not drawn."));
    assert!(page.contains("4960 more flows have more room than these."));
    assert!(page.contains("900 more hops are less full than these."));
    let lines = table(&report, Some(80)).lines().count();
    assert!(lines < 200, "{lines} lines");
}
