//! A forecast as JSON: a list of `{"peak", "flow", "events_per_s", "campaign_type", "channel"}`, alone or
//! under `forecast`.

use super::problem::Problems;
use alloc::format;
use alloc::string::{String, ToString};
use serde_json::Value;

/// Rewrites a JSON forecast as the table of the same columns, so that both are read by one reader.
pub(super) fn forecast_table(text: &str, problems: &mut Problems<'_>) -> String {
    let parsed: Value = match serde_json::from_str(text) {
        Ok(parsed) => parsed,
        Err(error) => {
            let offset = text
                .split('\n')
                .take(error.line().saturating_sub(1))
                .map(|line| line.len() + 1)
                .sum::<usize>();
            problems.add(
                offset + error.column().saturating_sub(1),
                "the forecast",
                error.to_string(),
                "write valid JSON",
            );
            return String::new();
        }
    };
    let lines = parsed.as_array().or_else(|| parsed.get("forecast").and_then(Value::as_array));
    let Some(lines) = lines else {
        problems.add(
            0,
            "the forecast",
            "it is no list of lines",
            "write [{\"peak\": ..., \"flow\": ..., \"events_per_s\": ...}]",
        );
        return String::new();
    };
    let mut table = String::from("peak,flow,events_per_s,campaign_type,channel\n");
    for line in lines {
        let cells = ["peak", "flow", "events_per_s", "campaign_type", "channel"].map(|key| {
            match line.get(key) {
                Some(Value::String(text)) => format!("\"{}\"", text.replace('"', "\"\"")),
                Some(Value::Null) | None => String::new(),
                Some(other) => format!("\"{}\"", other.to_string().replace('"', "\"\"")),
            }
        });
        table.push_str(&cells.join(","));
        table.push('\n');
    }
    table
}
