//! `/api/export/{table}`: a table of the running instance, streamed.

use super::answer::{Refusal, typed};
use super::parts::TransferError;
use super::plane::Plane;
use super::reports::parameters;
use super::stream::{self, BodyWriter};
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::HeaderValue;
use std::io::Write;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// `GET /api/export/{table}`
///
/// # Errors
/// When there is no such table or format, or too many exports run.
pub async fn get(
    State(plane): State<Arc<Plane>>,
    Path(table): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let parameters = parameters(query.as_deref());
    plane.parts.transfer.check_export(&table, &parameters)?;
    let permit = Arc::clone(&plane.exports)
        .try_acquire_owned()
        .map_err(|_| Refusal::busy("too many exports run at once: ask again when one is done"))?;
    let transfer = Arc::clone(&plane.parts.transfer);
    let format = parameters.iter().find(|(name, _)| name == "format");
    let media = match format.map(|(_, value)| value.as_str()) {
        Some("jsonl") => "application/x-ndjson",
        Some("parquet") => "application/vnd.apache.parquet",
        _ => "text/csv; charset=utf-8",
    };
    let fill = move |output: &mut BodyWriter| transfer.export(&table, &parameters, output);
    Ok(streamed(permit, media, fill))
}

/// `GET /api/audit/person/{id}/export`
///
/// # Errors
/// When too many exports run.
pub async fn person(
    State(plane): State<Arc<Plane>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let permit = Arc::clone(&plane.exports)
        .try_acquire_owned()
        .map_err(|_| Refusal::busy("too many exports run at once: ask again when one is done"))?;
    let erasing = Arc::clone(&plane.parts.erasing);
    let fill = move |output: &mut BodyWriter| erasing.access(&id, output);
    Ok(streamed(permit, "application/x-ndjson", fill))
}

/// What `fill` writes, while it writes it.
fn streamed(
    permit: OwnedSemaphorePermit,
    media: &'static str,
    fill: impl FnOnce(&mut BodyWriter) -> Result<(), TransferError> + Send + 'static,
) -> Response {
    let (sender, body) = stream::body();
    tokio::task::spawn_blocking(move || {
        let _held_until_done = permit;
        let mut output = BodyWriter::new(sender);
        let outcome = fill(&mut output);
        let flushed = outcome.map_err(|error| error.to_string());
        let flushed = flushed.and_then(|()| output.flush().map_err(|error| error.to_string()));
        if let Err(message) = flushed {
            output.fail(message);
        }
    });
    typed(HeaderValue::from_static(media), Body::new(body))
}
