//! `/api/report/{kind}`: the same reports as the command line, in any format.

use super::answer::{JSON, Refusal, typed};
use super::plane::Plane;
use super::routes::{Endpoint, MODEL, Parameter, choice, read, text};
use crate::report::{self, Format, Report, ReportKind, ReportQuery};
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::HeaderValue;
use http::header::CONTENT_DISPOSITION;
use std::sync::Arc;

const SPLIT: Parameter = choice(
    "by",
    "What to group by: for campaigns the first four, for stitching the others and source.",
    &[
        "channel",
        "source",
        "campaign",
        "link",
        "country",
        "region",
        "device",
        "browser",
        "connection",
        "event",
    ],
);
const QUERY: &[Parameter] = &[
    SPLIT,
    MODEL,
    choice("order", "Touches that a state of the Markov chain remembers.", &["1", "2", "3"]),
    text("window", "Days before a conversion in which touches count, such as 30d."),
    text("from", "First day, YYYY-MM-DD, UTC."),
    text("to", "Last day, YYYY-MM-DD, UTC."),
    choice("bots", "Count the touches of bots, too.", &["true", "false"]),
    text("currency", "The one currency of all amounts, by the imported rates."),
    choice("links", "Which links make devices one person's.", &["certain", "probable"]),
    text("as_of", "Only what had been received until then: a day, or a time. Takes time."),
    choice("format", "How to write it.", &["json", "table", "csv", "html"]),
];

/// Reports: an earlier state takes as long as folding the log does.
pub(super) const REPORT: Endpoint = Endpoint {
    query: QUERY,
    names: &[choice(
        "kind",
        "Which report.",
        &[
            "campaigns",
            "sessions",
            "delivery",
            "stitching",
            "personalization",
            "sensitivity",
            "budgets",
            "forecast",
        ],
    )],
    streams: true,
    ..read("/api/report/{kind}", "A report with its freshness and gaps.", "Report")
};

/// The decoded parameters of a query string, in their order.
pub fn parameters(query: Option<&str>) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect()
}

/// Of a query that may say `dry_run` and nothing else.
///
/// # Errors
/// When it says something else.
pub fn only_dry_run(query: Option<&str>) -> Result<bool, Refusal> {
    let mut dry_run = false;
    for (name, value) in parameters(query) {
        match (name.as_str(), value.as_str()) {
            ("dry_run", "true" | "false") => dry_run = value == "true",
            _ => return Err(Refusal::bad_request("the only parameter is dry_run, true or false")),
        }
    }
    Ok(dry_run)
}

/// Builds a report behind the gate.
///
/// # Errors
/// When too many run, or the figures cannot be read.
pub async fn build(plane: &Arc<Plane>, query: ReportQuery) -> Result<Report, Refusal> {
    let parts = plane.parts.clone();
    let job = move || {
        // Asked before the figures are read: what arrives in between is not promised.
        let freshness = parts.progress.standing().freshness();
        Ok(report::build(parts.figures.as_ref(), &query, freshness)?)
    };
    let gate = if query.as_of.is_some() { &plane.earlier } else { &plane.gate };
    gate.run(job).await
}

/// `GET /api/report/{kind}`
///
/// # Errors
/// See [`build`]; and when a parameter is wrong.
pub async fn get(
    State(plane): State<Arc<Plane>>,
    Path(kind): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let kind: ReportKind =
        kind.parse().map_err(|error: report::ReportError| Refusal::not_found(error.to_string()))?;
    let mut question = ReportQuery::new(kind);
    let mut format = Format::Json;
    for (name, value) in parameters(query.as_deref()) {
        match name.as_str() {
            "format" => format = value.parse()?,
            _ => question.set(&name, &value)?,
        }
    }
    let report = build(&plane, question).await?;
    let text = report::render(&report, format, None)?;
    let media = match format {
        Format::Json => JSON,
        Format::Csv => HeaderValue::from_static("text/csv; charset=utf-8"),
        Format::Html => HeaderValue::from_static("text/html; charset=utf-8"),
        Format::Table => HeaderValue::from_static("text/plain; charset=utf-8"),
    };
    let mut response = typed(media, text);
    // A page with its own style does not fit this plane's content policy: it is handed out as a
    // file, and so is what a spreadsheet opens.
    let file = match format {
        Format::Html => Some("html"),
        Format::Csv => Some("csv"),
        Format::Json | Format::Table => None,
    };
    if let Some(extension) = file {
        let name = format!("attachment; filename=\"millstream-{kind}.{extension}\"");
        let name = HeaderValue::from_str(&name).map_err(|e| Refusal::internal(e.to_string()))?;
        response.headers_mut().insert(CONTENT_DISPOSITION, name);
    }
    Ok(response)
}
