//! Rows of those who are erased go from `events`, and no others.

use super::*;
use crate::consume::tests::history::history;
use crate::tables::Named;

#[test]
fn rows_of_those_who_are_erased_go_and_those_of_others_stay() {
    let (world, dir) = (World::new(), tempfile::tempdir().unwrap());
    let tables = open(&world, dir.path(), TIGHT);
    let nobody = |_: &Named| true;
    assert!(!tables.forget(&nobody).unwrap(), "there are no tables yet");
    arrive(&world, &history(7, 200));
    let before = kept(&tables.refresh().unwrap(), Table::Events);
    let whose = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        row["anonymous_id"].as_str().map(str::to_owned)
    };
    let erased = before.iter().find_map(|line| whose(line)).unwrap();
    let is_theirs = |row: &Named| row.device.as_ref().is_some_and(|id| id.as_str() == erased);
    let mut others = before.clone();
    others.retain(|line| whose(line).as_ref() != Some(&erased));
    assert!(!others.is_empty() && others.len() < before.len(), "the history tells them apart");
    assert!(tables.forget(&is_theirs).unwrap());
    assert_eq!(kept(&tables.current().unwrap(), Table::Events), others);
    let files = parquet_files(dir.path());
    assert!(tables.forget(&is_theirs).unwrap());
    assert_eq!(parquet_files(dir.path()), files, "a second time nothing is written");
    drop(tables);
    let again = open(&world, dir.path(), TIGHT);
    assert_eq!(kept(&again.current().unwrap(), Table::Events), others);
}
