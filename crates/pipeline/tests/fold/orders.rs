//! What orders are worth, from everything said of them at once.

use millstream_event::{EntityId, Event, Money};
use millstream_stitch::{ConversionFact, Entry, EntryKey, Goods, Role, Ware};
use std::collections::{BTreeMap, BTreeSet};

/// Whose event an order's conversion is, and what it is worth.
pub struct Winner {
    pub subject: EntityId,
    pub key: EntryKey,
    pub value: Option<Money>,
    pub refunded_minor: i64,
    pub goods: Vec<Goods>,
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
        return Some(Winner { subject, key, value: None, refunded_minor: 0, goods: Vec::new() });
    };
    let paid: i64 = amounts.iter().flatten().map(|value| value.minor).sum();
    let mut refunds = of(Role::Refund);
    once(&mut refunds);
    let all = refunds.iter().any(|one| one.fact.value.is_none());
    let some: i64 = refunds.iter().filter_map(|one| one.fact.value).map(|v| v.minor.abs()).sum();
    let refunded_minor = if all || some > paid { paid.max(0) } else { some };
    let value = Some(Money { minor: paid - refunded_minor, currency });
    let goods = if all || some > 0 && some >= paid { Vec::new() } else { goods(&said) };
    Some(Winner { subject, key, value, refunded_minor, goods })
}

/// What was sold and has not come back; all amounts of these histories are of one currency.
fn goods(said: &[Said<'_>]) -> Vec<Goods> {
    let of = |role, numbered: bool| {
        let mut told: Vec<&Said<'_>> = said.iter().filter(|one| one.fact.role == role).collect();
        if numbered {
            once(&mut told);
        }
        told.retain(|one| !one.fact.goods.is_empty());
        told
    };
    let by_place = |one: &&&Said<'_>| (one.key.clone(), one.subject);
    let (restated, own) = (of(Role::Restatement, false), of(Role::Order, false));
    let own = restated.iter().max_by_key(by_place).or(own.first());
    let sold = own.into_iter().copied().chain(of(Role::Renewal, true));
    let known = |one: &Said<'_>| {
        let lines = one.fact.goods.iter().cloned();
        let value = one.fact.value;
        let lines = lines.map(move |line| match line.ware {
            Ware::Cost if value.is_none() => Goods { ware: Ware::Unknown, ..line },
            _ => line,
        });
        lines.collect::<Vec<_>>()
    };
    let mut goods: Vec<Goods> = sold.flat_map(known).collect();
    for refund in of(Role::Refund, true) {
        for back in known(refund).iter().filter(|line| line.ware != Ware::Unknown) {
            let mut back_units = back.units;
            for line in goods.iter_mut().filter(|line| line.ware == back.ware) {
                let kept = line.units.saturating_sub(back_units);
                back_units -= line.units - kept;
                line.price = (line.price * kept).checked_div(line.units).unwrap_or(0);
                line.units = kept;
            }
        }
    }
    goods
}

/// What is numbered alike was told again.
fn once(said: &mut Vec<&Said<'_>>) {
    let mut seen = BTreeSet::new();
    said.retain(|one| one.fact.part.as_ref().is_none_or(|part| seen.insert(part)));
}
