//! Inventories and forecasts as comma-separated tables.
//!
//! A table whose header has `path` describes flows, one that has `events_per_s` is a forecast, any other
//! describes components. Columns are the keys of the plan file; `cost_of_delay.at_deadline` reaches into a
//! table; several names in one cell are parted by `>` or `|`. An empty cell says nothing.

use super::node::{Entry, Node, Table, Value};
use super::problem::Problems;
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// Most columns of a table.
pub const COLUMNS_MAX: usize = 64;
/// Most rows of a table.
pub const ROWS_MAX: usize = 250_000;

/// Keys whose cells hold several names.
const LISTS: [&str; 5] = ["path", "rack", "zone", "region", "failover"];

/// A cell and the byte at which it begins.
type Cell = (String, usize);

/// Splits text into rows of cells. Quoted cells may hold commas, line ends and doubled quotes (RFC 4180).
pub(super) fn rows(text: &str, problems: &mut Problems<'_>) -> Vec<Vec<Cell>> {
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    let mut row: Vec<Cell> = Vec::new();
    let mut cell = String::new();
    let (mut start, mut quoted, mut opened) = (0, false, 0);
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' if quoted && letters.peek().is_some_and(|(_, next)| *next == '"') => {
                cell.push('"');
                letters.next();
            }
            '"' if quoted => quoted = false,
            '"' if cell.trim().is_empty() => {
                (quoted, opened) = (true, at);
                cell.clear();
            }
            ',' | '\n' if !quoted => {
                row.push((cell.trim().to_owned(), start));
                cell.clear();
                start = at + 1;
                if letter == '\n' {
                    rows.push(core::mem::take(&mut row));
                }
            }
            letter => cell.push(letter),
        }
        if rows.len() > ROWS_MAX || row.len() > COLUMNS_MAX {
            let why = format!("more than {ROWS_MAX} rows or {COLUMNS_MAX} columns");
            problems.add(at, "the table", why, "split it");
            return Vec::new();
        }
    }
    if quoted {
        problems.add(opened, "the table", "a quoted cell does not end", "close the quote");
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push((cell.trim().to_owned(), start));
        rows.push(row);
    }
    rows.retain(|row| row.iter().any(|(cell, _)| !cell.is_empty()));
    rows
}

/// The table as a plan: `[[components]]`, `[[flows]]`, or `[[peaks]]` for a forecast.
pub(super) fn plan_of(text: &str, problems: &mut Problems<'_>) -> Table {
    let rows = rows(text.strip_prefix('\u{feff}').unwrap_or(text), problems);
    let Some((header, body)) = rows.split_first() else { return Table::default() };
    let has = |name: &str| header.iter().any(|(column, _)| column == name);
    let section = if has("path") { "flows" } else { "components" };
    if has("events_per_s") {
        return forecast(header, body, problems);
    }
    let mut items = Vec::with_capacity(body.len());
    for row in body {
        let at = row.first().map_or(0, |(_, at)| *at);
        if row.len() > header.len() {
            let why = format!("{} cells under {} columns", row.len(), header.len());
            problems.add(at, "a row", why, "quote cells that hold commas");
            continue;
        }
        let mut table = Table { entries: Vec::new(), at };
        for ((column, _), (cell, cell_at)) in header.iter().zip(row) {
            if !cell.is_empty() && !column.is_empty() {
                put(&mut table, column, value_of(column, cell, *cell_at), *cell_at);
            }
        }
        items.push(Node { value: Value::Table(table), at });
    }
    root(section, items)
}

fn root(section: &str, items: Vec<Node>) -> Table {
    let list = Node { value: Value::List(items), at: 0 };
    Table { entries: vec![Entry { key: section.to_owned(), key_at: 0, node: list }], at: 0 }
}

fn value_of(column: &str, cell: &str, at: usize) -> Node {
    let value = match cell {
        "true" => Value::Flag(true),
        "false" => Value::Flag(false),
        _ if LISTS.contains(&column) => {
            let names = cell.split(['>', '|']).map(str::trim).filter(|name| !name.is_empty());
            Value::List(
                names.map(|name| Node { value: Value::Text(name.to_owned()), at }).collect(),
            )
        }
        _ => Value::Text(cell.to_owned()),
    };
    Node { value, at }
}

/// Puts a value under a key; dots reach into tables.
fn put(table: &mut Table, key: &str, node: Node, at: usize) {
    let (first, rest) =
        key.split_once('.').map_or((key, None), |(first, rest)| (first, Some(rest)));
    let place = table.entries.binary_search_by(|entry| entry.key.as_str().cmp(first));
    let index = match place {
        Ok(index) => index,
        Err(index) => {
            let empty = Node { value: Value::Table(Table { entries: Vec::new(), at }), at };
            table.entries.insert(index, Entry { key: first.to_owned(), key_at: at, node: empty });
            index
        }
    };
    match (rest, &mut table.entries[index].node.value) {
        (Some(rest), Value::Table(inner)) => put(inner, rest, node, at),
        _ => table.entries[index].node = node,
    }
}

/// Rows of `peak, flow, events_per_s[, campaign_type, channel]` as forecast lines of their peaks.
fn forecast(header: &[Cell], body: &[Vec<Cell>], problems: &mut Problems<'_>) -> Table {
    const COLUMNS: [&str; 5] = ["peak", "flow", "events_per_s", "campaign_type", "channel"];
    for (column, at) in header {
        if !COLUMNS.contains(&column.as_str()) {
            let fix = format!("a forecast has the columns {}", COLUMNS.join(", "));
            problems.add(*at, "the forecast", format!("`{column}` is not known"), fix);
        }
    }
    let mut peaks: Vec<(String, Vec<Node>)> = Vec::new();
    for row in body {
        let at = row.first().map_or(0, |(_, at)| *at);
        let mut line = Table { entries: Vec::new(), at };
        let mut peak = String::new();
        for ((column, _), (cell, cell_at)) in header.iter().zip(row) {
            match column.as_str() {
                "peak" => peak.clone_from(cell),
                "events_per_s" => {
                    // A bare number is events per second; other units may be written.
                    let bare = cell.parse::<f64>().is_ok();
                    let text = if bare { format!("{cell}/s") } else { cell.clone() };
                    put(
                        &mut line,
                        column,
                        Node { value: Value::Text(text), at: *cell_at },
                        *cell_at,
                    );
                }
                _ if cell.is_empty() => {}
                _ => put(
                    &mut line,
                    column,
                    Node { value: Value::Text(cell.clone()), at: *cell_at },
                    *cell_at,
                ),
            }
        }
        if peak.is_empty() {
            problems.add(
                at,
                "a line of the forecast",
                "it names no peak",
                "fill the column `peak`",
            );
            continue;
        }
        let line = Node { value: Value::Table(line), at };
        match peaks.iter_mut().find(|(known, _)| *known == peak) {
            Some((_, lines)) => lines.push(line),
            None => peaks.push((peak, vec![line])),
        }
    }
    let table = |(name, lines): (String, Vec<Node>)| {
        let mut table = Table::default();
        put(&mut table, "name", Node { value: Value::Text(name), at: 0 }, 0);
        put(&mut table, "forecast", Node { value: Value::List(lines), at: 0 }, 0);
        Node { value: Value::Table(table), at: 0 }
    };
    root("peaks", peaks.into_iter().map(table).collect())
}
