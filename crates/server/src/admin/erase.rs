//! `POST /api/erase`: a person erased by a running instance.

use super::answer::{Refusal, json};
use super::plane::Plane;
use super::reports::parameters;
use crate::erasure::Wanted;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use std::sync::Arc;

/// Erases, and answers with the receipt.
///
/// # Errors
/// When nobody is named, or something cannot be read or written.
pub async fn post(
    State(plane): State<Arc<Plane>>,
    RawQuery(query): RawQuery,
    wanted: Result<Json<Wanted>, JsonRejection>,
) -> Result<Response, Refusal> {
    let Json(wanted) = wanted.map_err(|error| {
        Refusal::bad_request(format!("send {{\"users\": [], \"anonymous\": []}}: {error}"))
    })?;
    let given = parameters(query.as_deref());
    let verify = given.iter().any(|(name, value)| name == "verify" && value == "true");
    let erasing = Arc::clone(&plane.parts.erasing);
    json(&plane.gate.run(move || Ok(erasing.erase(&wanted, verify)?)).await?)
}
