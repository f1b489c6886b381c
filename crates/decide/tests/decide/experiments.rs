//! Statistics against known truth, by simulation.

use crate::shop::decision;
use millstream_decide::experiment::assignment::{Arm, Experiment, Layer, PLACES};
use millstream_decide::experiment::off_policy::{Logged, estimate};
use millstream_decide::experiment::sensitivity::{Delayed, Verdict, judge};
use millstream_decide::experiment::{
    ConfidenceSequence, Moments, Tally, Unit, adjusted, benjamini_hochberg, lift, sample_ratio,
};
use millstream_decide::exploration::uniform;
use millstream_decide::{Micros, Treatment};
use millstream_event::{AnonymousId, EntityId};

fn draw(domain: &str, run: u64, number: u64) -> f64 {
    uniform(domain, decision(run << 32 | number))
}

fn unit(number: u32) -> EntityId {
    EntityId::device(&AnonymousId::parse(&format!("u{number}")).unwrap())
}

fn arm(name: &str, weight: u32) -> Arm {
    Arm { name: name.into(), weight }
}

fn layer() -> Layer {
    let experiment = |name: &str, from, to| Experiment {
        name: name.into(),
        from,
        to,
        arms: vec![arm("control", 1), arm("treatment", 3)],
    };
    Layer {
        name: "ranking".into(),
        experiments: vec![experiment("a", 0, 4_000), experiment("b", 4_000, 9_000)],
    }
}

#[test]
fn assignment_is_even_exclusive_and_always_the_same() {
    let layer = layer();
    assert!(layer.conflict().is_none() && PLACES == 10_000);
    let mut counts = [[0_u64; 2]; 2];
    let mut outside = 0;
    for number in 0..40_000 {
        assert_eq!(layer.assign(unit(number)), layer.assign(unit(number)));
        match layer.assign(unit(number)) {
            Some((experiment, arm)) => {
                let e = usize::from(&*experiment.name == "b");
                counts[e][usize::from(&*arm.name == "treatment")] += 1;
            }
            None => outside += 1,
        }
    }
    assert!((3_700..4_300).contains(&outside), "{outside}");
    assert!(sample_ratio(&counts[0], &[1, 3]) > 0.001 && sample_ratio(&counts[1], &[1, 3]) > 0.001);
    let mut clash = layer;
    clash.experiments[1].from = 3_999;
    assert!(clash.conflict().is_some());
}

#[test]
fn a_broken_ratio_is_seen() {
    assert!(sample_ratio(&[5_000, 5_300], &[1, 1]) > 0.001);
    assert!(sample_ratio(&[5_000, 5_500], &[1, 1]) < 0.001);
    assert_eq!(sample_ratio(&[0, 0], &[1, 1]), 1.0);
    assert_eq!(sample_ratio(&[7], &[1]), 1.0);
}

#[test]
fn peeking_costs_a_confidence_sequence_no_error() {
    let sequence = ConfidenceSequence { error: 0.05, tuned_for: 4_000.0 };
    let (mut wrong, mut wrong_fixed) = (0, 0);
    const RUNS: u64 = 300;
    for run in 0..RUNS {
        let mut arms = [Moments::default(); 2];
        let (mut crossed, mut crossed_fixed) = (false, false);
        for number in 0..4_000_u64 {
            let won = f64::from(draw("null", run, number) < 0.2);
            arms[usize::from(draw("arm", run, number) < 0.5)].add(won, 0.0);
            if number % 50 == 0 {
                let outside = |low: f64, high: f64| low > 0.0 || high < 0.0;
                let now = sequence.interval(&arms[0], &arms[1]);
                crossed |= now.is_some_and(|it| outside(it.low, it.high));
                let fixed = lift(&arms[0], &arms[1], 0.95).filter(|_| number >= 200);
                crossed_fixed |= fixed.is_some_and(|it| outside(it.low, it.high));
            }
        }
        wrong += u64::from(crossed);
        wrong_fixed += u64::from(crossed_fixed);
    }
    assert!(wrong * 20 <= RUNS + 60, "{wrong} of {RUNS} runs without effect found one");
    assert!(wrong_fixed * 5 > RUNS, "a fixed interval is fooled by peeking: {wrong_fixed}");
}

#[test]
fn what_was_known_before_narrows_the_interval() {
    let mut arms = [Moments::default(); 2];
    for number in 0..20_000_u64 {
        let before = draw("before", 0, number) * 10.0;
        let treated = draw("arm", 1, number) < 0.5;
        let outcome = before + draw("noise", 2, number) + if treated { 0.1 } else { 0.0 };
        arms[usize::from(treated)].add(outcome, before);
    }
    let plain = lift(&arms[0], &arms[1], 0.95).unwrap();
    let cuped = adjusted(&arms[0], &arms[1], 0.95).unwrap();
    assert!(cuped.error < plain.error / 5.0, "{} {}", cuped.error, plain.error);
    assert!(cuped.low < 0.1 && 0.1 < cuped.high && cuped.low > 0.0, "{cuped:?}");
}

#[test]
fn false_discoveries_are_bounded() {
    let chances = [0.01, 0.04, 0.03, 0.005, 0.9];
    assert_eq!(benjamini_hochberg(&chances, 0.05), [true, true, true, true, false]);
    assert_eq!(benjamini_hochberg(&[0.03, 0.04], 0.05), [true, true]);
    assert_eq!(benjamini_hochberg(&[0.03, 0.06], 0.05), [false, false]);
    assert!(benjamini_hochberg(&[], 0.05).is_empty());
}

#[test]
fn estimates_find_the_true_worth_of_another_policy() {
    // Three choices worth .1 .3 .6; logged evenly, asked of a policy that prefers the last.
    let worth = [0.1, 0.3, 0.6];
    let other = [0.1, 0.1, 0.8];
    let truth = 0.1 * 0.1 + 0.3 * 0.1 + 0.6 * 0.8;
    let log: Vec<Logged> = (0..60_000_u64)
        .map(|number| {
            let choice = (draw("choice", 3, number) * 3.0) as usize;
            Logged {
                reward: f64::from(draw("reward", 4, number) < worth[choice]),
                chance: 1.0 / 3.0,
                other: other[choice],
                modelled: worth[choice] * 0.8,
                modelled_other: truth * 0.8,
            }
        })
        .collect();
    let found = estimate(&log).unwrap();
    for (name, value) in
        [("ips", found.ips), ("snips", found.snips), ("doubly robust", found.doubly_robust)]
    {
        assert!((value - truth).abs() < 0.015, "{name}: {value}, not {truth}");
    }
    assert!((found.doubly_robust - truth).abs() < 4.0 * found.error);
    assert!(found.holds() && found.effective < 60_000.0);
    let rare: Vec<Logged> = (0..1_000)
        .map(|number| Logged {
            reward: 1.0,
            chance: if number == 0 { 1e-4 } else { 1.0 },
            other: 1.0,
            modelled: 0.0,
            modelled_other: 0.0,
        })
        .collect();
    assert!(!estimate(&rare).unwrap().holds(), "one decision carries it all: no verdict");
    assert!(estimate(&[]).is_none());
}

/// Arms of a simulated experiment in which staleness costs `effect` of conversions.
fn arms(run: u64, units: u64, effect: f64) -> Vec<Delayed> {
    let arm = |name: &str, stale_by| Delayed {
        name: name.into(),
        treatment: Treatment { stale_by, ..Treatment::NONE },
        weight: 1,
        outcome: Moments::default(),
        value: Moments::default(),
    };
    let mut arms = vec![arm("edge", 0), arm("session", 3)];
    for number in 0..units {
        let place = usize::from(draw("sensitivity", run, number) < 0.5);
        let rate = if place == 1 { 0.10 - effect } else { 0.10 };
        arms[place].outcome.add(f64::from(draw("goal", run, number) < rate), 0.0);
    }
    arms
}

#[test]
fn a_planted_effect_is_found_at_the_stated_power_and_a_null_says_no_edge() {
    const RUNS: u64 = 400;
    // 2 * (1.96 + 0.84)^2 * (.1 * .9 + .08 * .92) / .02^2 units for a loss of .02 at 80 %.
    const UNITS: u64 = 6_420;
    let verdicts = |effect: f64, units: u64| {
        let judged = |run| judge(&arms(run, units, effect), 0.1, 0.95).unwrap().verdict;
        (0..RUNS).map(judged).collect::<Vec<_>>()
    };
    let found = verdicts(0.02, UNITS).into_iter().filter(|it| *it == Verdict::Edge).count() as u64;
    assert!(found * 100 >= 76 * RUNS, "found {found} of {RUNS}");
    let null = verdicts(0.0, UNITS);
    let edge = null.iter().filter(|it| **it == Verdict::Edge).count() as u64;
    assert!(edge * 20 <= RUNS, "{edge} of {RUNS} nulls claim an effect");
    let sure = judge(&arms(999, 60_000, 0.0), 0.1, 0.95).unwrap();
    assert_eq!(sure.verdict, Verdict::NoEdge);
    assert!(sure.advice.starts_with("you do not need edge"), "{}", sure.advice);
}

#[test]
fn a_broken_ratio_stops_every_conclusion() {
    let mut arms = arms(1, 20_000, 0.05);
    arms[1].weight = 3;
    assert_eq!(judge(&arms, 0.1, 0.95).unwrap().verdict, Verdict::BrokenRatio);
}

#[test]
fn a_slow_arm_has_its_price_and_a_harmless_one_is_enough() {
    let arm = |name: &str, delay_ms: u64, rate: f64| {
        let mut outcome = Moments::default();
        let mut value = Moments::default();
        for number in 0..40_000_u64 {
            let reached = f64::from(draw(name, 7, number) < rate);
            outcome.add(reached, 0.0);
            value.add(reached * 5_000.0, 0.0);
        }
        let treatment = Treatment { delay: Micros::millis(delay_ms), ..Treatment::NONE };
        Delayed { name: name.into(), treatment, weight: 1, outcome, value }
    };
    let arms = [arm("edge", 0, 0.10), arm("near", 20, 0.10), arm("far", 200, 0.07)];
    let judged = judge(&arms, 0.1, 0.95).unwrap();
    assert_eq!(judged.verdict, Verdict::Enough, "{judged:?}");
    assert!(judged.advice.contains("`near`") && judged.advice.contains("`far`"));
    let far = &judged.losses[1];
    // .03 in 200 ms; at 50.00 a goal 1,000 visitors lose 7.50 a millisecond.
    assert!((far.per_ms.unwrap() - 0.03 / 200.0).abs() < 2e-5, "{far:?}");
    assert!((far.minor_per_ms.unwrap() - 750.0).abs() < 150.0, "{far:?}");
    assert!(judge(&arms[..1], 0.1, 0.95).is_none());
}

/// An experiment of two arms: the treatment lifts `lifted` segments by .05, four answers in five
/// are personal under it.
fn tallied(run: u64, units: u64, lifted: &[&str]) -> Tally {
    let names = ["DE", "FR", "US", "JP"];
    let mut tally = Tally::of(2);
    for number in 0..units {
        let at = |what: &str| draw(what, run, number);
        let (arm, segment) = (usize::from(at("arm") < 0.5), names[(at("segment") * 4.0) as usize]);
        let personalized = arm == 1 && at("personal") < 0.8;
        let more = if arm == 1 && lifted.contains(&segment) { 0.05 } else { 0.0 };
        tally.add(&Unit {
            arm,
            segment: segment.into(),
            reached: at("reached") < 0.2 + more,
            value_minor: 0,
            before: (at("before") * 9.0) as u32,
            personalized,
        });
    }
    tally
}

#[test]
fn a_lift_is_found_by_assignment_and_told_by_segment() {
    let all = tallied(1, 40_000, &["DE", "FR", "US", "JP"]).judge(&[1, 1]);
    assert!(!all.is_broken() && all.arms[0].lift.is_none());
    let lift = all.arms[1].lift.unwrap();
    assert!(lift.low > 0.0 && lift.low < 0.05 && 0.05 < lift.high, "{lift:?}");
    let personal = all.arms[1].of_personalized.unwrap();
    assert!((personal - lift.difference / 0.8).abs() < 0.005, "{personal}");
    let one = tallied(2, 60_000, &["FR"]).judge(&[1, 1]);
    let believed: Vec<&str> =
        one.segments.iter().filter(|it| it.discovery).map(|it| &*it.segment).collect();
    assert_eq!(believed, ["FR"]);
    assert!(tallied(3, 5_000, &[]).judge(&[1, 3]).is_broken());
    assert!(tallied(4, 100, &[]).judge(&[1, 1]).arms[1].lift.is_none(), "too few to say");
}

#[test]
fn false_discoveries_among_segments_stay_rare() {
    const RUNS: u64 = 200;
    let wrong = (0..RUNS)
        .filter(|run| {
            tallied(100 + run, 4_000, &[]).judge(&[1, 1]).segments.iter().any(|it| it.discovery)
        })
        .count() as u64;
    assert!(wrong * 20 <= RUNS + 100, "{wrong} of {RUNS} experiments without effect found one");
}

#[test]
fn a_unit_of_no_arm_counts_nowhere() {
    let mut tally = Tally::of(2);
    tally.add(&Unit { arm: 2, ..Unit::default() });
    assert_eq!(tally, Tally::of(2));
}
