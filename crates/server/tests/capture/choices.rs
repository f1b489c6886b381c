//! Consent choices, and what stands where none was made.

use crate::harness::{KEYS, Plane, cookie, options};
use http::StatusCode;
use millstream_event::{ConsentSource, EventKind, Kind, Purpose, Purposes};
use millstream_server::capture::{CaptureOptions, ConsentDefaults};
use millstream_server::receipt::Receipt;

const PAGE: &str = r#"{"anonymousId":"a","context":{"page":{"url":"https://a.example/?gclid=x"}}}"#;

async fn consent_of(plane: &Plane, headers: &[(&str, &str)]) -> (Purposes, ConsentSource) {
    assert_eq!(plane.post("/v1/page", headers, PAGE).await.status, StatusCode::OK);
    let consent = plane.log.events().last().unwrap().consent;
    (consent.granted, consent.source)
}

#[tokio::test]
async fn a_choice_is_kept_signed_and_holds_from_then_on() {
    let plane = Plane::start(options());
    let body = r#"{"purposes":{"measurement":true,"personalization":true},"anonymousId":"a","text":"banner","textVersion":"3"}"#;
    let answer = plane.post("/v1/consent", &[], body).await;
    assert_eq!(answer.status, StatusCode::OK);
    let told: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let receipt = Receipt::parse(&told["receipt"].to_string()).unwrap();
    assert!(told["success"] == true && receipt.is_ours(&KEYS.cookie));
    assert_eq!((receipt.text.as_str(), receipt.text_version.as_str()), ("banner", "3"));
    let event = plane.log.events().remove(0);
    assert_eq!(Receipt::read(&event), Some(receipt), "the log keeps what the visitor has");
    assert_eq!((event.kind, event.consent.source), (EventKind::Consent, ConsentSource::Explicit));
    assert_eq!(event.anonymous_id.unwrap().as_str(), "a");

    let chosen = Purposes::ALL.without(Purpose::Advertising);
    let held = cookie(&answer);
    let found = consent_of(&plane, &[("cookie", &held)]).await;
    assert_eq!(found, (chosen, ConsentSource::Explicit));
    let forged = held.replacen("=3.", "=7.", 1);
    assert_ne!(forged, held);
    let found = consent_of(&plane, &[("cookie", &forged)]).await;
    assert_eq!(found, (Purposes::ALL, ConsentSource::Default), "a forged choice is none");
}

#[tokio::test]
async fn withdrawing_leaves_a_count_and_no_name() {
    let plane = Plane::start(options());
    let answer = plane.post("/v1/consent", &[], r#"{"purposes":[],"anonymousId":"SECRET"}"#).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(cookie(&answer).starts_with("ms_consent=0."));
    assert!(plane.log.events().is_empty());
    let [count] = plane.log.records(Kind::Aggregate).try_into().unwrap();
    assert!(!String::from_utf8(count.payload).unwrap().contains("SECRET"));
}

#[tokio::test]
async fn defaults_by_country_and_global_privacy_control() {
    let measured = Purposes::NONE.with(Purpose::Measurement);
    let consent = ConsentDefaults {
        granted: Purposes::ALL,
        regions: vec![("FR".into(), measured)],
        tcf_vendor: None,
    };
    let trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    let plane = Plane::start(CaptureOptions { consent, trusted_proxies, ..options() });
    let (france, states) =
        (("x-forwarded-for", "198.51.100.7"), ("x-forwarded-for", "203.0.113.5"));
    let objects = ("sec-gpc", "1");
    assert_eq!(consent_of(&plane, &[states]).await, (Purposes::ALL, ConsentSource::Default));
    assert_eq!(consent_of(&plane, &[france]).await, (measured, ConsentSource::Regional));
    let without = Purposes::ALL.without(Purpose::Advertising);
    let source = ConsentSource::GlobalPrivacyControl;
    assert_eq!(consent_of(&plane, &[states, objects]).await, (without, source));
    assert_eq!(consent_of(&plane, &[france, objects]).await, (measured, source));
}

#[tokio::test]
async fn raw_text_goes_to_quarantine_only_under_a_whole_choice() {
    let plane = Plane::start(options());
    let body = r#"{"purposes":["measurement","personalization","advertising"]}"#;
    let held = cookie(&plane.post("/v1/consent", &[], body).await);
    let broken = r#"{"batch":[{"type":"track","anonymousId":"a"}]}"#;
    let with_address =
        r#"{"batch":[{"type":"track","anonymousId":"a","context":{"ip":"1.2.3.4"}}]}"#;
    plane.post("/v1/batch", &[], broken).await;
    plane.post("/v1/batch", &[("cookie", &held)], broken).await;
    plane.post("/v1/batch", &[("cookie", &held)], with_address).await;
    let kept: Vec<bool> = plane.log.quarantined().iter().map(|item| item.raw.is_some()).collect();
    assert_eq!(kept, [false, true, false]);
}

#[tokio::test]
async fn a_server_speaks_for_clients_of_other_countries() {
    let consent = ConsentDefaults {
        granted: Purposes::ALL,
        regions: vec![("FR".into(), Purposes::NONE.with(Purpose::Measurement))],
        tcf_vendor: None,
    };
    let plane = Plane::start(CaptureOptions { consent, ..options() });
    let body = r#"{"event":"e","userId":"u","context":{"ip":"198.51.100.7","library":{"name":"analytics-node"}}}"#;
    assert_eq!(plane.post("/v1/track", &[], body).await.status, StatusCode::OK);
    let event = plane.log.events().remove(0);
    assert_eq!(event.country.as_deref(), Some("FR"));
    assert_eq!(event.consent.source, ConsentSource::Regional);
    assert!(!event.consent.granted.allows(Purpose::Advertising));
    let payload = String::from_utf8(event.encode().unwrap()).unwrap();
    assert!(!payload.contains("198.51.100.7"), "{payload}");
}
