//! What routes answer, and what happens at the bounds.

use super::*;
use crate::report;

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
            .replace("{version}", "7")
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

#[tokio::test]
async fn wrong_questions_are_told_what_would_be_right() {
    let router = router(&AdminOptions::default());
    for (path, status, says) in [
        (
            "/api/report/campaigns?model=best",
            400,
            "first, last, last_non_direct, linear, position, time_decay, markov, shapley",
        ),
        ("/api/report/campaigns?colour=red", 400, "by, model, order, window"),
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
async fn questions_in_sql_are_answered_refused_or_left_out() {
    let router = router(&AdminOptions::default());
    for (body, status, says) in [
        (r#"{"query": "select 1"}"#, 200, "\"provisional\":true"),
        (r#"{"query": "select 1", "rows": 5, "fresh": true}"#, 200, "\"rows\":[]"),
        (r#"{"query": "selec 1"}"#, 400, "cannot be understood"),
        (r#"{"query": "select 1", "limit": 5}"#, 400, "SELECT ..."),
        ("select 1", 400, "no question"),
        (r#"{"query": "left out"}"#, 501, "left_out"),
    ] {
        let request = get("/api/sql").method("POST").body(Body::from(body)).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{body}");
        let said = text(response).await;
        assert!(said.contains(says), "{body}: {said}");
    }
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
    let express = |line: &str| line.starts_with("millstream_capture_clicks_express_total");
    let express = metrics.lines().find(|line| express(line));
    assert!(express.is_some_and(|line| line.ends_with(" 9001")), "{express:?}");
    assert!(metrics.contains(
        "millstream_hop_duration_seconds{hop=\"received_to_durable\",quantile=\"0.99\"} 0.00431"
    ));
}
