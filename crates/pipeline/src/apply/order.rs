//! An order decides which of its claims is the conversion.

use crate::item::{Body, Claim, Item, ItemKind, OrderVerdict};
use crate::key::{Key, KeyKind};
use crate::state::{Order, Versioned, living};
use crate::view::{Stamp, View};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use millstream_event::{Currency, EntityId, Hash128, Money};
use millstream_stitch::{Goods, Role, Ware};

/// The least claim wins: the order's own before a renewal, a server's first, then by time, then by
/// id. An empty value is filled from the next claim of the order that has one. Restatements replace
/// it, renewals add to it, refunds take from it and never more than all. Amounts in another currency
/// change nothing. Goods follow the values, claim by claim. A function of the set of claims: which of them came first plays no part.
pub(crate) fn verdict(order: &Order) -> Option<OrderVerdict> {
    let claims: BTreeSet<&Claim> = living(&order.claims).collect();
    let winner = claims.first().filter(|claim| claim.role <= Role::Renewal)?;
    let of = |role| claims.iter().copied().filter(move |claim: &&Claim| claim.role == role);
    let once = |role| {
        let mut seen = BTreeSet::new();
        of(role).filter(move |claim| seen.insert(name(claim)))
    };
    let renewals = once(Role::Renewal).map(|claim| claim.value);
    // The first payment seen stands for an order that never was.
    let renewals: Vec<Option<Money>> =
        renewals.skip(usize::from(winner.role == Role::Renewal)).collect();
    let own = match winner.role {
        Role::Order => of(Role::Order).find_map(|claim| claim.value),
        _ => winner.value,
    };
    let restatements = of(Role::Restatement).filter(|claim| claim.value.is_some());
    let restated = restatements.max_by_key(|claim| (&claim.key, claim.device));
    let base = restated.map_or(own, |claim| claim.value);
    let amounts = [base].into_iter().chain(renewals).flatten();
    let (device, key) = (winner.device, winner.key.clone());
    let Some(currency) = amounts.clone().next().map(|value| value.currency) else {
        return Some(OrderVerdict {
            device,
            key,
            value: None,
            refunded_minor: 0,
            goods: Vec::new(),
        });
    };
    let ours = |value: &Money| value.currency == currency;
    let paid = amounts.filter(ours).fold(0i64, |sum, value| sum.saturating_add(value.minor));
    let refunded = once(Role::Refund).fold(0i64, |sum, claim| match claim.value {
        None => i64::MAX,
        Some(value) if ours(&value) => sum.saturating_add(value.minor.saturating_abs()),
        Some(_) => sum,
    });
    let refunded_minor = refunded.min(paid.max(0));
    let value = Some(Money { minor: paid.saturating_sub(refunded_minor), currency });
    let whole = refunded > 0 && refunded >= paid;
    let goods = if whole { Vec::new() } else { goods(&claims, currency) };
    Some(OrderVerdict { device, key, value, refunded_minor, goods })
}

/// What an order sold and still has: what it says itself or was last said of it, with what renewals added
/// and without what refunds name. Whatever is refunded whole has none.
fn goods(claims: &BTreeSet<&Claim>, currency: Currency) -> Vec<Goods> {
    let of = |role| claims.iter().copied().filter(move |claim| claim.role == role);
    let once = |role| {
        let mut seen = BTreeSet::new();
        of(role).filter(move |claim| seen.insert(name(claim)))
    };
    let told = |claim: &&Claim| !claim.goods.is_empty();
    let restated =
        of(Role::Restatement).filter(told).max_by_key(|claim| (&claim.key, claim.device));
    let own = restated.or_else(|| of(Role::Order).find(told));
    let sold = own.into_iter().chain(once(Role::Renewal));
    let mut goods: Vec<Goods> = sold.flat_map(|claim| in_currency(claim, currency)).collect();
    for refund in once(Role::Refund) {
        let returned: Vec<Goods> = in_currency(refund, currency).collect();
        Goods::take_back(&mut goods, &returned);
    }
    goods
}

/// The goods of a claim. A cost that was told in another currency than the order's is not known.
fn in_currency(claim: &Claim, currency: Currency) -> impl Iterator<Item = Goods> {
    let same = claim.value.is_some_and(|value| value.currency == currency);
    claim.goods.iter().cloned().map(move |line| match line.ware {
        Ware::Cost if !same => Goods { ware: Ware::Unknown, ..line },
        _ => line,
    })
}

/// What tells one refund or renewal from another: its number, else itself.
fn name(claim: &Claim) -> (Option<&str>, Option<&Claim>) {
    match &claim.part {
        Some(part) => (Some(part), None),
        None => (None, Some(claim)),
    }
}

pub(super) fn apply(
    view: &mut View,
    target: EntityId,
    (name, version, body): ((EntityId, Hash128), u64, Option<Claim>),
    stamp: Stamp,
) {
    let key = Key::entity(stamp.generation, KeyKind::Order, target);
    let mut order = view.take::<Order>(&key).unwrap_or_default();
    if order.claims.get(&name).is_none_or(|known| known.version < version) {
        let before = verdict(&order);
        order.claims.insert(name, Versioned { version, body });
        let after = verdict(&order);
        let claimants: BTreeSet<EntityId> = if before == after {
            [name.0].into()
        } else {
            order.claims.keys().map(|(device, _)| *device).collect()
        };
        for device in claimants {
            let body = after.clone().map(Body::Verdict);
            let (kind, id) = (ItemKind::Verdict, Hash128::default());
            view.send(stamp, Item { kind, sender: target, target: device, id, body });
        }
    }
    view.put(key, order);
}
