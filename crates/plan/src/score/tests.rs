//! What must hold of every scorecard, and what bad sheets are told.

use super::assessment::assess_drawing;
use super::reading::{CRITERIA_MAX, OPTIONS_MAX, SHEET_BYTES_MAX};
use super::*;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};
use proptest::prelude::*;

fn criterion(index: usize, weight: f64) -> Criterion {
    let id = format!("row_{index}");
    Criterion { name: id.clone(), question: String::new(), weight, must: None, id }
}

fn offer(name: &str, scores: &[f64], amounts: [f64; 4]) -> Offer {
    let mark =
        |score: &f64| Mark { score: *score, basis: Basis::Tested, evidence: "seen".to_string() };
    let [licence, months, hours, delay] = amounts;
    Offer {
        name: name.to_string(),
        kind: Kind::Build,
        marks: scores.iter().map(mark).collect(),
        licence_per_year: licence,
        licence_growth_percent: 10.0,
        infrastructure_per_year: 0.0,
        setup_person_months: months,
        upkeep_person_months_per_year: 1.0,
        incidents_per_year: 2.0,
        incident_hours: hours,
        reporting_delay_hours: delay,
    }
}

/// Sheets of two to four options on two to six rows.
fn sheets() -> impl Strategy<Value = Sheet> {
    (2_usize..=4, 2_usize..=6).prop_flat_map(|(options, rows)| {
        let weights = proptest::collection::vec(1_u8..=40, rows);
        let scores = proptest::collection::vec(proptest::collection::vec(0_u8..=10, rows), options);
        let amounts = proptest::collection::vec(proptest::array::uniform4(0_u16..=500), options);
        (weights, scores, amounts).prop_map(|(weights, scores, amounts)| Sheet {
            title: "t".to_string(),
            currency: "USD".to_string(),
            years: 3.0,
            rates: Rates {
                person_month: 10.0,
                incident_hour: 5.0,
                delay_hour: 1.0,
                decisions_per_year: 10.0,
            },
            criteria: weights
                .iter()
                .enumerate()
                .map(|(index, weight)| criterion(index, f64::from(*weight)))
                .collect(),
            offers: scores
                .iter()
                .zip(amounts)
                .enumerate()
                .map(|(index, (scores, amounts))| {
                    let scores: Vec<f64> =
                        scores.iter().map(|half| f64::from(*half) / 2.0).collect();
                    offer(&format!("option {index}"), &scores, amounts.map(f64::from))
                })
                .collect(),
        })
    })
}

fn row<'s>(sheet: &'s mut Sheet, id: &str) -> &'s mut Criterion {
    sheet.criteria.iter_mut().find(|row| row.id == id).unwrap()
}

/// Judged with few draws: these properties are about what is exact.
fn judged(sheet: &Sheet) -> Scorecard {
    assess_drawing(sheet, 2)
}

/// The winners just on either side of a flip, when it is far enough from its origin to have sides.
fn sides(
    sheet: &Sheet,
    from: f64,
    flips_at: f64,
    change: impl Fn(&mut Sheet, f64),
) -> Option<(String, String)> {
    let step = (flips_at - from) * 1e-4;
    if step.abs() < 1e-7 {
        return None;
    }
    let winner = |value: f64| {
        let mut changed = sheet.clone();
        change(&mut changed, value);
        judged(&changed).winner.unwrap()
    };
    Some((winner(flips_at - step), winner(flips_at + step)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_the_sheet_decides_nothing(sheet in sheets(), turn in 1_usize..4) {
        let mut turned = sheet.clone();
        let by = turn % turned.offers.len();
        turned.offers.rotate_left(by);
        let (one, other) = (judged(&sheet), judged(&turned));
        let order = |card: &Scorecard| {
            let names = card.options.iter().map(|option| option.name.clone());
            (names.collect::<Vec<_>>(), card.options.iter().map(|o| o.rank).collect::<Vec<_>>())
        };
        prop_assert_eq!(order(&one), order(&other));
        prop_assert_eq!(one.sensitivity, other.sensitivity);
    }

    #[test]
    fn only_the_proportions_of_weights_matter(sheet in sheets()) {
        let mut doubled = sheet.clone();
        doubled.criteria.iter_mut().for_each(|row| row.weight *= 2.0);
        let (one, other) = (judged(&sheet), judged(&doubled));
        prop_assert_eq!(&one.winner, &other.winner);
        for (a, b) in one.options.iter().zip(&other.options) {
            prop_assert!((a.score - b.score).abs() < 1e-12);
        }
    }

    #[test]
    fn a_weight_flips_the_winner_where_it_says_and_nowhere_nearer(sheet in sheets()) {
        let card = judged(&sheet);
        let winner = card.winner.clone().unwrap();
        for range in &card.sensitivity.weights {
            for flip in range.raised.iter().chain(&range.lowered) {
                let set = |sheet: &mut Sheet, weight| row(sheet, &range.criterion).weight = weight;
                if let Some((before, after)) = sides(&sheet, range.weight, flip.weight, set) {
                    prop_assert_eq!(&before, &winner);
                    prop_assert_ne!(&after, &winner);
                }
            }
            if range.raised.is_none() {
                let mut heavy = sheet.clone();
                row(&mut heavy, &range.criterion).weight = 1e7;
                prop_assert_eq!(judged(&heavy).winner.unwrap(), winner.clone());
            }
        }
    }

    #[test]
    fn the_smallest_shift_is_a_shift_and_the_smallest(sheet in sheets(), from in 0_usize..6, to in 0_usize..6) {
        let card = judged(&sheet);
        let winner = card.winner.clone().unwrap();
        let sum: f64 = sheet.criteria.iter().map(|row| row.weight).sum();
        let moved = |sheet: &Sheet, from: &str, to: &str, share: f64| {
            let mut changed = sheet.clone();
            row(&mut changed, from).weight -= share * sum;
            row(&mut changed, to).weight += share * sum;
            judged(&changed).winner.unwrap()
        };
        if let Some(shift) = &card.sensitivity.smallest_shift && shift.share > 1e-6 {
            let rows = sheet.criteria.len();
            let (from, to) = (format!("row_{}", from % rows), format!("row_{}", to % rows));
            let less = (shift.share * 0.999).min(row(&mut sheet.clone(), &from).weight / sum);
            prop_assert_eq!(moved(&sheet, &from, &to, less), winner.clone());
            let more = shift.share * 1.001;
            if more * sum < row(&mut sheet.clone(), &shift.from).weight {
                prop_assert_ne!(moved(&sheet, &shift.from, &shift.to, more), winner);
            }
        }
    }

    #[test]
    fn a_score_flips_the_winner_where_it_says(sheet in sheets()) {
        let card = judged(&sheet);
        let winner = card.winner.clone().unwrap();
        for flip in &card.sensitivity.scores {
            let set = |sheet: &mut Sheet, score| {
                let at = sheet.criteria.iter().position(|row| row.id == flip.criterion).unwrap();
                let offer = sheet.offers.iter_mut().find(|offer| offer.name == flip.option);
                offer.unwrap().marks[at].score = score;
            };
            if let Some((before, after)) = sides(&sheet, flip.score, flip.flips_at, set) {
                prop_assert_eq!(&before, &winner);
                prop_assert_eq!(&after, &flip.becomes);
            }
        }
    }

    #[test]
    fn a_rate_changes_who_is_cheapest_where_it_says(sheet in sheets()) {
        let card = judged(&sheet);
        for flip in &card.rate_flips {
            let step = (flip.flips_at - flip.value) * 1e-4;
            let cheapest = |value: f64| {
                let mut changed = sheet.clone();
                match flip.rate {
                    "person_month" => changed.rates.person_month = value,
                    "incident_hour" => changed.rates.incident_hour = value,
                    _ => changed.rates.delay_hour = value,
                }
                judged(&changed).cheapest
            };
            if step.abs() > 1e-7 {
                prop_assert_eq!(cheapest(flip.flips_at - step), card.cheapest.clone());
                prop_assert_ne!(cheapest(flip.flips_at + step), card.cheapest.clone());
            }
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
        let _ = read("s.toml", &text);
    }

    #[test]
    fn no_damage_to_a_sheet_makes_the_reader_panic(at in 0_usize..EXAMPLE.len(), with in any::<char>()) {
        let mut damaged = String::from(EXAMPLE.get(..at).unwrap_or(EXAMPLE));
        damaged.push(with);
        damaged.push_str(EXAMPLE.get(at..).unwrap_or_default());
        if let Err(error) = read("s.toml", &damaged) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}

#[test]
fn the_example_is_read_and_judged() {
    let card = assess(&read("s.toml", EXAMPLE).unwrap());
    assert_eq!(card.options.len(), 3);
    assert_eq!(card.criteria.len(), 7);
    let shares = &card.sensitivity.weightings;
    let sum = |of: fn(&WinShare) -> f64| shares.iter().map(of).sum::<f64>();
    assert!((sum(|share| share.any_weights) - 1.0).abs() < 1e-9);
    assert!((sum(|share| share.near_weights) - 1.0).abs() < 1e-9);
    assert_eq!(card, assess(&read("s.toml", EXAMPLE).unwrap()));
}

#[test]
fn fees_rise_and_delay_is_paid_for() {
    let mut sheet = read("s.toml", EXAMPLE).unwrap();
    sheet.years = 2.0;
    sheet.rates = Rates {
        person_month: 1_000.0,
        incident_hour: 100.0,
        delay_hour: 2.0,
        decisions_per_year: 50.0,
    };
    sheet.offers[0] = offer("Build", &[3.0; 7], [1_000.0, 4.0, 3.0, 0.5]);
    let card = assess(&sheet);
    let cost = card.options.iter().find(|option| option.name == "Build").unwrap().cost;
    assert!((cost.licence - 2_100.0).abs() < 1e-9);
    assert!((cost.engineering - 6_000.0).abs() < 1e-9);
    assert!((cost.incidents - 1_200.0).abs() < 1e-9);
    assert!((cost.reporting_delay - 100.0).abs() < 1e-9);
    assert!((cost.total - 9_400.0).abs() < 1e-9);
}

#[test]
fn a_must_rules_out_and_ties_go_to_the_cheaper() {
    let mut sheet = read("s.toml", EXAMPLE).unwrap();
    sheet.offers.truncate(2);
    sheet.offers[0] = offer("Dear", &[3.0; 7], [9_000.0, 0.0, 0.0, 0.0]);
    sheet.offers[1] = offer("Cheap", &[3.0; 7], [1_000.0, 0.0, 0.0, 0.0]);
    let card = assess(&sheet);
    assert_eq!(card.winner.as_deref(), Some("Cheap"));
    assert_eq!(card.options[1].standing, Standing::Tied);
    assert!(card.options[1].dominated);

    sheet.criteria[0].must = Some(4.0);
    sheet.offers[0].marks[0].score = 4.0;
    let card = assess(&sheet);
    assert_eq!(card.winner.as_deref(), Some("Dear"));
    assert_eq!(card.options[1].standing, Standing::RuledOut);
    assert_eq!(card.options[1].failed, vec![sheet.criteria[0].id.clone()]);

    sheet.criteria[0].must = Some(5.0);
    let card = assess(&sheet);
    assert_eq!((card.winner, card.lead), (None, None));
}

#[test]
fn claims_can_carry_a_winner() {
    let mut sheet = read("s.toml", EXAMPLE).unwrap();
    sheet.offers.truncate(2);
    sheet.offers[0] = offer("Told", &[4.0; 7], [0.0; 4]);
    sheet.offers[1] = offer("Seen", &[3.5; 7], [0.0; 4]);
    assert_eq!(assess(&sheet).sensitivity.winner_without_claims, None);
    sheet.offers[0].marks.iter_mut().for_each(|mark| mark.basis = Basis::Claimed);
    let card = assess(&sheet);
    assert_eq!(card.winner.as_deref(), Some("Told"));
    assert_eq!(card.sensitivity.winner_without_claims.as_deref(), Some("Seen"));
    assert_eq!(card.claims.len(), 7);
}

fn told(text: &str) -> String {
    format!("{}\n", read("s.toml", text).unwrap_err())
}

#[test]
fn bad_sheets_are_told_where_why_and_what_to_do() {
    let changed = |from: &str, to: &str| {
        assert!(EXAMPLE.contains(from), "{from}");
        told(&EXAMPLE.replacen(from, to, 1))
    };
    let all = [
        ("empty", told("")),
        ("no TOML", told("title = \"a\"\nyears = = 3\n")),
        ("a key twice", changed("years = 3", "years = 3\nyears = 4")),
        ("a mistyped key", changed("person_month =", "person_mnth =")),
        ("a mistyped row", changed("latency_visibility = {", "latency_visibilty = {")),
        ("a word for a number", changed("years = 3", "years = \"three\"")),
        ("a negative weight", changed("weight = 20", "weight = -20")),
        ("NaN", changed("weight = 20", "weight = nan")),
        ("infinity", changed("person_month = 14_000", "person_month = inf")),
        ("a score out of range", changed("score = 4,", "score = 6,")),
        (
            "no evidence",
            changed("evidence = \"A spreadsheet, by hand, on Mondays\"", "evidence = \"\""),
        ),
        ("an unknown basis", changed("basis = \"measured\"", "basis = \"mesured\"")),
        ("no such duration", changed("\"5 min\"", "\"soon\"")),
        ("a negative duration", changed("\"5 min\"", "\"-5 min\"")),
        ("two of one name", changed("name = \"Buy\"", "name = \"Build\"")),
        ("an own row without weight", changed("weight = 10\n\n# The options", "\n# The options")),
        (
            "no weight at all",
            told(
                "[criteria]\nlatency_visibility.weight = 0\nstitching_quality.weight = 0\ncdn_support.weight = 0\nserver_side_flexibility.weight = 0\nfailover.weight = 0\nexecutive_reporting.weight = 0\n",
            ),
        ),
        ("options are no list", told("options = 3\n")),
    ];
    let text: String = all.iter().map(|(name, told)| format!("{name}\n{told}\n")).collect();
    insta::assert_snapshot!(text);
}

#[test]
fn bounds_hold_at_the_limit_and_one_beyond() {
    let padded = |bytes: usize| {
        let mut text = String::from(EXAMPLE);
        text.push('#');
        text.extend(core::iter::repeat_n('x', bytes - text.len()));
        text
    };
    assert!(read("s.toml", &padded(SHEET_BYTES_MAX)).is_ok());
    assert!(told(&padded(SHEET_BYTES_MAX + 1)).contains("at most"));

    let option = |name: usize| {
        let option = EXAMPLE.split("[[options]]").nth(1).unwrap();
        format!("[[options]]{}", option.replace("\"Build\"", &format!("\"{name}\"")))
    };
    let head = EXAMPLE.split("[[options]]").next().unwrap();
    let with = |count: usize| format!("{head}{}", (0..count).map(option).collect::<String>());
    assert!(read("s.toml", &with(OPTIONS_MAX)).is_ok());
    assert!(told(&with(OPTIONS_MAX + 1)).contains("from 2 to 12"));
    assert!(told(&with(1)).contains("from 2 to 12"));

    let rows = |count: usize| {
        (0..count).map(|row| format!("[criteria.own_{row}]\nweight = 1\n")).collect::<String>()
    };
    assert!(!told(&rows(CRITERIA_MAX - 6)).contains("rows have weight"));
    assert!(told(&rows(CRITERIA_MAX - 5)).contains("41 rows have weight"));
}
