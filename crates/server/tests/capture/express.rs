//! The express counter answers as the HTTP library does, and logs the same.

use crate::harness::{KEYS, Plane, options, until};
use crate::memory_log::Mood;
use millstream_event::click_token::ClickReference;
use millstream_event::{AnonymousId, ClickId, Event, EventId, Timestamp};
use millstream_server::capture::counters::get;
use millstream_server::capture::{CaptureOptions, Timeouts};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";
const PATIENCE: Duration = Duration::from_secs(20);

/// The next answer of a connection, whole; empty when the connection ends.
async fn answer(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let whole = |read: &[u8]| {
        let text = String::from_utf8_lossy(read).into_owned();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |length| length.parse().unwrap());
        (body.len() >= length || head.contains("\r\nallow: ")).then_some(())
    };
    while whole(&read).is_none() {
        match tokio::time::timeout(PATIENCE, stream.read_u8()).await.expect("no answer") {
            Ok(byte) => read.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(read).unwrap()
}

/// With what differs from answer to answer put aside, once it is found to be of the right form.
fn masked(answer: &str) -> String {
    let line = |line: &str| {
        let Some((name, value)) = line.split_once(": ") else { return line.to_owned() };
        let value = match name {
            "date" => httpdate::parse_http_date(value).map(|_| "D".to_owned()).unwrap(),
            "server-timing" => value.chars().filter(|c| !c.is_ascii_digit()).collect(),
            "traceresponse" => value[..36].to_owned(),
            "location" => without_token(value),
            "set-cookie" => {
                let (name, rest) = value.split_once('=').unwrap();
                let (id, rest) = rest.split_once(';').unwrap();
                assert_eq!(id.len(), 22);
                format!("{name}=ID;{rest}")
            }
            _ => value.to_owned(),
        };
        format!("{name}: {value}")
    };
    answer.split("\r\n").map(line).collect::<Vec<_>>().join("\r\n")
}

fn without_token(location: &str) -> String {
    let Some((before, rest)) = location.split_once("ms_click=") else { return location.into() };
    let (token, after) = rest.split_at(rest.find('#').unwrap_or(rest.len()));
    let click = ClickReference::from_token(&KEYS.click, token).unwrap();
    format!("{before}ms_click={}{after}", click.link)
}

/// The events without what is drawn or measured anew for each.
fn faceless(events: Vec<Event>, known: &str) -> Vec<Event> {
    let known = AnonymousId::parse(known);
    let face = |id: &mut Option<AnonymousId>| {
        if id.is_some() && *id != known {
            *id = AnonymousId::parse("fresh");
        }
    };
    let mask = |mut event: Event| {
        event.id = EventId::parse("e").unwrap();
        (event.received, event.event_time) = (Timestamp(0), Timestamp(0));
        assert!(event.hops.request.unwrap() <= event.hops.queued.unwrap());
        (event.hops.request, event.hops.queued) = (None, None);
        face(&mut event.anonymous_id);
        if let Some(click) = &mut event.click {
            (click.id, click.issued) = (ClickId::parse("c").unwrap(), Timestamp(0));
            face(&mut click.ms_id);
        }
        event
    };
    events.into_iter().map(mask).collect()
}

const KNOWN: &str = "AbCdEfGhIjKlMnOpQrSt_-";

/// What is sent, and whether the express counter takes it.
fn requests() -> Vec<(String, bool)> {
    let get = |target: &str, headers: &str| {
        format!("GET {target} HTTP/1.1\r\nhost: ms.example\r\n{headers}\r\n")
    };
    let spring = |headers: &str| get("/r/spring", headers);
    let narrow = [
        spring(""),
        "GET /r/spring HTTP/1.1\r\n\r\n".into(),
        "GET /r/spring HTTP/1.1\nHost: a\n\n".into(),
        get("/r/spring?utm_source=x&b=%20+c", "User-Agent: Firefox\r\nACCEPT: */*\r\n"),
        get("/r/moved", "connection: Keep-Alive\r\n"),
        spring(&format!("Cookie: a=b; ms_id={KNOWN}\r\n")),
        spring(&format!("cookie: a=b\r\ncookie: ms_id={KNOWN}\r\n")),
        spring("cookie: ms_id=<script>\r\n"),
        spring("sec-gpc: 1\r\nreferer: https://www.google.com/\r\n"),
        spring("Sec-Purpose: prefetch;prerender\r\n"),
        spring("x-moz: PREFETCH\r\nuser-agent:  spaced \t\r\n"),
        spring(&format!("referer: https://a.example/{}\r\n", "x".repeat(3_000))),
        spring(&format!("user-agent: {}\r\nuser-agent: second\r\n", "\u{e4}".repeat(400))),
        spring("x-forwarded-for: 192.0.2.1, 198.51.100.7\r\nx-forwarded-proto: https\r\n"),
        spring("x-forwarded-for: 203.0.113.5\r\nx-forwarded-for: nonsense\r\n"),
        spring(&format!("x-forwarded-proto: https\r\ncookie: __Host-ms_id={KNOWN}\r\n")),
        spring("x-forwarded-for: 198.51.100.7\r\ncookie: ms_consent=7.1.00\r\n"),
    ];
    let wide = [
        get("/r/nope", ""),
        get("/r/off", ""),
        get("/r/broken", ""),
        get("/r/", ""),
        get("/r/spring#x", ""),
        get("/r/spr%69ng", ""),
        get("http://ms.example/r/spring", ""),
        spring("connection: close\r\n"),
        spring("Origin: https://shop.example\r\n"),
        spring("traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"),
        spring("content-length: 0\r\n"),
        spring("expect: 100-continue\r\n"),
        spring(&"a: b\r\n".repeat(70)),
        spring(&format!("cookie: {}\r\n", "x".repeat(9_000))),
        "\r\nGET /r/spring HTTP/1.1\r\n\r\n".into(),
        "HEAD /r/spring HTTP/1.1\r\nhost: a\r\n\r\n".into(),
        "POST /r/spring HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nab".into(),
        "GET /r/spring HTTP/1.0\r\n\r\n".into(),
        "GET /r/spring HTTP/1.1\r\nhost : a\r\n\r\n".into(),
        "GET /r/spring HTTP/1.1\r\nhost: a\0\r\n\r\n".into(),
        get("/r/<spring>", ""),
    ];
    let narrow = narrow.into_iter().map(|text| (text, true));
    narrow.chain(wide.into_iter().map(|text| (text, false))).collect()
}

#[tokio::test]
async fn the_answer_and_the_click_are_the_librarys() {
    let trusting =
        CaptureOptions { trusted_proxies: vec!["127.0.0.1".parse().unwrap()], ..options() };
    for options in [options(), trusting] {
        for (text, narrow) in requests() {
            let plane = Plane::start(options.clone());
            let counted = || get(&plane.handle.counters.click_express);
            let mut handed_over = plane.connect().await;
            handed_over.write_all(HEALTH.as_bytes()).await.unwrap();
            assert!(answer(&mut handed_over).await.starts_with("HTTP/1.1 200"));
            handed_over.write_all(text.as_bytes()).await.unwrap();
            let theirs = masked(&answer(&mut handed_over).await);
            let their_events = faceless(plane.log.events(), KNOWN);
            assert_eq!(counted(), 0);

            let mut fresh = plane.connect().await;
            fresh.write_all(text.as_bytes()).await.unwrap();
            assert_eq!(masked(&answer(&mut fresh).await), theirs, "{text}");
            assert_eq!(counted(), u64::from(narrow), "{text}");
            let events = faceless(plane.log.events(), KNOWN);
            assert_eq!(events[their_events.len()..], their_events, "{text}");
            let counters = &plane.handle.counters;
            assert_eq!(get(&counters.accepted), events.len() as u64);
            let latency = counters.latency(millstream_server::capture::Endpoint::Redirect);
            assert_eq!(latency.count() % 2, 0, "{text}");
        }
    }
}

#[tokio::test]
async fn a_connection_goes_from_the_counter_to_the_library_and_stays() {
    let plane = Plane::start(options());
    let spring = "GET /r/spring HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut stream = plane.connect().await;
    // All at once: two for the counter, two for the library, the last in pieces.
    let sent = [spring, spring, HEALTH, spring].concat();
    stream.write_all(&sent.as_bytes()[..sent.len() - 9]).await.unwrap();
    for status in ["302", "302", "200"] {
        let answer = answer(&mut stream).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
    stream.write_all(&sent.as_bytes()[sent.len() - 9..]).await.unwrap();
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 302"));
    assert_eq!(get(&plane.handle.counters.click_express), 2);
    assert_eq!(plane.log.events().len(), 3);
}

#[tokio::test]
async fn a_head_in_pieces_is_the_librarys() {
    let plane = Plane::start(options());
    let mut stream = plane.connect().await;
    stream.set_nodelay(true).unwrap();
    for piece in ["GET /r/spr", "ing HTTP/1.1\r\nhost:", " a\r\n\r\n"] {
        stream.write_all(piece.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 302"));
    assert_eq!(get(&plane.handle.counters.click_express), 0);
}

#[tokio::test]
async fn consent_holds_at_the_counter() {
    let plane = Plane::start(options());
    let body = r#"{"purposes":{"measurement":false},"anonymousId":"a"}"#;
    let choice = plane.post("/v1/consent", &[], body).await;
    let held = crate::harness::cookie(&choice);
    let before = plane.log.events().len();
    let mut stream = plane.connect().await;
    let text = format!("GET /r/spring HTTP/1.1\r\nhost: a\r\ncookie: {held}\r\n\r\n");
    stream.write_all(text.as_bytes()).await.unwrap();
    let refused = answer(&mut stream).await;
    assert!(refused.starts_with("HTTP/1.1 302") && !refused.contains("ms_click"), "{refused}");
    assert!(!refused.contains("set-cookie"));
    assert_eq!(plane.log.events().len(), before);
    assert_eq!(get(&plane.handle.counters.aggregated), 2, "the choice itself and the click");
    assert_eq!(get(&plane.handle.counters.click_express), 1);
}

#[tokio::test]
async fn nobody_waits_longer_than_allowed_and_silence_ends_the_connection() {
    let timeouts = Timeouts { idle: Duration::from_millis(150), ..Timeouts::default() };
    let redirect_wait = Duration::from_millis(30);
    let plane = Plane::start(CaptureOptions { timeouts, redirect_wait, ..options() });
    let mut stream = plane.connect().await;
    for (unlogged, mood) in [(1, Mood::Stalled), (1, Mood::Willing), (2, Mood::Stalled)] {
        plane.log.feel(mood);
        let began = Instant::now();
        stream.write_all(b"GET /r/spring HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        assert!(answer(&mut stream).await.starts_with("HTTP/1.1 302"));
        assert_eq!(get(&plane.handle.counters.click_unlogged), unlogged);
        assert!(began.elapsed() < Duration::from_secs(10));
    }
    assert_eq!(answer(&mut stream).await, "");
    assert_eq!(get(&plane.handle.counters.connections_idle_closed), 1);
    assert_eq!(get(&plane.handle.counters.click_express), 3);
    until(|| get(&plane.handle.counters.connections) == 0).await;
}

#[tokio::test]
async fn the_last_answer_says_that_it_is_the_last() {
    let plane = Plane::start(options());
    plane.log.feel(Mood::Stalled);
    let mut idle = plane.connect().await;
    let mut waiting = plane.connect().await;
    waiting.write_all(b"GET /r/spring HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    until(|| plane.log.held() == 1).await;
    let (log, handle) = (plane.log, plane.handle);
    let closing = tokio::task::spawn_blocking(move || handle.shutdown());
    assert_eq!(answer(&mut idle).await, "");
    // The other connection hears of it in the same moment.
    tokio::time::sleep(Duration::from_millis(50)).await;
    log.release();
    let last = answer(&mut waiting).await;
    assert!(last.starts_with("HTTP/1.1 302") && last.contains("\r\nconnection: close\r\n"));
    assert_eq!(answer(&mut waiting).await, "");
    assert!(closing.await.unwrap());
}
