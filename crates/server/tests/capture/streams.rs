//! Server-sent events: better answers to decisions, and word of changed flags.

use crate::harness::{Plane, options, request, until};
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use millstream_decide::{ItemId, Profile, Profiles, ProfilesError, Seen};
use millstream_event::{AnonymousId, EntityId, Timestamp};
use millstream_server::capture::{CaptureOptions, Limits, Timeouts};
use millstream_server::config::{Config, read};
use millstream_server::decide::{Loaded, Service};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const USE_CASE: &str = "[[decide.use_cases]]\nname = \"home\"\ndefault = \"welcome\"\nbudget_ms = 50\nstages = []\ncandidates = [{ id = \"boots\", group = \"feet\" }, { id = \"hat\", group = \"warm\" }]\n";

/// A profile store that takes its time.
#[derive(Default)]
struct Slow {
    millis: AtomicU64,
}

impl Profiles for Slow {
    fn profile(&self, _: EntityId) -> Result<Profile, ProfilesError> {
        std::thread::sleep(Duration::from_millis(self.millis.load(Ordering::SeqCst)));
        let seen = vec![Seen { item: ItemId::of("hat"), weight: 1, at: Timestamp(1) }];
        Ok(Profile { seen, ..Profile::default() })
    }
}

fn started(options: CaptureOptions, millis: u64) -> (Plane, Arc<Service>) {
    configured(USE_CASE, options, millis)
}

/// A plane that decides as a file says, over a profile store that takes its time.
pub fn configured(file: &str, options: CaptureOptions, millis: u64) -> (Plane, Arc<Service>) {
    let decide = Config::resolve(read(Some(("test.toml", file)), &[]).unwrap()).unwrap().decide;
    let profiles = Arc::new(Slow { millis: AtomicU64::new(millis) });
    let service = Arc::new(Service::start(decide, profiles, Arc::new(|| 0)).unwrap());
    (Plane::deciding(options, Arc::clone(&service)), service)
}

pub fn quick(limits: Limits) -> CaptureOptions {
    let timeouts = Timeouts {
        idle: Duration::from_millis(100),
        heartbeat: Duration::from_millis(20),
        ..Timeouts::default()
    };
    CaptureOptions { limits, timeouts, ..options() }
}

/// A stream as it comes.
pub struct Stream(Response<Incoming>);

impl Stream {
    pub async fn open(plane: &Plane, path: &str, headers: &[(&str, &str)]) -> Self {
        let connection = TokioIo::new(plane.connect().await);
        let (mut sender, driving) =
            hyper::client::conn::http1::handshake(connection).await.unwrap();
        tokio::spawn(driving);
        let request = request("GET", path, headers, "").map(Full::<Bytes>::new);
        Self(sender.send_request(request).await.unwrap())
    }

    async fn better(plane: &Plane, decision: &str) -> Self {
        Self::open(plane, &format!("/v1/decide/stream?decision_id={decision}"), &[]).await
    }

    /// What comes until `word` has come, or until the end.
    async fn text_until(&mut self, word: &str) -> String {
        let mut text = String::new();
        let reading = async {
            while !text.contains(word) {
                let Some(frame) = self.0.body_mut().frame().await else { break };
                let frame = frame.unwrap();
                text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
            }
        };
        tokio::time::timeout(Duration::from_secs(20), reading).await.expect(word);
        text
    }

    pub async fn whole(&mut self) -> String {
        self.text_until("\u{0}").await
    }
}

pub async fn decide(plane: &Plane) -> Value {
    let asked = json!({ "use_case": "home", "anonymous_id": "v1" }).to_string();
    let answer = plane.post("/v1/decide", &[("authorization", "Basic a2V5Og==")], asked).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.json()
}

fn id(answer: &Value) -> &str {
    answer["decision_id"].as_str().unwrap()
}

pub fn data(text: &str) -> Value {
    let line = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    serde_json::from_str(line).unwrap()
}

#[tokio::test]
async fn the_better_answer_follows_under_the_same_id() {
    let (plane, service) = started(quick(Limits::default()), 400);
    let first = decide(&plane).await;
    assert_eq!((&first["source"], &first["provisional"]), (&json!("contextual"), &json!(true)));
    let path = first["stream"].as_str().unwrap();
    let mut stream = Stream::open(&plane, path, &[("origin", "https://shop.example")]).await;
    assert_eq!(stream.0.headers()["content-type"], "text/event-stream");
    assert_eq!(stream.0.headers()["access-control-allow-origin"], "https://shop.example");
    // It outlives what the plane allows idle connections.
    let text = stream.whole().await;
    assert!(text.contains(": alive\n\n"), "{text}");
    let answer = text.split("event: answer\n").nth(1).unwrap();
    let better = data(answer);
    assert_eq!(better["decision_id"], first["decision_id"]);
    let told = [&better["source"], &better["choice"], &better["provisional"]];
    assert_eq!(told, [&json!("personalized"), &json!("hat"), &json!(false)]);
    assert!(better["timing"]["total_ms"].as_f64().unwrap() >= 400.0, "{better}");
    assert!(text.ends_with("event: end\ndata: {\"why\":\"answered\"}\n\n"), "{text}");
    // Whoever comes later is told at once.
    assert!(Stream::better(&plane, id(&first)).await.whole().await.contains("event: answer"));
    assert_eq!(service.late().counts.told.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn where_nothing_is_awaited_nothing_is_held_open() {
    let (plane, _service) = started(quick(Limits::default()), 0);
    let first = decide(&plane).await;
    assert!(first.get("stream").is_none(), "{first}");
    let path = format!("/v1/decide/stream?decision_id={}", id(&first));
    assert_eq!(plane.get(&path, &[]).await.status, StatusCode::NO_CONTENT);
    assert_eq!(plane.get("/v1/decide/stream", &[]).await.code(), "invalid_body");
    assert_eq!(plane.post(&path, &[], "").await.code(), "method_not_allowed");
}

#[tokio::test]
async fn whoever_denied_meanwhile_is_told_nothing() {
    let (plane, service) = started(quick(Limits::default()), 300);
    let first = decide(&plane).await;
    let mut stream = Stream::better(&plane, id(&first)).await;
    service.choose(EntityId::device(&AnonymousId::parse("v1").unwrap()), false);
    let text = stream.whole().await;
    assert!(text.contains("no_consent") && !text.contains("event: answer"), "{text}");
}

#[tokio::test]
async fn streams_are_bounded_for_a_client_and_in_all() {
    let of_client = Limits { event_streams_per_client: 2, ..Limits::default() };
    let in_all = Limits { event_streams: 2, ..Limits::default() };
    for (limits, code, status) in [
        (of_client, "client_streams", StatusCode::TOO_MANY_REQUESTS),
        (in_all, "streams", StatusCode::SERVICE_UNAVAILABLE),
    ] {
        let (plane, _service) = started(quick(limits), 0);
        let mut open = Vec::new();
        for _ in 0..2 {
            let mut stream = Stream::open(&plane, "/ofrep/v1/events", &[]).await;
            stream.text_until("id: ").await;
            open.push(stream);
        }
        let refused = plane.get("/ofrep/v1/events", &[]).await;
        assert_eq!((refused.status, refused.code().as_str()), (status, code));
        assert!(!refused.header("retry-after").is_empty());
        drop(open.pop());
        // A place is free once the plane has seen that its client is gone.
        let started = Instant::now();
        loop {
            let mut stream = Stream::open(&plane, "/ofrep/v1/events", &[]).await;
            if stream.0.status() == StatusCode::OK {
                stream.text_until("id: ").await;
                break;
            }
            assert!(started.elapsed() < Duration::from_secs(20), "the place stays taken");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn a_closing_plane_ends_its_streams() {
    let (plane, service) = started(options(), 1_000);
    let first = decide(&plane).await;
    let mut better = Stream::better(&plane, id(&first)).await;
    let mut flags = Stream::open(&plane, "/ofrep/v1/events", &[]).await;
    flags.text_until("id: ").await;
    let handle = plane.handle;
    let began = Instant::now();
    let closing = tokio::task::spawn_blocking(move || handle.shutdown());
    assert!(better.whole().await.ends_with("data: {\"why\":\"closing\"}\n\n"));
    assert_eq!(flags.whole().await, "");
    assert!(closing.await.unwrap(), "every connection ended by itself");
    assert!(began.elapsed() < Duration::from_secs(5));
    drop(service);
}

#[tokio::test]
async fn changed_flags_are_told() {
    let (plane, service) = started(quick(Limits::default()), 0);
    let bulk = json!({ "context": { "targetingKey": "v1" } }).to_string();
    let headers = [("authorization", "Basic a2V5Og==")];
    let flags = plane.post("/ofrep/v1/evaluate/flags", &headers, bulk).await.json();
    let stream = &flags["eventStreams"][0];
    assert_eq!(stream["type"], "sse");
    let path = stream["endpoint"]["requestUri"].as_str().unwrap();
    let mut open = Stream::open(&plane, path, &[]).await;
    let first = open.text_until("id: ").await;
    assert!(!first.contains("data:"), "nothing has changed: {first}");
    service.find("home").unwrap().install(Loaded::default());
    let word = open.text_until("data: ").await;
    assert_eq!(data(&word), json!({ "type": "refetchEvaluation" }));
    // Whoever asked before the change is told at once; whoever knows of it is not.
    let mut late = Stream::open(&plane, path, &[]).await;
    late.text_until("refetchEvaluation").await;
    let version = word.lines().find_map(|line| line.strip_prefix("id: ")).unwrap();
    let mut knowing = Stream::open(&plane, path, &[("last-event-id", version)]).await;
    let text = knowing.text_until(": alive").await;
    assert!(!text.contains("data:"), "{text}");
    until(|| service.late().is_empty()).await;
}

#[tokio::test]
async fn a_visitor_asks_why_and_is_forgotten() {
    let (plane, service) = started(quick(Limits::default()), 0);
    let ask = |call: &'static str, body: Value, cookie: &'static str| {
        let plane = &plane;
        async move {
            let headers = [("authorization", "Basic a2V5Og=="), ("cookie", cookie)];
            plane.post(&format!("/v1/decide/{call}"), &headers, body.to_string()).await
        }
    };
    let own = json!({ "use_case": "home", "anonymous_id": "v1" });
    let told = ask("why", own.clone(), "").await.json();
    assert_eq!((&told["choice"], &told["reason"]), (&json!("hat"), &json!("profile")));
    assert_eq!((&told["seen"][0]["id"], &told["may_be_known"]), (&json!("hat"), &json!(true)));
    assert!(service.find("home").unwrap().counts.rungs().values().all(|count| *count == 0));
    // Whoever has a cookie is nobody else.
    let cookie = "ms_id=AbCdEfGhIjKlMnOpQrSt_-";
    for call in ["why", "reset"] {
        assert_eq!(ask(call, own.clone(), cookie).await.code(), "invalid_body");
        assert_eq!(ask(call, json!({ "use_case": "home" }), "").await.code(), "invalid_body");
    }
    let denied = json!({ "use_case": "home", "anonymous_id": "v1", "consent": { "personalization": false } });
    let private = ask("why", denied, "").await.json();
    assert_eq!((&private["seen"], &private["reason"]), (&json!([]), &json!("no_consent")));
    assert_eq!(private["may_be_known"], false);
    assert_eq!(ask("reset", own.clone(), "").await.json(), json!({ "success": true }));
    let event = plane.log.events().pop().unwrap();
    assert_eq!(event.name.as_deref(), Some("personalization_reset"));
    assert_eq!(event.anonymous_id.unwrap().as_str(), "v1");
    // What is not folded yet holds all the same.
    let told = ask("why", own, "").await.json();
    assert_eq!((&told["seen"], &told["reason"]), (&json!([]), &json!("cold_start")));
    assert_eq!(decide(&plane).await["source"], "contextual");
}
