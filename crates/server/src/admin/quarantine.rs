//! `/api/quarantine`: what broke the contract, grouped by reason.

use super::answer::{Refusal, json};
use super::parts::AdminParts;
use super::plane::Plane;
use super::reports::{only_dry_run, parameters};
use crate::report::ReportError;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use millstream_event::{Quarantine, QuarantineReason, Timestamp};
use serde::Serialize;
use std::sync::Arc;

/// Most items of one answer.
pub const ITEMS_MAX: usize = 1_000;
/// Items of an answer that does not say how many.
const ITEMS_DEFAULT: usize = 100;

#[derive(Serialize)]
struct Group {
    reason: String,
    count: u64,
}

#[derive(Serialize)]
struct Item {
    id: String,
    reason: &'static str,
    detail: Box<str>,
    source: String,
    received: Option<String>,
    bytes: u32,
    raw: Option<Box<str>>,
}

impl From<Quarantine> for Item {
    fn from(thing: Quarantine) -> Self {
        Self {
            id: thing.id.to_hex(),
            reason: thing.reason.as_str(),
            detail: thing.detail,
            source: thing.source.to_string(),
            received: thing.received.map(Timestamp::to_rfc3339),
            bytes: thing.bytes,
            raw: thing.raw,
        }
    }
}

/// What stands in quarantine.
#[derive(Serialize)]
pub struct Listing {
    total: u64,
    groups: Vec<Group>,
    items: Vec<Item>,
}

/// `GET /api/quarantine`
///
/// # Errors
/// When a parameter is wrong or the log cannot be read.
pub async fn get(
    State(plane): State<Arc<Plane>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let mut reason = None;
    let mut limit = ITEMS_DEFAULT;
    for (name, value) in parameters(query.as_deref()) {
        match name.as_str() {
            "reason" => reason = Some(parse_reason(&value)?),
            "limit" => limit = parse_limit(&value)?,
            _ => return Err(Refusal::bad_request("the parameters are reason and limit")),
        }
    }
    let parts = plane.parts.clone();
    json(&plane.gate.run(move || Ok(listing(&parts, reason, limit)?)).await?)
}

/// `GET /api/quarantine/rules`
///
/// # Errors
/// When state cannot be read.
pub async fn rules(State(plane): State<Arc<Plane>>) -> Result<Response, Refusal> {
    let mending = Arc::clone(&plane.parts.mending);
    json(&plane.gate.run(move || Ok(mending.rules()?)).await?)
}

/// `PUT /api/quarantine/rules`: the body is TOML.
///
/// # Errors
/// When a parameter or the rules are wrong, or other work is under way.
pub async fn put_rules(
    State(plane): State<Arc<Plane>>,
    RawQuery(query): RawQuery,
    body: String,
) -> Result<Response, Refusal> {
    let dry_run = only_dry_run(query.as_deref())?;
    let mending = Arc::clone(&plane.parts.mending);
    json(&plane.imports.run(move || Ok(mending.put(&body, dry_run)?)).await?)
}

/// `PUT /api/quarantine/rules/{version}/restore`
///
/// # Errors
/// When there were no rules of that version.
pub async fn restore_rules(
    State(plane): State<Arc<Plane>>,
    Path(version): Path<u32>,
) -> Result<Response, Refusal> {
    let mending = Arc::clone(&plane.parts.mending);
    json(&plane.imports.run(move || Ok(mending.restore(version)?)).await?)
}

/// The latest things in quarantine, of one reason or of all, and how many there are of each.
///
/// # Errors
/// When state or log cannot be read.
pub fn listing(
    parts: &AdminParts,
    reason: Option<QuarantineReason>,
    limit: usize,
) -> Result<Listing, ReportError> {
    let outcomes = parts.figures.outcomes()?;
    let groups = outcomes
        .quarantined_by_reason
        .into_iter()
        .map(|(reason, count)| Group { reason, count })
        .collect();
    let items = parts.evidence.quarantined(reason, limit)?;
    let items = items.into_iter().map(Item::from).collect();
    Ok(Listing { total: outcomes.quarantined, groups, items })
}

fn parse_reason(text: &str) -> Result<QuarantineReason, Refusal> {
    QuarantineReason::ALL.into_iter().find(|reason| reason.as_str() == text).ok_or_else(|| {
        let known = QuarantineReason::ALL.map(QuarantineReason::as_str).join(", ");
        Refusal::bad_request(format!("there is no such reason: use one of {known}"))
    })
}

fn parse_limit(text: &str) -> Result<usize, Refusal> {
    text.parse().ok().filter(|limit| (1..=ITEMS_MAX).contains(limit)).ok_or_else(|| {
        Refusal::bad_request(format!("the limit is a whole number from 1 to {ITEMS_MAX}"))
    })
}
