//! The stage `http`: a real service that answers, hangs, fails, drips, and talks nonsense.

use crate::harness::{Plane, until};
use crate::streams::{Stream, configured, data, decide, quick};
use millstream_event::{AnonymousId, EntityId};
use millstream_server::capture::Limits;
use millstream_server::decide::Service;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the service does with a question.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Script {
    Answer(&'static str),
    After(u64, &'static str),
    Status500,
    Drip,
}

const ORDER: &str = r#"{"ranking":["scarf","nowhere",{"id":"hat"}]}"#;

/// A service on a port of its own, and the bodies it was sent.
struct Outside {
    port: u16,
    seen: Arc<Mutex<Vec<Value>>>,
}

impl Outside {
    async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, script, Arc::clone(&told)));
            }
        });
        Self { port, seen }
    }

    fn asked(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// A plane whose use case asks it; `more` are further keys.
    fn plane(&self, allowed: &str, more: &str) -> (Plane, Arc<Service>) {
        let file = format!(
            "[forward]\nallow_addresses = [{allowed}]\n[[decide.use_cases]]\nname = \"home\"\ndefault = \"welcome\"\nbudget_ms = 400\nstages = [\"http\"]\n\
             candidates = [{{ id = \"boots\", group = \"feet\" }}, {{ id = \"hat\", group = \"warm\" }}, \"scarf\", {{ id = \"gone\", when = \"false\" }}]\n\
             [decide.use_cases.http]\nurl = \"http://127.0.0.1:{}/rank\"\nbudget_ms = 200\nheaders = {{ x-key = \"k\" }}\n{more}\n",
            self.port
        );
        configured(&file, quick(Limits::default()), 0)
    }
}

async fn serve(mut stream: TcpStream, script: Script, seen: Arc<Mutex<Vec<Value>>>) {
    let mut read = Vec::new();
    let mut piece = [0; 4_096];
    loop {
        let Ok(count @ 1..) = stream.read(&mut piece).await else { return };
        read.extend_from_slice(&piece[..count]);
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let Ok(asked) = serde_json::from_str(body) else { continue };
        assert!(head.contains("x-key: k"), "{head}");
        seen.lock().unwrap().push(asked);
        read.clear();
        let answer = |status: &str, body: &str| {
            format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        };
        let said = match script {
            Script::Answer(body) => answer("200 OK", body),
            Script::After(millis, body) => {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                answer("200 OK", body)
            }
            Script::Status500 => answer("500 No", "{}"),
            Script::Drip => {
                for byte in answer("200 OK", ORDER).bytes() {
                    if stream.write_all(&[byte]).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                return;
            }
        };
        if stream.write_all(said.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn names(answer: &Value) -> Vec<&str> {
    let ranking = answer["ranking"].as_array().unwrap();
    ranking.iter().map(|ranked| ranked["id"].as_str().unwrap()).collect()
}

const HERE: &str = "\"127.0.0.1\"";

#[tokio::test]
async fn its_order_is_heeded_among_what_may_be_shown() {
    let outside = Outside::start(Script::Answer(ORDER)).await;
    let (plane, _service) = outside.plane(HERE, "");
    let answer = decide(&plane).await;
    assert_eq!(names(&answer), ["scarf", "hat", "boots"], "{answer}");
    assert_eq!((&answer["source"], &answer["reason"]), (&json!("personalized"), &json!("profile")));
    assert!(answer["timing"]["stages"]["http"].as_f64().unwrap() > 0.0, "{answer}");
    let asked = outside.seen.lock().unwrap()[0].clone();
    assert_eq!(asked["candidates"], json!(["hat", "boots", "scarf"]), "best first, no `gone`");
    assert_eq!((&asked["anonymous_id"], &asked["use_case"]), (&json!("v1"), &json!("home")));
}

#[tokio::test]
async fn one_that_is_late_is_followed_by_its_order() {
    let outside = Outside::start(Script::After(500, ORDER)).await;
    let (plane, service) = outside.plane(HERE, "");
    let first = decide(&plane).await;
    assert_eq!(first["source"], "personalized");
    assert_eq!(
        (&first["reason"], &first["provisional"]),
        (&json!("profile,http_late"), &json!(true))
    );
    assert_eq!(names(&first), ["hat", "boots", "scarf"]);
    let mut stream = Stream::open(&plane, first["stream"].as_str().unwrap(), &[]).await;
    let text = stream.whole().await;
    let better = data(text.split("event: answer\n").nth(1).expect(&text));
    assert_eq!(names(&better), ["scarf", "hat", "boots"]);
    assert_eq!((&better["reason"], &better["provisional"]), (&json!("profile"), &json!(false)));
    assert!(better["timing"]["stages"]["http"].as_f64().unwrap() >= 500.0, "{better}");
    // It does not fit any more, and is not asked until it may have become quicker.
    assert_eq!(decide(&plane).await["reason"], "profile,without_http");
    let counts = &service.find("home").unwrap().external().unwrap().counts;
    assert_eq!(counts.late.load(std::sync::atomic::Ordering::Relaxed), 1);
}

#[tokio::test]
async fn what_fails_is_named_and_left_alone_after_a_while() {
    for script in
        [Script::Status500, Script::Answer("<html>"), Script::Answer(r#"{"ranking":["other"]}"#)]
    {
        let outside = Outside::start(script).await;
        let (plane, service) = outside.plane(HERE, "");
        for _ in 0..5 {
            let answer = decide(&plane).await;
            assert_eq!(answer["reason"], "profile,http_failed", "{script:?}");
            assert_eq!(names(&answer), ["hat", "boots", "scarf"]);
            assert!(answer.get("stream").is_none(), "{answer}");
        }
        let asked = outside.asked();
        assert_eq!(decide(&plane).await["reason"], "profile,http_open");
        assert_eq!((outside.asked(), asked), (5, 5));
        let external = service.find("home").unwrap().external().unwrap();
        assert_eq!(external.breaker_state(), ("open", 1));
    }
}

#[tokio::test]
async fn one_that_drips_is_late_and_leads_to_nothing_better() {
    let outside = Outside::start(Script::Drip).await;
    let (plane, _service) = outside.plane(HERE, "late_ms = 400");
    let answer = decide(&plane).await;
    assert_eq!(answer["reason"], "profile,http_late");
    let mut stream = Stream::open(&plane, answer["stream"].as_str().unwrap(), &[]).await;
    assert!(stream.whole().await.contains("nothing_better"));
}

#[tokio::test]
async fn questions_under_way_are_bounded() {
    let outside = Outside::start(Script::After(150, ORDER)).await;
    let (plane, _service) = outside.plane(HERE, "concurrent = 1");
    let (one, other) = tokio::join!(decide(&plane), decide(&plane));
    let mut reasons = [one["reason"].as_str().unwrap(), other["reason"].as_str().unwrap()];
    reasons.sort_unstable();
    assert_eq!(reasons, ["profile", "profile,http_busy"]);
}

#[tokio::test]
async fn nobody_is_told_of_whom_nothing_may_be_known() {
    let outside = Outside::start(Script::Answer(ORDER)).await;
    let (plane, service) = outside.plane(HERE, "");
    service.choose(EntityId::device(&AnonymousId::parse("v1").unwrap()), false);
    assert_eq!(decide(&plane).await["reason"], "no_consent");
    assert_eq!(outside.asked(), 0);
    // Nor is an address that is not named in the configuration ever connected to.
    let (plane, service) = outside.plane("", "");
    assert_eq!(decide(&plane).await["reason"], "profile,http_failed");
    let external = Arc::clone(service.find("home").unwrap().external().unwrap());
    until(|| external.counts.failed.load(std::sync::atomic::Ordering::Relaxed) == 1).await;
    assert_eq!(outside.asked(), 0);
}

#[tokio::test]
async fn a_shadow_scores_what_was_answered_and_is_never_shown() {
    let file = "[[decide.use_cases]]\nname = \"home\"\ndefault = \"welcome\"\ncandidates = [\"hat\", \"boots\"]\n\
                [decide.use_cases.shadow]\nuse_case = \"next\"\n\
                [[decide.use_cases]]\nname = \"next\"\ndefault = \"welcome\"\ncandidates = [\"boots\", \"scarf\"]\n";
    let (plane, service) = configured(file, quick(Limits::default()), 0);
    for _ in 0..5 {
        assert_eq!(decide(&plane).await["choice"], "hat");
    }
    until(|| service.unlogged().iter().any(|told| told.shadow.scored == 5)).await;
    let told = service.hand_over().remove(0);
    assert_eq!((&*told.use_case, &*told.candidate, told.shadow.left_out), ("home", "next", 0));
    assert_eq!((told.shadow.same_choice, told.shadow.overlap_ppm), (0, 5 * 500_000));
    assert_eq!(told.shadow.personalized, [5, 5]);
    assert!(service.unlogged().is_empty(), "it was handed over");
    service.take_back(std::slice::from_ref(&told));
    assert_eq!(service.unlogged(), [told]);
    let counts = &service.find("next").unwrap().counts;
    assert!(counts.rungs().values().all(|count| *count == 0), "it answered nobody");
}
