//! Spend, rates and budgets: imported, matched, corrected, and shown beside what was earned.

use crate::command::expect;
use serde_json::Value;
use std::path::Path;

/// Two campaigns on two channels; the one without a name of its own earns in dollars.
const EVENTS: &str = "time,device,kind,channel,source,campaign,value,currency\n\
    2026-10-01T10:00:00Z,a,touch,paid_search,google,spring sale,,\n\
    2026-10-01T11:00:00Z,a,conversion,,,,100.00,EUR\n\
    2026-10-01T10:00:00Z,b,touch,email,letter,autumn,,\n\
    2026-10-02T10:00:00Z,b,conversion,,,,217.50,USD\n\
    2026-10-01T10:00:00Z,c,touch,paid_search,google,both,,\n\
    2026-10-01T10:00:00Z,d,touch,email,letter,both,,\n\
    2026-10-01T10:00:00Z,e,touch,email,letter,both,,\n";

const MAP: &str = "time = \"time\"\nanonymous_id = \"device\"\nkind = \"kind\"\nchannel = \"channel\"\n\
    source = \"source\"\ncampaign = \"campaign\"\nvalue = \"value\"\ncurrency = \"currency\"\n";

struct Shop {
    folder: tempfile::TempDir,
    dir: String,
}

impl Shop {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("data").to_str().unwrap().to_owned();
        let shop = Self { folder, dir };
        let (events, map) = (shop.file("events.csv", EVENTS), shop.file("map.toml", MAP));
        expect(0, &["import", &events, "--format", "csv", "--map", &map, "--data-dir", &shop.dir]);
        shop
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn import(&self, code: i32, text: &str, more: &[&str]) -> Value {
        let file = self.file("table.csv", text);
        let mut arguments = vec!["spend", "import", &file, "--data-dir", &self.dir];
        arguments.extend(more);
        arguments.extend(["--format", "json"]);
        serde_json::from_str(&expect(code, &arguments)).unwrap()
    }

    fn report(&self, kind: &str, more: &[&str]) -> Value {
        let mut arguments = vec!["report", kind, "--data-dir", &self.dir, "--format", "json"];
        arguments.extend(more);
        serde_json::from_str(&expect(0, &arguments)).unwrap()
    }
}

fn row<'a>(report: &'a Value, column: &str, key: &str) -> &'a Value {
    let rows = report["rows"].as_array().unwrap();
    rows.iter().find(|row| row[column] == key).unwrap_or_else(|| panic!("{key}: {report:#}"))
}

const SPEND: &str = "date,campaign,cost,currency\n\
    2026-10-01,spring%20sale,40.00,EUR\n\
    2026-10-01,both,10.01,EUR\n\
    2026-10-02,autum,5,EUR\n";

#[test]
fn spend_is_matched_corrected_and_never_counted_twice() {
    let shop = Shop::open();
    let dry = shop.import(0, SPEND, &["--dry-run"]);
    assert_eq!((&dry["added"], &dry["written"]), (&3.into(), &false.into()));
    let first = shop.import(0, SPEND, &[]);
    assert_eq!((&first["added"], &first["written"]), (&3.into(), &true.into()));
    assert_eq!(first["unmatched"][0]["name"], "autum");
    assert_eq!(first["unmatched"][0]["nearest"][0], "autumn");
    let again = shop.import(0, SPEND, &[]);
    assert_eq!((&again["same"], &again["added"]), (&3.into(), &0.into()));

    let report = shop.report("campaigns", &["--by", "campaign"]);
    let spring = row(&report, "campaign", "spring sale");
    assert_eq!((&spring["cost_minor"], &spring["cac_minor"]), (&4_000.into(), &4_000.into()));
    assert_eq!(spring["roas"], 2.5);
    assert_eq!(row(&report, "campaign", "autum")["cost_minor"], 500);
    assert_eq!(report["unmatched_spend"][0]["name"], "autum");

    // Two of three touches of the campaign came by e-mail.
    let report = shop.report("campaigns", &["--by", "channel"]);
    let costs: i64 = report["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| row["cost_minor"].as_i64())
        .sum();
    assert_eq!(costs, 5_501);
    assert_eq!(row(&report, "channel", "paid_search")["cost_minor"], 4_000 + 334);

    let corrected = shop.import(0, &SPEND.replace("40.00", "50.00"), &[]);
    assert_eq!((&corrected["changed"], &corrected["same"]), (&1.into(), &2.into()));
    let report = shop.report("campaigns", &["--by", "campaign", "--model", "markov"]);
    assert_eq!(row(&report, "campaign", "spring sale")["roas"], 2.0);
    let gone = shop.import(0, "date,campaign,cost,currency\n2026-10-02,autum,0,EUR\n", &[]);
    assert_eq!(gone["changed"], 1);
    let report = shop.report("campaigns", &["--by", "campaign"]);
    assert!(report["unmatched_spend"].as_array().unwrap().is_empty());
    let table = expect(0, &["export", "--table", "spend", "--data-dir", &shop.dir]);
    assert_eq!(table.lines().count(), 3, "{table}");
    assert!(table.contains("2026-10-01,,,,both,,1001,EUR"), "{table}");
}

#[test]
fn one_broken_row_and_nothing_is_written() {
    let shop = Shop::open();
    let outcome = shop.import(3, &format!("{SPEND}2026-10-03,autumn,free,EUR\n"), &[]);
    assert_eq!((&outcome["written"], &outcome["broken"][0]["line"]), (&false.into(), &5.into()));
    let report = shop.report("campaigns", &[]);
    assert!(report["rows"].as_array().unwrap().iter().all(|row| row["cost_minor"].is_null()));
    let missing = crate::command::run(&[
        "spend",
        "import",
        &shop.file("x.csv", "a,b\n"),
        "--data-dir",
        &shop.dir,
    ]);
    assert_eq!(missing.status.code(), Some(1));
}

#[test]
fn rates_bring_everything_into_one_currency_under_every_model() {
    let shop = Shop::open();
    shop.import(0, SPEND, &[]);
    let apart = shop.report("campaigns", &["--currency", "EUR"]);
    assert_eq!(apart["unconverted"][0], "USD");
    let rates = "date,base,currency,rate\n2026-10-01,EUR,USD,1.0875\n";
    shop.import(0, rates, &["--rates"]);
    for model in ["first", "linear", "markov", "shapley"] {
        for window in ["30d", "7d"] {
            let report = shop
                .report("campaigns", &["--currency", "EUR", "--model", model, "--window", window]);
            assert_eq!(report["totals"]["revenue_minor"], 30_000, "{model} {window}");
            assert_eq!(report["totals"]["currency"], "EUR");
            assert!(report["unconverted"].as_array().unwrap().is_empty());
        }
    }
}

#[test]
fn budgets_show_their_pace_and_are_judged_when_their_figures_are_final() {
    let shop = Shop::open();
    shop.import(0, SPEND, &[]);
    let budgets = "campaign,from,to,amount,currency,target_roas\n\
        spring sale,2026-10-01,2026-10-10,300,EUR,3\n\
        both,2026-10-01,2026-10-10,50,EUR,\n\
        spring sale,2026-10-01,2099-12-31,50000,EUR,3\n";
    let outcome = shop.import(0, budgets, &["--budgets"]);
    assert_eq!(outcome["added"], 3);
    let report = shop.report("budgets", &[]);
    let rows = report["rows"].as_array().unwrap();
    let ended = rows.iter().find(|row| row["budget_minor"] == 30_000).unwrap();
    assert_eq!((&ended["spent_minor"], &ended["expected_minor"]), (&4_000.into(), &6_000.into()));
    assert_eq!((&ended["pace"], &ended["verdict"]), (&"behind".into(), &"below_target".into()));
    let open = rows.iter().find(|row| row["to"] == "2099-12-31").unwrap();
    assert_eq!(open["verdict"], "provisional");
    assert!(row(&report, "campaign", "both")["verdict"].is_null());
    assert!(Path::new(&shop.dir).exists());
}

#[test]
fn the_control_history_can_be_verified() {
    let shop = Shop::open();
    shop.import(0, SPEND, &[]);
    let link = ["links", "add", "a", "https://shop.example/", "--owner", "ann"];
    expect(0, &[&link[..], &["--data-dir", &shop.dir]].concat());
    let verify = ["audit", "verify", "--format", "json", "--data-dir", &shop.dir];
    let verdict: Value = serde_json::from_str(&expect(0, &verify)).unwrap();
    assert_eq!((&verdict["intact"], &verdict["unsealed"]), (&true.into(), &0.into()));
    assert_eq!(verdict["records"], 2);
    let head = verdict["head"].as_str().unwrap();
    assert!(expect(0, &["audit", "verify", "--data-dir", &shop.dir]).contains(head));
}
