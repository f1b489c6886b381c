//! What browser SDKs fetch before they send anything. Served here, for an SDK that finds no
//! settings, or settings of someone else, stays silent or sends elsewhere.

use super::answer::{self, Answer};
use super::exchange::Exchange;
use super::refusal::Refusal;
use super::sources;
use http::StatusCode;
use serde_json::json;

/// `GET /v1/projects/{key}/settings`, as `@segment/analytics-next` reads it. Without
/// `integrations["Segment.io"].apiHost` it would send to Segment itself.
pub(super) fn segment(exchange: &Exchange<'_>, key: &str) -> Result<Answer, Refusal> {
    exchange.plane.sources.find(Some(key))?;
    let host = exchange.host().unwrap_or("localhost");
    let protocol = if exchange.secure() { "https" } else { "http" };
    let body = json!({
        "integrations": {
            "Segment.io": {
                "apiKey": key,
                "apiHost": format!("{host}/v1"),
                "protocol": protocol,
                "unbundledIntegrations": [],
                "addBundledMetadata": false,
                "maybeBundledConfigIds": {},
                "versionSettings": { "version": "4.4.7", "componentTypes": ["browser"] },
            },
        },
        "plan": {
            "track": { "__default": { "enabled": true, "integrations": {} } },
            "identify": { "__default": { "enabled": true } },
            "group": { "__default": { "enabled": true } },
        },
        "edgeFunction": {},
        "analyticsNextEnabled": true,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "metrics": { "sampleRate": 0 },
        "legacyVideoPluginsEnabled": false,
        "remotePlugins": [],
    });
    Ok(answer::json(StatusCode::OK, body.to_string()))
}

/// `GET /sourceConfig`, as `@rudderstack/analytics-js` reads it: it sends nothing before this
/// answers with a source that is enabled and a list of destinations.
pub(super) fn rudderstack(exchange: &Exchange<'_>) -> Result<Answer, Refusal> {
    let sent = exchange.header("authorization").and_then(sources::key_of_authorization);
    let key = sent.or_else(|| exchange.query_value("writeKey").map(|key| key.into_owned()));
    let source = exchange.plane.sources.find(key.as_deref())?;
    let body = json!({
        "source": {
            "id": source.as_str(),
            "name": source.as_str(),
            "writeKey": key.unwrap_or_default(),
            "enabled": true,
            "workspaceId": "millstream",
            "config": {
                "statsCollection": {
                    "errors": { "enabled": false },
                    "metrics": { "enabled": false },
                },
            },
            "connections": [],
            "destinations": [],
            "dataplanes": {},
        },
        "updatedAt": exchange.started.to_rfc3339(),
    });
    Ok(answer::json(StatusCode::OK, body.to_string()))
}
