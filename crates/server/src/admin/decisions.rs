//! `/api/decisions` and `/api/train`: what decisions do, and what they learn from.

use super::answer::{Refusal, json};
use super::plane::Plane;
use super::reports::parameters;
use super::routes::{Endpoint, change, choice, read, text};
use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum::routing::{self, MethodRouter};
use std::sync::Arc;

/// `GET /api/decisions`: budgets, margins and rungs by use case.
///
/// # Errors
/// Only when the answer cannot be written.
pub async fn get(State(plane): State<Arc<Plane>>) -> Result<Response, Refusal> {
    json(&plane.parts.decisions.standing())
}

/// `POST /api/train`: trains a use case, or goes back to the version before.
///
/// # Errors
/// When there is no such use case, or nothing to learn from.
pub async fn train(
    State(plane): State<Arc<Plane>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let (mut use_case, mut pages, mut rollback, mut distill) = (None, false, false, false);
    for (name, value) in parameters(query.as_deref()) {
        match (name.as_str(), value.as_str()) {
            ("use_case", _) => use_case = Some(value),
            ("pages", "true" | "false") => pages = value == "true",
            ("rollback", "true" | "false") => rollback = value == "true",
            ("distill", "true" | "false") => distill = value == "true",
            _ => {
                return Err(Refusal::bad_request(
                    "the parameters are use_case or pages, and rollback or distill, true or false",
                ));
            }
        }
    }
    if use_case.is_some() == pages {
        return Err(Refusal::bad_request("name the use_case, or say pages=true"));
    }
    let desk = Arc::clone(&plane.parts.decisions);
    let outcome = plane.gate.run(move || match (use_case, rollback) {
        (Some(use_case), true) => Ok(desk.roll_back(&use_case)?),
        (Some(use_case), false) => Ok(desk.train(&use_case, distill)?),
        (None, true) => Ok(desk.roll_back_pages()?),
        (None, false) => Ok(desk.train_pages()?),
    });
    json(&outcome.await?)
}

/// The routes of decisions.
pub fn routes() -> Vec<(Endpoint, MethodRouter<Arc<Plane>>)> {
    const DECIDING: Endpoint =
        read("/api/decisions", "Budgets, margins and rungs of decisions by use case.", "Decisions");
    const LEARN: Endpoint = Endpoint {
        query: &[
            text("use_case", "The use case."),
            choice("pages", "Instead: where visitors go on to.", &["true", "false"]),
            choice("rollback", "Go back to the version before.", &["true", "false"]),
            choice("distill", "Fit the first pass to the session neighbours.", &["true", "false"]),
        ],
        streams: true,
        ..change("POST", "/api/train", "Trains the models of a use case.", "Decisions")
    };
    vec![(DECIDING, routing::get(get)), (LEARN, routing::post(train))]
}
