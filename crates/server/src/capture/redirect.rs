//! `GET /r/{slug}`: the click is durable, then the visitor goes on. Whatever the log does, the
//! visitor never waits longer than the configured patience.

use super::answer::{self, Answer};
use super::cookies;
use super::counters::add;
use super::exchange::Exchange;
use super::gate::Gate;
use super::intake::{self, Group};
use super::location::Destination;
use super::plane::Plane;
use super::refusal::{Refusal, require};
use crate::links::signed;
use http::header::{CACHE_CONTROL, LOCATION, SET_COOKIE};
use http::{HeaderValue, Method, StatusCode};
use millstream_event::{AnonymousId, Click, ClickId, Flags, Page, Purpose, Timestamp};
use std::sync::Arc;

/// The source of every click of ours.
pub const LINKS_SOURCE: &str = "links";

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// Small, calm, and without a word about what was asked for.
const UNKNOWN_LINK: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width\"><meta name=\"robots\" content=\"noindex\">\
<title>Link not found</title><body style=\"font:1rem/1.5 system-ui,sans-serif;max-width:30rem;\
margin:20vh auto;padding:0 1rem\"><h1 style=\"font-size:1.25rem\">This link leads nowhere</h1>\
<p>It may have been mistyped, or it is no longer in use.</p>";

/// Where a link leads; `None` when there is no such link, or it leads nowhere now.
pub(super) fn destination(plane: &Plane, slug: &str, now: Timestamp) -> Option<Arc<Destination>> {
    let link = plane.parts.registry.get(slug).filter(|link| link.leads_at(now))?;
    plane.destinations.of(&link)
}

/// True when a query may name a signed destination, and signatures are believed at all.
pub(super) fn is_signed(plane: &Plane, query: &str) -> bool {
    !query.is_empty()
        && !plane.options.signed_links.is_empty()
        && query.contains(signed::DESTINATION)
}

/// Where the request leads: to the signed destination where it names one, else to the stored one.
fn asked(exchange: &Exchange<'_>, slug: &str) -> Option<Arc<Destination>> {
    let (plane, keys) = (exchange.plane, &exchange.plane.options.signed_links);
    let value = |name| exchange.query_value(name).unwrap_or_default();
    let to = if keys.is_empty() { Default::default() } else { value(signed::DESTINATION) };
    if to.is_empty() {
        return destination(plane, slug, exchange.started);
    }
    let link = plane.parts.registry.get(slug).filter(|link| link.leads_at(exchange.started))?;
    let holds = keys.verify(&value(signed::KEY), (slug, &to), &value(signed::SIGNATURE));
    if holds { Destination::instead(&link, &to) } else { None }
}

/// Answers the redirect.
pub(super) async fn answer(exchange: &mut Exchange<'_>, slug: &str) -> Result<Answer, Refusal> {
    let method = exchange.head.method();
    require(&method, &[Method::GET, Method::HEAD], "GET, HEAD")?;
    let plane = exchange.plane;
    let Some(destination) = asked(exchange, slug) else {
        add(&plane.counters.click_unknown, 1);
        return Ok(answer::with_body(
            StatusCode::NOT_FOUND,
            "text/html; charset=utf-8",
            UNKNOWN_LINK,
        ));
    };
    if method == Method::HEAD {
        return Ok(leave(&destination, destination.plain(), None));
    }
    let departure = Departure::of(exchange, &destination).ok_or(Refusal::Internal)?;
    let Departure { token, cookie, group } = departure;
    let location = token.map_or_else(|| destination.plain(), |it| destination.with_click(&it));
    let cookie = cookie.and_then(|cookie| HeaderValue::try_from(cookie).ok());
    log(exchange, group).await;
    Ok(leave(&destination, location, cookie))
}

/// A visitor about to leave: the click, and what is taken along.
pub(super) struct Departure {
    /// Without consent nothing travels.
    pub(super) token: Option<String>,
    /// `Set-Cookie`, for a visitor who is new.
    pub(super) cookie: Option<String>,
    /// The click's record.
    pub(super) group: Group,
}

impl Departure {
    /// `None` when no id could be made, which no input can bring about.
    pub(super) fn of(exchange: &mut Exchange<'_>, destination: &Destination) -> Option<Self> {
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
        let ms_id = if fresh { plane.tokens.draw_as(AnonymousId::parse) } else { known };
        let cookie =
            ms_id.as_ref().filter(|_| fresh).map(|id| cookies::set_first_party_id(id, secure));
        let referrer = exchange.header("referer").filter(|text| text.len() <= Page::URL_BYTES_MAX);
        let arrival = destination.arrival(referrer, &plane.parts.registry.settings());
        let click = Click {
            link: destination.link(),
            source: &plane.links_source,
            arrival: arrival.as_deref(),
            id: &plane.tokens.draw_as(ClickId::parse)?,
            at: exchange.started,
            queued: exchange.started,
            ms_id: ms_id.as_ref(),
            referrer,
            user_agent: exchange.user_agent(),
            country: country.as_deref(),
            consent,
            flags: flags(exchange),
        };
        let travels = measured && consent.granted.allows(Purpose::Advertising);
        let token = if travels { click.to_token(&plane.parts.keys.click) } else { None };
        let group = Group::of_click(exchange, destination, click);
        Some(Self { token, cookie, group })
    }
}

/// What the request's head and its address tell of whoever sent it.
fn flags(exchange: &Exchange<'_>) -> Flags {
    let preview = if exchange.is_preview() { Flags::AUTOMATED } else { Flags::default() };
    exchange.plane.parts.places.data_centres.flagged(preview, || Some(exchange.client()))
}

/// Makes the click durable, or counts that the visitor went on without.
async fn log(exchange: &mut Exchange<'_>, group: Group) {
    let plane = exchange.plane;
    if let Err(refusal) = intake::store(exchange, group, plane.options.redirect_wait).await {
        went_unlogged(plane, &refusal);
    }
}

/// Counts a visitor who went on without the click being durable.
pub(super) fn went_unlogged(plane: &Plane, refusal: &Refusal) {
    add(&plane.counters.click_unlogged, 1);
    tracing::debug!(code = refusal.code(), "a click was let through unlogged");
}

/// The redirect itself.
fn leave(destination: &Destination, location: HeaderValue, cookie: Option<HeaderValue>) -> Answer {
    let mut answer = answer::empty(destination.status());
    let headers = answer.headers_mut();
    headers.insert(LOCATION, location);
    headers.insert(CACHE_CONTROL, NO_STORE);
    if let Some(cookie) = cookie {
        headers.insert(SET_COOKIE, cookie);
    }
    answer
}
