//! The plans to begin with, the schema, and the worked plan of the documentation.

use millstream_plan::report::{FlowReport, PlanReport, Remedy, RemedyKind, State};
use millstream_plan::template::Template;
use millstream_plan::{Plan, Study};

#[test]
fn every_template_is_planned_and_no_number_is_missing() {
    for template in Template::ALL {
        let plan =
            Plan::parse(template.name(), template.text()).unwrap_or_else(|error| panic!("{error}"));
        let report = plan.study(&Study::default());
        assert!(!report.scenarios.is_empty() && !report.failures.is_empty(), "{}", template.name());
        assert!(
            report.scenarios[0].hops.iter().all(|hop| hop.state != State::Unstable),
            "{}",
            template.name()
        );
        let json = serde_json::to_value(&report).expect("serialisable");
        assert_finite(&json, template.name());
    }
}

/// JSON has no NaN; a number that was one would be null where a number must be.
fn assert_finite(value: &serde_json::Value, place: &str) {
    match value {
        serde_json::Value::Number(number) => {
            assert!(number.as_f64().is_some_and(f64::is_finite), "{place}")
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| assert_finite(item, place)),
        serde_json::Value::Object(fields) => {
            for key in ["utilisation", "events_per_s", "forward_bits_per_s", "value"] {
                assert!(fields.get(key).is_none_or(|value| !value.is_null()), "{place}.{key}");
            }
            fields.iter().for_each(|(key, value)| assert_finite(value, &format!("{place}.{key}")));
        }
        _ => {}
    }
}

#[test]
fn the_published_schema_is_the_one_in_the_code() {
    let published =
        std::fs::read_to_string("../../docs/plan.schema.json").expect("docs/plan.schema.json");
    let published: serde_json::Value = serde_json::from_str(&published).expect("JSON");
    assert_eq!(
        published,
        millstream_plan::schema::schema(),
        "run `millstream plan schema > docs/plan.schema.json`"
    );
}

#[test]
fn the_same_bytes_a_second_differ_in_packets_and_remedies() {
    let read = |name: &str| {
        std::fs::read_to_string(format!("../../docs/plans/{name}")).expect("a worked plan")
    };
    let small = Plan::parse("small", &read("pipeline-small.toml"))
        .unwrap_or_else(|error| panic!("{error}"));
    let large = small
        .overlaid("large", &read("pipeline-large.toml"))
        .unwrap_or_else(|error| panic!("{error}"));
    let (one, two) = (small.study(&Study::default()), large.study(&Study::default()));
    let events = |report: &PlanReport| {
        let mean = report.scenario("mean").expect("mean");
        mean.flows.iter().find(|flow| flow.name == "events").cloned().expect("the flow of events")
    };
    let (small, large) = (events(&one), events(&two));
    assert_eq!(small.offered_per_s * 1000.0, large.offered_per_s * 200_000.0);
    let packets = |flow: &FlowReport| {
        flow.offered_per_s
            * (flow.packets.forward_packets_per_event + flow.packets.reverse_packets_per_event)
    };
    assert!(packets(&small) > 1.5 * packets(&large), "{} {}", packets(&small), packets(&large));
    let batches = |report: &PlanReport| {
        let helps = |option: &Remedy| {
            matches!(option.kind, RemedyKind::Batching | RemedyKind::EdgeAggregation)
        };
        report.options.iter().any(helps)
    };
    assert!(batches(&one) && !batches(&two), "batches help small events alone");
}
