//! `/api/audit/{subject}/{id}`: the chain behind one thing.

use super::answer::{Refusal, json, typed};
use super::plane::Plane;
use super::reports::parameters;
use crate::audit::Subject;
use crate::report::DateRange;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::HeaderValue;
use std::sync::Arc;

/// Longest id that is looked for.
const ID_BYTES_MAX: usize = crate::receipt::RECEIPT_BYTES_MAX;
/// Width of a table where none is asked for.
const WIDTH: u16 = 120;

/// `GET /api/audit/verify`
///
/// # Errors
/// When the state cannot be read.
pub async fn verify(State(plane): State<Arc<Plane>>) -> Result<Response, Refusal> {
    let evidence = Arc::clone(&plane.parts.evidence);
    json(&plane.gate.run(move || Ok(evidence.verify()?)).await?)
}

/// `GET /api/audit/retention`
///
/// # Errors
/// When what was removed, or the log, cannot be read.
pub async fn retention(State(plane): State<Arc<Plane>>) -> Result<Response, Refusal> {
    let evidence = Arc::clone(&plane.parts.evidence);
    json(&plane.gate.run(move || Ok(evidence.removed()?)).await?)
}

/// `GET /api/audit/consent`
///
/// # Errors
/// When a day is none, or the log cannot be read.
pub async fn consent(
    State(plane): State<Arc<Plane>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let given = parameters(query.as_deref());
    let find = |wanted: &str| {
        given.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone())
    };
    let day = |name: &str| find(name).as_deref().map(DateRange::parse_day).transpose();
    let range = DateRange { from: day("from")?, to: day("to")? };
    let evidence = Arc::clone(&plane.parts.evidence);
    let report = plane.gate.run(move || Ok(evidence.consent(range)?)).await?;
    if find("format").as_deref() == Some("tree") {
        let width = find("width").and_then(|width| width.parse().ok()).unwrap_or(WIDTH);
        let text = report.to_table(width.clamp(40, 400));
        return Ok(typed(HeaderValue::from_static("text/plain; charset=utf-8"), text));
    }
    json(&report.to_json())
}

/// `GET /api/config/history`
///
/// # Errors
/// When the state cannot be read.
pub async fn configurations(State(plane): State<Arc<Plane>>) -> Result<Response, Refusal> {
    let evidence = Arc::clone(&plane.parts.evidence);
    json(&plane.gate.run(move || Ok(evidence.configurations()?)).await?)
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
