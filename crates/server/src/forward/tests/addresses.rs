//! No destination is sent to where it should not be, however its address is written or looked up.

use super::super::client::{Client, SendError};
use super::super::destination::Destination;
use super::super::guard::Guard;
use super::super::request::Prepared;
use bytes::Bytes;
use http::{HeaderMap, Method};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

const PATIENCE: Duration = Duration::from_secs(5);

/// Answers every connection with these bytes and closes it; counts them.
async fn server(address: &str, answer: String) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((address, 0)).await.unwrap();
    let own = listener.local_addr().unwrap();
    let counted: Arc<AtomicUsize> = Arc::default();
    let counts = Arc::clone(&counted);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counts.fetch_add(1, Ordering::SeqCst);
            let mut read = [0; 2_048];
            if stream.read(&mut read).await.is_ok() {
                drop(stream.write_all(answer.as_bytes()).await);
            }
        }
    });
    (own, counted)
}

fn taken() -> String {
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}".to_owned()
}

fn request(url: &str) -> Option<Prepared> {
    let url = Url::parse(url).ok()?;
    let body = Bytes::from_static(b"{}");
    let headers = HeaderMap::new();
    Some(Prepared { method: Method::POST, url, headers, plain: body.clone(), body })
}

#[tokio::test]
async fn every_writing_of_an_inside_address_is_refused() {
    let (address, reached) = server("127.0.0.1", taken()).await;
    let port = address.port();
    let client = Client::new(Guard::default()).unwrap();
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "017700000001",
        "127.1",
        "127.0.1",
        "0",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[0:0:0:0:0:ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "169.254.169.254",
        "0xa9.0xfe.0xa9.0xfe",
        "2852039166",
        "[::ffff:169.254.169.254]",
        "[fe80::1]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "[fd00:ec2::254]",
        "localhost",
        "localhost.",
        "\u{2460}\u{2461}\u{2466}.0.0.1",
        "127\u{3002}0\u{3002}0\u{3002}1",
    ] {
        for scheme in ["http", "https"] {
            let Some(request) = request(&format!("{scheme}://{host}:{port}/")) else { continue };
            let outcome = client.send(request, PATIENCE).await;
            let refused = matches!(outcome, Err(SendError::Address(_) | SendError::Name(_)));
            assert!(refused, "{scheme}://{host}: {outcome:?}");
        }
    }
    for tricked in ["http://user@127.0.0.1/", "http://8.8.8.8@127.0.0.1/", "ftp://127.0.0.1/"] {
        let outcome = client.send(request(tricked).unwrap(), PATIENCE).await;
        assert!(matches!(outcome, Err(SendError::Address(_))), "{tricked}: {outcome:?}");
    }
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_that_changes_its_meaning_is_checked_at_each_connection() {
    let (allowed, welcome) = server("127.0.0.2", taken()).await;
    let (inside, reached) = server("127.0.0.1", taken()).await;
    let answers =
        [vec![allowed], vec![inside], vec![allowed, inside], vec![inside, allowed], vec![allowed]];
    let asked = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&asked);
    let lookup = Arc::new(move |host: String, _: u16| {
        assert_eq!(host, "rebinds.example");
        let answer = answers[counting.fetch_add(1, Ordering::SeqCst)].clone();
        Box::pin(async move { Ok(answer) }) as super::super::client::LookingUp
    });
    let guard = Guard { allowed: vec!["127.0.0.2".parse().unwrap()] };
    let client = Client::looking_up(guard, lookup).unwrap();
    let mut taken = Vec::new();
    for _ in 0..5 {
        let request = request("http://rebinds.example/").unwrap();
        taken.push(client.send(request, PATIENCE).await.is_ok());
    }
    assert_eq!(taken, [true, false, false, false, true], "one inside address condemns the name");
    // The address that was checked is the one connected to: nobody asks a second time between.
    assert_eq!(asked.load(Ordering::SeqCst), 5);
    assert_eq!((welcome.load(Ordering::SeqCst), reached.load(Ordering::SeqCst)), (2, 0));
}

#[tokio::test]
async fn redirects_are_answers_and_not_followed() {
    let (inside, reached) = server("127.0.0.1", taken()).await;
    for status in [301, 302, 303, 307, 308] {
        let answer = format!(
            "HTTP/1.1 {status} Moved\r\nlocation: http://{inside}/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        let (outside, _) = server("127.0.0.2", answer).await;
        let guard = Guard { allowed: vec!["127.0.0.2".parse().unwrap()] };
        let client = Client::new(guard).unwrap();
        let request = request(&format!("http://{outside}/")).unwrap();
        assert_eq!(client.send(request, PATIENCE).await.unwrap().status.as_u16(), status);
    }
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

#[test]
fn sockets_files_and_addresses_out_of_events_are_refused_with_the_file() {
    for url in [
        "unix:/run/docker.sock",
        "http+unix://%2Frun%2Fdocker.sock/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "//hooks.example/",
        "${param.url}",
        "https://${event.url}/",
        "https://${get(event, 'host')}.example/",
    ] {
        let text = format!("[request]\nurl = {url:?}\nitem = 'event'\n");
        let refused = Destination::parse("inside", &text, Path::new(".")).unwrap_err();
        assert!(!refused.fix.is_empty(), "{url}: {refused}");
    }
}
