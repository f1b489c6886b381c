//! `/api/rules`: rules taken out of force at once, with what they touched read again.

use super::answer::{Refusal, json};
use super::plane::Plane;
use super::reports::parameters;
use super::routes::{Endpoint, Parameter, change, choice, read, text};
use super::token::Role;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use std::sync::Arc;

const QUERY: &[Parameter] = &[
    text("rule", "own_domain:HOST, excluded_referrer:HOST or conversion:EVENT."),
    choice("dry_run", "Only tell what would change.", &["true", "false"]),
];

/// The routes.
pub(super) fn routes() -> Vec<(Endpoint, MethodRouter<Arc<Plane>>)> {
    const LIST: Endpoint = Endpoint {
        role: Some(Role::Editor),
        ..read("/api/rules", "Rules that can be switched.", "Document")
    };
    const SWITCH: Endpoint = Endpoint {
        query: QUERY,
        names: &[choice("how", "What to do.", &["disable", "enable"])],
        streams: true,
        ..change(
            "POST",
            "/api/rules/{how}",
            "Switches a rule and reads again what it touched.",
            "Document",
        )
    };
    vec![(LIST, get(list)), (SWITCH, post(switch))]
}

/// `GET /api/rules`
async fn list(State(plane): State<Arc<Plane>>) -> Result<Response, Refusal> {
    let rules = Arc::clone(&plane.parts.rules);
    json(&plane.gate.run(move || Ok(rules.rules())).await?)
}

/// `POST /api/rules/{how}`: answers once what the rule touched was read again.
async fn switch(
    State(plane): State<Arc<Plane>>,
    Path(how): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let on = match how.as_str() {
        "enable" => true,
        "disable" => false,
        _ => return Err(Refusal::bad_request("a rule is switched by enable or disable")),
    };
    let (mut rule, mut dry_run) = (String::new(), false);
    for (name, value) in parameters(query.as_deref()) {
        match (name.as_str(), value.as_str()) {
            ("rule", text) => rule = text.to_owned(),
            ("dry_run", "true" | "false") => dry_run = value == "true",
            _ => {
                let known = "the parameters are rule, and dry_run, true or false";
                return Err(Refusal::bad_request(known));
            }
        }
    }
    let rules = Arc::clone(&plane.parts.rules);
    json(&plane.imports.run(move || Ok(rules.switch(&rule, on, dry_run)?)).await?)
}
