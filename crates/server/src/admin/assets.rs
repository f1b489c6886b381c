//! The dashboard's files, embedded in the binary.

use super::answer::{Refusal, typed};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{ETAG, IF_NONE_MATCH};
use http::{HeaderValue, Method, StatusCode};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../../web"]
#[include = "*.html"]
#[include = "*.svg"]
#[include = "app/*"]
#[include = "vendor/*"]
struct Files;

/// Any path that is no route: a file of the dashboard, or 404.
pub async fn get(request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return wrong_method().await;
    }
    let path = match request.uri().path() {
        "/" => "index.html",
        other => other.trim_start_matches('/'),
    };
    let Some(file) = Files::get(path) else {
        return Refusal::not_found(
            "there is no such page: the dashboard is at /, the API is described at /openapi.json",
        )
        .into_response();
    };
    let hash: String =
        file.metadata.sha256_hash().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let etag = HeaderValue::from_str(&format!("\"{hash}\"")).ok();
    let same = etag.is_some() && request.headers().get(IF_NONE_MATCH) == etag.as_ref();
    let mut response = if same {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        typed(media(path), file.data.into_owned())
    };
    if let Some(etag) = etag {
        response.headers_mut().insert(ETAG, etag);
    }
    response
}

/// A known path, but not with this method.
pub async fn wrong_method() -> Response {
    Refusal {
        status: StatusCode::METHOD_NOT_ALLOWED,
        code: "method",
        message: "this path does not take that method: see /openapi.json".to_owned(),
    }
    .into_response()
}

fn media(path: &str) -> HeaderValue {
    HeaderValue::from_static(match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    })
}
