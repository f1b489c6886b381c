//! Published and textbook cases: every value inside its tolerance.

use millstream_plan::verify::verify;

/// Judges every case of a file; all must hold.
fn holds(file: &str, values: usize) {
    let text = std::fs::read_to_string(format!("../../testdata/{file}")).expect("the cases");
    let verdicts = verify(file, &text).expect("readable cases");
    assert!(verdicts.len() >= values, "{} values", verdicts.len());
    let wrong: Vec<String> = verdicts
        .iter()
        .filter(|verdict| !verdict.ok)
        .map(|verdict| {
            format!(
                "{} {}: {} but {:?}",
                verdict.id, verdict.key, verdict.expected, verdict.computed
            )
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_known_answer_is_reproduced() {
    holds("queueing.json", 120);
}

#[test]
fn more_answers_computed_with_many_digits_are_reproduced() {
    holds("queueing_more.json", 235);
}
