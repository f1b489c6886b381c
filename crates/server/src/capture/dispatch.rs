//! From a request to its answer: the redirect first, everything else by one match over paths.

use super::answer::{self, Answer};
use super::counters::Endpoint;
use super::exchange::{Exchange, Peer};
use super::head::Head;
use super::plane::Plane;
use super::refusal::{Refusal, require};
use super::segment::{self, Message};
use super::trace::Trace;
use super::{
    choice, decision, flow, health, measurement_protocol, model, ofrep, pixel, redirect, settings,
    snowplow, timing, visitor,
};
use http::{Method, Request};
use hyper::body::Incoming;
use millstream_event::wire::segment::Call;
use tracing::Instrument;

/// Answers one request; every path ends in an answer.
pub(super) async fn dispatch(plane: &Plane, peer: Peer, request: Request<Incoming>) -> Answer {
    let (head, body) = request.into_parts();
    let mut exchange = Exchange::begin(plane, peer, Head::Full(&head));
    let path = head.uri.path();
    let (endpoint, outcome) = match exchange.trace.as_ref().map(Trace::span) {
        None => answered(&mut exchange, path, body).await,
        Some(span) => answered(&mut exchange, path, body).instrument(span).await,
    };
    let mut answer = outcome.unwrap_or_else(|refusal| {
        plane.counters.refuse(&refusal);
        tracing::debug!(code = refusal.code(), endpoint = endpoint.as_str(), "refused");
        answer::refusal(&refusal)
    });
    let total = exchange.stopwatch.total();
    answer::finish(&exchange, total, &mut answer);
    plane.counters.answered(endpoint, total);
    answer
}

async fn answered(
    exchange: &mut Exchange<'_>,
    path: &str,
    body: Incoming,
) -> (Endpoint, Result<Answer, Refusal>) {
    if let Some(slug) = path.strip_prefix("/r/") {
        return (Endpoint::Redirect, redirect::answer(exchange, slug).await);
    }
    match Route::of(path) {
        None => (Endpoint::Other, Err(Refusal::NotFound)),
        Some(_) if exchange.head.method() == Method::OPTIONS => {
            (Endpoint::Other, Ok(answer::preflight(exchange)))
        }
        Some(route) => (route.endpoint(), route.answer(exchange, body).await),
    }
}

/// What a path stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route<'a> {
    Segment(Message),
    Pixel(Option<Call>),
    MeasurementProtocol,
    MeasurementProtocolDebug,
    Snowplow,
    Choice,
    Timing,
    Decide,
    DecideBatch,
    Better,
    Why,
    Reset,
    Flags,
    Flag(&'a str),
    FlagEvents,
    Model(&'a str),
    SegmentSettings(&'a str),
    RudderstackSettings,
    Alive,
    Ready,
}

impl<'a> Route<'a> {
    fn of(path: &'a str) -> Option<Self> {
        Some(match path {
            "/p.gif" => Self::Pixel(None),
            "/pixel/v1/track" => Self::Pixel(Some(Call::Track)),
            "/pixel/v1/page" => Self::Pixel(Some(Call::Page)),
            "/mp/collect" => Self::MeasurementProtocol,
            "/debug/mp/collect" => Self::MeasurementProtocolDebug,
            "/com.snowplowanalytics.snowplow/tp2" => Self::Snowplow,
            "/v1/consent" => Self::Choice,
            "/v1/rum" => Self::Timing,
            "/v1/decide" => Self::Decide,
            "/v1/decide/batch" => Self::DecideBatch,
            "/v1/decide/stream" => Self::Better,
            "/v1/decide/why" => Self::Why,
            "/v1/decide/reset" => Self::Reset,
            "/ofrep/v1/evaluate/flags" => Self::Flags,
            "/ofrep/v1/events" => Self::FlagEvents,
            "/sourceConfig" | "/sourceConfig/" => Self::RudderstackSettings,
            "/healthz" => Self::Alive,
            "/readyz" => Self::Ready,
            _ => {
                if let Some(key) = path.strip_prefix("/ofrep/v1/evaluate/flags/") {
                    return Some(Self::Flag(key));
                }
                let model = path.strip_prefix("/sdk/model/");
                if let Some(use_case) = model.and_then(|name| name.strip_suffix(".wasm")) {
                    return Some(Self::Model(use_case));
                }
                let key = path.strip_prefix("/v1/projects/");
                match key.and_then(|key| key.strip_suffix("/settings")) {
                    Some(key) => Self::SegmentSettings(key),
                    None => Self::Segment(Message::of(path)?),
                }
            }
        })
    }

    const fn endpoint(self) -> Endpoint {
        match self {
            Self::Segment(Message::Single(_)) => Endpoint::Single,
            Self::Segment(Message::Batch) => Endpoint::Batch,
            Self::Pixel(_) => Endpoint::Pixel,
            Self::MeasurementProtocol | Self::MeasurementProtocolDebug => {
                Endpoint::MeasurementProtocol
            }
            Self::Snowplow => Endpoint::Snowplow,
            Self::Choice => Endpoint::Consent,
            Self::Timing => Endpoint::Timing,
            Self::Decide | Self::DecideBatch | Self::Why => Endpoint::Decide,
            Self::Reset => Endpoint::Consent,
            Self::Better | Self::FlagEvents => Endpoint::Stream,
            Self::Flags | Self::Flag(_) => Endpoint::Flags,
            Self::SegmentSettings(_) | Self::RudderstackSettings | Self::Model(_) => {
                Endpoint::Settings
            }
            Self::Alive | Self::Ready => Endpoint::Health,
        }
    }

    /// The methods it takes.
    const fn methods(self) -> (&'static [Method], &'static str) {
        match self {
            Self::Segment(_)
            | Self::MeasurementProtocol
            | Self::MeasurementProtocolDebug
            | Self::Snowplow
            | Self::Choice
            | Self::Timing
            | Self::Decide
            | Self::DecideBatch
            | Self::Why
            | Self::Reset
            | Self::Flags
            | Self::Flag(_) => (&[Method::POST], "POST, OPTIONS"),
            Self::Better | Self::FlagEvents => (&[Method::GET], "GET, OPTIONS"),
            Self::Pixel(_)
            | Self::SegmentSettings(_)
            | Self::RudderstackSettings
            | Self::Model(_)
            | Self::Alive
            | Self::Ready => (&[Method::GET, Method::HEAD], "GET, HEAD, OPTIONS"),
        }
    }

    async fn answer(self, exchange: &mut Exchange<'_>, body: Incoming) -> Result<Answer, Refusal> {
        let (methods, allowed) = self.methods();
        require(&exchange.head.method(), methods, allowed)?;
        let _held = exchange.hold_client()?;
        match self {
            Self::Segment(message) => segment::answer(exchange, message, body).await,
            Self::Pixel(_) if exchange.head.method() == Method::HEAD => Ok(pixel::image()),
            Self::Pixel(call) => pixel::answer(exchange, call).await,
            Self::MeasurementProtocol => measurement_protocol::collect(exchange, body).await,
            Self::MeasurementProtocolDebug => measurement_protocol::validate(exchange, body).await,
            Self::Snowplow => snowplow::answer(exchange, body).await,
            Self::Choice => choice::answer(exchange, body).await,
            Self::Timing => timing::answer(exchange, body).await,
            Self::Decide => decision::answer(exchange, body).await,
            Self::DecideBatch => decision::batch(exchange, body).await,
            Self::Why => visitor::why(exchange, body).await,
            Self::Reset => visitor::reset(exchange, body).await,
            Self::Better => flow::better(exchange),
            Self::FlagEvents => flow::flags(exchange),
            Self::Flags => ofrep::bulk(exchange, body).await,
            Self::Flag(key) => ofrep::single(exchange, key, body).await,
            Self::Model(use_case) => model::answer(exchange, use_case),
            Self::SegmentSettings(key) => settings::segment(exchange, key),
            Self::RudderstackSettings => settings::rudderstack(exchange),
            Self::Alive => Ok(health::alive()),
            Self::Ready => Ok(health::ready(exchange)),
        }
    }
}
