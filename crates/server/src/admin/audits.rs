//! `/api/audit/{subject}/{id}`: the chain behind one thing.

use super::answer::{Refusal, json, typed};
use super::plane::Plane;
use super::reports::parameters;
use crate::audit::Subject;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::HeaderValue;
use std::sync::Arc;

/// Longest id that is looked for.
const ID_BYTES_MAX: usize = 512;

/// `GET /api/audit/verify`
///
/// # Errors
/// When the state cannot be read.
pub async fn verify(State(plane): State<Arc<Plane>>) -> Result<Response, Refusal> {
    let evidence = Arc::clone(&plane.parts.evidence);
    json(&plane.gate.run(move || Ok(evidence.verify()?)).await?)
}

/// `GET /api/audit/{subject}/{id}`
///
/// # Errors
/// When there is no such thing, or it cannot be read.
pub async fn get(
    State(plane): State<Arc<Plane>>,
    Path((subject, id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let subject: Subject = subject
        .parse()
        .map_err(|error: crate::report::ReportError| Refusal::not_found(error.to_string()))?;
    if id.len() > ID_BYTES_MAX {
        return Err(Refusal::bad_request(format!("an id has at most {ID_BYTES_MAX} bytes")));
    }
    let as_tree = parameters(query.as_deref())
        .iter()
        .any(|(name, value)| name == "format" && value == "tree");
    let evidence = Arc::clone(&plane.parts.evidence);
    let wanted = id.clone();
    let chain = plane.gate.run(move || Ok(evidence.chain(subject, &wanted)?)).await?;
    let chain = chain.ok_or_else(|| {
        Refusal::not_found(format!("there is no {} `{id}` in the figures: check the id; what was just sent is there within a second", subject.as_str()))
    })?;
    if as_tree {
        return Ok(typed(HeaderValue::from_static("text/plain; charset=utf-8"), chain.to_tree()));
    }
    json(&chain)
}
