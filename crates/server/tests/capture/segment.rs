//! `POST /v1/*`.

use crate::harness::{Plane, options, request};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::StatusCode;
use millstream_event::{EventKind, Flags, Kind, Purpose, QuarantineReason, SourceId};
use millstream_server::capture::counters::get;
use millstream_server::capture::{CaptureOptions, KeyHash, Source};
use std::io::Write;

const TRACK: &str = r#"{"event":"Signup","anonymousId":"a1","messageId":"m1","writeKey":"k"}"#;

fn gzip(text: &str) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap().into()
}

#[tokio::test]
async fn every_call_by_its_long_and_short_name() {
    let plane = Plane::start(options());
    let body = r#"{"event":"e","anonymousId":"a","userId":"u","previousId":"p","groupId":"g"}"#;
    let calls = [
        ("track", "t", EventKind::Track),
        ("page", "p", EventKind::Page),
        ("screen", "s", EventKind::Screen),
        ("identify", "i", EventKind::Identify),
        ("group", "g", EventKind::Group),
        ("alias", "a", EventKind::Alias),
    ];
    for (long, short, kind) in calls {
        for name in [long, short] {
            let answer = plane.post(&format!("/v1/{name}"), &[], body).await;
            assert_eq!(answer.status, StatusCode::OK, "{name}");
            assert_eq!(&answer.body[..], b"{\"success\":true}");
            assert_eq!(plane.log.events().last().unwrap().kind, kind, "{name}");
        }
    }
}

#[tokio::test]
async fn a_batch_is_one_group_and_a_bad_item_never_fails_its_neighbours() {
    let plane = Plane::start(options());
    let long = "x".repeat(33 * 1_024);
    let body = format!(
        r#"{{"batch":[
            {{"type":"track","event":"a","anonymousId":"d","messageId":"1"}},
            7,
            {{"type":"nonsense","anonymousId":"d"}},
            {{"type":"track","event":"b"}},
            {{"type":"track","event":"c","anonymousId":"d","properties":{{"x":"{long}"}}}},
            {{"type":"page","anonymousId":"d","messageId":"2"}}
        ],"sentAt":"2026-01-01T00:00:00Z"}}"#
    );
    let answer = plane.post("/v1/batch", &[], body).await;
    assert_eq!(answer.status, StatusCode::OK);
    let groups = plane.log.groups();
    assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [6], "one group");
    assert_eq!(plane.log.events().len(), 2);
    let reasons: Vec<_> = plane.log.quarantined().iter().map(|item| item.reason).collect();
    let expected = [
        QuarantineReason::NotAnObject,
        QuarantineReason::UnknownType,
        QuarantineReason::NoIdentity,
        QuarantineReason::TooLarge,
    ];
    assert_eq!(reasons, expected);
    assert!(plane.log.quarantined().iter().all(|item| item.raw.is_none()));
    let counters = &plane.handle.counters;
    assert_eq!((get(&counters.accepted), get(&counters.quarantined)), (2, 4));
}

#[tokio::test]
async fn a_retry_brings_the_same_identities() {
    let plane = Plane::start(options());
    let body = r#"{"batch":[{"type":"track","event":"a","anonymousId":"d"},"broken"]}"#;
    for _ in 0..2 {
        assert_eq!(plane.post("/v1/batch", &[], body).await.status, StatusCode::OK);
    }
    let events = plane.log.events();
    assert_eq!(events[0].id, events[1].id);
    let quarantined = plane.log.quarantined();
    assert_eq!(quarantined[0].id, quarantined[1].id);
}

#[tokio::test]
async fn json_is_read_whatever_the_labels_say() {
    let plane = Plane::start(options());
    let labels: [&[(&str, &str)]; 6] = [
        &[],
        &[("content-type", "text/plain")],
        &[("content-type", "application/x-www-form-urlencoded")],
        &[("content-encoding", "gzip")],
        &[("content-encoding", "identity")],
        &[("content-encoding", "gzip"), ("content-type", "application/x-www-form-urlencoded")],
    ];
    for label in labels {
        for body in [Bytes::from_static(TRACK.as_bytes()), gzip(TRACK)] {
            let answer = plane.post("/v1/track", label, body).await;
            assert_eq!(answer.status, StatusCode::OK, "{label:?}");
        }
    }
    assert_eq!(plane.log.events().len(), 12);
}

#[tokio::test]
async fn what_can_never_succeed_is_answered_400_with_a_reason() {
    let plane = Plane::start(options());
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let cases: [(&str, Vec<u8>, &str); 8] = [
        ("/v1/track", b"{".to_vec(), "invalid_json"),
        ("/v1/track", b"".to_vec(), "invalid_json"),
        ("/v1/track", b"\xff\xfe{}".to_vec(), "invalid_json"),
        ("/v1/batch", b"[]".to_vec(), "invalid_body"),
        ("/v1/batch", b"{}".to_vec(), "invalid_body"),
        ("/v1/batch", br#"{"batch":{}}"#.to_vec(), "invalid_body"),
        ("/v1/batch", deep.into_bytes(), "invalid_body"),
        ("/v1/consent", b"{}".to_vec(), "invalid_body"),
    ];
    for (path, body, code) in cases {
        let answer = plane.post(path, &[], body.clone()).await;
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path} {shown}");
        assert_eq!(answer.code(), code, "{path} {shown}");
        assert!(!answer.headers.contains_key("retry-after"));
    }
    assert!(plane.log.groups().is_empty());
    let refused = plane.handle.counters.refused_total();
    assert_eq!(refused, 8);
}

fn with_sources() -> CaptureOptions {
    let source = |name: &str, key: &str| Source {
        name: SourceId::parse(name).unwrap(),
        keys: vec![KeyHash::of(key)],
    };
    CaptureOptions { sources: vec![source("shop", "k"), source("app", "other")], ..options() }
}

#[tokio::test]
async fn a_key_is_found_wherever_sdks_put_it() {
    let plane = Plane::start(with_sources());
    let keyless = r#"{"event":"e","anonymousId":"a"}"#;
    type Case = (&'static str, &'static [(&'static str, &'static str)], &'static str);
    let accepted: [Case; 7] = [
        ("/v1/track", &[("authorization", "Basic azo=")], keyless),
        ("/v1/track", &[("authorization", "Basic aw==")], keyless),
        ("/v1/track", &[("authorization", "Bearer k")], keyless),
        ("/v1/track?writeKey=k", &[], keyless),
        ("/v1/track", &[], TRACK),
        ("/v1/track", &[("authorization", "Bearer token-of-their-own")], TRACK),
        ("/v1/batch", &[], r#"{"writeKey":"k","batch":[{"type":"page","anonymousId":"a"}]}"#),
    ];
    for (path, headers, body) in accepted {
        let answer = plane.post(path, headers, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{path} {headers:?}");
        assert_eq!(plane.log.events().last().unwrap().source.as_str(), "shop");
    }
    let before = plane.log.groups().len();
    let refused: [(&str, &[(&str, &str)]); 5] = [
        ("/v1/track", &[]),
        ("/v1/track", &[("authorization", "Basic d3Jvbmc6")]),
        ("/v1/track", &[("authorization", "Bearer wrong")]),
        ("/v1/track", &[("authorization", "nonsense")]),
        ("/v1/track?writeKey=wrong", &[]),
    ];
    for (path, headers) in refused {
        let answer = plane.post(path, headers, keyless).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::UNAUTHORIZED, "unauthorized")
        );
        assert!(answer.header("www-authenticate").starts_with("Basic"));
    }
    assert_eq!(plane.log.groups().len(), before);
}

#[tokio::test]
async fn consent_on_the_event_is_enforced_before_anything_is_kept() {
    let plane = Plane::start(options());
    let call = |granted: &str| {
        format!(
            r#"{{"event":"e","anonymousId":"SECRET","context":{{"consent":{{"categoryPreferences":{{{granted}}}}},
            "page":{{"url":"https://shop.example/?gclid=SECRET&utm_campaign=c"}}}}}}"#
        )
    };
    let denied = call(r#""measurement":false"#);
    assert_eq!(plane.post("/v1/track", &[], denied).await.status, StatusCode::OK);
    let [count] = plane.log.records(Kind::Aggregate).try_into().unwrap();
    let payload = String::from_utf8(count.payload).unwrap();
    assert!(payload.contains("\"campaign\":\"c\"") && !payload.contains("SECRET"), "{payload}");
    assert!(plane.log.events().is_empty());

    let partly = call(r#""measurement":true,"advertising":false"#);
    assert_eq!(plane.post("/v1/track", &[], partly).await.status, StatusCode::OK);
    let event = plane.log.events().remove(0);
    assert!(event.flags.has(Flags::RESTRICTED));
    assert!(!event.consent.granted.allows(Purpose::Advertising));
    assert!(!String::from_utf8(event.encode().unwrap()).unwrap().contains("gclid=SECRET"));
    let counters = &plane.handle.counters;
    assert_eq!((get(&counters.aggregated), get(&counters.restricted)), (1, 1));
}

#[tokio::test]
async fn the_client_address_tells_the_country_and_is_not_kept() {
    let trusting =
        CaptureOptions { trusted_proxies: vec!["127.0.0.1".parse().unwrap()], ..options() };
    let plane = Plane::start(trusting);
    let headers = [("x-forwarded-for", "203.0.113.5, 198.51.100.7"), ("user-agent", "Mozilla/5.0")];
    plane
        .post(
            "/v1/page",
            &headers,
            r#"{"anonymousId":"a","context":{"page":{"url":"https://a.example/"}}}"#,
        )
        .await;
    plane.get("/r/spring", &headers).await;
    for event in plane.log.events() {
        assert_eq!(event.country.as_deref(), Some("FR"), "{:?}", event.kind);
    }
    for record in plane.log.groups().into_iter().flatten() {
        assert!(!String::from_utf8(record.payload).unwrap().contains("198.51.100.7"));
    }
    let plane = Plane::start(options());
    plane.get("/r/spring", &headers).await;
    assert_eq!(plane.log.events()[0].country, None, "the proxy is not trusted here");
}

#[tokio::test]
async fn other_methods_and_paths_are_refused_in_json() {
    let plane = Plane::start(options());
    let answer = plane.send(request("PUT", "/v1/track", &[], "")).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed")
    );
    assert_eq!(answer.header("allow"), "POST, OPTIONS");
    for path in ["/", "/v1/", "/v1/unknown", "/admin", "/v1/track/x", "/r", "//evil.example/%2f.."]
    {
        let answer = plane.get(path, &[]).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::NOT_FOUND, "not_found"),
            "{path}"
        );
    }
}
