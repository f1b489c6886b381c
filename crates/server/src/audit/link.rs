//! Links: who made them, what they say, and what came of them.

use super::{Chain, Sources, event};
use crate::report::{
    self, By, DeliveryCounts, Figures, Model, ReportError, ReportKind, ReportQuery, Spans,
    StateFigures,
};
use millstream_event::control::Link;

/// The chain behind a link: every version, and what its clicks brought.
///
/// # Errors
/// When state cannot be read.
pub fn chain(sources: &Sources<'_>, slug: &str) -> Result<Option<Chain>, ReportError> {
    let history = sources.registry.history(slug);
    let Some(current) = history.last() else { return Ok(None) };
    let mut chain = Chain::new("link", slug)
        .with("enabled", current.enabled)
        .with("versions", history.len() as u64)
        .over(brought(sources, slug)?);
    for link in &history {
        chain = chain.over(describe(link));
    }
    Ok(Some(chain))
}

fn brought(sources: &Sources<'_>, slug: &str) -> Result<Chain, ReportError> {
    let figures = StateFigures {
        state: sources.state,
        sums: sources.sums,
        generation: sources.generation,
        spans: Spans { window: sources.window, ..Spans::default() },
        delivery: DeliveryCounts::default(),
        probable: None,
        plans: &[],
        unlogged: Vec::new(),
    };
    let mut chain = Chain::group("brought");
    for model in Model::ALL.iter().filter(|model| !model.is_data_driven()) {
        let query =
            ReportQuery { by: By::Link, model: *model, ..ReportQuery::new(ReportKind::Campaigns) };
        let sums = figures.campaigns(&query)?;
        let Some(sum) = sums.sums.into_iter().find(|sum| sum.key == slug) else { continue };
        if chain.facts.is_empty() {
            chain = chain
                .with("clicks", sum.clicks)
                .with("touches", sum.touches)
                .with("sessions", sum.sessions);
        }
        let revenue: Vec<String> = sum.revenue.into_iter().map(report::number::money).collect();
        let credit = Chain::new("credit", model.as_str())
            .with("conversions", report::number::share(sum.conversions_ppb))
            .with_known("revenue", (!revenue.is_empty()).then(|| revenue.join(" + ")));
        chain = chain.over(credit);
    }
    Ok(chain)
}

/// One version of a link, the current one where none is named.
pub fn version(sources: &Sources<'_>, slug: &str, version: Option<u32>) -> Chain {
    let history = sources.registry.history(slug);
    let wanted = match version {
        Some(version) => history.iter().find(|link| link.version == version),
        None => history.last(),
    };
    match wanted {
        Some(link) => describe(link),
        None => Chain::new("link", slug)
            .with_known("version", version)
            .with("history", "not known here: the link was made elsewhere"),
    }
}

fn describe(link: &Link) -> Chain {
    let chain = Chain::new("link", &*link.slug)
        .with("version", link.version)
        .with("owner", &*link.owner)
        .with("changed", link.changed.to_rfc3339())
        .with("destination", &*link.destination)
        .with("status", u32::from(link.status))
        .with("enabled", link.enabled)
        .with_known("expires", link.expires.map(millstream_event::Timestamp::to_rfc3339))
        .with_known("consent_text", link.consent_text.as_deref());
    event::campaign(chain, &link.campaign)
}
