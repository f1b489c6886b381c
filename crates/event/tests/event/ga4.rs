//! GA4 Measurement Protocol.

use crate::source::{RECEIVED, receipt};
use millstream_event::control::Settings;
use millstream_event::wire::ga4::{self, EVENTS_MAX};
use millstream_event::wire::{Limits, Outcome, Refusal};
use millstream_event::{EventKind, Purpose, QuarantineReason, Span, Surface};
use serde_json::{Value, json};

fn parse(body: &Value) -> Result<Vec<Outcome>, Refusal> {
    let settings = Settings::default();
    ga4::parse(body.to_string().as_bytes(), &receipt(&settings), &Limits::default())
}

#[test]
fn events_of_a_request_are_read() {
    let micros = (RECEIVED - Span::seconds(30)).0;
    let outcomes = parse(&json!({
        "client_id": "1.2", "user_id": 42, "timestamp_micros": micros.to_string(),
        "user_properties": { "tier": { "value": "gold" } },
        "consent": { "ad_user_data": "DENIED", "ad_personalization": "GRANTED" },
        "user_location": { "country_id": "fr" },
        "events": [
            { "name": "page_view", "params": { "page_location": "https://a.b/?gclid=G", "page_referrer": "https://www.google.de/" } },
            { "name": "purchase", "params": { "value": 9.99, "currency": "EUR", "transaction_id": "T1" } },
            { "name": "purchase", "params": { "value": 9.99, "currency": "EUR", "transaction_id": "T1" } },
            { "params": {} }, 3, { "name": "x", "params": 1 },
        ],
    }));
    let outcomes = outcomes.expect("a request");
    let page = &outcomes[0].as_ref().expect("an event").event;
    assert_eq!((page.kind, page.surface), (EventKind::Page, Surface::Browser));
    assert_eq!(page.event_time, RECEIVED - Span::seconds(30));
    assert_eq!(page.arrival.as_ref().map(|arrival| arrival.channel.as_str()), Some("paid_search"));
    assert!(!page.consent.granted.allows(Purpose::Advertising));
    assert!(page.consent.granted.allows(Purpose::Measurement));
    assert_eq!(page.country.as_deref(), Some("FR"));
    let bought = &outcomes[1].as_ref().expect("an event").event;
    assert_eq!(bought.value.map(|money| money.to_decimal()).as_deref(), Some("9.99"));
    assert_eq!(bought.order_id.as_ref().map(|id| id.as_str()), Some("T1"));
    assert_eq!(bought.user_id.as_ref().map(|id| id.as_str()), Some("42"));
    assert_ne!(
        bought.id,
        outcomes[2].as_ref().expect("an event").event.id,
        "equal events of one request differ"
    );
    let reasons: Vec<_> =
        outcomes[3..].iter().map(|o| o.as_ref().err().map(|q| q.reason)).collect();
    use QuarantineReason::*;
    assert_eq!(reasons, [Some(MissingField), Some(NotAnObject), Some(InvalidField)]);
}

#[test]
fn the_same_request_again_gives_the_same_ids() {
    let body = json!({ "app_instance_id": "a", "events": [{ "name": "screen_view", "params": { "screen_name": "Home" } }] });
    let read = || parse(&body).expect("a request").remove(0).expect("an event").event;
    assert_eq!(read().id, read().id);
    assert_eq!(
        (read().kind, read().surface, read().name.as_deref()),
        (EventKind::Screen, Surface::App, Some("Home"))
    );
}

#[test]
fn requests_over_the_limit_or_without_events_are_refused() {
    let of =
        |count: usize| json!({ "client_id": "c", "events": vec![json!({ "name": "x" }); count] });
    assert_eq!(parse(&of(EVENTS_MAX)).expect("at the limit").len(), EVENTS_MAX);
    assert!(matches!(
        parse(&of(EVENTS_MAX + 1)),
        Err(Refusal::TooManyEvents { count: 26, max: 25 })
    ));
    assert!(matches!(parse(&json!({})), Err(Refusal::NoList("events"))));
    let nobody = parse(&json!({ "events": [{ "name": "x" }] })).expect("a request").remove(0);
    assert_eq!(nobody.expect_err("nobody").reason, QuarantineReason::NoIdentity);
}
