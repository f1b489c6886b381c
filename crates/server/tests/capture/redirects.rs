//! `GET /r/{slug}`.

use crate::harness::{KEYS, Plane, cookie, options, request};
use crate::memory_log::Mood;
use http::StatusCode;
use millstream_event::click_token::ClickReference;
use millstream_event::{EventKind, Flags, Kind};
use millstream_log::AppendError;
use millstream_server::capture::CaptureOptions;
use millstream_server::capture::counters::get;
use millstream_server::links::SignedLinks;
use std::collections::BTreeSet;
use std::time::Duration;

const VALUES: &str = "utm_source=june&utm_medium=email&utm_campaign=spring";

fn token(location: &str) -> Option<ClickReference> {
    let (_, rest) = location.split_once("ms_click=")?;
    let token = rest.split(['&', '#']).next().unwrap();
    Some(ClickReference::from_token(&KEYS.click, token).unwrap())
}

#[tokio::test]
async fn a_click_is_logged_and_travels_with_the_visitor() {
    let plane = Plane::start(options());
    let headers = [("user-agent", "Firefox"), ("referer", "https://www.google.com/")];
    let answer = plane.get("/r/spring?utm_source=evil&next=https://evil.example", &headers).await;
    assert_eq!(answer.status, StatusCode::FOUND);
    assert_eq!(answer.header("cache-control"), "no-store");
    let location = answer.header("location");
    let expected = format!("https://shop.example/sale?x=%2f+%20&{VALUES}&ms_click=");
    assert!(location.starts_with(&expected) && location.ends_with("#top"), "{location}");

    let events = plane.log.events();
    let [event] = events.as_slice() else { panic!("one click: {events:?}") };
    let travelling = token(location).unwrap();
    assert_eq!(event.kind, EventKind::Click);
    assert_eq!(event.click.as_ref(), Some(&travelling));
    assert_eq!(event.id.as_str(), travelling.id.as_str());
    assert_eq!((&*travelling.link, travelling.link_version), ("spring", 3));
    assert_eq!(event.user_agent.as_deref(), Some("Firefox"));
    assert_eq!(event.page.referrer.as_deref(), Some("https://www.google.com/"));
    assert_eq!(event.campaign.name.as_deref(), Some("spring"));
    assert_eq!(&*event.arrival.as_ref().unwrap().source, "june");
    assert!(event.hops.request.unwrap() <= event.hops.queued.unwrap());

    let given = answer.header("set-cookie");
    assert!(given.starts_with("ms_id=") && given.contains("HttpOnly; SameSite=Lax"), "{given}");
    assert!(!given.contains("Secure"));
    assert_eq!(event.anonymous_id.as_ref().unwrap().as_str(), &cookie(&answer)["ms_id=".len()..]);
    assert_eq!(get(&plane.handle.counters.accepted), 1);
}

#[tokio::test]
async fn a_known_visitor_keeps_the_id_and_every_click_has_its_own() {
    let plane = Plane::start(options());
    let first = plane.get("/r/spring", &[]).await;
    let held = cookie(&first);
    let again = plane.get("/r/spring", &[("cookie", &held)]).await;
    assert!(!again.headers.contains_key("set-cookie"));
    let events = plane.log.events();
    assert_eq!(events[0].anonymous_id, events[1].anonymous_id);
    let ids: BTreeSet<_> = events.iter().map(|event| event.id.as_str()).collect();
    assert_eq!(ids.len(), 2);
    assert!(ids.iter().all(|id| id.len() == 22));
    let foreign = plane.get("/r/spring", &[("cookie", "ms_id=<script>")]).await;
    assert!(foreign.headers.contains_key("set-cookie"));
}

#[tokio::test]
async fn the_links_own_status_is_used() {
    let plane = Plane::start(options());
    let answer = plane.get("/r/moved", &[]).await;
    assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT);
    assert!(answer.header("location").starts_with("http://shop.example/moved?"));
}

#[tokio::test]
async fn head_is_answered_without_a_click() {
    let plane = Plane::start(options());
    let answer = plane.send(request("HEAD", "/r/spring", &[], "")).await;
    assert_eq!(answer.status, StatusCode::FOUND);
    assert!(answer.header("location").ends_with(&format!("{VALUES}#top")));
    assert!(!answer.headers.contains_key("set-cookie"));
    assert!(plane.log.groups().is_empty());
    let posted = plane.post("/r/spring", &[], "").await;
    assert_eq!(
        (posted.status, posted.header("allow")),
        (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD")
    );
}

#[tokio::test]
async fn previews_are_marked() {
    let plane = Plane::start(options());
    let marks =
        [("purpose", "prefetch"), ("sec-purpose", "prefetch;prerender"), ("x-moz", "prefetch")];
    for mark in marks {
        plane.get("/r/spring", &[mark]).await;
    }
    plane.get("/r/spring", &[]).await;
    let flagged: Vec<bool> =
        plane.log.events().iter().map(|event| event.flags.has(Flags::AUTOMATED)).collect();
    assert_eq!(flagged, [true, true, true, false]);
}

#[tokio::test]
async fn browsers_in_data_centres_are_programs_and_servers_belong_there() {
    let trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    let plane = Plane::start(CaptureOptions { trusted_proxies, ..options() });
    let (here, elsewhere) = ("192.0.2.77", "198.51.100.7");
    for address in [here, elsewhere] {
        let from = [("x-forwarded-for", address), ("user-agent", "Mozilla/5.0")];
        plane.get("/r/spring", &from).await;
        let page = r#"{"anonymousId":"a","context":{"page":{"url":"https://a.example/"}}}"#;
        plane.post("/v1/page", &from, page).await;
        plane.post("/v1/track", &from[..1], r#"{"userId":"u","event":"Paid"}"#).await;
        let relayed = r#"{"anonymousId":"a","event":"Seen","context":{"ip":"198.51.100.7","page":{"url":"https://a.example/"}}}"#;
        plane.post("/v1/track", &from[..1], relayed).await;
    }
    let stated = r#"{"anonymousId":"a","event":"Seen","context":{"ip":"192.0.2.1","page":{"url":"https://a.example/"}}}"#;
    plane.post("/v1/track", &[], stated).await;
    let marked: Vec<bool> =
        plane.log.events().iter().map(|event| event.flags.has(Flags::AUTOMATED)).collect();
    let of_the_first = [true, true, false, false];
    assert_eq!(marked, [&of_the_first[..], &[false; 4], &[true]].concat());
}

#[tokio::test]
async fn unknown_disabled_and_unusable_links_lead_nowhere() {
    let plane = Plane::start(options());
    let slugs =
        ["nope", "off", "ended", "broken", "", "a/b", "%0d%0aset-cookie:x=1", "..%2f..%2fetc"];
    for slug in slugs {
        let answer = plane.get(&format!("/r/{slug}"), &[]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{slug}");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        assert!(!answer.headers.contains_key("location"));
        assert!(slug.is_empty() || !String::from_utf8_lossy(&answer.body).contains(slug));
    }
    assert!(plane.log.groups().is_empty());
    assert_eq!(get(&plane.handle.counters.click_unknown), slugs.len() as u64);
}

#[tokio::test]
async fn consent_decides_what_travels_and_what_is_kept() {
    let plane = Plane::start(options());
    let objecting = plane.get("/r/spring", &[("sec-gpc", "1")]).await;
    assert!(token(objecting.header("location")).is_none(), "no click id without advertising");
    let kept = &plane.log.events()[0];
    assert_eq!(kept.click.as_ref().unwrap().ms_id, None);

    let body = r#"{"purposes":{"measurement":false},"anonymousId":"a"}"#;
    let choice = plane.post("/v1/consent", &[], body).await;
    let held = cookie(&choice);
    let before = plane.log.events().len();
    let refused = plane.get("/r/spring", &[("cookie", &held)]).await;
    assert_eq!(refused.status, StatusCode::FOUND);
    assert!(token(refused.header("location")).is_none());
    assert!(!refused.headers.contains_key("set-cookie"));
    assert_eq!(plane.log.events().len(), before);
    let counts = plane.log.records(Kind::Aggregate);
    let count = String::from_utf8(counts.last().unwrap().payload.clone()).unwrap();
    assert!(count.contains("\"link\":\"spring\"") && count.contains("\"count\":1"), "{count}");
}

#[tokio::test]
async fn whatever_the_log_does_the_visitor_goes_on() {
    let mut patient = options();
    patient.redirect_wait = Duration::from_millis(20);
    let plane = Plane::start(patient);
    let moods = [
        Mood::Stalled,
        Mood::Refusing(AppendError::Overloaded),
        Mood::Refusing(AppendError::DiskFull),
        Mood::Refusing(AppendError::Poisoned("no".into())),
        Mood::Failing(AppendError::Poisoned("no".into())),
        Mood::Refusing(AppendError::Closed),
    ];
    for (unlogged, mood) in (1..).zip(moods) {
        plane.log.feel(mood.clone());
        let answer = plane.get("/r/spring", &[]).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{mood:?}");
        let travelling = token(answer.header("location")).unwrap();
        assert_eq!(travelling.ms_id.unwrap().as_str(), &cookie(&answer)["ms_id=".len()..]);
        assert_eq!(get(&plane.handle.counters.click_unlogged), unlogged, "{mood:?}");
    }
    assert_eq!(get(&plane.handle.counters.accepted), 0);
}

#[tokio::test]
async fn http2_without_tls_is_answered_too() {
    let plane = Plane::start(options());
    let stream = hyper_util::rt::TokioIo::new(plane.connect().await);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(executor, stream).await.unwrap();
    let driving = tokio::spawn(connection);
    let mut asked = request("GET", "http://ms.example/r/spring", &[], "");
    asked.headers_mut().append("cookie", "a=b".parse().unwrap());
    asked.headers_mut().append("cookie", "ms_id=AbCdEfGhIjKlMnOpQrSt_-".parse().unwrap());
    let answer = sender.send_request(asked.map(http_body_util::Full::new)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::FOUND);
    assert!(!answer.headers().contains_key("set-cookie"));
    drop(sender);
    driving.await.unwrap().unwrap();
    let events = plane.log.events();
    assert_eq!(events[0].anonymous_id.as_ref().unwrap().as_str(), "AbCdEfGhIjKlMnOpQrSt_-");
}

fn with_keys() -> CaptureOptions {
    let key = |id: &str, byte| (id.to_owned(), vec![byte; 32]);
    let signed_links = SignedLinks::new(vec![key("new", 1), key("old", 2)]).unwrap();
    CaptureOptions { signed_links, ..options() }
}

#[tokio::test]
async fn a_signed_link_leads_where_its_signature_says_and_keeps_its_campaign() {
    let plane = Plane::start(with_keys());
    let to = "https://partner.example/deal?x=%2f&y=1#top";
    for id in ["new", "old"] {
        let link = with_keys().signed_links.sign(id, "spring", to).unwrap();
        let location = plane.get(&link, &[]).await.header("location").to_owned();
        let expected = format!("https://partner.example/deal?x=%2f&y=1&{VALUES}&ms_click=");
        assert!(location.starts_with(&expected) && location.ends_with("#top"), "{location}");
    }
    let events = plane.log.events();
    assert_eq!((events.len(), events[0].page.url.as_deref()), (2, Some(to)));
    assert_eq!(events[0].campaign.name.as_deref(), Some("spring"));
    // The stored destination is asked for as ever, and without keys no other.
    assert!(
        plane
            .get("/r/spring", &[])
            .await
            .header("location")
            .starts_with("https://shop.example/sale")
    );
    let plain = Plane::start(options());
    let link = with_keys().signed_links.sign("new", "spring", to).unwrap();
    assert!(
        plain.get(&link, &[]).await.header("location").starts_with("https://shop.example/sale")
    );
}

#[tokio::test]
async fn nothing_that_is_not_signed_leads_anywhere_else() {
    let plane = Plane::start(with_keys());
    let keys = with_keys().signed_links;
    let good = keys.sign("new", "spring", "https://partner.example/").unwrap();
    let (start, tag) = good.rsplit_once('=').unwrap();
    let stranger = SignedLinks::new(vec![("new".to_owned(), vec![9; 32])]).unwrap();
    let mut attempts = vec![
        good.replace("partner", "evil"),
        good.replace("ms_key=new", "ms_key=old"),
        good.replace("ms_key=new", "ms_key=gone"),
        good.replace("ms_key=new", ""),
        format!("{start}={}", &tag[1..]),
        format!("{start}="),
        "/r/spring?ms_to=https%3A%2F%2Fevil.example%2F".to_owned(),
        // The first of two counts, and it is not the one that was signed.
        good.replace("?", "?ms_to=https%3A%2F%2Fevil.example%2F&"),
        stranger.sign("new", "spring", "https://evil.example/").unwrap(),
        keys.sign("new", "gone", "https://partner.example/").unwrap(),
    ];
    // Even a signature does not make these addresses.
    for odd in [
        "javascript:alert(1)",
        "//evil.example/",
        "https://a.example/\r\nSet-Cookie: x=1",
        "https://a.example\\@evil.example/",
        "data:text/html,x",
        "",
    ] {
        attempts.push(keys.sign("new", "spring", odd).unwrap());
    }
    for attempt in attempts {
        let answer = plane.get(&attempt, &[]).await;
        let location = answer.headers.get("location").map(|it| it.to_str().unwrap().to_owned());
        let stored =
            location.as_deref().is_some_and(|to| to.starts_with("https://shop.example/sale"));
        assert!(
            stored || (location.is_none() && answer.status == StatusCode::NOT_FOUND),
            "{attempt}: {location:?}"
        );
        assert!(!location.unwrap_or_default().contains("evil"), "{attempt}");
    }
}
