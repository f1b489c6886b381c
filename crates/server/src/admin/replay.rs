//! `/api/replay`: events and quarantined things read again by a running instance.

use super::answer::{Refusal, json};
use super::plane::Plane;
use super::reports::parameters;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use std::sync::Arc;

/// `POST /api/replay`: answers once it is done.
///
/// # Errors
/// When a parameter is wrong, another file or replay is under way, or the log does not take it.
pub async fn post(
    State(plane): State<Arc<Plane>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let parameters = parameters(query.as_deref());
    let transfer = Arc::clone(&plane.parts.transfer);
    json(&plane.imports.run(move || Ok(transfer.replay(&parameters)?)).await?)
}
