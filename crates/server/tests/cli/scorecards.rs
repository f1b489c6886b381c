//! `score` from outside: what it prints, how it ends.

use crate::command::{expect, run, text};
use serde_json::Value;

#[test]
fn the_example_is_written_once_and_scored_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (sheet, page) = (path("sheet.toml"), path("page.html"));
    expect(0, &["score", "init", &sheet]);
    let again = run(&["score", "init", &sheet]);
    assert_eq!(again.status.code(), Some(1), "an existing file stays as it is");

    let table = expect(0, &["score", &sheet, "--html", &page]);
    assert!(table.contains("Weighted score"), "{table}");
    assert_eq!(
        std::fs::read_to_string(&page).unwrap(),
        expect(0, &["score", &sheet, "--format", "html"])
    );

    let card: Value =
        serde_json::from_str(&expect(0, &["score", &sheet, "--format", "json"])).unwrap();
    for field in [
        "title",
        "currency",
        "years",
        "winner",
        "lead",
        "cheapest",
        "criteria",
        "options",
        "sensitivity",
        "rate_flips",
        "claims",
    ] {
        assert!(card.get(field).is_some(), "{field}");
    }
    assert_eq!(card["options"][0]["rank"], 1);
    assert_eq!(card["options"][0]["name"], card["winner"]);
}

#[test]
fn a_fault_is_told_in_three_lines_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let sheet = folder.path().join("sheet.toml");
    let example = expect(0, &["score", "init"]);
    std::fs::write(&sheet, example.replace("basis = \"measured\"", "basis = \"mesured\"")).unwrap();
    let output = run(&["score", sheet.to_str().unwrap()]);
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), said.lines().count()), (Some(1), 3), "{said}");
    assert!(
        said.contains("sheet.toml:59:42: `options[1].scores.stitching_quality.basis` (and 2 more)"),
        "{said}"
    );
    assert!(said.contains("did you mean `measured`?"), "{said}");
    assert_eq!(run(&["score"]).status.code(), Some(2));
    assert_eq!(run(&["score", "no such file"]).status.code(), Some(1));
}
