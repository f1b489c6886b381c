//! `/api/probable-links`: which devices look like one person's.

use super::answer::{Refusal, json};
use super::plane::Plane;
use super::reports::parameters;
use crate::linking::{SHOWN_DEFAULT, SHOWN_MAX};
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use std::sync::Arc;

struct Wanted {
    dry_run: bool,
    shown: usize,
}

fn wanted(query: Option<&str>, may_try: bool) -> Result<Wanted, Refusal> {
    let mut wanted = Wanted { dry_run: false, shown: SHOWN_DEFAULT };
    for (name, value) in parameters(query) {
        match (name.as_str(), value.as_str()) {
            ("dry_run", "true" | "false") if may_try => wanted.dry_run = value == "true",
            ("limit", text) => {
                let limit = text.parse().ok().filter(|limit| *limit <= SHOWN_MAX);
                wanted.shown = limit.ok_or_else(|| {
                    Refusal::bad_request(format!(
                        "the limit is a whole number from 0 to {SHOWN_MAX}"
                    ))
                })?;
            }
            _ if may_try => {
                let known = "the parameters are dry_run, true or false, and limit";
                return Err(Refusal::bad_request(known));
            }
            _ => return Err(Refusal::bad_request("the only parameter is limit")),
        }
    }
    Ok(wanted)
}

/// `GET /api/probable-links`
///
/// # Errors
/// When a parameter is wrong, or what is kept cannot be read.
pub async fn get(
    State(plane): State<Arc<Plane>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let wanted = wanted(query.as_deref(), false)?;
    let linking = Arc::clone(&plane.parts.linking);
    json(&plane.gate.run(move || Ok(linking.standing(wanted.shown)?)).await?)
}

/// `POST /api/probable-links`: answers once it is done; one at a time with imports and replays.
///
/// # Errors
/// When a parameter is wrong, other work is under way, or something cannot be read or written.
pub async fn post(
    State(plane): State<Arc<Plane>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let Wanted { dry_run, shown } = wanted(query.as_deref(), true)?;
    let linking = Arc::clone(&plane.parts.linking);
    json(&plane.imports.run(move || Ok(linking.fit(dry_run, shown)?)).await?)
}

/// `PUT /api/probable-links/{version}/restore`
///
/// # Errors
/// When there is no such version, or it cannot be read.
pub async fn restore(
    State(plane): State<Arc<Plane>>,
    Path(version): Path<u32>,
) -> Result<Response, Refusal> {
    let linking = Arc::clone(&plane.parts.linking);
    json(&plane.gate.run(move || Ok(linking.restore(version, SHOWN_DEFAULT)?)).await?)
}
