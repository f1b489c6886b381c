//! Clicks: the redirect, the link behind it, and the session it led to.

use super::{Chain, Sources, event, link};
use crate::report::ReportError;
use millstream_pipeline::query;

/// The chain behind a click id.
///
/// # Errors
/// When state cannot be read.
pub fn chain(sources: &Sources<'_>, id: &str) -> Result<Option<Chain>, ReportError> {
    let mut found = None;
    query::clicks(sources.state, sources.generation, &mut |row| {
        if row.click_id.as_str() == id {
            found = Some(row);
        }
        Ok(found.is_none())
    })?;
    let Some(row) = found else { return Ok(None) };
    let mut chain = Chain::new("click", id)
        .with("time", row.time.to_rfc3339())
        .with("bot", row.bot)
        .with("rebuilt_from_landing", row.rebuilt)
        .with_known("landed_by", row.landed_by.map(|device| device.to_string()))
        .with_known("session", row.session_id.map(|session| session.to_hex()));
    match event::chain(sources, id)? {
        Some(logged) => chain = chain.over(logged),
        None => chain = chain.over(link::version(sources, &row.link_id, None)),
    }
    Ok(Some(chain))
}
