//! How events arrived: each copy is tallied under where it came from, and under the business event
//! it is.

use crate::lags::lags_key;
use crate::state::{Dedup, Tallied};
use crate::stitching::{Origin, Stitching, StitchingPlace};
use crate::view::View;
use millstream_event::{Event, Flags, Hash128, Lane, Span};
use millstream_stitch::{Agent, ConversionFact, Role, Verdict};

/// Where an event comes from.
pub(super) struct Provenance {
    origin: Origin,
    business: Option<Origin>,
    converts: bool,
}

impl Provenance {
    pub(super) fn of(event: &Event, agent: &Agent, conversion: Option<&ConversionFact>) -> Self {
        Self {
            origin: Origin::of_event(event, agent),
            business: conversion.map(|fact| Origin::of_business(&fact.name)),
            converts: conversion.is_some_and(|fact| fact.role == Role::Order),
        }
    }

    pub(super) fn tallied(&self) -> Tallied {
        let business = self.business.as_ref().map(Origin::hash);
        Tallied { origin: self.origin.hash(), business, converts: self.converts }
    }
}

/// Tallies a copy and, where it takes another's place, what that one is from now on.
pub(super) fn count(
    view: &mut View,
    generation: u16,
    (copy, provenance): (&Dedup, Provenance),
    (verdict, before): (Verdict, Option<&Dedup>),
) {
    if let (Verdict::Replaces, Some(before)) = (verdict, before) {
        let change = |sums: &mut Stitching| {
            add(sums, before, -1);
            sums.duplicates += 1;
        };
        tally(view, generation, (before, None), change);
        lag(view, generation, before, -1);
    }
    if verdict != Verdict::Loses {
        lag(view, generation, copy, 1);
    }
    tally(view, generation, (copy, Some(provenance)), |sums| match verdict {
        Verdict::Loses => sums.duplicates += 1,
        Verdict::First | Verdict::Replaces => add(sums, copy, 1),
    });
}

/// Takes an event's tally back, with those of its further copies, as if all had said the same.
pub(super) fn withdraw(view: &mut View, generation: u16, counting: &Dedup, duplicates: i64) {
    lag(view, generation, counting, -1);
    tally(view, generation, (counting, None), |sums| {
        add(sums, counting, -1);
        sums.duplicates -= duplicates;
    });
}

/// Counts how long a conversion took to arrive. Those of bots are none, and an import that does not
/// say when it was received tells nothing of that.
fn lag(view: &mut View, generation: u16, copy: &Dedup, sign: i64) {
    let (time, lag) = (copy.key.time, copy.candidate.received - copy.key.time);
    let untold = copy.traits.flags.has(Flags::IMPORTED) && lag == Span(0);
    if copy.tallied.converts && !copy.traits.bot && !untold {
        let key = lags_key(generation, Lane::of(copy.subject), time.utc_day());
        view.lag(key, (time, lag), sign);
    }
}

fn add(sums: &mut Stitching, counting: &Dedup, sign: i64) {
    sums.events += sign;
    sums.late += sign * i64::from(counting.traits.late);
    sums.clock += sign * i64::from(counting.traits.flags.has(Flags::CLOCK));
    sums.skew.add(counting.candidate.received - counting.key.time, sign);
}

/// The provenance of what was tallied before is known to the sums already.
fn tally(
    view: &mut View,
    generation: u16,
    (copy, provenance): (&Dedup, Option<Provenance>),
    change: impl Fn(&mut Stitching),
) {
    let (time, bot) = (copy.key.time, copy.traits.bot);
    let place = StitchingPlace::of(generation, copy.subject, (time, bot));
    let (origin, business) = provenance.map(|p| (p.origin, p.business)).unwrap_or_default();
    let mut one = |hash: Hash128, origin: Origin| view.tally(place.key(hash), || origin, &change);
    one(copy.tallied.origin, origin);
    if let Some(hash) = copy.tallied.business {
        one(hash, business.unwrap_or_default());
    }
}
