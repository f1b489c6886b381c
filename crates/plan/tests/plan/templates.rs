//! The plans to begin with, the schema, and the worked plan of the documentation.

use millstream_plan::report::{RemedyKind, State};
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
fn the_same_bytes_a_second_differ_in_packets_queues_and_remedies() {
    let text = std::fs::read_to_string("../../docs/plans/pipeline.toml").expect("the worked plan");
    let plan = Plan::parse("pipeline.toml", &text).unwrap_or_else(|error| panic!("{error}"));
    let report = plan.study(&Study::default());
    let mean = report.scenario("mean").expect("mean");
    let flow = |name: &str| mean.flows.iter().find(|flow| flow.name == name).expect("a flow");
    let (small, large) = (flow("small events"), flow("large events"));
    let payload =
        |flow: &millstream_plan::report::FlowReport, bytes: f64| flow.offered_per_s * bytes;
    assert_eq!(payload(small, 1000.0), payload(large, 200_000.0));
    let packets = |flow: &millstream_plan::report::FlowReport| {
        flow.offered_per_s
            * (flow.packets.forward_packets_per_event + flow.packets.reverse_packets_per_event)
    };
    assert!(packets(small) > 1.5 * packets(large));
    assert!(report.options.iter().any(|option| option.kind == RemedyKind::Batching));
}
