//! Segment and RudderStack: golden files of what their SDKs send, and what may go wrong.

use crate::source::{RECEIVED, receipt, shown};
use millstream_event::campaign::Campaign;
use millstream_event::click_token::ClickReference;
use millstream_event::control::Settings;
use millstream_event::wire::segment::{Body, Call};
use millstream_event::wire::{Limits, Outcome, Parsed, Refusal};
use millstream_event::{
    AnonymousId, ClickId, Event, EventKind, Flags, Purpose, QuarantineReason, Span, Surface,
    Timestamp,
};
use serde_json::{Value, json};

fn batch(body: &str) -> Vec<Outcome> {
    let settings = Settings::default();
    let limits = Limits::default();
    let body = Body::batch(body.as_bytes(), &limits).expect("a batch");
    body.outcomes(&receipt(&settings), &limits).collect()
}

fn parsed(call: Call, body: &Value) -> Result<Parsed, QuarantineReason> {
    let settings = Settings::default();
    let limits = Limits::default();
    let text = body.to_string();
    let body = Body::single(Some(call), text.as_bytes()).expect("an object");
    let receipt = receipt(&settings);
    let mut outcomes = body.outcomes(&receipt, &limits);
    outcomes.next().expect("one outcome").map_err(|quarantine| quarantine.reason)
}

fn event(call: Call, body: &Value) -> Event {
    parsed(call, body).expect("an event").event
}

#[test]
fn sdk_captures() {
    for (name, fixture) in [
        ("segment_node", include_str!("../fixtures/segment_node.json")),
        ("rudderstack_node", include_str!("../fixtures/rudderstack_node.json")),
        ("segment_python", include_str!("../fixtures/segment_python.json")),
        ("rudderstack_python", include_str!("../fixtures/rudderstack_python.json")),
    ] {
        let outcomes: Vec<Value> = batch(fixture).iter().map(shown).collect();
        insta::assert_json_snapshot!(name, outcomes);
    }
}

#[test]
fn a_browser_page_becomes_an_arrival() {
    let body = json!({
        "anonymousId": "d1", "userId": null, "messageId": "m1", "name": "Home",
        "sentAt": "2026-11-22T02:00:00Z", "timestamp": "2026-11-22T01:59:50Z",
        "properties": { "url": "https://shop.example/?gclid=G" },
        "integrations": { "All": true },
        "context": {
            "page": {
                "url": "https://shop.example/?utm_source=google&utm_medium=cpc&gclid=G",
                "search": "?utm_source=google&utm_medium=cpc&gclid=G",
                "referrer": "https://www.google.com/", "title": "Shop",
            },
            "campaign": { "name": "brand" },
            "userAgent": "Mozilla/5.0 (X11)", "locale": "fr-FR", "timezone": "Europe/Paris",
            "screen": { "width": 1024, "height": 768 }, "network": { "wifi": true },
            "consent": { "categoryPreferences": { "Advertising": false, "Analytics": true } },
        },
    });
    let settings = Settings::default();
    let limits = Limits::default();
    let text = body.to_string();
    let body = Body::single(Some(Call::Page), text.as_bytes()).expect("an object");
    let mut receipt = receipt(&settings);
    receipt.country = Some("FR");
    let outcome = body.outcomes(&receipt, &limits).next().expect("one outcome");
    insta::assert_json_snapshot!(shown(&outcome));
}

#[test]
fn one_bad_item_never_fails_its_neighbours() {
    let body = r#"{"batch":[
        {"type":"track","event":"e","userId":"u"}, 7, {"type":"dance","userId":"u"}, {"userId":"u"},
        {"type":"track","event":"e"}, {"type":"track","userId":"u"}, {"type":"page","userId":true},
        {"type":"page","userId":"u\u0000"}, {"type":"page","userId":"\ud800"},
        {"type":"alias","userId":"u"}, {"type":"group","userId":"u"},
        {"type":"page","userId":"u","properties":[1]}, {"type":"page","userId":"u","\ud800":1},
        {"type":"page","userId":"u","context":{"\ud800":1}}, null,
        {"type":"page","userId":"u","userId":"w","properties":[],"context":[],"anonymousId":""}
    ]}"#;
    use QuarantineReason::*;
    let reasons: Vec<_> =
        batch(body).into_iter().map(|outcome| outcome.err().map(|q| q.reason)).collect();
    let expected = [
        None,
        Some(NotAnObject),
        Some(UnknownType),
        Some(UnknownType),
        Some(NoIdentity),
        Some(MissingField),
        Some(InvalidField),
        Some(InvalidField),
        Some(InvalidField),
        Some(MissingField),
        Some(MissingField),
        Some(InvalidField),
        Some(InvalidField),
        Some(InvalidField),
        Some(NotAnObject),
        None,
    ];
    assert_eq!(reasons, expected);
}

#[test]
fn bodies_that_are_no_message_are_refused() {
    let limits = Limits::default();
    let refused = |body: &[u8]| Body::batch(body, &limits).expect_err("refused").to_string();
    assert!(refused(b"\xff").contains("UTF-8"));
    assert!(refused(b"").contains("JSON"));
    assert!(refused(b"[]").contains("JSON"));
    assert!(refused(b"{\"batch\":[}").contains("JSON"));
    assert!(refused(b"{\"batch\":{}}").contains("array `batch`"));
    assert!(refused(b"{\"batch\":[],\"b\\u0061tch\":[]}").contains("more than one `batch`"));
    assert!(refused(b"{\"batch\":null}").contains("`batch`"));
    assert!(refused(b"{\"batch\":[]} x").contains("JSON"));
    assert!(Body::single(None, b"[1]").is_err());
    assert!(Body::batch(b"{\"batch\":[]}", &limits).is_ok_and(|body| body.is_empty()));
}

#[test]
fn limits_hold_at_and_over() {
    let limits = Limits { batch_events: 3, ..Limits::default() };
    let of = |count: usize| format!("{{\"batch\":[{}]}}", vec!["{}"; count].join(","));
    assert_eq!(Body::batch(of(3).as_bytes(), &limits).expect("at the limit").len(), 3);
    let over = of(4);
    let refusal = Body::batch(over.as_bytes(), &limits).expect_err("over the limit");
    assert!(matches!(refusal, Refusal::TooManyEvents { count: 4, max: 3 }));

    let sized = |bytes: usize| {
        let empty = json!({ "userId": "u", "event": "e", "properties": { "p": "" } }).to_string();
        json!({ "userId": "u", "event": "e", "properties": { "p": "x".repeat(bytes - empty.len()) } })
    };
    assert!(parsed(Call::Track, &sized(limits.event_bytes)).is_ok());
    let over = parsed(Call::Track, &sized(limits.event_bytes + 1));
    assert_eq!(over.err(), Some(QuarantineReason::TooLarge));

    let deep = format!(
        "{{\"batch\":[{{\"a\":{}{}}},{{\"type\":\"page\",\"userId\":\"u\"}}]}}",
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    let outcomes = batch(&deep);
    assert_eq!(outcomes[0].as_ref().err().map(|q| q.reason), Some(QuarantineReason::TooComplex));
    assert!(outcomes[1].is_ok());
}

#[test]
fn ids_are_tolerated_as_numbers_and_made_where_missing() {
    let body = json!({ "userId": 123, "anonymousId": null, "event": "e", "sentAt": "2026-11-22T02:59:59Z" });
    let first = event(Call::Track, &body);
    assert_eq!(first.user_id.as_ref().map(|id| id.as_str()), Some("123"));
    assert_eq!(first.anonymous_id, None);
    assert_eq!(first.id.as_str().len(), 32);
    let mut retried = body.clone();
    retried["sentAt"] = json!("2026-11-22T03:10:00Z");
    assert_eq!(event(Call::Track, &retried).id, first.id);
    let mut other = body;
    other["event"] = json!("f");
    assert_ne!(event(Call::Track, &other).id, first.id);
    let long = json!({ "userId": "u", "event": "e", "messageId": "m".repeat(101) });
    assert_eq!(event(Call::Track, &long).id.as_str().len(), 32);
}

#[test]
fn the_batch_says_for_all_what_items_do_not_say() {
    let outcomes = batch(
        r#"{"sentAt":"2026-11-22T02:00:00Z","context":{"ip":"192.0.2.1","locale":"de","os":{"name":"x"}},
        "integrations":{"All":false},"batch":[
        {"type":"track","event":"a","userId":"u","timestamp":"2026-11-22T01:59:00Z"},
        {"type":"track","event":"b","userId":"u","context":{"locale":"fr"},"integrations":{"All":true}}]}"#,
    );
    let [Ok(first), Ok(second)] = outcomes.as_slice() else {
        panic!("both are fine: {outcomes:?}");
    };
    assert_eq!(first.event.event_time, RECEIVED - Span::seconds(60));
    assert_eq!(first.event.correction.shift, Span::hours(1));
    assert_eq!(second.event.event_time, RECEIVED);
    assert_eq!(first.address.as_deref(), Some("192.0.2.1"));
    let context = |parsed: &Parsed| parsed.event.context.as_ref().map(|raw| raw.get().to_owned());
    assert_eq!(context(first).as_deref(), Some(r#"{"locale":"de","os":{"name":"x"}}"#));
    assert_eq!(context(second).as_deref(), Some(r#"{"locale":"fr","os":{"name":"x"}}"#));
    let wanted =
        |parsed: &Parsed| parsed.event.integrations.as_ref().map(|raw| raw.get().to_owned());
    assert_eq!(wanted(first).as_deref(), Some(r#"{"All":false}"#));
    assert_eq!(wanted(second).as_deref(), Some(r#"{"All":true}"#));
}

#[test]
fn the_client_address_is_never_kept_however_it_is_spelt() {
    for context in [r#"{"ip":"192.0.2.1"}"#, r#"{"\u0069p":"192.0.2.1","locale":"fr"}"#] {
        let body =
            format!("{{\"batch\":[{{\"type\":\"page\",\"userId\":\"u\",\"context\":{context}}}]}}");
        let outcomes = batch(&body);
        let parsed = outcomes[0].as_ref().expect("an event");
        assert_eq!(parsed.address.as_deref(), Some("192.0.2.1"));
        let text = String::from_utf8(parsed.event.encode().expect("encodes")).expect("text");
        assert!(!text.contains("192.0.2.1"), "{text}");
    }
}

#[test]
fn the_surface_follows_from_the_context() {
    let check = |call: Call, context: Value, surface: Surface| {
        let body = json!({ "userId": "u", "event": "e", "context": context });
        assert_eq!(event(call, &body).surface, surface, "{context}");
    };
    check(Call::Track, json!({}), Surface::Server);
    check(Call::Track, json!({ "page": {}, "library": { "name": "node" } }), Surface::Server);
    check(Call::Track, json!({ "page": { "path": "/" } }), Surface::Browser);
    check(Call::Track, json!({ "userAgent": "Mozilla/5.0" }), Surface::Browser);
    check(Call::Track, json!({ "userAgent": "curl/8" }), Surface::Server);
    check(Call::Track, json!({ "app": { "name": "x" } }), Surface::App);
    check(Call::Page, json!({}), Surface::Browser);
    check(Call::Screen, json!({}), Surface::App);
}

#[test]
fn values_orders_and_identities_are_read() {
    let body = json!({ "userId": "u", "event": "Order Completed", "properties": {
        "order_id": 7, "value": 1, "revenue": "19.99", "currency": "eur" } });
    let bought = event(Call::Track, &body);
    assert_eq!(bought.value.map(|money| money.to_decimal()).as_deref(), Some("19.99"));
    assert_eq!(bought.order_id.as_ref().map(|id| id.as_str()), Some("7"));
    let alias = event(Call::Alias, &json!({ "userId": "new", "previousId": "old" }));
    assert_eq!(alias.previous_id.as_ref().map(|id| id.as_str()), Some("old"));
    let group = event(Call::Group, &json!({ "userId": "u", "groupId": 5, "traits": { "n": 1 } }));
    assert_eq!(group.group_id.as_deref(), Some("5"));
    assert_eq!(group.traits.as_ref().map(|raw| raw.get()), Some("{\"n\":1}"));
    let identify =
        event(Call::Identify, &json!({ "userId": "u", "context": { "traits": { "a": 1 } } }));
    assert_eq!(identify.traits.as_ref().map(|raw| raw.get()), Some("{\"a\":1}"));
}

#[test]
fn consent_is_read_from_the_event() {
    let check = |consent: Value, granted: &[Purpose], denied: &[Purpose]| {
        let body = json!({ "userId": "u", "context": { "consent": consent } });
        let stated = parsed(Call::Identify, &body).expect("an event").stated;
        for purpose in [Purpose::Measurement, Purpose::Personalization, Purpose::Advertising] {
            assert_eq!(stated.granted.allows(purpose), granted.contains(&purpose), "{consent}");
            assert_eq!(stated.denied.allows(purpose), denied.contains(&purpose), "{consent}");
        }
    };
    use Purpose::{Advertising, Measurement, Personalization};
    check(json!({ "measurement": true, "advertising": false }), &[Measurement], &[Advertising]);
    check(
        json!({ "categoryPreferences": { "C0004": false, "Functional": true } }),
        &[Personalization],
        &[Advertising],
    );
    check(json!("granted"), &[], &[]);
    check(json!({ "measurement": "perhaps" }), &[], &[]);
}

#[test]
fn history_keeps_its_own_receive_stamp_and_clients_may_not_set_one() {
    let body = br#"{"type":"page","userId":"u","receivedAt":"2025-01-01T00:00:10Z",
        "sentAt":"2025-01-01T00:00:09Z","originalTimestamp":"2025-01-01T00:00:00Z"}"#;
    let settings = Settings::default();
    let limits = Limits::default();
    let body = Body::single(None, body).expect("an object");
    let read = |flags: Flags| {
        let mut receipt = receipt(&settings);
        receipt.flags = flags;
        let outcome = body.outcomes(&receipt, &limits).next().expect("one outcome");
        outcome.expect("an event").event
    };
    let imported = read(Flags::IMPORTED);
    assert_eq!(imported.received, Timestamp(1_735_689_610_000_000));
    assert_eq!(imported.event_time, Timestamp(1_735_689_600_000_000));
    assert_eq!(read(Flags::default()).received, RECEIVED);
}

#[test]
fn only_a_click_of_ours_is_believed() {
    let key = [7; 32];
    let click = ClickReference {
        id: ClickId::parse("c1").expect("an id"),
        issued: RECEIVED,
        link: "spring".into(),
        link_version: 3,
        ms_id: AnonymousId::parse("m"),
    };
    let settings = Settings::default();
    let limits = Limits::default();
    let read = |token: &str| {
        let text = json!({ "anonymousId": "d", "properties": { "url": format!("https://a.b/?ms_click={token}") } }).to_string();
        let body = Body::single(Some(Call::Page), text.as_bytes()).expect("an object");
        let mut receipt = receipt(&settings);
        receipt.click_key = Some(&key);
        let outcome = body.outcomes(&receipt, &limits).next().expect("one outcome");
        outcome.expect("an event").event
    };
    let good = read(&click.to_token(&key).expect("a token"));
    assert_eq!((good.click, good.flags), (Some(click.clone()), Flags::default()));
    let forged = read(&click.to_token(&[8; 32]).expect("a token"));
    assert_eq!(
        (forged.click, forged.flags),
        (None, Flags::default().degraded_by(Flags::CLICK_UNBELIEVED))
    );
    assert_eq!(forged.campaign, Campaign::default());
    assert_eq!(forged.kind, EventKind::Page);
}
