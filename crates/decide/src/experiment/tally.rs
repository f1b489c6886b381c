//! What came of an experiment: sums by arm and segment while its units pass by, and what they say.

use super::confidence_sequence::ConfidenceSequence;
use super::discovery::benjamini_hochberg;
use super::lift::{Interval, Moments, lift};
use super::sample_ratio::{MISMATCH_BELOW, sample_ratio};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Segments told apart at most; units of further ones count without a segment.
pub const SEGMENTS_MAX: usize = 1_000;
/// Segments judged at most, the largest ones.
pub const SEGMENTS_JUDGED: usize = 20;
/// Share of false discoveries that is allowed among segments.
const DISCOVERY_RATE: f64 = 0.05;
/// Difference in the share of personalized units below which nothing is said of them alone.
const PERSONALIZED_MIN: f64 = 0.05;
/// Intervals hold at all times at once with this error, narrowest at so many units.
const SEQUENCE: ConfidenceSequence = ConfidenceSequence { error: 0.05, tuned_for: 10_000.0 };

/// One unit: a person who met one arm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unit {
    /// The place of its arm.
    pub arm: usize,
    /// Its anonymous segment.
    pub segment: Box<str>,
    /// True when the goal was reached after the first exposure.
    pub reached: bool,
    /// What that was worth, in minor units.
    pub value_minor: i64,
    /// Events before the first exposure.
    pub before: u32,
    /// True when an answer came from the unit's own profile.
    pub personalized: bool,
}

/// Sums of one arm.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ArmTally {
    /// Goals reached, with what was known before.
    pub reached: Moments,
    /// What they were worth.
    pub value: Moments,
    /// Units with an answer from their own profile.
    pub personalized: f64,
    segments: BTreeMap<Box<str>, Moments>,
}

/// Sums of all arms, the control first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// By the arm's place.
    pub arms: Vec<ArmTally>,
}

/// What an arm does beside the control.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArmFound {
    /// Lift by assignment; it may be looked at at any time.
    pub lift: Option<Interval>,
    /// The same with what was known before taken out (CUPED).
    pub adjusted: Option<Interval>,
    /// Lift of those whose answers were personal, were they all that differ (the lift by
    /// assignment over the difference in their share).
    pub of_personalized: Option<f64>,
}

/// Lift in one segment.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentFound {
    /// The segment.
    pub segment: Box<str>,
    /// The arm's place.
    pub arm: usize,
    /// Lift by assignment.
    pub lift: Interval,
    /// True when it may be believed among all segments and arms asked about.
    pub discovery: bool,
}

/// What an experiment says.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Chance of arms as uneven as these.
    pub sample_ratio_p: f64,
    /// By the arm's place; the control's says nothing.
    pub arms: Vec<ArmFound>,
    /// The largest segments.
    pub segments: Vec<SegmentFound>,
}

impl Found {
    /// True when the arms are not as large as their weights say: no lift counts then.
    pub fn is_broken(&self) -> bool {
        self.sample_ratio_p < MISMATCH_BELOW
    }
}

impl Tally {
    /// Of so many arms.
    pub fn of(arms: usize) -> Self {
        Self { arms: alloc::vec![ArmTally::default(); arms] }
    }

    /// Counts a unit; one of an arm that is not there counts nowhere.
    pub fn add(&mut self, unit: &Unit) {
        let Some(arm) = self.arms.get_mut(unit.arm) else { return };
        let (reached, before) =
            (f64::from(u8::from(unit.reached)), libm::log(1.0 + f64::from(unit.before)));
        arm.reached.add(reached, before);
        arm.value.add(unit.value_minor as f64, before);
        arm.personalized += f64::from(u8::from(unit.personalized));
        if arm.segments.len() < SEGMENTS_MAX || arm.segments.contains_key(&unit.segment) {
            arm.segments.entry(unit.segment.clone()).or_default().add(reached, before);
        }
    }

    /// What the sums say, were units to fall on arms by `weights`.
    pub fn judge(&self, weights: &[u32]) -> Found {
        let counts: Vec<u64> = self.arms.iter().map(|arm| arm.reached.units as u64).collect();
        let found = |(place, arm): (usize, &ArmTally)| {
            let control = self.arms.first().filter(|_| place > 0);
            let lift = control.and_then(|it| SEQUENCE.interval(&it.reached, &arm.reached));
            let adjusted = control.and_then(|it| SEQUENCE.adjusted(&it.reached, &arm.reached));
            let more = control.map_or(0.0, |it| arm.share() - it.share());
            let of_personalized = lift.filter(|_| more >= PERSONALIZED_MIN);
            let of_personalized = of_personalized.map(|lift| lift.difference / more);
            ArmFound { lift, adjusted, of_personalized }
        };
        Found {
            sample_ratio_p: sample_ratio(&counts, weights),
            arms: self.arms.iter().enumerate().map(found).collect(),
            segments: self.segments(),
        }
    }

    fn segments(&self) -> Vec<SegmentFound> {
        let Some((control, others)) = self.arms.split_first() else { return Vec::new() };
        let mut largest: Vec<(&Box<str>, &Moments)> = control.segments.iter().collect();
        largest.sort_by(|a, b| b.1.units.total_cmp(&a.1.units).then(a.0.cmp(b.0)));
        largest.truncate(SEGMENTS_JUDGED);
        if largest.len() < 2 {
            // The only one is everybody, of whom more is known already.
            return Vec::new();
        }
        let mut found = Vec::new();
        for (place, arm) in others.iter().enumerate() {
            for (segment, own) in &largest {
                let both = arm.segments.get(*segment).and_then(|other| lift(own, other, 0.95));
                found.extend(both.map(|lift| SegmentFound {
                    segment: (*segment).clone(),
                    arm: place + 1,
                    lift,
                    discovery: false,
                }));
            }
        }
        let chances: Vec<f64> = found.iter().map(|it| it.lift.p).collect();
        for (it, believed) in found.iter_mut().zip(benjamini_hochberg(&chances, DISCOVERY_RATE)) {
            it.discovery = believed;
        }
        found
    }
}

impl ArmTally {
    /// The share of units with an answer from their own profile.
    pub fn share(&self) -> f64 {
        self.personalized / self.reached.units.max(1.0)
    }
}
