//! From a request to its answer: the redirect first, everything else by one match over paths.

use super::answer::{self, Answer};
use super::counters::Endpoint;
use super::exchange::{Exchange, Peer};
use super::plane::Plane;
use super::refusal::{Refusal, require};
use super::trace::Trace;
use super::{health, redirect, settings};
use http::{Method, Request};
use hyper::body::Incoming;
use tracing::Instrument;

const GET: &[Method] = &[Method::GET, Method::HEAD];

/// Answers one request; every path ends in an answer.
pub(super) async fn dispatch(plane: &Plane, peer: Peer, request: Request<Incoming>) -> Answer {
    let (head, body) = request.into_parts();
    let mut exchange = Exchange::begin(plane, peer, &head);
    let path = head.uri.path();
    let (endpoint, outcome) = match exchange.trace.as_ref().map(Trace::span) {
        None => route(&mut exchange, path, body).await,
        Some(span) => route(&mut exchange, path, body).instrument(span).await,
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

async fn route(
    exchange: &mut Exchange<'_>,
    path: &str,
    body: Incoming,
) -> (Endpoint, Result<Answer, Refusal>) {
    if let Some(slug) = path.strip_prefix("/r/") {
        return (Endpoint::Redirect, redirect::answer(exchange, slug).await);
    }
    if exchange.head.method == Method::OPTIONS {
        return (Endpoint::Other, Ok(answer::preflight(exchange)));
    }
    let read = || require(&exchange.head.method, GET, "GET, HEAD, OPTIONS");
    drop(body);
    match path {
        "/healthz" => (Endpoint::Health, read().map(|()| health::alive())),
        "/readyz" => (Endpoint::Health, read().map(|()| health::ready(exchange))),
        "/sourceConfig" => {
            (Endpoint::Settings, read().and_then(|()| settings::rudderstack(exchange)))
        }
        _ => match path.strip_prefix("/v1/projects/").and_then(|it| it.strip_suffix("/settings")) {
            Some(key) => {
                (Endpoint::Settings, read().and_then(|()| settings::segment(exchange, key)))
            }
            None => (Endpoint::Other, Err(Refusal::NotFound)),
        },
    }
}
