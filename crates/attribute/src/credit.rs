//! The credits of one conversion.

use crate::model::{Model, Step};
use crate::rounding::{WHOLE_PPB, apportion};
use crate::shape::Shape;
use alloc::boxed::Box;
use alloc::vec::Vec;
use millstream_event::{Channel, Hash128, Money, Span, Timestamp};
use millstream_stitch::{EntryKey, TouchFact};
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

/// True when a conversion has more touches in its window than are credited.
pub fn is_shortened<'a>(
    touches: impl Iterator<Item = &'a Touch>,
    conversion: &Conversion,
    window: Span,
) -> bool {
    touches.filter(|touch| in_window(touch, conversion, window)).nth(TOUCHES_MAX).is_some()
}

/// The times of conversions that a touch at `time` can be credited with.
pub fn reach(time: Timestamp, window: Span) -> core::ops::RangeInclusive<Timestamp> {
    time..=time + window
}

/// Credits of one conversion under one model. `touches` may be in any order and hold others, too.
/// Weights sum to 10^9 and amounts to the conversion's value; without a touch in the window there
/// is one credit to nobody. Costs one pass and a sort of the touches in the window.
pub fn credits<'a>(
    touches: impl Iterator<Item = &'a Touch>,
    conversion: &Conversion,
    model: Model,
    window: Span,
) -> Vec<Credit<'a>> {
    let mut path: Vec<&Touch> =
        touches.filter(|touch| in_window(touch, conversion, window)).collect();
    path.sort_by(|a, b| (&a.key, a.id).cmp(&(&b.key, b.id)));
    let path = &path[path.len().saturating_sub(TOUCHES_MAX)..];
    if path.is_empty() {
        return alloc::vec![Credit {
            touch: None,
            weight_ppb: WHOLE_PPB,
            amount: conversion.value
        }];
    }
    let step = |touch: &&Touch| Step { direct: touch.is_direct(), time: touch.key.time };
    let steps: Vec<Step> = path.iter().map(step).collect();
    let relative = model.weights(&steps, &Shape::default());
    // Ties of the rounding go by touch id, not by place in the path.
    let mut by_id: Vec<usize> = (0..path.len()).filter(|at| relative[*at] > 0).collect();
    by_id.sort_by_key(|at| path[*at].id);
    let shares: Vec<u64> = by_id.iter().map(|at| relative[*at]).collect();
    let weights = apportion(i64::from(WHOLE_PPB), &shares);
    let ppb: Vec<u64> = weights.iter().map(|weight| weight.unsigned_abs()).collect();
    let amounts = apportion(conversion.value.map_or(0, |value| value.minor), &ppb);
    let mut found: Vec<(usize, Credit<'a>)> = by_id
        .into_iter()
        .zip(weights.into_iter().zip(amounts))
        .map(|(at, (weight, minor))| {
            let amount = conversion.value.map(|value| Money { minor, ..value });
            (
                at,
                Credit {
                    touch: Some(path[at]),
                    weight_ppb: u32::try_from(weight).unwrap_or(0),
                    amount,
                },
            )
        })
        .collect();
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, credit)| credit).collect()
}
