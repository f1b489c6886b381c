//! Snowplow: golden files of what its trackers send, and what may go wrong.

use crate::source::{receipt, shown};
use millstream_event::control::Settings;
use millstream_event::wire::{Limits, Outcome, Refusal, snowplow};
use millstream_event::{Event, EventKind, Flags, QuarantineReason};
use serde_json::{Value, json};

fn parse(body: &str) -> Vec<Outcome> {
    let settings = Settings::default();
    snowplow::parse(body.as_bytes(), &receipt(&settings), &Limits::default()).expect("a body")
}

fn one(item: &Value) -> Result<Event, QuarantineReason> {
    let outcome = parse(&json!({ "data": [item] }).to_string()).pop().expect("one outcome");
    outcome.map(|parsed| parsed.event).map_err(|quarantine| quarantine.reason)
}

#[test]
fn tracker_captures() {
    for (name, fixture) in [
        ("snowplow_node", include_str!("../fixtures/snowplow_node.json")),
        ("snowplow_python", include_str!("../fixtures/snowplow_python.json")),
        ("snowplow_browser", include_str!("../fixtures/snowplow_browser.json")),
    ] {
        let outcomes: Vec<Value> = parse(fixture).iter().map(shown).collect();
        insta::assert_json_snapshot!(name, outcomes);
    }
}

#[test]
fn self_describing_events_are_read_in_both_alphabets_and_plain() {
    let event = r#"{"schema":"iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0","data":{"schema":"iglu:com.acme/checkout/jsonschema/1-0-0","data":{"value":12.5,"currency":"EUR","note":"??>>~~é"}}}"#;
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    let (standard, url) = (STANDARD.encode(event), URL_SAFE_NO_PAD.encode(event));
    assert_ne!(standard.trim_end_matches('='), url, "the sample tells the alphabets apart");
    let forms = [
        json!({ "e": "ue", "eid": "1", "ue_px": standard }),
        json!({ "e": "ue", "eid": "1", "ue_px": url }),
        json!({ "e": "ue", "eid": "1", "ue_pr": event }),
    ];
    for form in forms {
        let read = one(&form).expect("an event");
        assert_eq!(read.name.as_deref(), Some("checkout"));
        assert_eq!(read.value.map(|money| money.minor), Some(1_250));
        assert!(read.properties.is_some_and(|raw| raw.get().contains("??>>~~é")));
    }
}

#[test]
fn transactions_and_structured_events() {
    let order = one(&json!({ "e": "tr", "tr_id": "o1", "tr_tt": "19.99", "tr_cu": "GBP", "duid": "d", "uid": 7 }))
        .expect("an event");
    assert_eq!(order.name.as_deref(), Some("Order Completed"));
    assert_eq!(
        order.value.map(|money| (money.minor, money.currency.to_string())),
        Some((1_999, "GBP".into()))
    );
    assert_eq!(order.order_id.as_ref().map(|id| id.as_str()), Some("o1"));
    assert_eq!(order.user_id.as_ref().map(|id| id.as_str()), Some("7"));
    let action =
        one(&json!({ "e": "se", "se_ca": "shop", "se_ac": "add", "se_va": 2 })).expect("an event");
    assert_eq!(action.name.as_deref(), Some("add"));
    assert_eq!(
        action.properties.as_ref().map(|raw| raw.get()),
        Some(r#"{"category":"shop","value":"2"}"#)
    );
}

#[test]
fn what_breaks_the_contract_goes_to_quarantine_alone() {
    use QuarantineReason::*;
    let check = |item: Value, reason: QuarantineReason| {
        assert_eq!(one(&item).err(), Some(reason), "{item}")
    };
    check(json!(7), NotAnObject);
    check(json!({}), MissingField);
    check(json!({ "e": "xx" }), UnknownType);
    check(json!({ "e": "se" }), MissingField);
    check(json!({ "e": "ue" }), MissingField);
    check(json!({ "e": "ue", "ue_px": "%%%" }), MissingField);
    check(json!({ "e": "ue", "ue_pr": "[]" }), InvalidField);
    check(json!({ "e": "ue", "ue_pr": "{\"data\":{\"schema\":\"x\"}}" }), InvalidField);
    check(json!({ "e": "pv", "duid": "a\u{0}" }), InvalidField);
    let nonsense =
        one(&json!({ "e": "pv", "dtm": "soon", "cx": "%%%", "p": "web" })).expect("kept");
    assert_eq!((nonsense.kind, nonsense.flags), (EventKind::Page, Flags::CLOCK));
}

#[test]
fn bodies_over_the_limit_are_refused() {
    let settings = Settings::default();
    let limits = Limits { batch_events: 1, ..Limits::default() };
    let read = |body: &[u8]| snowplow::parse(body, &receipt(&settings), &limits);
    assert_eq!(read(br#"{"data":[{}]}"#).expect("at the limit").len(), 1);
    let over = read(br#"{"data":[{},{}]}"#).expect_err("over the limit");
    assert!(matches!(over, Refusal::TooManyEvents { count: 2, max: 1 }));
    assert!(matches!(read(b"{}"), Err(Refusal::NoList("data"))));
}
