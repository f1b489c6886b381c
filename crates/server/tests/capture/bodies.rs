//! Sizes and speeds of bodies: at the limit and over it.

use crate::harness::{Plane, options, request};
use crate::memory_log::Mood;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::StatusCode;
use millstream_event::wire::{self, segment::Body};
use millstream_server::capture::counters::get;
use millstream_server::capture::{CaptureOptions, Limits, Timeouts};
use std::io::Write;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn batch(items: usize, bytes: usize) -> String {
    let one = r#"{"type":"page","anonymousId":"a"}"#;
    let list = vec![one; items].join(",");
    let mut body = format!(r#"{{"batch":[{list}]}}"#);
    body.push_str(&" ".repeat(bytes.saturating_sub(body.len())));
    body
}

#[tokio::test]
async fn a_body_at_the_limit_is_taken_and_one_byte_more_is_not() {
    let plane = Plane::start(options());
    let limit = Limits::default().body_bytes;
    let at = plane.post("/v1/batch", &[], batch(1, limit)).await;
    assert_eq!(at.status, StatusCode::OK);
    for over in [limit + 1, limit * 4] {
        let over = plane.post("/v1/batch", &[], batch(1, over)).await;
        assert_eq!(
            (over.status, over.code().as_str()),
            (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large")
        );
    }
    assert_eq!(plane.log.events().len(), 1);
}

#[tokio::test]
async fn a_chunked_body_is_held_to_the_same_limit() {
    let plane = Plane::start(options());
    for (bytes, status) in
        [(Limits::default().body_bytes, "200"), (Limits::default().body_bytes + 1, "413")]
    {
        let mut stream = plane.connect().await;
        let head = "POST /v1/batch HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        for part in batch(1, bytes).as_bytes().chunks(60_000) {
            stream.write_all(format!("{:x}\r\n", part.len()).as_bytes()).await.unwrap();
            stream.write_all(part).await.unwrap();
            stream.write_all(b"\r\n").await.unwrap();
        }
        stream.write_all(b"0\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{bytes}: {answer}");
    }
}

#[tokio::test]
async fn a_bomb_is_refused_at_the_limit() {
    let plane = Plane::start(options());
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![b' '; 64 << 20]).unwrap();
    let bomb: Bytes = encoder.finish().unwrap().into();
    assert!(bomb.len() < Limits::default().body_bytes);
    let answer = plane.post("/v1/batch", &[("content-encoding", "gzip")], bomb).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large")
    );
}

#[tokio::test]
async fn packing_that_is_not_offered_or_broken_is_refused() {
    let plane = Plane::start(options());
    let answer = plane.post("/v1/track", &[("content-encoding", "br")], &b"\x8b\x02\x80"[..]).await;
    let expected = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding");
    assert_eq!((answer.status, answer.code().as_str()), expected);
    let answer =
        plane.post("/v1/track", &[("content-encoding", "gzip")], &b"\x1f\x8b\x08"[..]).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::BAD_REQUEST, "broken_encoding")
    );
}

#[tokio::test]
async fn a_batch_of_2500_events_is_taken_and_one_more_is_not() {
    let plane = Plane::start(options());
    let at = plane.post("/v1/batch", &[], batch(2_500, 0)).await;
    assert_eq!(at.status, StatusCode::OK);
    assert_eq!(plane.log.groups().iter().map(Vec::len).collect::<Vec<_>>(), [2_500]);
    let over = plane.post("/v1/batch", &[], batch(2_501, 0)).await;
    assert_eq!(
        (over.status, over.code().as_str()),
        (StatusCode::PAYLOAD_TOO_LARGE, "too_many_events")
    );
}

#[tokio::test]
async fn bytes_in_progress_are_bounded_and_given_back() {
    let fits = batch(1, 500);
    let outline = Body::batch(fits.as_bytes(), &wire::Limits::default()).unwrap().held_bytes();
    let limits = Limits { in_flight_bytes: 2 * fits.len() + outline, ..Limits::default() };
    let plane = Plane::start(CaptureOptions { limits, ..options() });
    assert_eq!(plane.post("/v1/batch", &[], fits.clone()).await.status, StatusCode::OK);
    let over = plane.post("/v1/batch", &[], batch(1, 501)).await;
    assert_eq!((over.status, over.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "busy"));
    assert_eq!(over.header("retry-after"), "1");
    assert_eq!(get(&plane.handle.counters.in_flight_bytes), 0);
    let clicked = plane.get("/r/spring", &[]).await;
    assert_eq!(clicked.status, StatusCode::FOUND, "redirects hold no bytes");
    assert_eq!(plane.post("/v1/batch", &[], fits).await.status, StatusCode::OK);
}

#[tokio::test]
async fn requests_in_progress_are_bounded_by_client() {
    let limits = Limits { requests_per_client: 1, ..Limits::default() };
    let slow = CaptureOptions { limits, log_wait: Duration::from_secs(60), ..options() };
    let plane = Plane::start(slow);
    plane.log.feel(Mood::Stalled);
    let mut waiting = plane.connect().await;
    let body = batch(1, 0);
    let head =
        format!("POST /v1/batch HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", body.len());
    waiting.write_all((head + &body).as_bytes()).await.unwrap();
    crate::harness::until(|| get(&plane.handle.counters.in_flight_bytes) > 0).await;
    let answer = plane.send(request("POST", "/v1/batch", &[], body)).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::TOO_MANY_REQUESTS, "client_busy")
    );
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let timeouts = Timeouts { body: Duration::from_millis(50), ..Timeouts::default() };
    let plane = Plane::start(CaptureOptions { timeouts, ..options() });
    let mut stream = plane.connect().await;
    let head = "POST /v1/batch HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("body_timeout"));
}
