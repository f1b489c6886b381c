//! The credits of one conversion.

use crate::model::{Model, Step};
use crate::rounding::{WHOLE_PPB, apportion};
use crate::shape::Shape;
use alloc::boxed::Box;
use alloc::vec::Vec;
use millstream_event::{Channel, Hash128, Money, Span, Timestamp};
use millstream_stitch::{EntryKey, Goods, TouchFact, Ware};
use serde::{Deserialize, Serialize};

/// Touches in a window beyond this count are passed over, the latest stay.
pub const TOUCHES_MAX: usize = 1_000;

/// A touch of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touch {
    /// Hash of (device, event).
    pub id: Hash128,
    /// Its event's place in time.
    pub key: EntryKey,
    /// The session it stands in.
    pub session: Option<Hash128>,
    /// What led here.
    pub fact: TouchFact,
    /// True in a bot's session: never credited.
    pub bot: bool,
}

impl Touch {
    /// True when nothing led here.
    pub fn is_direct(&self) -> bool {
        self.fact.arrival.channel.as_str() == Channel::DIRECT
    }
}

/// A conversion of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversion {
    /// Hash of the order, else of (device, event).
    pub id: Hash128,
    /// Its event's place in time.
    pub key: EntryKey,
    /// The business event's name.
    pub name: Box<str>,
    /// The session it stands in.
    pub session: Option<Hash128>,
    /// Its value, where it has one: with renewals, as last restated, without what was refunded.
    pub value: Option<Money>,
    /// Minor units of the value's currency that were refunded.
    pub refunded_minor: i64,
    /// Order number.
    pub order: Option<Box<str>>,
    /// True in a bot's session: shown apart, never credited.
    pub bot: bool,
    /// What was sold and has not come back, where that is kept.
    pub goods: Vec<Goods>,
}

/// One share of a conversion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credit<'a> {
    /// The touch; none when there is none in the window.
    pub touch: Option<&'a Touch>,
    /// Parts per billion.
    pub weight_ppb: u32,
    /// Its share of the conversion's value, where that has one.
    pub amount: Option<Money>,
}

/// True when the touch can be credited with the conversion: not a bot's, not after it, and at most
/// `window` before it. One at the same instant counts: logs of whole seconds know no better, and
/// the ids that order equal times say nothing of cause.
pub fn in_window(touch: &Touch, conversion: &Conversion, window: Span) -> bool {
    let (arrived, converted) = (touch.key.time, conversion.key.time);
    !touch.bot && arrived <= converted && converted - arrived <= window
}

/// Why the touch cannot be credited with the conversion; none when it can.
pub fn why_outside(touch: &Touch, conversion: &Conversion, window: Span) -> Option<&'static str> {
    if in_window(touch, conversion, window) {
        return None;
    }
    Some(match (touch.bot, touch.key.time > conversion.key.time) {
        (true, _) => "it is a bot's",
        (_, true) => "it came after the conversion",
        _ => "it lies before the window",
    })
}

/// The times of conversions that a touch at `time` can be credited with.
pub fn reach(time: Timestamp, window: Span) -> core::ops::RangeInclusive<Timestamp> {
    time..=time + window
}

/// The touches that a conversion can be credited to, in event order: those in its window, the latest
/// [`TOUCHES_MAX`] of them.
#[derive(Debug)]
pub struct Path<'a> {
    /// In event order.
    pub touches: Vec<&'a Touch>,
    /// True when there are more in the window.
    pub shortened: bool,
    steps: Vec<Step>,
    /// Places of the touches, by their ids: ties of the rounding go by them.
    by_id: Vec<usize>,
}

/// What one touch of a [`Path`] earns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The touch's place in the path.
    pub at: usize,
    /// Parts per billion.
    pub weight_ppb: u32,
    /// Minor units of the conversion's currency.
    pub minor: i64,
}

impl<'a> Path<'a> {
    /// The path of a conversion. `touches` may be in any order and hold others, too. Costs one pass
    /// and a sort of the touches in the window.
    pub fn of(
        touches: impl Iterator<Item = &'a Touch>,
        conversion: &Conversion,
        window: Span,
    ) -> Self {
        let mut touches: Vec<&Touch> =
            touches.filter(|touch| in_window(touch, conversion, window)).collect();
        touches.sort_by(|a, b| (&a.key, a.id).cmp(&(&b.key, b.id)));
        let over = touches.len().saturating_sub(TOUCHES_MAX);
        touches.drain(..over);
        let step = |touch: &&Touch| Step { direct: touch.is_direct(), time: touch.key.time };
        let steps = touches.iter().map(step).collect();
        let mut by_id: Vec<usize> = (0..touches.len()).collect();
        by_id.sort_by_key(|at| touches[*at].id);
        Self { touches, shortened: over > 0, steps, by_id }
    }

    /// What each touch earns of `minor` units under a model, in event order; those that earn nothing
    /// are left out. Weights sum to 10^9 and amounts to `minor`; none when there is no touch.
    pub fn shares(&self, minor: i64, model: Model) -> Vec<Share> {
        if self.touches.is_empty() {
            return Vec::new();
        }
        let relative = model.weights(&self.steps, &Shape::default());
        let earns = |at: &usize| relative[*at] > 0;
        let by_id: Vec<usize> = self.by_id.iter().copied().filter(earns).collect();
        let shares: Vec<u64> = by_id.iter().map(|at| relative[*at]).collect();
        let weights = apportion(i64::from(WHOLE_PPB), &shares);
        let ppb: Vec<u64> = weights.iter().map(|weight| weight.unsigned_abs()).collect();
        let amounts = apportion(minor, &ppb);
        let earned = by_id.into_iter().zip(weights.into_iter().zip(amounts));
        let share = |(at, (weight, minor))| Share {
            at,
            weight_ppb: u32::try_from(weight).unwrap_or(0),
            minor,
        };
        let mut found: Vec<Share> = earned.map(share).collect();
        found.sort_unstable_by_key(|share| share.at);
        found
    }
}

/// Credits of one conversion under one model. `touches` may be in any order and hold others, too.
/// Weights sum to 10^9 and amounts to the conversion's value; without a touch in the window there
/// is one credit to nobody.
pub fn credits<'a>(
    touches: impl Iterator<Item = &'a Touch>,
    conversion: &Conversion,
    model: Model,
    window: Span,
) -> Vec<Credit<'a>> {
    let path = Path::of(touches, conversion, window);
    if path.touches.is_empty() {
        return alloc::vec![Credit {
            touch: None,
            weight_ppb: WHOLE_PPB,
            amount: conversion.value
        }];
    }
    let shares = path.shares(conversion.value.map_or(0, |value| value.minor), model);
    let credit = |share: Share| Credit {
        touch: Some(path.touches[share.at]),
        weight_ppb: share.weight_ppb,
        amount: conversion.value.map(|value| Money { minor: share.minor, ..value }),
    };
    shares.into_iter().map(credit).collect()
}

/// What a credit is a share of: units of one product, or cost that the event itself told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sold<'a> {
    /// The product; empty where the units are minor units of cost.
    pub product: &'a str,
    /// Billionths of a unit.
    pub units_ppb: i128,
    /// The part of the credit's amount that was paid for it.
    pub paid_minor: i64,
}

/// The goods behind a credit: its weight of each line's units, and its amount divided among the lines
/// as their prices stand. Lines that nothing tells the cost of are left out, so the amounts sum to
/// what was paid for goods of known cost; those of a conversion's credits sum to its own.
pub fn sold(goods: &[Goods], weight_ppb: u32, amount: Option<Money>) -> Vec<Sold<'_>> {
    let Some(amount) = amount.filter(|_| !goods.is_empty()) else { return Vec::new() };
    let priced = goods.iter().any(|line| line.price > 0);
    let weights = goods.iter().map(|line| if priced { line.price } else { line.units });
    let paid = apportion(amount.minor, &weights.collect::<Vec<u64>>());
    let lines = goods.iter().zip(paid).filter_map(|(line, paid_minor)| {
        let product = match &line.ware {
            Ware::Product(product) => product,
            Ware::Cost => "",
            Ware::Unknown => return None,
        };
        let units_ppb = i128::from(weight_ppb) * i128::from(line.units);
        Some(Sold { product, units_ppb, paid_minor })
    });
    lines.collect()
}
