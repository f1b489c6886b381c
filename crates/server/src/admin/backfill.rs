//! `/api/backfill`: the log folded anew by a running instance.

use super::answer::{Refusal, json};
use super::plane::Plane;
use super::reports::only_dry_run;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use std::sync::Arc;

/// `GET /api/backfill`: what is under way, and what became of the last one.
///
/// # Errors
/// Only when the answer cannot be written.
pub async fn get(State(plane): State<Arc<Plane>>) -> Result<Response, Refusal> {
    json(&plane.parts.refolding.standing())
}

/// `POST /api/backfill`: begins one; ask with `GET` how far it is.
///
/// # Errors
/// When one is under way, or a parameter is wrong.
pub async fn post(
    State(plane): State<Arc<Plane>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let dry_run = only_dry_run(query.as_deref())?;
    let refolding = Arc::clone(&plane.parts.refolding);
    let standing = plane.gate.run(move || {
        refolding.backfill(dry_run)?;
        Ok(refolding.standing())
    });
    json(&standing.await?)
}
