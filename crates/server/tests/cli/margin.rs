//! Costs of goods: imported, corrected, and taken from what campaigns earned.

use crate::command::expect;
use serde_json::{Value, json};

/// Three orders on two channels; what one of them sold has a cost from the second day on.
const CALLS: [(&str, &str, &str, &str); 4] = [
    (
        "a",
        "spring",
        "2026-10-01T10:00:00Z",
        r#""order_id":"A","total":100.01,"currency":"EUR","products":[{"sku":"shoe","quantity":2,"price":40},{"sku":"sock","quantity":1,"price":20.01}]"#,
    ),
    (
        "b",
        "spring",
        "2026-10-03T10:00:00Z",
        r#""order_id":"B","total":50,"currency":"EUR","products":[{"product_id":"sock","quantity":5,"price":10}]"#,
    ),
    (
        "c",
        "autumn",
        "2026-10-03T10:00:00Z",
        r#""order_id":"C","total":80,"currency":"EUR","cost_of_goods":"30.50""#,
    ),
    ("d", "winter", "2026-10-03T10:00:00Z", r#""order_id":"D","total":7,"currency":"EUR""#),
];

const GOODS: &str =
    "product,from,cost,currency\nshoe,2026-09-01,10.10,EUR\nsock,2026-10-02,4,USD\n";
const RATES: &str = "date,base,currency,rate\n2026-10-03,USD,EUR,0.5\n";

struct Shop {
    folder: tempfile::TempDir,
    dir: String,
}

impl Shop {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("data").to_str().unwrap().to_owned();
        let shop = Self { folder, dir };
        let line = |(device, campaign, time, order): (&str, &str, &str, &str)| {
            let visit = format!(
                r#"{{"type":"page","messageId":"{device}1","anonymousId":"{device}","timestamp":"{time}","receivedAt":"{time}","context":{{"campaign":{{"name":"{campaign}","source":"s","medium":"cpc"}},"page":{{"url":"https://shop.example/"}}}}}}"#
            );
            let order = format!(
                r#"{{"type":"track","event":"Order Completed","messageId":"{device}2","anonymousId":"{device}","timestamp":"{time}","receivedAt":"{time}","properties":{{{order}}}}}"#
            );
            format!("{visit}\n{order}\n")
        };
        shop.events(&CALLS.map(line).concat());
        shop
    }

    fn events(&self, lines: &str) {
        let file = self.file("events.jsonl", lines);
        expect(0, &["import", &file, "--format", "segment", "--data-dir", &self.dir]);
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn import(&self, text: &str, kind: &[&str]) -> Value {
        let file = self.file("table.csv", text);
        let mut arguments = vec!["spend", "import", &file, "--data-dir", &self.dir];
        arguments.extend(kind);
        arguments.extend(["--format", "json"]);
        serde_json::from_str(&expect(0, &arguments)).unwrap()
    }

    fn report(&self, more: &[&str]) -> Value {
        let mut arguments = vec!["report", "campaigns", "--data-dir", &self.dir];
        arguments.extend(["--format", "json", "--by", "campaign"]);
        arguments.extend(more);
        serde_json::from_str(&expect(0, &arguments)).unwrap()
    }
}

/// Cost of goods, share for which it is known, and margin.
fn told(report: &Value, campaign: &str) -> (Value, Value, Value) {
    let rows = report["rows"].as_array().unwrap();
    let row = rows.iter().find(|row| row["campaign"] == campaign).unwrap();
    (row["goods_minor"].clone(), row["goods_known"].clone(), row["margin_minor"].clone())
}

#[test]
fn margins_are_told_where_costs_are_known_and_say_for_how_much() {
    let shop = Shop::open();
    let before = shop.report(&[]);
    assert!(before["rows"][0].get("margin_minor").is_none(), "{before:#}");
    let first = shop.import(GOODS, &["--goods"]);
    assert_eq!((&first["added"], &first["refolds"]), (&2.into(), &true.into()));
    let again = shop.import(GOODS, &["--goods"]);
    assert_eq!((&again["same"], &again["refolds"]), (&2.into(), &false.into()));

    // Of 150.01 the shoes' 80.00 have a known cost: what socks cost is known in dollars, without a rate.
    let report = shop.report(&[]);
    let share = json!(8_000.0 / 15_001.0);
    assert_eq!(told(&report, "spring"), (json!(2_020), share, json!(15_001 - 2_020)));
    assert_eq!(told(&report, "autumn"), (json!(3_050), json!(1.0), json!(4_950)));
    assert_eq!(told(&report, "winter"), (Value::Null, json!(0.0), Value::Null));
    assert_eq!(report["unknown_costs"][0]["product"], "sock");
    assert_eq!(report["unknown_costs"][0]["revenue"][0]["revenue_minor"], 2_001 + 5_000);
    let instant = report["as_of"].as_str().unwrap().to_owned();

    shop.import(RATES, &["--rates"]);
    shop.import("date,campaign,cost,currency\n2026-10-01,spring,9.99,EUR\n", &[]);
    for (model, window) in [("last", "30d"), ("linear", "30d"), ("first", "7d")] {
        let report = shop.report(&["--model", model, "--window", window]);
        let goods = 2_020 + 5 * 200;
        let known = json!(13_000.0 / 15_001.0);
        let margin = json!(15_001 - goods - 999);
        assert_eq!(told(&report, "spring"), (json!(goods), known, margin), "{model}");
    }
    let totals = &shop.report(&["--model", "markov"])["totals"];
    assert_eq!(totals["goods_minor"], 3_020 + 3_050);

    // A correction holds for everything sold from its day on; what was known then can still be asked.
    shop.import(
        "product,from,cost,currency\nshoe,2026-09-01,11,EUR\nsock,2026-09-01,1,EUR\n",
        &["--goods"],
    );
    let report = shop.report(&[]);
    assert_eq!(told(&report, "spring").0, 2_200 + 100 + 1_000);
    assert_eq!(told(&shop.report(&["--as-of", &instant]), "spring").0, 2_020);
    let chain = expect(0, &["audit", "conversion", "A", "--data-dir", &shop.dir]);
    assert!(chain.contains("goods shoe") && chain.contains("goods sock"), "{chain}");
    let table = expect(0, &["report", "campaigns", "--by", "campaign", "--data-dir", &shop.dir]);
    assert!(table.contains("Margin"), "{table}");
}

#[test]
fn goods_that_come_back_take_their_cost_with_them() {
    let shop = Shop::open();
    shop.import(
        "product,from,cost,currency\nshoe,2026-09-01,10,EUR\nsock,2026-09-01,1,EUR\n",
        &["--goods"],
    );
    assert_eq!(told(&shop.report(&[]), "spring").0, 2_000 + 100 + 500);
    let refund = |id: &str, order: &str| {
        format!(
            r#"{{"type":"track","event":"Order Refunded","messageId":"{id}","anonymousId":"office","timestamp":"2026-10-05T10:00:00Z","receivedAt":"2026-10-05T10:00:00Z","properties":{{{order}}}}}"#
        )
    };
    let one =
        r#""order_id":"A","total":40,"currency":"EUR","products":[{"sku":"shoe","quantity":1}]"#;
    shop.events(&(refund("r1", one) + "\n" + &refund("r2", r#""order_id":"B""#) + "\n"));
    let report = shop.report(&[]);
    assert_eq!(told(&report, "spring"), (json!(1_100), json!(1.0), json!(6_001 - 1_100)));
}
