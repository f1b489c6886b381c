//! What a plan's report looks like, on reports made by hand so that every state is there.

use super::layout::{HOP_HEIGHT, HOP_WIDTH, HOPS_MAX, lay_out};
use super::{html, review_html, review_table, table};
use millstream_plan::inventory::{Kind, Plane};
use millstream_plan::report::{FlowReport, HopReport, ScenarioKind};
use millstream_plan::review::{Period, Review};
use millstream_plan::{Plan, PlanReport};
use shop::{flow, hop, scenario, shop};

mod shop;

fn nothing() -> PlanReport {
    PlanReport {
        title: String::new(),
        scenarios: Vec::new(),
        failures: Vec::new(),
        fails_in_order: Vec::new(),
        shared_hops: Vec::new(),
        advice: String::new(),
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
    assert!(page.contains("Drawn: the 60 fullest of 1,000 hops. The table below has every one."));
    assert!(page.contains("<summary>900 more hops, less full than these</summary>"));
    assert!(page.contains("4960 more flows have more room than these."));
    let lines = table(&report, Some(80)).lines().count();
    assert!(lines < 200, "{lines} lines");
}
