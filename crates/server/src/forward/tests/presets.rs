//! What the presets send, held against what the vendors document.
//!
//! Sources: Google Analytics "Measurement Protocol reference" and "Limitations"; Meta "Conversions API:
//! server event parameters" and "customer information parameters"; Google Ads API
//! "customers.uploadClickConversions" and "ClickConversion"; TikTok "Events API 2.0: report events";
//! Segment "HTTP tracking API"; Snowplow "tracker protocol" and the schema `payload_data` 1-0-4.

use super::super::answer::{Answer, Verdict, judge, refused_places};
use super::super::destination::Destination;
use super::super::item::Item;
use super::super::personal::sha256_hex;
use super::super::request::{Prepared, Purpose, render};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use millstream_event::campaign::NetworkClick;
use millstream_event::control::Settings;
use millstream_event::delivery::Class;
use millstream_event::wire::{Limits, Receipt, segment};
use millstream_event::{
    Consent, ConsentSource, Event, Lane, Position, Purposes, SourceId, Timestamp,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

/// 2026-11-20 12:34:56.789 UTC
const NOW: Timestamp = Timestamp(1_795_178_096_789_000);

fn event(what: Value) -> Event {
    let mut sent = json!({
        "messageId": "m-1", "anonymousId": "device-1", "userId": "user-1", "timestamp": "2026-11-20T12:34:56.789Z",
        "context": {
            "page": {"url": "https://shop.example/thanks?x=1", "referrer": "https://shop.example/cart", "title": "Thanks"},
            "userAgent": "Mozilla/5.0", "locale": "de-DE", "library": {"name": "analytics.js"},
            "traits": {"email": " Ann@Shop.Example ", "phone": "+49 (30) 123-45"},
        },
    });
    sent.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
    let settings = Settings::default();
    let consent = Consent { granted: Purposes::ALL, source: ConsentSource::Explicit };
    let source = SourceId::parse("shop").unwrap();
    let receipt = Receipt { consent, country: Some("DE"), ..Receipt::new(source, NOW, &settings) };
    let text = sent.to_string();
    let body = segment::Body::single(None, text.as_bytes()).unwrap();
    body.outcomes(&receipt, &Limits::default()).next().unwrap().unwrap().event
}

fn order() -> Value {
    json!({"type": "track", "event": "Order Completed", "properties": {
        "order_id": "o-1", "value": 49.9, "currency": "EUR", "email": "Ann@Shop.Example ", "phone": "+49 (30) 123-45",
        "products": [{"product_id": "p-1", "name": "Shoe", "price": 24.95, "quantity": 2}]}})
}

fn destination(preset: &str, params: &str) -> Destination {
    let folder = tempfile::tempdir().unwrap();
    let text = super::super::presets::text(preset).unwrap();
    let parsed: toml::Table = text.parse().unwrap();
    let mut file = format!("preset = \"{preset}\"\n[params]\n{params}\n[secrets]\n");
    for name in parsed
        .get("secrets")
        .and_then(toml::Value::as_table)
        .into_iter()
        .flat_map(toml::Table::keys)
    {
        file.push_str(&format!("{name} = {{ file = \"{name}\" }}\n"));
        fs::write(folder.path().join(name), format!("{name}-0123456789abcdef")).unwrap();
    }
    Destination::parse(preset, &file, folder.path()).unwrap()
}

fn request(destination: &Destination, events: &[Event]) -> Option<(Prepared, Value)> {
    let items: Vec<Item> = events
        .iter()
        .map(|event| {
            let place = (Lane::of(event.subject()), Position(0));
            Item {
                place,
                class: Class::Conversion,
                event: Arc::new(event.clone()),
                key: "k".to_owned(),
            }
        })
        .collect();
    let rendered = render(destination, &items.iter().collect::<Vec<_>>(), NOW, Purpose::Send);
    assert_eq!(rendered.said, None);
    let request = rendered.request?;
    let body = serde_json::from_slice(&request.plain).unwrap();
    Some((request, body))
}

fn names(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn only(value: &Value, known: &[&str]) {
    let unknown: Vec<_> = names(value).into_iter().filter(|name| !known.contains(name)).collect();
    assert!(unknown.is_empty(), "{unknown:?} are not documented");
}

fn judged(destination: &Destination, status: u16, body: Value) -> Verdict {
    let (status, body) = (StatusCode::from_u16(status).unwrap(), Bytes::from(body.to_string()));
    judge(destination, &Answer { status, headers: HeaderMap::new(), body })
}

#[test]
fn ga4_measurement_protocol() {
    let destination = destination("ga4", "measurement_id = \"G-1\"");
    let (request, body) = request(&destination, &[event(order())]).unwrap();
    let url = request.url.as_str();
    assert_eq!(
        url,
        "https://www.google-analytics.com/mp/collect?measurement_id=G-1&api_secret=api_secret-0123456789abcdef"
    );
    only(
        &body,
        &[
            "client_id",
            "user_id",
            "timestamp_micros",
            "user_properties",
            "user_data",
            "consent",
            "events",
        ],
    );
    assert_eq!((&body["client_id"], &body["user_id"]), (&json!("device-1"), &json!("user-1")));
    assert_eq!(body["timestamp_micros"], json!(NOW.0));
    assert_eq!(
        body["consent"],
        json!({"ad_user_data": "GRANTED", "ad_personalization": "GRANTED"})
    );
    let sent = &body["events"][0];
    only(sent, &["name", "params"]);
    assert_eq!(sent["name"], "purchase");
    let params = &sent["params"];
    assert_eq!(
        (&params["transaction_id"], &params["currency"], &params["value"]),
        (&json!("o-1"), &json!("EUR"), &json!(49.9))
    );
    assert_eq!(
        params["items"],
        json!([{"item_id": "p-1", "item_name": "Shoe", "price": 24.95, "quantity": 2}])
    );
    assert!(names(params).len() <= 25 && params["engagement_time_msec"].is_number());
    let custom = event(
        json!({"type": "track", "event": "3D Viewer: opened, by somebody with much time to name things"}),
    );
    let name = self::request(&destination, &[custom]).unwrap().1["events"][0]["name"].clone();
    let name = name.as_str().unwrap();
    assert!(name.len() <= 40 && name.starts_with(|c: char| c.is_ascii_alphabetic()), "{name}");
    // Only a client has a client id.
    let mut server = event(json!({"type": "track", "event": "Renewed"}));
    server.anonymous_id = None;
    assert!(self::request(&destination, &[server]).is_none());
}

#[test]
fn meta_conversions_api() {
    let destination = destination("meta", "pixel_id = \"77\"");
    let mut clicked = event(order());
    clicked.campaign.network_click =
        Some(NetworkClick { parameter: "fbclid".into(), value: "IwAR0".into() });
    let (request, body) =
        request(&destination, &[clicked, event(json!({"type": "page", "context": {}}))]).unwrap();
    assert!(
        request.url.path().ends_with("/77/events")
            && request.url.host_str() == Some("graph.facebook.com")
    );
    only(&body, &["data", "test_event_code"]);
    let sent = &body["data"][0];
    only(
        sent,
        &[
            "event_name",
            "event_time",
            "event_id",
            "action_source",
            "event_source_url",
            "user_data",
            "custom_data",
            "opt_out",
        ],
    );
    assert_eq!((&sent["event_name"], &sent["event_id"]), (&json!("Purchase"), &json!("m-1")));
    assert_eq!(sent["event_time"], json!(NOW.0 / 1_000_000), "seconds, whole");
    // Of events of a website three are required.
    assert_eq!(sent["action_source"], "website");
    assert_eq!(sent["event_source_url"], "https://shop.example/thanks?x=1");
    let user = &sent["user_data"];
    assert_eq!(user["client_user_agent"], "Mozilla/5.0", "not hashed");
    assert_eq!(user["em"], sha256_hex("ann@shop.example"));
    assert_eq!(user["ph"], sha256_hex("493012345"));
    assert_eq!(user["country"], sha256_hex("de"));
    assert_eq!(
        user["fbc"],
        format!("fb.1.{}.IwAR0", NOW.0 / 1_000),
        "version, domain level, milliseconds, click"
    );
    assert_eq!(sent["custom_data"], json!({"currency": "EUR", "value": 49.9, "order_id": "o-1"}));
    let page = &body["data"][1];
    assert_eq!(page["event_name"], "PageView");
    assert!(page["user_data"].get("em").is_none(), "nothing stands for what is not known");
}

#[test]
fn google_ads_click_conversions() {
    let destination =
        destination("google_ads", "customer_id = \"123\"\nconversion_action = \"456\"");
    let mut clicked = event(order());
    clicked.campaign.network_click =
        Some(NetworkClick { parameter: "gclid".into(), value: "Cj0".into() });
    let (request, body) = request(&destination, &[clicked]).unwrap();
    let path = request.url.path();
    assert!(
        path.starts_with("/v") && path.ends_with("/customers/123:uploadClickConversions"),
        "{path}"
    );
    assert_eq!(request.headers["developer-token"], "developer_token-0123456789abcdef");
    only(&body, &["conversions", "partialFailure", "validateOnly", "debugEnabled", "jobId"]);
    assert_eq!(body["partialFailure"], true, "should always be set");
    let sent = &body["conversions"][0];
    only(
        sent,
        &[
            "gclid",
            "gbraid",
            "wbraid",
            "userIdentifiers",
            "conversionAction",
            "conversionDateTime",
            "conversionValue",
            "currencyCode",
            "orderId",
            "consent",
            "conversionEnvironment",
            "externalAttributionData",
        ],
    );
    assert_eq!(sent["conversionAction"], "customers/123/conversionActions/456");
    assert_eq!(
        sent["conversionDateTime"], "2026-11-20 12:34:56+00:00",
        "yyyy-mm-dd hh:mm:ss+|-hh:mm"
    );
    assert_eq!((&sent["gclid"], &sent["orderId"]), (&json!("Cj0"), &json!("o-1")));
    assert_eq!(sent["userIdentifiers"], json!([{"hashedEmail": sha256_hex("ann@shop.example")}]));
    assert_eq!(sent["consent"], json!({"adUserData": "GRANTED", "adPersonalization": "GRANTED"}));
    assert_eq!(judged(&destination, 200, json!({"results": [{}]})), Verdict::Accepted);
    // What of a batch was refused is told by its place, the rest was taken.
    let element = |place| {
        json!({"errorCode": {"conversionUploadError": "CLICK_NOT_FOUND"}, "location": {"fieldPathElements": [
        {"fieldName": "conversions", "index": place}, {"fieldName": "user_identifiers", "index": 0}]}})
    };
    let partly = json!({"partialFailureError": {"code": 3, "details": [{"errors": [element(2), element(5)]}]}, "results": [{}]});
    assert_eq!(judged(&destination, 200, partly.clone()), Verdict::Accepted);
    let answer = Answer {
        status: StatusCode::OK,
        headers: HeaderMap::new(),
        body: Bytes::from(partly.to_string()),
    };
    assert_eq!(refused_places(&destination, &answer), [2, 5]);
    let unplaced = json!({"partialFailureError": {"code": 3}});
    assert_eq!(judged(&destination, 200, unplaced), Verdict::Refused);
}

#[test]
fn tiktok_events_api() {
    let destination = destination("tiktok", "pixel_id = \"C1\"");
    let (request, body) = request(&destination, &[event(order())]).unwrap();
    assert_eq!(request.url.as_str(), "https://business-api.tiktok.com/open_api/v1.3/event/track/");
    assert_eq!(request.headers["access-token"], "access_token-0123456789abcdef");
    only(&body, &["event_source", "event_source_id", "test_event_code", "data"]);
    assert_eq!((&body["event_source"], &body["event_source_id"]), (&json!("web"), &json!("C1")));
    let sent = &body["data"][0];
    only(
        sent,
        &["event", "event_time", "event_id", "user", "properties", "page", "limited_data_use"],
    );
    assert_eq!(sent["event_time"], json!(NOW.0 / 1_000_000));
    let user = &sent["user"];
    assert_eq!(user["email"], sha256_hex("ann@shop.example"));
    assert_eq!(user["phone"], sha256_hex("+493012345"), "E.164 before it is hashed");
    assert_eq!(user["external_id"], sha256_hex("user-1"));
    assert_eq!(
        sent["page"],
        json!({"url": "https://shop.example/thanks?x=1", "referrer": "https://shop.example/cart"})
    );
    // Every answer has status 200.
    assert_eq!(judged(&destination, 200, json!({"code": 0, "message": "OK"})), Verdict::Accepted);
    assert_eq!(judged(&destination, 200, json!({"code": 40002})), Verdict::Refused);
    for later in [40100, 50000, 50002] {
        assert_eq!(
            judged(&destination, 200, json!({"code": later})),
            Verdict::Later(None),
            "{later}"
        );
    }
}

#[test]
fn segment_http_api() {
    let destination = destination("segment", "");
    let (request, body) = request(
        &destination,
        &[event(order()), event(json!({"type": "identify", "traits": {"plan": "x"}}))],
    )
    .unwrap();
    assert_eq!(request.url.as_str(), "https://api.segment.io/v1/batch");
    assert!(request.headers["authorization"].to_str().unwrap().starts_with("Basic "));
    only(&body, &["batch", "sentAt", "context", "integrations"]);
    let sent = &body["batch"][0];
    for (name, value) in [
        ("type", "track"),
        ("event", "Order Completed"),
        ("messageId", "m-1"),
        ("anonymousId", "device-1"),
        ("userId", "user-1"),
    ] {
        assert_eq!(sent[name], value);
    }
    assert_eq!(sent["timestamp"], "2026-11-20T12:34:56.789Z");
    assert_eq!(sent["context"]["page"]["url"], "https://shop.example/thanks?x=1");
    assert_eq!(body["batch"][1]["traits"], json!({"plan": "x"}));
    let bounds = &destination.bounds;
    assert!(bounds.batch_bytes < 500_000 && bounds.batch_events <= 2_500);
}

#[test]
fn snowplow_tracker_protocol() {
    let destination = destination("snowplow", "");
    let (request, body) =
        request(&destination, &[event(order()), event(json!({"type": "page"}))]).unwrap();
    assert!(request.url.path().ends_with("/com.snowplowanalytics.snowplow/tp2"));
    assert_eq!(body["schema"], "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4");
    for sent in body["data"].as_array().unwrap() {
        assert!(
            sent.as_object().unwrap().values().all(Value::is_string),
            "every value is a text: {sent}"
        );
        for required in ["tv", "p", "e"] {
            assert!(sent.get(required).is_some(), "{required}");
        }
        assert_eq!(sent["eid"].as_str().unwrap().len(), 36);
        assert_eq!(
            (&sent["dtm"], &sent["duid"], &sent["uid"]),
            (&json!("1795178096789"), &json!("device-1"), &json!("user-1"))
        );
    }
    let inner: Value = serde_json::from_str(body["data"][0]["ue_pr"].as_str().unwrap()).unwrap();
    assert_eq!(
        inner["schema"],
        "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0"
    );
    assert_eq!((&body["data"][0]["e"], &body["data"][1]["e"]), (&json!("ue"), &json!("pv")));
}
