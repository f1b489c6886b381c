//! Published and textbook cases: every value inside its tolerance.

use millstream_plan::verify::verify;

#[test]
fn every_known_answer_is_reproduced() {
    let text = std::fs::read_to_string("../../testdata/queueing.json").expect("the cases");
    let verdicts = verify("queueing.json", &text).expect("readable cases");
    assert!(verdicts.len() >= 120, "{} values", verdicts.len());
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
