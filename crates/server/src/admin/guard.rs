//! Keeps others out: host names, origins, tokens, and the headers that bind a browser.

use super::answer::Refusal;
use super::plane::Plane;
use super::token::Role;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// What the dashboard may load: nothing but what this plane serves, and no inline code or style.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; font-src 'self'; manifest-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// How long a request that does not stream may take.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Adds the headers that bind a browser to every answer.
pub async fn bind(request: Request, next: Next) -> Response {
    let page = !is_data(request.uri().path());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(CONTENT_SECURITY_POLICY, CONTENT_POLICY);
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(REFERRER_POLICY, "no-referrer");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    set(HeaderName::from_static("x-frame-options"), "DENY");
    set(CACHE_CONTROL, if page { "no-cache" } else { "no-store" });
    response
}

fn is_data(path: &str) -> bool {
    path.starts_with("/api/") || path == "/metrics" || path == "/openapi.json"
}

/// Turns away requests to other host names and from other origins.
pub async fn keep(State(plane): State<Arc<Plane>>, request: Request, next: Next) -> Response {
    match check(&plane, &request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

fn check(plane: &Plane, request: &Request) -> Result<(), Refusal> {
    let host = host_of(request).ok_or_else(|| {
        Refusal::bad_request("the request names no host, or several: send one Host header")
    })?;
    if let Some(names) = &plane.hosts
        && !is_loopback(host.host())
        && !names.iter().any(|name| name.eq_ignore_ascii_case(host.host()))
    {
        return Err(Refusal {
            status: StatusCode::MISDIRECTED_REQUEST,
            code: "unknown_host",
            message: "the admin plane does not answer under this host name (a guard against DNS \
                      rebinding): use 127.0.0.1 or localhost, or add the name to admin.hosts"
                .to_owned(),
        });
    }
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if (changes || is_data(request.uri().path())) && is_foreign(request.headers(), &host) {
        return Err(Refusal::forbidden(
            "foreign_origin",
            "the request comes from another site's page: use the dashboard or a client of your own",
        ));
    }
    Ok(())
}

fn host_of(request: &Request) -> Option<Authority> {
    let mut named = request.headers().get_all(HOST).iter();
    let first = named.next();
    if named.next().is_some() {
        return None;
    }
    match (first, request.uri().authority()) {
        (Some(host), _) => host.to_str().ok()?.parse().ok(),
        (None, authority) => authority.cloned(),
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// True when a browser says that another site's page made the request.
fn is_foreign(headers: &HeaderMap, host: &Authority) -> bool {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    if site.is_some_and(|site| site != b"same-origin" && site != b"none") {
        return true;
    }
    let mut origins = headers.get_all(ORIGIN).iter();
    origins.any(|origin| {
        let text = origin.to_str().unwrap_or_default();
        let bare = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        bare.and_then(|bare| bare.parse::<Authority>().ok()).as_ref() != Some(host)
    })
}

/// The role that a route asks for.
#[derive(Clone)]
pub struct Threshold {
    /// The plane with its tokens.
    pub plane: Arc<Plane>,
    /// Least role.
    pub role: Role,
}

/// Turns away requests without a token that allows the route. Without any tokens configured the
/// plane listens on loopback only, and everybody there may do all.
pub async fn authorize(
    State(threshold): State<Threshold>,
    request: Request,
    next: Next,
) -> Response {
    match allowed(&threshold, request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

fn allowed(threshold: &Threshold, headers: &HeaderMap) -> Result<(), Refusal> {
    let tokens = &threshold.plane.tokens;
    if tokens.is_empty() {
        return Ok(());
    }
    let presented = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = presented.and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    });
    let role = token.and_then(|token| tokens.role_of(token)).ok_or_else(Refusal::unauthorized)?;
    if role < threshold.role {
        let needed = threshold.role.as_str();
        return Err(Refusal::forbidden(
            "role",
            format!("this needs the role {needed}: use a token of that role"),
        ));
    }
    Ok(())
}

/// Ends requests that take too long.
pub async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Refusal::busy("the request took too long: ask again later").into_response(),
    }
}
