//! Everything beside redirects and Segment's calls.

use crate::harness::{Plane, cookie, options, request};
use http::StatusCode;
use millstream_event::EventKind;
use millstream_server::capture::{CaptureOptions, Endpoint, KeyHash, Source};
use std::sync::atomic::Ordering;

#[tokio::test]
async fn the_pixel_logs_what_its_parameters_say() {
    let plane = Plane::start(options());
    let path = "/p.gif?event=Opened&anonymousId=a&properties.plan=pro&context.page.url=https%3A%2F%2Fb.example%2F";
    let answer = plane.get(path, &[("referer", "https://a.example/")]).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 43));
    assert_eq!(answer.header("content-type"), "image/gif");
    assert_eq!(answer.header("cache-control"), "no-store");
    let event = plane.log.events().remove(0);
    assert_eq!((event.kind, event.name.as_deref()), (EventKind::Track, Some("Opened")));
    assert_eq!(event.page.url.as_deref(), Some("https://b.example/"));
    assert!(event.properties.unwrap().get().contains("pro"));

    let page = plane.get("/pixel/v1/page", &[("referer", "https://a.example/x")]).await;
    let held = cookie(&page);
    plane.get("/p.gif", &[("cookie", &held)]).await;
    let events = plane.log.events();
    assert_eq!(events[1].page.url.as_deref(), Some("https://a.example/x"));
    assert_eq!(events[1].anonymous_id, events[2].anonymous_id);
    assert_eq!(&held["ms_id=".len()..], events[1].anonymous_id.as_ref().unwrap().as_str());
    let head = plane.send(request("HEAD", "/p.gif", &[], "")).await;
    assert_eq!((head.status, plane.log.events().len()), (StatusCode::OK, 3));
}

#[tokio::test]
async fn the_measurement_protocol_is_collected_or_judged() {
    let plane = Plane::start(options());
    let body = r#"{"client_id":"1.2","events":[{"name":"purchase","params":{"value":12.5,"currency":"EUR"}},{}]}"#;
    let path = "/mp/collect?measurement_id=G-1&api_secret=s";
    let answer = plane.post(path, &[], body).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::NO_CONTENT, 0));
    assert_eq!(plane.log.events()[0].name.as_deref(), Some("purchase"));
    assert_eq!(plane.log.quarantined().len(), 1);
    let judged = plane.post("/debug/mp/collect", &[], body).await.json();
    let messages = judged["validationMessages"].as_array().unwrap();
    assert_eq!((messages.len(), messages[0]["fieldPath"].as_str()), (1, Some("events[1]")));
    let judged = plane.post("/debug/mp/collect", &[], "{").await.json();
    assert_eq!(judged["validationMessages"].as_array().unwrap().len(), 1);
    let fine = r#"{"client_id":"1.2","events":[{"name":"a"}]}"#;
    let judged = plane.post("/debug/mp/collect", &[], fine).await.json();
    assert_eq!(judged, serde_json::json!({ "validationMessages": [] }));
    assert_eq!(plane.log.groups().len(), 1, "judging keeps nothing");
    let many =
        format!(r#"{{"client_id":"1","events":[{}]}}"#, vec![r#"{"name":"a"}"#; 26].join(","));
    assert_eq!(plane.post(path, &[], many).await.code(), "too_many_events");
}

#[tokio::test]
async fn snowplow_trackers_are_answered_ok() {
    let sources = vec![Source {
        name: millstream_event::SourceId::parse("shop").unwrap(),
        keys: vec![KeyHash::of("app-1")],
    }];
    let trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    let plane = Plane::start(CaptureOptions { sources, trusted_proxies, ..options() });
    let body = r#"{"schema":"iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4",
        "data":[{"e":"pv","eid":"e1","aid":"app-1","p":"web","duid":"d","url":"https://a.example/"}]}"#;
    let path = "/com.snowplowanalytics.snowplow/tp2";
    let from = ("x-forwarded-for", "198.51.100.7");
    let answer = plane.post(path, &[from], body).await;
    assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &b"ok"[..]));
    plane.post(path, &[from, ("sp-anonymous", "*")], body).await;
    let events = plane.log.events();
    assert_eq!((events[0].kind, events[0].source.as_str()), (EventKind::Page, "shop"));
    assert_eq!((events[0].country.as_deref(), events[1].country.as_deref()), (Some("FR"), None));
    let unknown = body.replace("app-1", "app-2");
    assert_eq!(plane.post(path, &[], unknown).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn browser_timings_become_events_that_are_no_page_views() {
    let plane = Plane::start(options());
    let body = r#"{"anonymousId":"a","context":{"page":{"url":"https://a.example/?utm_source=x"}},
        "properties":{"navigation":{"responseStart":120.5},"vitals":{"lcp":900}}}"#;
    let answer = plane.post("/v1/rum", &[("content-type", "text/plain")], body).await;
    assert_eq!(answer.status, StatusCode::OK);
    let event = plane.log.events().remove(0);
    assert_eq!((event.kind, event.arrival), (EventKind::Timing, None));
    assert!(event.properties.unwrap().get().contains("responseStart"));
}

#[tokio::test]
async fn settings_that_browser_sdks_start_with() {
    let sources = vec![Source {
        name: millstream_event::SourceId::parse("shop").unwrap(),
        keys: vec![KeyHash::of("k")],
    }];
    let plane = Plane::start(CaptureOptions { sources, ..options() });
    let segment = plane.get("/v1/projects/k/settings", &[("origin", "https://a.example")]).await;
    assert_eq!(segment.status, StatusCode::OK);
    let settings = &segment.json()["integrations"]["Segment.io"];
    assert_eq!(
        (settings["apiHost"].as_str(), settings["protocol"].as_str()),
        (Some("ms.example/v1"), Some("http"))
    );
    assert_eq!(plane.get("/v1/projects/x/settings", &[]).await.status, StatusCode::UNAUTHORIZED);

    let rudder = plane.get("/sourceConfig?p=npm&v=3", &[("authorization", "Basic azo=")]).await;
    let source = &rudder.json()["source"];
    assert_eq!((source["id"].as_str(), source["enabled"].as_bool()), (Some("shop"), Some(true)));
    assert!(source["destinations"].is_array() && source["config"].is_object());
    assert_eq!(plane.get("/sourceConfig?writeKey=k", &[]).await.status, StatusCode::OK);
    assert_eq!(plane.get("/sourceConfig", &[]).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn alive_is_not_ready() {
    let plane = Plane::start(options());
    assert_eq!(plane.get("/healthz", &[]).await.status, StatusCode::OK);
    let ready = plane.get("/readyz", &[]).await;
    assert_eq!((ready.status, ready.json()["ready"].as_bool()), (StatusCode::OK, Some(true)));
    plane.ready.store(false, Ordering::SeqCst);
    let waiting = plane.get("/readyz", &[]).await;
    assert_eq!(waiting.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(waiting.json()["stages"]["log"]["not_ready"], "replaying");
    assert_eq!(plane.get("/healthz", &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn browsers_of_other_origins_may_send_and_read() {
    let plane = Plane::start(options());
    let headers = [
        ("origin", "https://a.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type,x-custom"),
    ];
    for path in ["/v1/track", "/v1/b", "/v1/consent", "/sourceConfig", "/p.gif"] {
        let answer = plane.send(request("OPTIONS", path, &headers, "")).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "https://a.example");
        assert_eq!(answer.header("access-control-allow-credentials"), "true");
        assert_eq!(answer.header("access-control-allow-headers"), "content-type,x-custom");
        assert!(answer.header("access-control-allow-methods").contains("POST"));
        assert_eq!(answer.header("vary"), "origin");
    }
    let refused = plane.post("/v1/track", &headers[..1], "{").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(refused.header("access-control-allow-origin"), "https://a.example");
    assert!(!plane.get("/healthz", &[]).await.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn traces_are_continued_and_latencies_counted() {
    let plane = Plane::start(options());
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for path in ["/r/spring", "/healthz", "/v1/unknown"] {
        let answer = plane.get(path, &[("traceparent", parent)]).await;
        let response = answer.header("traceresponse");
        assert!(response.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"), "{path}");
        assert!(!response.contains("00f067aa0ba902b7"));
    }
    assert!(
        !plane.get("/healthz", &[("traceparent", "x")]).await.headers.contains_key("traceresponse")
    );
    let counters = &plane.handle.counters;
    let counts = [Endpoint::Redirect, Endpoint::Health, Endpoint::Other]
        .map(|it| counters.latency(it).count());
    assert_eq!(counts, [1, 2, 1]);
    assert_eq!(counters.log_wait().count(), 1);
}
