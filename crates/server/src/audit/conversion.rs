//! Conversions: who converted, what they had touched before, and who earned which share.

use super::{Chain, Fact, Sources, event, link, revisions};
use crate::report::{ReportError, number};
use millstream_event::Hash128;
use millstream_pipeline::query;
use millstream_pipeline::rows::{ConversionRow, CreditRow, TouchRow};
use millstream_stitch::{Goods, Ware};

/// The chain behind a conversion, named by its conversion id, event id or order number.
///
/// # Errors
/// When state cannot be read.
pub fn chain(sources: &Sources<'_>, name: &str) -> Result<Option<Chain>, ReportError> {
    let found = query::conversion(sources.state, sources.generation, sources.window, name)?;
    let mut nodes = Vec::with_capacity(found.len());
    for chain in &found {
        nodes.push(node(sources, chain)?);
    }
    Ok(match nodes.len() {
        0 => None,
        1 => nodes.pop(),
        _ => Some(nodes.into_iter().fold(Chain::group("conversions"), Chain::over)),
    })
}

fn node(sources: &Sources<'_>, found: &query::Chain) -> Result<Chain, ReportError> {
    let ConversionRow { conversion_id, person_id, .. } = found.conversion;
    let row = &found.conversion;
    let mut chain = Chain::new("conversion", conversion_id.to_hex())
        .with("name", &*row.name)
        .with("time", row.time.to_rfc3339())
        .with_known("value", row.value.map(number::money))
        .with_known(
            "refunded",
            row.value.filter(|_| row.refunded_minor != 0).map(|value| {
                number::money(millstream_event::Money { minor: row.refunded_minor, ..value })
            }),
        )
        .with_known("order", row.order_id.as_deref())
        .with_known("session", row.session_id.map(Hash128::to_hex))
        .with_known("told_by", found.filled.then_some("a server that named the user, and a device"))
        .with("window_days", sources.window.0 / millstream_event::Span::days(1).0)
        .with("rules_generation", u32::from(sources.generation))
        .with("revision", row.revision.0);
    chain = row.goods.iter().map(goods).fold(chain, Chain::over);
    for logged in event::nodes_of_person(sources, &row.event_id, person_id)? {
        chain = chain.over(logged);
    }
    chain = chain.over(person(sources, person_id)?);
    for touched in &found.touches {
        chain = chain.over(touch(sources, found, touched)?);
    }
    for (touched, why) in &found.outside {
        let node = Chain::new("touch_outside", touched.touch_id.to_hex())
            .with("why", *why)
            .with("time", touched.time.to_rfc3339())
            .with("channel", touched.channel.as_str())
            .with("source", &*touched.source);
        chain = chain.over(event::campaign(node, &touched.campaign));
    }
    let unattributed: Vec<&CreditRow> =
        found.credits.iter().filter(|credit| credit.touch_id.is_none()).collect();
    if !unattributed.is_empty() {
        let nobody = Chain::group("unattributed").with("why", "no touch lies in the window");
        chain =
            chain.over(unattributed.into_iter().fold(nobody, |node, row| node.over(credit(row))));
    }
    for told in [revisions::order(sources, row)?, revisions::chain(sources, (row, &found.touches))?]
    {
        chain = told.into_iter().fold(chain, Chain::over);
    }
    Ok(chain)
}

/// One line of what was sold.
fn goods(line: &Goods) -> Chain {
    match &line.ware {
        Ware::Product(product) => Chain::new("goods", &**product).with("units", line.units),
        Ware::Cost => Chain::group("goods").with("cost_told_minor", line.units),
        Ware::Unknown => Chain::group("goods").with("cost", "not known"),
    }
}

fn person(sources: &Sources<'_>, id: millstream_event::EntityId) -> Result<Chain, ReportError> {
    let mut devices = Vec::new();
    for device in query::members(sources.state, sources.generation, id)? {
        let known = query::device(sources.state, sources.generation, device)?;
        let name = known.map(|known| known.name).filter(|name| !name.is_empty());
        devices.push(name.map_or_else(|| device.to_string(), |name| name.to_string()));
    }
    Ok(Chain::new("person", id.to_string()).with("devices", Fact::List(devices)))
}

fn touch(
    sources: &Sources<'_>,
    found: &query::Chain,
    row: &TouchRow,
) -> Result<Chain, ReportError> {
    let mut chain = Chain::new("touch", row.touch_id.to_hex())
        .with("time", row.time.to_rfc3339())
        .with("channel", row.channel.as_str())
        .with("source", &*row.source)
        .with("medium", &*row.medium)
        .with_known("session", row.session_id.map(Hash128::to_hex))
        .with("bot", row.bot);
    chain = event::campaign(chain, &row.campaign);
    for earned in found.credits.iter().filter(|credit| credit.touch_id == Some(row.touch_id)) {
        chain = chain.over(credit(earned));
    }
    let generation = sources.generation;
    let touch = (row.touch_id, row.time);
    let event_id = query::touch_event(sources.state, generation, row.person_id, touch)?;
    let mut linked = false;
    if let Some(event_id) = event_id {
        for logged in event::nodes_of_person(sources, &event_id, row.person_id)? {
            linked |= !logged.parts.is_empty();
            chain = chain.over(logged);
        }
    }
    match &row.link_id {
        Some(slug) if !linked => Ok(chain.over(link::version(sources, slug, None))),
        _ => Ok(chain),
    }
}

fn credit(row: &CreditRow) -> Chain {
    Chain::new("credit", row.model)
        .with("weight_ppb", row.weight_ppb)
        .with_known("amount", row.amount.map(number::money))
        .with_known("amount_minor", row.amount.map(|amount| amount.minor))
        .with_known("currency", row.amount.map(|amount| amount.currency.to_string()))
}
