//! `/api/destinations`: where events are forwarded to, how that goes, and what is to be changed.

use super::answer::{Refusal, json};
use super::plane::Plane;
use super::reports::parameters;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use std::sync::Arc;

/// Most dead letters of one answer.
pub const LETTERS_MAX: usize = 1_000;

/// `GET /api/destinations`
///
/// # Errors
/// Only when the answer cannot be written.
pub async fn list(State(plane): State<Arc<Plane>>) -> Result<Response, Refusal> {
    json(&plane.parts.destinations.standings())
}

/// `GET /api/destinations/{name}/dead`
///
/// # Errors
/// When the state cannot be read.
pub async fn dead(
    State(plane): State<Arc<Plane>>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    let destinations = Arc::clone(&plane.parts.destinations);
    let letters = plane.gate.run(move || Ok(destinations.dead(&name, LETTERS_MAX)?));
    json(&serde_json::json!({ "letters": letters.await? }))
}

/// `POST /api/destinations/{name}/{action}`
///
/// # Errors
/// When there is none of that name, or it cannot be done.
pub async fn order(
    State(plane): State<Arc<Plane>>,
    Path((name, action)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let destinations = Arc::clone(&plane.parts.destinations);
    let given = parameters(query.as_deref());
    let done = plane.gate.run(move || Ok(destinations.order(&name, &action, &given)?));
    json(&done.await?)
}
