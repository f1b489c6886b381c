//! `/api/links`: governed links, listed, made, disabled and restored.

use super::answer::{Refusal, json};
use super::plane::Plane;
use super::reports::parameters;
use crate::links::{HouseRules, Proposal};
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use millstream_event::control::Link;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A link as the API shows it.
#[derive(Serialize)]
pub struct LinkBody<'a> {
    slug: &'a str,
    version: u32,
    destination: &'a str,
    utm_source: Option<&'a str>,
    utm_medium: Option<&'a str>,
    utm_campaign: Option<&'a str>,
    utm_term: Option<&'a str>,
    utm_content: Option<&'a str>,
    ad_group: Option<&'a str>,
    status: u16,
    owner: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consent_text: Option<&'a str>,
    enabled: bool,
    changed: String,
}

impl<'a> LinkBody<'a> {
    /// The body of one version.
    pub fn of(link: &'a Link) -> Self {
        let campaign = &link.campaign;
        Self {
            slug: &link.slug,
            version: link.version,
            destination: &link.destination,
            utm_source: campaign.source.as_deref(),
            utm_medium: campaign.medium.as_deref(),
            utm_campaign: campaign.name.as_deref(),
            utm_term: campaign.term.as_deref(),
            utm_content: campaign.content.as_deref(),
            ad_group: campaign.ad_group.as_deref(),
            status: link.status,
            owner: &link.owner,
            expires: link.expires.map(millstream_event::Timestamp::to_rfc3339),
            consent_text: link.consent_text.as_deref(),
            enabled: link.enabled,
            changed: link.changed.to_rfc3339(),
        }
    }
}

/// What links are checked against.
#[derive(Debug, Serialize, Deserialize)]
pub struct HouseBody {
    /// The house rules.
    pub house: HouseRules,
    /// Hosts that are ours: a link that leads to a link of ours might lead back.
    pub own_domains: Vec<Box<str>>,
}

/// `GET /api/link-rules`
///
/// # Errors
/// Only when the answer cannot be written.
pub async fn rules(State(plane): State<Arc<Plane>>) -> Result<Response, Refusal> {
    json(&plane.parts.links.house())
}

/// Most links of one answer; ask on with `after`.
const PAGE_MAX: usize = 1_000;

/// `GET /api/links`
///
/// # Errors
/// Only when the answer cannot be written.
pub async fn list(
    State(plane): State<Arc<Plane>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let after = parameters(query.as_deref())
        .into_iter()
        .find_map(|(name, value)| (name == "after").then_some(value));
    let all = plane.parts.links.all();
    let rest: Vec<_> =
        all.iter().filter(|link| after.as_deref().is_none_or(|slug| *link.slug > *slug)).collect();
    let page: Vec<LinkBody<'_>> =
        rest.iter().take(PAGE_MAX).map(|link| LinkBody::of(link)).collect();
    let next = if rest.len() > PAGE_MAX { page.last().map(|link| link.slug) } else { None };
    json(&serde_json::json!({ "links": page, "total": all.len(), "next": next }))
}

/// `GET /api/links/{slug}`
///
/// # Errors
/// When there is no such link.
pub async fn show(
    State(plane): State<Arc<Plane>>,
    Path(slug): Path<String>,
) -> Result<Response, Refusal> {
    let history = plane.parts.links.history(&slug);
    let current = history.last().ok_or_else(|| {
        Refusal::not_found(format!("there is no link `{slug}`: list them with GET /api/links"))
    })?;
    let versions: Vec<LinkBody<'_>> = history.iter().map(|link| LinkBody::of(link)).collect();
    json(&serde_json::json!({ "link": LinkBody::of(current), "history": versions }))
}

/// `POST /api/links`
///
/// # Errors
/// When the proposal breaks a rule, or the log does not take it.
pub async fn put(State(plane): State<Arc<Plane>>, body: Bytes) -> Result<Response, Refusal> {
    let proposal: Proposal = serde_json::from_slice(&body).map_err(|error| {
        Refusal::bad_request(format!(
            "the body is no link ({error}): send {{\"slug\", \"destination\", \"owner\", …}}, see /openapi.json"
        ))
    })?;
    let parts = plane.parts.clone();
    let job = move || Ok(parts.links.put(proposal, (parts.clock)())?);
    let link = plane.changes.run(job).await?;
    let mut response = json(&LinkBody::of(&link))?;
    if link.version == 1 {
        *response.status_mut() = StatusCode::CREATED;
    }
    Ok(response)
}

/// `PUT /api/links/{slug}/disable`
///
/// # Errors
/// When there is no such link, or the log does not take the change.
pub async fn disable(
    State(plane): State<Arc<Plane>>,
    Path(slug): Path<String>,
) -> Result<Response, Refusal> {
    let parts = plane.parts.clone();
    let job = move || Ok(parts.links.disable(&slug, (parts.clock)())?);
    json(&LinkBody::of(&*plane.changes.run(job).await?))
}

/// `PUT /api/links/{slug}/restore`
///
/// # Errors
/// When there is no such link or version, or the log does not take the change.
pub async fn restore(
    State(plane): State<Arc<Plane>>,
    Path(slug): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let mut version = None;
    for (name, value) in parameters(query.as_deref()) {
        match (name.as_str(), value.parse()) {
            ("version", Ok(number)) => version = Some(number),
            _ => return Err(Refusal::bad_request("the one parameter is version, a whole number")),
        }
    }
    let parts = plane.parts.clone();
    let job = move || Ok(parts.links.restore(&slug, version, (parts.clock)())?);
    json(&LinkBody::of(&*plane.changes.run(job).await?))
}
