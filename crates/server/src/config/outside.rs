//! `[decide.use_cases.http]`: an external recommendation service.

use super::decide::bounded;
use super::error::ConfigError;
use super::resolved::wrong;
use crate::decide::ExternalOptions;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;
use url::Url;

/// As it is written.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHttp {
    url: String,
    budget_ms: Option<u64>,
    late_ms: Option<u64>,
    concurrent: Option<usize>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// Checks it; half of the use case's budget where it says nothing.
pub(super) fn http(
    raw: Option<&RawHttp>,
    budget_ms: u64,
) -> Result<Option<ExternalOptions>, ConfigError> {
    let Some(raw) = raw else { return Ok(None) };
    let url: Option<Url> = raw.url.parse().ok();
    let web = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let url = web.ok_or_else(|| {
        wrong("decide.use_cases.http.url", &raw.url, "write an address such as https://host/path")
    })?;
    let own_ms = raw.budget_ms.unwrap_or(budget_ms / 2);
    if !(1..budget_ms).contains(&own_ms) {
        let how = "use at least 1, and less than the budget of the use case";
        return Err(wrong("decide.use_cases.http.budget_ms", own_ms, how));
    }
    let late_ms = raw.late_ms.unwrap_or(5_000).max(own_ms);
    let late_ms = bounded("decide.use_cases.http.late_ms", late_ms as usize, 1..=60_000)?;
    let mut headers = HeaderMap::new();
    for (name, value) in &raw.headers {
        let header = name.parse::<HeaderName>().ok().zip(HeaderValue::from_str(value).ok());
        let (name, mut value) = header.ok_or_else(|| {
            wrong("decide.use_cases.http.headers", name, "write a header's name and plain text")
        })?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(Some(ExternalOptions {
        url,
        budget: Duration::from_millis(own_ms),
        late: Duration::from_millis(late_ms as u64),
        concurrent: bounded(
            "decide.use_cases.http.concurrent",
            raw.concurrent.unwrap_or(64),
            1..=10_000,
        )?,
        headers,
    }))
}
