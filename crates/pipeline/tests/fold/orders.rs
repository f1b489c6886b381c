//! What orders are worth, from everything said of them at once.

use millstream_event::{EntityId, Event, Money};
use millstream_stitch::{ConversionFact, Entry, EntryKey, Role};
use std::collections::{BTreeMap, BTreeSet};

/// Whose event an order's conversion is, and what it is worth.
pub struct Winner {
    pub subject: EntityId,
    pub key: EntryKey,
    pub value: Option<Money>,
    pub refunded_minor: i64,
}

/// What one event says of an order.
struct Said<'a> {
    subject: EntityId,
    key: &'a EntryKey,
    fact: &'a ConversionFact,
}

pub fn orders(subjects: &BTreeMap<EntityId, Vec<(Event, Entry)>>) -> BTreeMap<EntityId, Winner> {
    let mut said: BTreeMap<EntityId, Vec<Said<'_>>> = BTreeMap::new();
    for (subject, events) in subjects {
        for (_, Entry { key, conversion, .. }) in events {
            if let Some(fact) = conversion.as_deref()
                && let Some(order) = &fact.order
            {
                let one = Said { subject: *subject, key, fact };
                said.entry(EntityId::order(order)).or_default().push(one);
            }
        }
    }
    said.into_iter().filter_map(|(order, said)| Some((order, settle(said)?))).collect()
}

fn settle(mut said: Vec<Said<'_>>) -> Option<Winner> {
    said.sort_by_key(|one| (!one.fact.server, one.key, one.subject, one.fact.value));
    let of = |role| said.iter().filter(|one| one.fact.role == role).collect::<Vec<_>>();
    let (orders, mut renewals) = (of(Role::Order), of(Role::Renewal));
    once(&mut renewals);
    let winner = *orders.first().or(renewals.first())?;
    let first = match orders.is_empty() {
        true => renewals.remove(0).fact.value,
        false => orders.iter().find_map(|one| one.fact.value),
    };
    let mut restatements = of(Role::Restatement);
    restatements.retain(|one| one.fact.value.is_some());
    let restated = restatements.iter().max_by_key(|one| (one.key, one.subject));
    let mut amounts = vec![restated.map_or(first, |one| one.fact.value)];
    amounts.extend(renewals.iter().map(|one| one.fact.value));
    let (subject, key) = (winner.subject, winner.key.clone());
    let Some(Money { currency, .. }) = amounts.iter().flatten().next().copied() else {
        return Some(Winner { subject, key, value: None, refunded_minor: 0 });
    };
    let paid: i64 = amounts.iter().flatten().map(|value| value.minor).sum();
    let mut refunds = of(Role::Refund);
    once(&mut refunds);
    let all = refunds.iter().any(|one| one.fact.value.is_none());
    let some: i64 = refunds.iter().filter_map(|one| one.fact.value).map(|v| v.minor.abs()).sum();
    let refunded_minor = if all || some > paid { paid.max(0) } else { some };
    let value = Some(Money { minor: paid - refunded_minor, currency });
    Some(Winner { subject, key, value, refunded_minor })
}

/// What is numbered alike was told again.
fn once(said: &mut Vec<&Said<'_>>) {
    let mut seen = BTreeSet::new();
    said.retain(|one| one.fact.part.as_ref().is_none_or(|part| seen.insert(part)));
}
