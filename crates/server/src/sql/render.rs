//! Answers for people, programs and spreadsheets.

use super::answer::Answer;
use crate::report::csv::inert;
use crate::report::page::plain;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, TableComponent, presets};
use serde_json::Value;
use std::fmt::Write;
use std::str::FromStr;

/// Width used where there is no terminal to ask: wide enough that a program sees whole lines.
const WIDTH_DEFAULT: u16 = 200;

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerFormat {
    /// Lines and columns, and a sentence on rows and freshness.
    Table,
    /// The whole answer as JSON.
    Json,
    /// Rows under a line of names.
    Csv,
}

/// No format has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no format {0:?}: use table, json or csv")]
pub struct UnknownFormat(String);

impl FromStr for AnswerFormat {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        match text {
            "table" => Ok(Self::Table),
            "json" => Ok(Self::Json),
            "csv" => Ok(Self::Csv),
            other => Err(UnknownFormat(other.to_owned())),
        }
    }
}

/// The answer in a format; a table is made for a terminal of this width.
///
/// # Errors
/// When the text cannot be written.
pub fn render(
    answer: &Answer,
    format: AnswerFormat,
    width: Option<u16>,
) -> Result<String, std::io::Error> {
    match format {
        AnswerFormat::Table => Ok(table(answer, width.unwrap_or(WIDTH_DEFAULT))),
        AnswerFormat::Json => {
            let text = serde_json::to_string_pretty(answer).map_err(std::io::Error::other)?;
            Ok(text + "\n")
        }
        AnswerFormat::Csv => csv(answer),
    }
}

/// What the rows do not say: how many they are, whether there are more, and how fresh.
pub fn remarks(answer: &Answer) -> String {
    let mut text = match (answer.rows.len(), answer.more) {
        (1, false) => "1 row".to_owned(),
        (rows, false) => format!("{rows} rows"),
        (rows, true) => format!("The first {rows} rows; there are more: ask for them with --rows"),
    };
    let seconds = answer.elapsed_ms as f64 / 1_000.0;
    let _never_fails = writeln!(text, ", {seconds:.3} s. {}", answer.freshness().sentence());
    text
}

fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn table(answer: &Answer, width: u16) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_style(TableComponent::HeaderLines, '─');
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    table.set_header(answer.columns.iter().map(|column| plain(&column.name)));
    for row in &answer.rows {
        table.add_row(answer.columns.iter().map(|column| {
            let value = row.get(&column.name);
            let align = match value {
                Some(Value::Number(_)) => CellAlignment::Right,
                _ => CellAlignment::Left,
            };
            Cell::new(plain(&text(value))).set_alignment(align)
        }));
    }
    let mut out = String::new();
    if !answer.columns.is_empty() {
        for line in table.lines() {
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out.push('\n');
    }
    out + &remarks(answer)
}

fn csv(answer: &Answer) -> Result<String, std::io::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(answer.columns.iter().map(|column| column.name.as_str()))?;
    for row in &answer.rows {
        writer.write_record(answer.columns.iter().map(|column| match row.get(&column.name) {
            Some(Value::String(text)) => inert(text).into_owned(),
            other => text(other),
        }))?;
    }
    let bytes = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
    String::from_utf8(bytes).map_err(std::io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::AnswerColumn;
    use serde_json::json;

    fn answer(more: bool) -> Answer {
        let column = |name: &str, kind: &str| AnswerColumn { name: name.into(), kind: kind.into() };
        let row = |event: &str, count: Value| {
            [("event".to_owned(), json!(event)), ("n".to_owned(), count)].into_iter().collect()
        };
        Answer {
            columns: vec![column("event", "text"), column("n", "integer")],
            rows: vec![row("=1+1", json!(12)), row("a\u{1b}[2Jb", Value::Null)],
            more,
            as_of: "2026-11-22T12:03:10.000000Z".into(),
            complete_until: Some("2026-11-22T12:03:10.000000Z".into()),
            provisional: false,
            elapsed_ms: 12,
        }
    }

    #[test]
    fn tables_say_how_many_rows_and_how_fresh() {
        let text = render(&answer(false), AnswerFormat::Table, Some(60)).unwrap();
        assert!(text.contains("2 rows, 0.012 s. Everything received is counted"), "{text}");
        assert!(!text.contains('\u{1b}'), "a control character reached the terminal");
        let text = render(&answer(true), AnswerFormat::Table, None).unwrap();
        assert!(text.contains("The first 2 rows; there are more"), "{text}");
    }

    #[test]
    fn csv_is_inert_and_json_is_whole() {
        let text = render(&answer(false), AnswerFormat::Csv, None).unwrap();
        assert_eq!(text, "event,n\n'=1+1,12\na\u{1b}[2Jb,\n");
        let text = render(&answer(true), AnswerFormat::Json, None).unwrap();
        assert_eq!(serde_json::from_str::<Answer>(&text).unwrap(), answer(true));
    }

    #[test]
    fn formats_have_names() {
        assert_eq!("csv".parse(), Ok(AnswerFormat::Csv));
        assert!("xml".parse::<AnswerFormat>().unwrap_err().to_string().contains("table, json"));
    }
}
