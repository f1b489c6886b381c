//! `/api/destinations`: where events are forwarded to, how that goes, and what is to be changed.

use super::answer::{Refusal, json};
use super::plane::Plane;
use super::reports::parameters;
use super::routes::{Endpoint, Parameter, change, choice, read, text};
use super::token::Role;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
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

/// `POST /api/config/reload`
///
/// # Errors
/// When nothing is forwarded here, or the folder cannot be read.
pub async fn reload(State(plane): State<Arc<Plane>>) -> Result<Response, Refusal> {
    let destinations = Arc::clone(&plane.parts.destinations);
    json(&plane.gate.run(move || Ok(destinations.reload()?)).await?)
}

/// The routes of destinations.
pub(super) fn routes() -> Vec<(Endpoint, MethodRouter<Arc<Plane>>)> {
    const NAME: Parameter = text("name", "The destination's name.");
    const LIST: Endpoint =
        read("/api/destinations", "How every destination stands, measured.", "Destinations");
    const DEAD: Endpoint = Endpoint {
        names: &[NAME],
        ..read("/api/destinations/{name}/dead", "Deliveries that were given up.", "DeadLetters")
    };
    const ORDER: Endpoint = Endpoint {
        names: &[
            NAME,
            choice(
                "action",
                "What to do.",
                &["pause", "resume", "drain", "disable", "replay", "resend"],
            ),
        ],
        query: &[
            text("from", "For replay: events received from this instant on."),
            text("to", "For replay: events received before this instant."),
            text("reason", "For resend: only dead letters for this reason."),
        ],
        ..change("POST", "/api/destinations/{name}/{action}", "Changes how one stands.", "Done")
    };
    const RELOAD: Endpoint = Endpoint {
        role: Some(Role::Admin),
        ..change("POST", "/api/config/reload", "Reads destinations' files again.", "Done")
    };
    const ERASE: Endpoint = Endpoint {
        role: Some(Role::Admin),
        request: Some("Wanted"),
        query: &[choice("verify", "Only look for what is left.", &["true", "false"])],
        streams: true,
        ..change("POST", "/api/erase", "Erases a person; the answer is the receipt.", "Done")
    };
    const ACCESS: Endpoint = Endpoint {
        role: Some(Role::Admin),
        names: &[text("id", "A user's or device's id.")],
        media: "application/x-ndjson",
        schema: None,
        streams: true,
        ..read("/api/audit/person/{id}/export", "Everything that is kept of a person.", "Text")
    };
    const CONSENT: Endpoint = Endpoint {
        query: &[
            text("from", "The first day, YYYY-MM-DD."),
            text("to", "The last day."),
            choice("format", "How to write it.", &["json", "tree"]),
            text("width", "Columns of the table, 40 to 400."),
        ],
        streams: true,
        ..read("/api/audit/consent", "What consent allowed, by day and region.", "Consent")
    };
    const RETENTION: Endpoint =
        read("/api/audit/retention", "What retention removed from the log.", "Done");
    vec![
        (RETENTION, get(super::audits::retention)),
        (CONSENT, get(super::audits::consent)),
        (ACCESS, get(super::export::person)),
        (ERASE, post(super::erase::post)),
        (LIST, get(list)),
        (DEAD, get(dead)),
        (ORDER, post(order)),
        (RELOAD, post(reload)),
    ]
}
