//! The demo: the same seed, the same shop.

use crate::command::{TABLES, expect, report, tables};

#[test]
fn the_same_seed_gives_the_same_shop() {
    let folder = tempfile::tempdir().unwrap();
    let load = |name: &str, seed: &str| {
        let dir = folder.path().join(name);
        let arguments = [
            "demo",
            "--once",
            "--visitors",
            "150",
            "--seed",
            seed,
            "--data-dir",
            dir.to_str().unwrap(),
        ];
        let printed = expect(0, &arguments);
        assert!(printed.contains("email") && printed.contains("paid_search"), "{printed}");
        dir
    };
    let (one, same, other) = (load("one", "7"), load("same", "7"), load("other", "8"));
    assert_eq!(report("campaigns", &one)["rows"], report("campaigns", &same)["rows"]);
    assert_ne!(report("campaigns", &one)["rows"], report("campaigns", &other)["rows"]);
    // Signed click ids stand in the addresses of events; all other tables are equal to the byte.
    let (ours, theirs) = (tables(&one), tables(&same));
    for (table, (ours, theirs)) in TABLES.iter().zip(ours.iter().zip(&theirs)) {
        assert!(*table == "events" || *table == "sessions" || ours == theirs, "{table}");
    }
    // Time has passed in every lane, and changes follow one another all the same.
    let dir = one.to_str().unwrap();
    for slug in ["mine", "yours"] {
        expect(0, &["links", "add", slug, "https://shop.example/", "--data-dir", dir]);
    }
    expect(0, &["audit", "verify", "--data-dir", dir]);
}
