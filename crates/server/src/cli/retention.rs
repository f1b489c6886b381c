//! What retention keeps and removed, as one table of classes and one of times.

use crate::report::number::grouped;
use crate::report::page::{Align, Grid};
use crate::report::terminal;
use serde_json::Value;

/// The answer of the audit as text of this width.
pub(super) fn table(told: &Value, width: u16) -> String {
    let sentence = match (told["broken"].is_null(), removed(told)) {
        (false, _) => "What is missing is more, or other, than what retention tells of.",
        (true, 0) => "Retention removed nothing.",
        (true, _) => {
            "All that is missing went by these rules; each line of what tells so follows from the one before it."
        }
    };
    let kept = match number(&told["kept_for_destinations"]) {
        0 => String::new(),
        count => format!(
            "Of the log {} kept until destinations were sent {}.",
            if count == 1 {
                "1 event is".to_owned()
            } else {
                format!("{} events are", grouped(count))
            },
            if count == 1 { "it" } else { "them" },
        ),
    };
    let told_first: Vec<&str> =
        [sentence, kept.as_str()].into_iter().filter(|text| !text.is_empty()).collect();
    terminal::compose(&told_first, &[classes(told), times(told)], width)
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn removed(told: &Value) -> u64 {
    let rows = list(&told["rows"]["classes"]).map(|class| number(&class["removed"]));
    rows.chain([number(&told["records"])]).sum()
}

/// `1 record`, `2 records`.
fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// The day of an instant, or a dash.
fn day(value: &Value) -> String {
    value.as_str().and_then(|text| text.get(..10)).unwrap_or("-").to_owned()
}

/// What follows the section's name in a rule: `retain_days = 90`.
fn rule(value: &Value) -> &str {
    let text = value.as_str().unwrap_or("-");
    text.split_once('.').map_or(text, |(_, rest)| rest)
}

fn classes(told: &Value) -> Grid {
    let heads = ["What", "Rule", "Kept from", "Removed", "Still to go"];
    let mut grid = Grid::new("", &heads, "Nothing is kept.");
    grid.columns[1].1 = Align::Left;
    let rules: Vec<&str> = list(&told["rules"]).map(rule).collect();
    grid.rows.push(vec![
        "log".to_owned(),
        if rules.is_empty() { "for ever".to_owned() } else { rules.join(", ") },
        day(&told["oldest_kept"]),
        counted(number(&told["records"]), "record"),
        "-".to_owned(),
    ]);
    for class in list(&told["rows"]["classes"]) {
        let days = class["days"].as_u64();
        grid.rows.push(vec![
            class["class"].as_str().unwrap_or("-").to_owned(),
            days.map_or_else(|| "for ever".to_owned(), |days| counted(days, "day")),
            day(&class["kept_from"]),
            counted(number(&class["removed"]), "row"),
            grouped(number(&class["left"])),
        ]);
    }
    grid
}

/// Each time that something went, the earliest first.
fn times(told: &Value) -> Grid {
    let mut grid = Grid::new("When", &["At", "What", "Removed", "Rule"], "Nothing went yet.");
    (grid.columns[1].1, grid.columns[3].1) = (Align::Left, Align::Left);
    for line in list(&told["removals"]) {
        let by: Vec<&str> = list(&line["rules"]).map(rule).collect();
        let records = counted(number(&line["records"]), "record");
        grid.rows.push(vec![instant(&line["at"]), "log".to_owned(), records, by.join(", ")]);
    }
    for line in list(&told["rows"]["removals"]) {
        for (class, rows) in line["rows"].as_object().into_iter().flatten() {
            let of_class = |rule: &&str| rule.starts_with(class.as_str());
            let by = list(&line["rules"]).map(rule).find(of_class).unwrap_or("-").to_owned();
            let rows = counted(number(rows), "row");
            grid.rows.push(vec![instant(&line["at"]), class.clone(), rows, by]);
        }
    }
    grid.rows.sort();
    grid
}

/// To the minute, in UTC.
fn instant(value: &Value) -> String {
    let text = value.as_str().unwrap_or("-");
    text.get(..16).map_or_else(|| text.to_owned(), |text| text.replace('T', " "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_went_is_told_in_numbers_of_their_own_kind() {
        let class = |class: &str, days: Option<u32>, removed: u64| json!({"class": class, "days": days, "kept_from": days.map(|_| "2026-01-02T00:00:00Z"), "removed": removed, "left": 0});
        let told = json!({
            "broken": null, "records": 1, "oldest_kept": "2026-01-01T10:00:00Z", "rules": ["log.retain_days = 400"],
            "removals": [{"at": "2026-02-01T00:00:00.5Z", "records": 1, "rules": ["log.retain_days = 400"]}],
            "rows": {"classes": [class("events", Some(400), 12_345), class("sessions", None, 0)], "removals": [
                {"at": "2026-02-02T00:00:00.5Z", "rows": {"events": 12_345}, "rules": ["retention.events_days = 400"]},
            ]},
        });
        insta::assert_snapshot!(table(&told, 80));
        let nothing = json!({"broken": null, "records": 0, "rules": [], "removals": [], "rows": {"classes": [class("events", None, 0)], "removals": []}});
        assert!(table(&nothing, 80).contains("Retention removed nothing."));
    }
}
