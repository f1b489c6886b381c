//! The plane against canned parts: who gets in, what routes answer, what happens at the bounds.

use super::plane::Plane;
use super::pulse::Pulse;
use super::token::TokenHash;
use super::*;
use crate::audit::{Chain, Subject};
use crate::links::{EditError, Proposal, RefusedLink};
use crate::report::ReportError;
use crate::report::tests::Canned;
use axum::Router;
use axum::body::Body;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use millstream_event::control::Link;
use millstream_event::{Quarantine, QuarantineReason, Timestamp};
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

struct Still;

impl Progress for Still {
    fn standing(&self) -> Standing {
        let as_of = Timestamp::parse_rfc3339("2026-11-22T12:03:10.4Z").unwrap();
        Standing {
            as_of,
            watermark: Some(as_of),
            complete_until: Some(as_of - millstream_event::Span::millis(400)),
            drained: false,
            lag: vec![parts::StageLag { stage: "fold", records: 12 }],
        }
    }
}

struct Nothing;

impl Evidence for Nothing {
    fn chain(&self, subject: Subject, id: &str) -> Result<Option<Chain>, ReportError> {
        Ok((id == "known").then(|| Chain::new(subject.as_str(), id).with("bot", false)))
    }

    fn quarantined(
        &self,
        _reason: Option<QuarantineReason>,
        _limit: usize,
    ) -> Result<Vec<Quarantine>, ReportError> {
        Ok(Vec::new())
    }
}

impl LinkDesk for Nothing {
    fn all(&self) -> Vec<Arc<Link>> {
        Vec::new()
    }

    fn history(&self, _slug: &str) -> Vec<Arc<Link>> {
        Vec::new()
    }

    fn put(&self, proposal: Proposal, now: Timestamp) -> Result<Arc<Link>, EditError> {
        Ok(Arc::new(proposal.into_link(1, now).map_err(|refused: RefusedLink| refused)?))
    }

    fn disable(&self, slug: &str, _now: Timestamp) -> Result<Arc<Link>, EditError> {
        Err(EditError::Unknown { slug: slug.to_owned() })
    }

    fn restore(
        &self,
        slug: &str,
        _version: Option<u32>,
        _now: Timestamp,
    ) -> Result<Arc<Link>, EditError> {
        Err(EditError::Unknown { slug: slug.to_owned() })
    }
}

impl Transfer for Nothing {
    fn import(
        &self,
        _parameters: &[(String, String)],
        input: &mut dyn Read,
    ) -> Result<serde_json::Value, parts::TransferError> {
        let failed = |error: std::io::Error| parts::TransferError::Failed(error.to_string());
        let bytes = std::io::copy(input, &mut std::io::sink()).map_err(failed)?;
        Ok(serde_json::json!({ "accepted": bytes }))
    }

    fn check_export(
        &self,
        table: &str,
        _parameters: &[(String, String)],
    ) -> Result<(), parts::TransferError> {
        match table {
            "events" | "broken" => Ok(()),
            _ => Err(parts::TransferError::Request("there is no such table".to_owned())),
        }
    }

    fn export(
        &self,
        table: &str,
        _parameters: &[(String, String)],
        output: &mut dyn Write,
    ) -> Result<(), parts::TransferError> {
        let failed = |error: std::io::Error| parts::TransferError::Failed(error.to_string());
        for _ in 0..100_000 {
            output.write_all(b"0123456789\n").map_err(failed)?;
        }
        match table {
            "broken" => Err(parts::TransferError::Failed("the state went away".to_owned())),
            _ => Ok(()),
        }
    }
}

fn parts() -> AdminParts {
    AdminParts {
        figures: Arc::new(Canned),
        progress: Arc::new(Still),
        evidence: Arc::new(Nothing),
        links: Arc::new(Nothing),
        transfer: Arc::new(Nothing),
        clock: Arc::new(|| Timestamp(0)),
    }
}

fn tokens() -> (Tokens, Token, Token) {
    let (viewer, editor) = (Token::generate().unwrap(), Token::generate().unwrap());
    let entry = |name: &str, role, token: &Token| TokenEntry {
        name: name.to_owned(),
        role,
        hash: token.hash(),
    };
    let entries = vec![entry("ann", Role::Viewer, &viewer), entry("bob", Role::Editor, &editor)];
    (Tokens::new(entries), viewer, editor)
}

fn router(options: &AdminOptions) -> Router {
    let (plane, publish) = Plane::new(options, parts());
    // Keeps the stream of pulses open for as long as the router lives.
    publish.send_replace(Arc::new(Pulse { number: 1, ..Pulse::default() }));
    std::mem::forget(publish);
    routes::router(Arc::new(plane))
}

fn get(path: &str) -> http::request::Builder {
    Request::builder().uri(path).header("host", "127.0.0.1:8081")
}

async fn send(router: &Router, request: http::request::Builder) -> Response<Body> {
    router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn every_documented_route_is_served_and_every_route_is_documented() {
    let router = router(&AdminOptions::default());
    let document = openapi::document();
    let paths = document["paths"].as_object().unwrap();
    let served = routes::table();
    let operations: usize = paths.values().map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!(operations, served.len());
    for (endpoint, _) in served {
        assert!(paths[endpoint.path].get(endpoint.method.to_lowercase()).is_some());
        let path = endpoint
            .path
            .replace("{kind}", "campaigns")
            .replace("{subject}", "event")
            .replace("{id}", "known")
            .replace("{table}", "events")
            .replace("{slug}", "nobody");
        let response = send(&router, get(&path).method(endpoint.method)).await;
        let status = response.status();
        let by_name = endpoint.path.contains("{slug}") && status == StatusCode::NOT_FOUND;
        let answered = status.is_success() || status == StatusCode::BAD_REQUEST;
        assert!(by_name || answered, "{} {path}: {status}", endpoint.method);
    }
}

#[tokio::test]
async fn every_schema_that_the_document_names_is_there() {
    let document = openapi::document();
    let schemas = document["components"]["schemas"].as_object().unwrap().clone();
    let text = document.to_string();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn status_has_the_promised_names() {
    let router = router(&AdminOptions::default());
    let body = text(send(&router, get("/api/status")).await).await;
    let status: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status["gear"], "normal");
    assert_eq!(status["lag"]["behind_ms"], 400);
    assert_eq!(status["lag"]["records"]["fold"], 12);
    for name in
        ["accepted", "duplicate", "degraded", "restricted", "quarantined", "refused", "shed"]
    {
        assert!(status["counts"][name].is_u64(), "{name}");
    }
    assert!(status["watermark"].is_string() && status["complete_until"].is_string());
}

#[tokio::test]
async fn the_api_and_the_command_line_print_the_same() {
    let router = router(&AdminOptions::default());
    let response =
        send(&router, get("/api/report/campaigns?by=channel&model=last&format=csv")).await;
    let (report, freshness) =
        (report::ReportQuery::new(report::ReportKind::Campaigns), Still.standing().freshness());
    let built = report::build(&Canned, &report, freshness).unwrap();
    assert_eq!(text(response).await, report::render(&built, report::Format::Csv, None).unwrap());
}

use crate::report;

#[tokio::test]
async fn wrong_questions_are_told_what_would_be_right() {
    let router = router(&AdminOptions::default());
    for (path, status, says) in [
        ("/api/report/campaigns?model=markov", 400, "first, last, last_non_direct, linear"),
        ("/api/report/campaigns?colour=red", 400, "by, model, window"),
        ("/api/report/nonsense", 404, "campaigns, sessions, delivery"),
        ("/api/audit/event/nobody", 404, "there is no event"),
        ("/api/quarantine?limit=1001", 400, "1 to 1000"),
        ("/api/export/nonsense", 400, "no such table"),
        ("/nowhere", 404, "/openapi.json"),
    ] {
        let response = send(&router, get(path)).await;
        assert_eq!(response.status().as_u16(), status, "{path}");
        let body = text(response).await;
        assert!(body.contains(says) && body.contains("\"success\":false"), "{path}: {body}");
    }
}

#[tokio::test]
async fn other_host_names_are_turned_away() {
    let router = router(&AdminOptions::default());
    for (host, allowed) in [
        ("127.0.0.1:8081", true),
        ("localhost:8081", true),
        ("[::1]:8081", true),
        ("LOCALHOST", true),
        ("evil.example", false),
        ("127.0.0.1.evil.example", false),
        ("localhost.evil.example:8081", false),
        ("10.0.0.1", false),
    ] {
        let request = Request::builder().uri("/api/status").header("host", host);
        let status = send(&router, request).await.status();
        assert_eq!(status == StatusCode::OK, allowed, "{host}: {status}");
    }
    let none = send(&router, Request::builder().uri("/api/status")).await;
    assert_eq!(none.status(), StatusCode::BAD_REQUEST);
    let two = get("/api/status").header("host", "evil.example");
    assert_eq!(send(&router, two).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn other_sites_pages_are_turned_away() {
    let router = router(&AdminOptions::default());
    let disable = || get("/api/links/a/disable").method("PUT");
    for (name, value, allowed) in [
        ("origin", "http://127.0.0.1:8081", true),
        ("origin", "http://127.0.0.1:9999", false),
        ("origin", "http://evil.example", false),
        ("origin", "null", false),
        ("sec-fetch-site", "same-origin", true),
        ("sec-fetch-site", "none", true),
        ("sec-fetch-site", "same-site", false),
        ("sec-fetch-site", "cross-site", false),
    ] {
        for request in [disable(), get("/api/status")] {
            let status = send(&router, request.header(name, value)).await.status();
            assert_eq!(status != StatusCode::FORBIDDEN, allowed, "{name}: {value}: {status}");
        }
    }
}

#[tokio::test]
async fn tokens_open_what_their_role_allows() {
    let (tokens, viewer, editor) = tokens();
    let listen = ([192, 0, 2, 1], 8_081).into();
    let router = router(&AdminOptions { tokens, listen, ..AdminOptions::default() });
    let ask = |path: &str, token: Option<&str>| {
        let request = Request::builder().uri(path).header("host", "admin.example");
        match token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        }
    };
    let status = |request| async { send(&router, request).await.status().as_u16() };
    assert_eq!(status(ask("/api/status", None)).await, 401);
    assert_eq!(status(ask("/api/status", Some("ms_guess"))).await, 401);
    assert_eq!(status(ask("/api/status", Some(viewer.reveal()))).await, 200);
    assert_eq!(status(ask("/metrics", None)).await, 401);
    assert_eq!(status(ask("/api/quarantine", Some(viewer.reveal()))).await, 403);
    assert_eq!(status(ask("/api/quarantine", Some(editor.reveal()))).await, 200);
    assert_eq!(status(ask("/", None)).await, 200, "the page itself tells nothing");
}

#[test]
fn beyond_loopback_there_is_no_start_without_tokens() {
    let options = AdminOptions { listen: ([0, 0, 0, 0], 0).into(), ..AdminOptions::default() };
    assert!(matches!(start(options, parts()), Err(AdminError::Unprotected(_))));
}

#[test]
fn tokens_are_long_random_and_never_shown() {
    let (one, other) = (Token::generate().unwrap(), Token::generate().unwrap());
    assert_ne!(one.reveal(), other.reveal());
    assert_eq!(one.reveal().len(), 67, "256 bits in hexadecimal digits");
    assert_eq!(format!("{one:?} {:?}", one.hash()), "Token(…) TokenHash(…)");
    let stored = one.hash().to_string();
    assert_eq!(stored.parse::<TokenHash>().unwrap(), one.hash());
    // The digest of "abc" in FIPS 180-2, so that sha256sum gives the same.
    let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let entry = TokenEntry { name: String::new(), role: Role::Admin, hash: known.parse().unwrap() };
    assert_eq!(Tokens::new(vec![entry]).role_of("abc"), Some(Role::Admin));
    assert!("zz".repeat(32).parse::<TokenHash>().is_err() && "ab".parse::<TokenHash>().is_err());
}

#[tokio::test]
async fn every_answer_binds_the_browser() {
    let router = router(&AdminOptions::default());
    for (path, cache) in [
        ("/", "no-cache"),
        ("/api/status", "no-store"),
        ("/metrics", "no-store"),
        ("/nowhere", "no-cache"),
    ] {
        let response = send(&router, get(path)).await;
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("cache-control"), cache, "{path}");
    }
}

#[tokio::test]
async fn a_link_is_made_and_a_broken_one_is_told_every_rule() {
    let router = router(&AdminOptions::default());
    let post = |body: &'static str| {
        let request = get("/api/links").method("POST").body(Body::from(body)).unwrap();
        router.clone().oneshot(request)
    };
    let good =
        r#"{"slug":"a","destination":"https://shop.example/","owner":"ann","utm_source":"news"}"#;
    let made = post(good).await.unwrap();
    assert_eq!(made.status(), StatusCode::CREATED);
    assert!(text(made).await.contains("\"utm_source\":\"news\""));
    let broken = post(r#"{"slug":"/","destination":"ftp://x","owner":""}"#).await.unwrap();
    assert_eq!(broken.status(), StatusCode::BAD_REQUEST);
    let says = text(broken).await;
    assert!(says.contains("slug") && says.contains("destination") && says.contains("owner"));
}

#[tokio::test]
async fn a_body_is_bounded_at_and_over_the_limit() {
    let router = router(&AdminOptions::default());
    for (bytes, status) in [
        (routes::BODY_BYTES_MAX, StatusCode::BAD_REQUEST),
        (routes::BODY_BYTES_MAX + 1, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let body = Body::from(vec![b' '; bytes]);
        let request = get("/api/links").method("POST").body(body).unwrap();
        assert_eq!(router.clone().oneshot(request).await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn files_stream_in_and_out_whole_or_visibly_broken() {
    let router = router(&AdminOptions::default());
    let body = Body::from(vec![b'x'; 3 * routes::BODY_BYTES_MAX]);
    let request = get("/api/import?format=combined").method("POST").body(body).unwrap();
    let taken = text(router.clone().oneshot(request).await.unwrap()).await;
    assert_eq!(taken, format!("{{\"accepted\":{}}}", 3 * routes::BODY_BYTES_MAX));
    let given = text(send(&router, get("/api/export/events")).await).await;
    assert_eq!(given.len(), 1_100_000);
    let broken = send(&router, get("/api/export/broken")).await;
    assert!(broken.into_body().collect().await.is_err());
}

#[tokio::test]
async fn the_gate_refuses_over_its_bounds_and_recovers() {
    let gate = Arc::new(gate::Gate::new(1, 0, Duration::ZERO));
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (started, running) = tokio::sync::oneshot::channel();
    let first = tokio::spawn({
        let gate = Arc::clone(&gate);
        async move {
            gate.run(move || {
                started.send(()).unwrap();
                held.recv().unwrap();
                Ok(1)
            })
            .await
        }
    });
    running.await.unwrap();
    assert_eq!(gate.run(|| Ok(2)).await.unwrap_err().status, StatusCode::SERVICE_UNAVAILABLE);
    release.send(()).unwrap();
    assert_eq!(first.await.unwrap().unwrap(), 1);
    assert_eq!(gate.run(|| Ok(3)).await.unwrap(), 3);
}

#[tokio::test]
async fn live_streams_begin_with_history_and_are_bounded() {
    let router = router(&AdminOptions { live_max: 1, ..AdminOptions::default() });
    let first = send(&router, get("/api/live?by=source&model=linear")).await;
    assert_eq!(first.headers()["content-type"], "text/event-stream");
    let over = send(&router, get("/api/live")).await;
    assert_eq!(over.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(over.headers()["retry-after"], "1");
    let mut body = first.into_body();
    let piece = body.frame().await.unwrap().unwrap().into_data().unwrap();
    let text = String::from_utf8(piece.to_vec()).unwrap();
    assert!(text.starts_with("event: history\ndata: ["), "{text}");
    assert!(text.contains("event: moment") && text.contains("\"kind\":\"campaigns\""), "{text}");
    assert_eq!(send(&router, get("/api/live?by=nonsense")).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn metrics_carry_the_prefix_and_end_as_the_format_asks() {
    let (plane, publish) = Plane::new(&AdminOptions::default(), parts());
    let (stop, stopped) = std::sync::mpsc::channel();
    drop(stop);
    pulse::run(&parts(), &publish, &stopped);
    let router = routes::router(Arc::new(plane));
    let metrics = text(send(&router, get("/metrics")).await).await;
    assert!(metrics.ends_with("# EOF\n"));
    let named = metrics.lines().filter(|line| !line.starts_with('#'));
    assert!(named.into_iter().all(|line| line.starts_with("millstream_")), "{metrics}");
    assert!(metrics.contains("millstream_capture_events_total{outcome=\"accepted\"} 10249"));
    assert!(metrics.contains(
        "millstream_hop_duration_seconds{hop=\"received_to_durable\",quantile=\"0.99\"} 0.00431"
    ));
}
