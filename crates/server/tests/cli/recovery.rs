//! A rule that turned out to be wrong: out of force at once, what it touched read again, beside a running
//! instance and without one.

use crate::command::{expect, report, run, tables, text};
use crate::earlier::started;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const TIME: &str = "2026-11-20T10:00:00Z";

struct Shop {
    _folder: tempfile::TempDir,
    dir: PathBuf,
    config: String,
}

impl Shop {
    /// Whoever set it up took a partner for a host of the shop.
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("data");
        let config = folder.path().join("millstream.toml").to_str().unwrap().to_owned();
        let rules = "[pipeline]\nown_domains = [\"shop.example\", \"partner.example\"]\n";
        std::fs::write(&config, rules).unwrap();
        let call = |device: &str, kind: Value| {
            let mut call = json!({
                "messageId": format!("{device}-{}", kind["type"]), "anonymousId": device,
                "timestamp": TIME, "receivedAt": TIME,
            });
            call.as_object_mut().unwrap().extend(kind.as_object().unwrap().clone());
            call.to_string() + "\n"
        };
        let page = |referrer: &str| {
            let page = json!({ "url": "https://shop.example/", "referrer": referrer });
            json!({ "type": "page", "context": { "page": page } })
        };
        let track = |event: &str| {
            let properties = json!({ "value": 25, "currency": "EUR" });
            json!({ "type": "track", "event": event, "properties": properties })
        };
        let lines = [
            call("a", page("https://partner.example/list")),
            call("a", track("Purchase")),
            call("b", page("https://elsewhere.example/")),
            call("b", track("Sign Up")),
        ];
        let file = folder.path().join("events.jsonl");
        std::fs::write(&file, lines.concat()).unwrap();
        let shop = Self { _folder: folder, dir, config };
        let import = ["import", "--format", "segment", file.to_str().unwrap()];
        expect(0, &[&import[..], &shop.place()].concat());
        shop
    }

    fn place(&self) -> [&str; 4] {
        ["--data-dir", self.dir.to_str().unwrap(), "--config", &self.config]
    }

    fn rules(&self, arguments: &[&str]) -> Value {
        let asked = [&["rules"], arguments, &["--format", "json"], &self.place()[..]].concat();
        serde_json::from_str(&expect(0, &asked)).unwrap()
    }

    /// Sources with what they earned, in order.
    fn earned(&self) -> Vec<(String, i64)> {
        let ask = ["report", "campaigns", "--by", "source", "--format", "json"];
        let told: Value =
            serde_json::from_str(&expect(0, &[&ask[..], &self.place()].concat())).unwrap();
        let rows = told["rows"].as_array().unwrap().iter();
        let row = |row: &Value| {
            (row["source"].as_str().unwrap().to_owned(), row["revenue_minor"].as_i64().unwrap())
        };
        rows.map(row).collect()
    }

    fn conversions(&self) -> Value {
        let ask = ["report", "campaigns", "--format", "json"];
        let told: Value =
            serde_json::from_str(&expect(0, &[&ask[..], &self.place()].concat())).unwrap();
        told["totals"]["conversions"].clone()
    }
}

const BAD: &str = "own_domain:partner.example";
const BEFORE: [(&str, i64); 2] = [("(direct)", 2_500), ("elsewhere.example", 0)];
const AFTER: [(&str, i64); 2] = [("partner.example", 2_500), ("elsewhere.example", 0)];

fn owned(rows: [(&str, i64); 2]) -> Vec<(String, i64)> {
    rows.map(|(name, earned)| (name.to_owned(), earned)).to_vec()
}

fn disabled_and_enabled(shop: &Shop) {
    let before = shop.earned();
    let dry = shop.rules(&["disable", BAD, "--dry-run"]);
    let moved = json!({ "no touch -> partner.example / referral": 1 });
    assert_eq!((&dry["replayed"]["moved"], &dry["dry_run"]), (&moved, &json!(true)), "{dry:#}");
    assert_eq!(shop.earned(), before, "only told");

    let done = shop.rules(&["disable", BAD]);
    assert_eq!(done["replayed"]["replayed"], 1, "{done:#}");
    let differs = |name: &str| {
        let differences = done["differences"].as_array().unwrap();
        differences.iter().any(|one| one["figure"].as_str().unwrap().contains(name))
    };
    assert!(differs("conversions of referral") && differs("conversions of direct"), "{done:#}");
    assert_eq!(shop.earned(), owned(AFTER));
    let again = shop.rules(&["disable", BAD]);
    assert_eq!((&again["replayed"]["replayed"], &again["differences"]), (&json!(0), &json!([])));
    assert_eq!(again["version"], done["version"], "the same again writes nothing");
    let listed = shop.rules(&["list"]);
    assert_eq!(listed["disabled"], json!([BAD]), "{listed:#}");

    let back = shop.rules(&["enable", BAD]);
    assert_eq!(back["replayed"]["replayed"], 1, "{back:#}");
    assert_eq!(shop.earned(), before);
}

#[test]
fn a_wrong_domain_gives_back_what_it_took() {
    let shop = Shop::open();
    assert_eq!(shop.earned(), owned(BEFORE));
    disabled_and_enabled(&shop);
    // The configuration still has it: that does not bring it back.
    shop.rules(&["disable", BAD]);
    let after = tables(&shop.dir);
    assert_eq!(shop.earned(), owned(AFTER));
    assert_eq!(tables(&shop.dir), after);
    expect(0, &[&["audit", "verify"], &shop.place()[..]].concat());
    assert_eq!(report("sessions", &shop.dir)["totals"]["events"], 4);
}

#[test]
fn an_event_that_is_no_conversion_stops_being_one() {
    let shop = Shop::open();
    assert_eq!(shop.conversions(), 2.0);
    let rule = "conversion:Sign Up";
    let dry = shop.rules(&["disable", rule, "--dry-run"]);
    assert!(!dry["differences"].as_array().unwrap().is_empty(), "{dry:#}");
    assert_eq!(shop.conversions(), 2.0);
    let done = shop.rules(&["disable", rule]);
    assert_eq!(done["differences"], dry["differences"]);
    assert_eq!(shop.conversions(), 1.0);
    assert_eq!(shop.rules(&["disable", rule])["differences"], json!([]));
    assert_eq!(shop.rules(&["list"])["disabled"], json!(["conversion:signup"]));
    shop.rules(&["enable", rule]);
    assert_eq!(shop.conversions(), 2.0);
}

#[test]
fn rules_are_switched_beside_a_running_instance() {
    let shop = Shop::open();
    let mut instance = started(shop.dir.to_str().unwrap(), &shop.config);
    disabled_and_enabled(&shop);
    shop.rules(&["disable", "conversion:signup"]);
    assert_eq!(shop.conversions(), 1.0);
    instance.kill().unwrap();
    instance.wait().unwrap();
    assert_eq!(shop.conversions(), 1.0, "also for whoever opens it next");
}

#[test]
fn what_is_no_rule_is_refused() {
    let shop = Shop::open();
    let refused = |rule: &str| {
        let ended = run(&[&["rules", "disable", rule], &shop.place()[..]].concat());
        (ended.status.code(), text(&ended.stderr))
    };
    let (code, why) = refused("partner.example");
    assert!(code == Some(2) && why.contains("own_domain:HOST"), "{why}");
    let (code, why) = refused("own_domain:other.example");
    assert!(code == Some(1) && why.contains("rules list"), "{why}");
    assert!(Path::new(&shop.config).exists());
}
