//! Connections: silence, slowness, too many of them, encryption, and the end.

use crate::harness::{Answer, Plane, options, request, until};
use crate::memory_log::Mood;
use http::StatusCode;
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use millstream_server::capture::counters::get;
use millstream_server::capture::{CaptureError, CaptureOptions, Limits, Timeouts, TlsFiles};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn hasty() -> CaptureOptions {
    let timeouts = Timeouts {
        head: Duration::from_millis(100),
        idle: Duration::from_millis(150),
        ..Timeouts::default()
    };
    CaptureOptions { timeouts, ..options() }
}

/// Reads until the other side closes; a reset counts as closed.
async fn closed(stream: &mut TcpStream) -> Vec<u8> {
    let mut read = Vec::new();
    let patience = Duration::from_secs(20);
    let outcome = tokio::time::timeout(patience, stream.read_to_end(&mut read)).await;
    drop(outcome.expect("the connection stayed open"));
    read
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let plane = Plane::start(hasty());
    let mut silent = plane.connect().await;
    closed(&mut silent).await;
    assert_eq!(get(&plane.handle.counters.connections_idle_closed), 1);
    until(|| get(&plane.handle.counters.connections) == 0).await;
}

#[tokio::test]
async fn a_head_that_trickles_is_closed() {
    let plane = Plane::start(hasty());
    for start in ["GET /r/spring HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let stream = plane.connect().await;
        let (mut read, mut write) = stream.into_split();
        let writing = tokio::spawn(async move {
            if write.write_all(start.as_bytes()).await.is_err() {
                return;
            }
            while write.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(20), read.read_to_end(&mut rest));
        drop(ended.await.expect("the connection stayed open"));
        writing.abort();
    }
    assert!(plane.log.groups().is_empty());
}

#[tokio::test]
async fn a_connection_is_kept_between_requests_and_closed_when_it_falls_silent() {
    let plane = Plane::start(hasty());
    let mut stream = plane.connect().await;
    for _ in 0..3 {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let mut answer = [0; 15];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        let mut rest = [0; 4_096];
        assert!(stream.read(&mut rest).await.unwrap() > 0);
    }
    closed(&mut stream).await;
}

#[tokio::test]
async fn connections_are_limited_in_all_and_by_client() {
    for limits in [
        Limits { connections: 2, ..Limits::default() },
        Limits { connections_per_client: 2, ..Limits::default() },
    ] {
        let plane = Plane::start(CaptureOptions { limits, ..options() });
        let counters = &plane.handle.counters;
        let (first, _second) = (plane.connect().await, plane.connect().await);
        until(|| get(&counters.connections) == 2).await;
        let mut third = plane.connect().await;
        assert!(closed(&mut third).await.is_empty());
        assert_eq!(get(&counters.connections_refused), 1);
        drop(first);
        until(|| get(&counters.connections) == 1).await;
        assert_eq!(plane.get("/healthz", &[]).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let plane = Plane::start(options());
    let mut stream = plane.connect().await;
    let head = format!("GET /healthz HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "y".repeat(100_000));
    // The server may close before everything is written.
    drop(stream.write_all(head.as_bytes()).await);
    let answer = closed(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"));
    assert_eq!(plane.get("/healthz", &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn nonsense_harms_nobody() {
    let plane = Plane::start(options());
    for nonsense in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"\0\0\0\0",
        b"GET\r\n\r\n",
        b"GET /r/\xff\xfe HTTP/1.1\r\nhost: a\r\n\r\n",
    ] {
        let mut stream = plane.connect().await;
        stream.write_all(nonsense).await.unwrap();
        stream.shutdown().await.unwrap();
        closed(&mut stream).await;
    }
    assert_eq!(plane.get("/healthz", &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn closing_lets_requests_end_first() {
    let plane = Plane::start(options());
    plane.log.feel(Mood::Stalled);
    let mut waiting = plane.connect().await;
    waiting.write_all(b"GET /r/spring HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    until(|| plane.log.held() == 1).await;
    let (log, handle) = (plane.log, plane.handle);
    let address = handle.address;
    let closing = tokio::task::spawn_blocking(move || handle.shutdown());
    while TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    log.release();
    let answer = String::from_utf8(closed(&mut waiting).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 302"), "{answer}");
    assert!(closing.await.unwrap(), "every connection ended by itself");
}

#[tokio::test]
async fn closing_does_not_wait_for_ever() {
    let timeouts = Timeouts { shutdown: Duration::from_millis(50), ..Timeouts::default() };
    let plane = Plane::start(CaptureOptions { timeouts, ..options() });
    plane.log.feel(Mood::Stalled);
    let mut waiting = plane.connect().await;
    waiting.write_all(b"GET /r/spring HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    until(|| plane.log.held() == 1).await;
    let handle = plane.handle;
    let began = Instant::now();
    tokio::task::spawn_blocking(move || handle.shutdown()).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(4));
}

#[test]
fn beyond_this_machine_a_source_must_exist() {
    let listen = "0.0.0.0:0".parse().unwrap();
    let refused = Plane::try_start(CaptureOptions { listen, ..options() });
    assert!(matches!(refused, Err(CaptureError::NoSources(address)) if address == listen));
}

#[test]
fn a_taken_port_and_a_missing_certificate_say_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap();
    let Err(error) = Plane::try_start(CaptureOptions { listen, ..options() }) else { panic!() };
    assert!(error.to_string().contains("free the port"), "{error}");
    let tls = Some(TlsFiles { certificate: "missing.pem".into(), key: "missing.key".into() });
    let Err(error) = Plane::try_start(CaptureOptions { tls, ..options() }) else { panic!() };
    assert!(error.to_string().contains("missing.pem"), "{error}");
}

#[tokio::test]
async fn over_tls_cookies_are_bound_to_the_host() {
    let (files, connector) = crate::harness::certificate();
    let plane = Plane::start(CaptureOptions { tls: Some(files.tls()), ..hasty() });
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let stream = connector.connect(name, plane.connect().await).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(executor, TokioIo::new(stream)).await.unwrap();
    let driving = tokio::spawn(connection);
    let asked = request("GET", "https://localhost/r/spring", &[], "").map(Full::new);
    let answer = Answer::of(sender.send_request(asked).await.unwrap()).await;
    assert_eq!(answer.status, StatusCode::FOUND);
    let given = answer.header("set-cookie");
    assert!(given.starts_with("__Host-ms_id=") && given.ends_with("; Secure"), "{given}");
    drop(sender);
    driving.abort();
    let mut silent = plane.connect().await;
    closed(&mut silent).await;
}
