//! A small plan from end to end.

use millstream_plan::{Plan, Study};

fn shop() -> Plan {
    Plan::parse("shop.toml", include_str!("../../templates/small_shop.toml"))
        .unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_shop_has_a_report() {
    let report = shop().study(&Study::default());
    let json = serde_json::to_string_pretty(&report).expect("serialisable");
    if let Ok(path) = std::env::var("PLAN_REPORT") {
        std::fs::write(path, &json).expect("written");
    }
    assert_eq!(report.scenarios.len(), 3);
    assert!(!json.contains("null,null") && !report.options.is_empty());
}
