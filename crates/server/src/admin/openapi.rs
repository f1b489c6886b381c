//! `/openapi.json`: the API described, from the same table that serves it.

use super::answer::{Refusal, json};
use super::plane::Plane;
use super::routes::{self, Endpoint, Parameter};
use axum::extract::State;
use axum::response::Response;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// `GET /openapi.json`
///
/// # Errors
/// Only when the answer cannot be written.
pub async fn get(State(_plane): State<Arc<Plane>>) -> Result<Response, Refusal> {
    json(&document())
}

/// The document, OpenAPI 3.1.
pub fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for (endpoint, _) in routes::table() {
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        path[endpoint.method.to_ascii_lowercase()] = operation(&endpoint);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Millstream admin plane",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": "Reports, audits, links and status. Tokens are required as soon as the plane listens beyond loopback.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": schemas(),
        },
    })
}

fn operation(endpoint: &Endpoint) -> Value {
    let parameters: Vec<Value> = endpoint
        .names
        .iter()
        .map(|one| parameter(one, "path"))
        .chain(endpoint.query.iter().map(|one| parameter(one, "query")))
        .collect();
    let schema = endpoint.schema.map_or_else(
        || json!({ "type": "string" }),
        |name| json!({ "$ref": format!("#/components/schemas/{name}") }),
    );
    let mut operation = json!({
        "summary": endpoint.about,
        "parameters": parameters,
        "responses": {
            "200": { "description": "Done.", "content": { endpoint.media: { "schema": schema } } },
            "default": {
                "description": "Refused; the body says why and how to fix it.",
                "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Refusal" } } },
            },
        },
    });
    if let Some(role) = endpoint.role {
        operation["security"] = json!([{ "token": [role.as_str()] }]);
        operation["x-role"] = json!(role.as_str());
    }
    if let Some(request) = endpoint.request {
        let media = if request == "File" { "application/octet-stream" } else { "application/json" };
        let schema = json!({ "$ref": format!("#/components/schemas/{request}") });
        operation["requestBody"] =
            json!({ "required": true, "content": { media: { "schema": schema } } });
    }
    operation
}

fn parameter(one: &Parameter, place: &str) -> Value {
    let mut schema = json!({ "type": "string" });
    if !one.values.is_empty() {
        schema["enum"] = json!(one.values);
    }
    json!({
        "name": one.name,
        "in": place,
        "required": place == "path",
        "description": one.about,
        "schema": schema,
    })
}

fn object(fields: &[(&str, Value)]) -> Value {
    let properties: Map<String, Value> =
        fields.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    json!({ "type": "object", "properties": properties, "required": names })
}

fn list(of: &Value) -> Value {
    json!({ "type": "array", "items": of })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn schemas() -> Value {
    let (count, text) = (json!({ "type": "integer", "minimum": 0 }), json!({ "type": "string" }));
    let stamp = json!({ "type": ["string", "null"], "format": "date-time" });
    let (truth, any) = (json!({ "type": "boolean" }), json!({ "type": "object" }));
    let counts =
        ["accepted", "duplicate", "degraded", "restricted", "quarantined", "refused", "shed"];
    let gaps = ["quarantined", "late", "shed", "unconsented", "shortened"];
    let counted = |names: &[&'static str]| {
        object(&names.iter().map(|name| (*name, count.clone())).collect::<Vec<_>>())
    };
    let lag = object(&[("behind_ms", count.clone()), ("records", any.clone())]);
    let envelope = [
        ("as_of", stamp.clone()),
        ("complete_until", stamp.clone()),
        ("provisional", truth.clone()),
    ];
    let report = [
        &[("kind", text.clone())],
        envelope.as_slice(),
        &[("gaps", counted(&gaps)), ("rows", list(&any)), ("totals", any.clone())],
    ]
    .concat();
    let shared = [("gear", text.clone()), ("lag", lag), ("counts", counted(&counts))];
    let status =
        [envelope.as_slice(), &shared, &[("watermark", stamp), ("version", text.clone())]].concat();
    let live = [
        envelope.as_slice(),
        &shared,
        &[("arrivals_per_second", count.clone()), ("totals", any.clone()), ("hops", list(&any))],
    ]
    .concat();
    json!({
        "Report": object(&report),
        "Status": object(&status),
        "Live": object(&live),
        "Chain": object(&[("what", text.clone())]),
        "Quarantine": object(&[("total", count.clone()), ("groups", list(&any)), ("items", list(&any))]),
        "Link": link(&text, &count, &truth),
        "Links": object(&[("links", list(&reference("Link"))), ("total", count.clone())]),
        "LinkHistory": object(&[("link", reference("Link")), ("history", list(&reference("Link")))]),
        "Verdict": object(&[("records", count.clone()), ("intact", truth.clone()), ("deliveries", any.clone())]),
        "LinkRules": object(&[("house", any.clone()), ("own_domains", list(&text))]),
        "Ledger": object(&[("rows", list(&any))]),
        "LedgerOutcome": object(&[("written", truth.clone()), ("broken", list(&any)), ("unmatched", list(&any))]),
        "Proposal": object(&[("slug", text.clone()), ("destination", text.clone()), ("owner", text.clone())]),
        "BackupWanted": object(&[("directory", text.clone())]),
        "Backup": counted(&["version", "entries", "state_bytes", "segments", "log_bytes"]),
        "Decisions": { "type": "object", "properties": { "use_cases": any.clone(), "profiles": any.clone() } },
        "Backfill": { "type": "object", "properties": { "folding": any.clone(), "last": any.clone() } },
        "Mending": any, "ProbableLinks": counted(&["links", "possible"]),
        "Replayed": counted(&["selected", "replayed", "unchanged", "still_broken", "without_text"]),
        "Question": {
            "type": "object",
            "required": ["query"],
            "properties": { "query": text, "rows": { "type": "integer", "minimum": 1 }, "fresh": truth },
        },
        "Answer": object(&[
            &[("columns", list(&any)), ("rows", list(&any)), ("more", truth.clone())],
            envelope.as_slice(),
            &[("elapsed_ms", count.clone())],
        ].concat()),
        "File": { "type": "string", "format": "binary" },
        "Import": counted(&["accepted", "duplicate", "quarantined", "refused"]),
        "Destinations": object(&[("as_of", text.clone()), ("destinations", list(&any))]), "Consent": object(&[("rows", list(&any))]), "DeadLetters": object(&[("letters", list(&any))]), "Done": any.clone(), "Document": any, "Wanted": object(&[("users", list(&text)), ("anonymous", list(&text))]),
        "Refusal": object(&[
            ("success", truth),
            ("error", object(&[("code", text.clone()), ("message", text)])),
        ]),
    })
}

fn link(text: &Value, count: &Value, truth: &Value) -> Value {
    object(&[
        ("slug", text.clone()),
        ("version", count.clone()),
        ("destination", text.clone()),
        ("status", count.clone()),
        ("owner", text.clone()),
        ("enabled", truth.clone()),
        ("changed", text.clone()),
    ])
}
