//! Canned decisions, and experiments on them: one that finds something, one that cannot yet, one whose arms are
//! not as large as they should be.

use crate::decide::Plan;
use crate::report::ExperimentFigures;
use millstream_decide::experiment::{Arm, Tally, Unit};
use millstream_decide::{Micros, Treatment};
use millstream_event::Currency;
use millstream_pipeline::decided::{DecisionSums, Said};
use serde_json::json;

const DAY: i32 = 20_779;

fn said(use_case: &str, (rung, reason): (&str, &str), total_ms: f64) -> Said {
    let said = json!({
        "use_case": use_case, "choice": "shoes", "rung": rung, "reason": reason, "propensity": 1.0,
        "timed_out": total_ms > 140.0, "budget_ms": 150.0, "timing": { "total_ms": total_ms },
    });
    serde_json::from_value(said).unwrap()
}

fn sums(use_case: &str, decisions: usize) -> DecisionSums {
    let causes = [
        ("personalized", "profile"),
        ("personalized", "profile"),
        ("personalized", "profile,without_rerank"),
        ("segment", "cold_start"),
        ("cached", "profile_unavailable"),
        ("segment", "cold_start"),
    ];
    let mut sums = DecisionSums::default();
    for number in 0..decisions {
        let cause = causes[number % causes.len()];
        let total_ms = if number % 500 == 499 { 163.2 } else { 0.4 + (number % 100) as f64 / 40.0 };
        sums.count(&said(use_case, cause, total_ms), DAY);
    }
    sums
}

pub(super) fn decisions() -> Vec<DecisionSums> {
    let refused = said("checkout_upsell", ("default", "nothing_eligible"), 0.2);
    let mut upsell = DecisionSums::default();
    upsell.count(&refused, DAY);
    vec![upsell, sums("home_hero", 12_400)]
}

/// Of each arm its name, its visitors, and how many of a hundred reach the goal.
fn experiment(
    name: &str,
    arms: &[(&str, usize, usize)],
    treatments: Vec<Treatment>,
) -> ExperimentFigures {
    let mut tally = Tally::of(arms.len());
    for (place, (_, visitors, reach)) in arms.iter().enumerate() {
        for visitor in 0..*visitors {
            let reached = visitor * 37 % 100 < *reach;
            tally.add(&Unit {
                arm: place,
                segment: if visitor % 3 == 0 { "mobile" } else { "desktop" }.into(),
                reached,
                value_minor: if reached { 4_900 } else { 0 },
                before: (visitor % 5) as u32,
                personalized: place > 0 || visitor % 10 > 0,
            });
        }
    }
    ExperimentFigures {
        plan: Plan {
            experiment: name.into(),
            use_case: "home_hero".into(),
            goal: "Order Completed".into(),
            arms: arms.iter().map(|(name, ..)| Arm { name: (*name).into(), weight: 1 }).collect(),
            treatments,
            negligible: 0.02,
        },
        tally,
        mixed: 3,
        currency: Some(Currency::USD),
        decided: arms.iter().map(|(_, visitors, _)| sums("home_hero", 2 * visitors)).collect(),
    }
}

pub(super) fn experiments() -> Vec<ExperimentFigures> {
    let slow = Treatment { delay: Micros(60_000), ..Treatment::NONE };
    let stale = Treatment { stale_by: 3, ..Treatment::NONE };
    let two = || vec![Treatment::NONE; 2];
    vec![
        experiment("home_hero.holdout", &[("holdout", 40, 8), ("personalized", 44, 12)], two()),
        experiment(
            "edge_or_not",
            &[("edge", 2_000, 12), ("slow", 2_000, 11), ("stale", 2_000, 6)],
            vec![Treatment::NONE, slow, stale],
        ),
        experiment("wording", &[("plain", 900, 10), ("loud", 600, 14)], two()),
    ]
}
