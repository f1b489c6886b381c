//! `GET /r/{slug}`: the click is durable, then the visitor goes on. Whatever the log does, the
//! visitor never waits longer than the configured patience.

use super::answer::{self, Answer};
use super::cookies;
use super::counters::add;
use super::exchange::Exchange;
use super::gate::Gate;
use super::intake::{self, Group};
use super::refusal::{Refusal, require};
use http::header::{CACHE_CONTROL, LOCATION, REFERER, SET_COOKIE};
use http::{HeaderValue, Method, StatusCode};
use millstream_event::click_token::ClickReference;
use millstream_event::control::Link;
use millstream_event::{
    AnonymousId, Arrival, ClickId, Event, EventId, EventKind, Flags, Page, Purpose, Surface,
};

/// The source of every click of ours.
pub const LINKS_SOURCE: &str = "links";

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// Small, calm, and without a word about what was asked for.
const UNKNOWN_LINK: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width\"><meta name=\"robots\" content=\"noindex\">\
<title>Link not found</title><body style=\"font:1rem/1.5 system-ui,sans-serif;max-width:30rem;\
margin:20vh auto;padding:0 1rem\"><h1 style=\"font-size:1.25rem\">This link leads nowhere</h1>\
<p>It may have been mistyped, or it is no longer in use.</p>";

/// Answers the redirect.
pub(super) async fn answer(exchange: &mut Exchange<'_>, slug: &str) -> Result<Answer, Refusal> {
    let method = &exchange.head.method;
    require(method, &[Method::GET, Method::HEAD], "GET, HEAD")?;
    let plane = exchange.plane;
    let link = plane.parts.registry.get(slug).filter(|link| link.enabled);
    let Some(destination) = link.and_then(|link| plane.destinations.of(&link)) else {
        add(&plane.counters.click_unknown, 1);
        return Ok(answer::with_body(
            StatusCode::NOT_FOUND,
            "text/html; charset=utf-8",
            UNKNOWN_LINK,
        ));
    };
    if *method == Method::HEAD {
        return Ok(leave(destination.link(), destination.plain(), None));
    }
    let Some(click) = Click::of(exchange, destination.link()) else {
        return Err(Refusal::Internal);
    };
    let location = match &click.token {
        Some(token) => destination.with_click(token),
        None => destination.plain(),
    };
    log(exchange, click.event).await;
    Ok(leave(destination.link(), location, click.cookie))
}

/// A click, and what the visitor takes along.
struct Click {
    event: Event,
    token: Option<String>,
    cookie: Option<HeaderValue>,
}

impl Click {
    /// `None` when no id could be made, which no input can bring about.
    fn of(exchange: &Exchange<'_>, link: &Link) -> Option<Self> {
        let plane = exchange.plane;
        let cookies = exchange.cookies();
        let secure = exchange.secure();
        let country = exchange.country();
        let consent =
            Gate::of(exchange, &cookies).standing(&plane.options.consent, country.as_deref());
        // Without measurement nothing may name the visitor, without advertising no click id may
        // travel: the event itself is restricted where every other event is.
        let measured = consent.granted.allows(Purpose::Measurement);
        let known = cookies::first_party_id(&cookies, secure).filter(|_| measured);
        let fresh = known.is_none() && measured;
        let ms_id = if fresh { AnonymousId::parse(&plane.tokens.draw_text()) } else { known };
        let cookie = ms_id
            .as_ref()
            .filter(|_| fresh)
            .and_then(|id| HeaderValue::try_from(cookies::set_first_party_id(id, secure)).ok());
        let id = plane.tokens.draw_text();
        let reference = ClickReference {
            id: ClickId::parse(&id)?,
            issued: exchange.started,
            link: link.slug.clone(),
            link_version: link.version,
            ms_id: ms_id.clone(),
        };
        let travels = measured && consent.granted.allows(Purpose::Advertising);
        let token = if travels { reference.to_token(&plane.parts.keys.click) } else { None };
        let mut event = Event::new(
            EventId::parse(&id)?,
            EventKind::Click,
            plane.links_source.clone(),
            exchange.started,
        );
        event.anonymous_id = ms_id;
        event.click = Some(reference);
        event.country = country;
        event.consent = consent;
        describe(&mut event, exchange, link);
        Some(Self { event, token, cookie })
    }
}

/// What the link and the request's head say of the click.
fn describe(event: &mut Event, exchange: &Exchange<'_>, link: &Link) {
    let referrer =
        exchange.header(REFERER.as_str()).filter(|text| text.len() <= Page::URL_BYTES_MAX);
    event.surface = Surface::Browser;
    event.page = Page {
        url: Some(link.destination.clone()),
        referrer: referrer.map(Into::into),
        title: None,
    };
    event.campaign = link.campaign.clone();
    let settings = exchange.plane.parts.registry.settings();
    event.arrival = Arrival::classify(&event.campaign, None, referrer, &settings);
    event.user_agent = exchange.user_agent().map(Into::into);
    if exchange.is_preview() {
        event.flags = event.flags.with(Flags::AUTOMATED);
    }
    event.hops.request = Some(exchange.started);
}

/// Makes the click durable, or counts that the visitor went on without.
async fn log(exchange: &mut Exchange<'_>, event: Event) {
    let plane = exchange.plane;
    let mut group = Group::default();
    group.admit(plane, event, plane.clock.now());
    exchange.stopwatch.parsed();
    let outcome = intake::store(exchange, group, plane.options.redirect_wait).await;
    if let Err(refusal) = outcome {
        add(&plane.counters.click_unlogged, 1);
        tracing::debug!(code = refusal.code(), "a click was let through unlogged");
    }
}

/// The redirect itself.
fn leave(link: &Link, location: HeaderValue, cookie: Option<HeaderValue>) -> Answer {
    let mut answer = answer::empty(StatusCode::from_u16(link.status).unwrap_or(StatusCode::FOUND));
    let headers = answer.headers_mut();
    headers.insert(LOCATION, location);
    headers.insert(CACHE_CONTROL, NO_STORE);
    if let Some(cookie) = cookie {
        headers.insert(SET_COOKIE, cookie);
    }
    answer
}
