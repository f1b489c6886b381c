//! What became of a conversion's credit since it was first given, and why each time.

use super::{Chain, Sources};
use crate::report::{ReportError, number};
use millstream_event::{Money, OrderId, Timestamp};
use millstream_pipeline::query;
use millstream_pipeline::recredit::{Change, Recredit};
use millstream_pipeline::rows::{ConversionRow, TouchRow};
use millstream_stitch::Role;

/// How a conversion stood before or after a change.
#[derive(Clone, Copy, PartialEq)]
struct Standing {
    touches: u32,
    value: Option<Money>,
    refunded_minor: i64,
}

/// One node for each instant at which the credit changed, oldest first; none where it never did.
///
/// # Errors
/// When state cannot be read.
pub fn chain(
    sources: &Sources<'_>,
    (row, touches): (&ConversionRow, &[TouchRow]),
) -> Result<Option<Chain>, ReportError> {
    let changes = query::recredits(sources.state, sources.generation, row.conversion_id)?;
    if changes.is_empty() {
        return Ok(None);
    }
    let now = Standing {
        touches: u32::try_from(touches.len()).unwrap_or(u32::MAX),
        value: row.value,
        refunded_minor: row.refunded_minor,
    };
    let renews = told_of(sources, row, Role::Renewal)?;
    let restates = told_of(sources, row, Role::Restatement)?;
    let instants: Vec<&[Recredit]> = changes.chunk_by(|a, b| a.at == b.at).collect();
    let mut chain = Chain::group("revisions");
    for (number, instant) in instants.iter().enumerate() {
        let Some(before) = instant.first() else { continue };
        let next = instants.get(number + 1).and_then(|next| next.first());
        let after = next.map_or(now, Standing::before);
        if after == Standing::before(before) && instant.iter().all(|one| is_move(one.change)) {
            // The same devices make a person of another id: nothing earns anything else.
            continue;
        }
        chain = chain.over(revision(instant, (before, after), (renews, restates), touches));
    }
    Ok((!chain.parts.is_empty()).then_some(chain))
}

impl Standing {
    const fn before(change: &Recredit) -> Self {
        let Recredit { touches, value, refunded_minor, .. } = *change;
        Self { touches, value, refunded_minor }
    }
}

const fn is_move(change: Change) -> bool {
    matches!(change, Change::DeviceCame | Change::DeviceWent)
}

/// True when an event of this role tells of the conversion's order.
fn told_of(sources: &Sources<'_>, row: &ConversionRow, role: Role) -> Result<bool, ReportError> {
    let Some(order) = row.order_id.as_deref().and_then(OrderId::parse) else { return Ok(false) };
    let claims = query::claims(sources.state, sources.generation, &order)?;
    Ok(claims.iter().any(|claim| claim.role == role))
}

fn revision(
    instant: &[Recredit],
    (before, after): (&Recredit, Standing),
    (renews, restates): (bool, bool),
    touches: &[TouchRow],
) -> Chain {
    let has = |wanted: Change| instant.iter().any(|one| one.change == wanted);
    let cause = match () {
        () if has(Change::Refund) => "refund",
        () if has(Change::Value) => match (renews, restates) {
            (true, false) => "renewal",
            (false, true) => "restatement",
            (true, true) => "restatement or renewal",
            (false, false) => "better copy",
        },
        () if has(Change::DeviceWent) && after.touches < before.touches => "unlink",
        () if has(Change::DeviceWent) || has(Change::DeviceCame) => "merge",
        () if has(Change::Withdrawn) => "another claim",
        () if has(Change::TouchWent) => "corrected touch",
        () => "late touch",
    };
    let (from, to) = (before.touches, after.touches);
    let mut chain = Chain::new("revision", before.at.to_rfc3339())
        .with("cause", cause)
        .with_known("touches_before", (from != to).then_some(from))
        .with_known("touches_after", (from != to).then_some(to))
        .with_known("value_before", changed(before.value, after.value))
        .with_known("value_after", changed(after.value, before.value));
    if before.refunded_minor != after.refunded_minor {
        chain = chain.with("refunded_minor_after", after.refunded_minor);
    }
    for touched in instant.iter().filter_map(|one| one.touch.as_deref().map(|it| (one.change, it)))
    {
        let (change, touch) = touched;
        let what = match change {
            // It followed the conversion to the person that they are found to be now.
            Change::DeviceWent if touches.iter().any(|row| row.touch_id == touch.id) => continue,
            Change::TouchWent | Change::DeviceWent => "touch_gone",
            _ => "touch_came",
        };
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let node = Chain::new(what, touch.id.to_hex())
            .with("time", Timestamp::to_rfc3339(touch.time))
            .with("channel", &*touch.dimensions.channel)
            .with("source", &*touch.dimensions.source)
            .with_known("utm_campaign", text(&touch.dimensions.campaign));
        chain = chain.over(node);
    }
    chain
}

fn changed(one: Option<Money>, other: Option<Money>) -> Option<String> {
    (one != other).then(|| one.map_or_else(|| "none".to_owned(), number::money))
}

/// What events say of the conversion's order: which one counts, and what the others add.
///
/// # Errors
/// When state cannot be read.
pub fn order(sources: &Sources<'_>, row: &ConversionRow) -> Result<Option<Chain>, ReportError> {
    let Some(order) = row.order_id.as_deref().and_then(OrderId::parse) else { return Ok(None) };
    let claims = query::claims(sources.state, sources.generation, &order)?;
    if claims.len() < 2 {
        return Ok(None);
    }
    let mut chain = Chain::new("order", order.as_str());
    for (place, claim) in claims.iter().enumerate() {
        let says = match claim.role {
            Role::Order if place == 0 => "it is the order",
            Role::Order => "a copy of the order",
            Role::Renewal => "it was paid again",
            Role::Restatement => "it is worth something else",
            Role::Refund => "something was given back",
        };
        let node = Chain::new("claim", claim.key.id.as_str())
            .with("says", says)
            .with("time", claim.key.time.to_rfc3339())
            .with("told_by", if claim.from_browser { "client" } else { "server" })
            .with_known("value", claim.value.map(number::money))
            .with_known("number", claim.part.as_deref());
        chain = chain.over(node);
    }
    Ok(Some(chain))
}
