//! Tables on a terminal.

use super::page::{Align, Grid, Page};
use comfy_table::{
    Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, TableComponent, presets,
};
use std::borrow::Cow;

/// Width used where there is no terminal to ask.
const WIDTH_DEFAULT: u16 = 100;
/// Narrowest terminal that is drawn for.
const WIDTH_MIN: u16 = 20;

/// Renders the page for a terminal of this width.
pub fn render(page: &Page, width: Option<u16>) -> String {
    let width = width.unwrap_or(WIDTH_DEFAULT).max(WIDTH_MIN);
    let sentences: Vec<&str> = [&page.meaning, &page.freshness]
        .into_iter()
        .chain(&page.arrivals)
        .chain(&page.gaps)
        .map(String::as_str)
        .collect();
    compose(&sentences, &page.grids, width)
}

/// Sentences, then tables, for a terminal of this width.
pub fn compose(sentences: &[&str], grids: &[Grid], width: u16) -> String {
    let mut out = String::new();
    for line in sentences.iter().flat_map(|sentence| sentence.split('\n')) {
        wrap(line, usize::from(width), &mut out);
    }
    for grid in grids {
        out.push('\n');
        if !grid.title.is_empty() {
            wrap(&grid.title, usize::from(width), &mut out);
        }
        if grid.rows.is_empty() {
            wrap(&grid.empty, usize::from(width), &mut out);
        } else {
            draw(grid, width, &mut out);
        }
    }
    out
}

/// Fewest characters that a name is cut to before numbers have to wrap.
const NAME_CHARACTERS_MIN: usize = 12;

/// Spaces between columns.
const PADDING: u16 = 2;

fn draw(grid: &Grid, width: u16, out: &mut String) {
    let name_width = usize::from(width).saturating_sub(others_width(grid)).max(NAME_CHARACTERS_MIN);
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_style(TableComponent::HeaderLines, '─');
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    if grid.columns.iter().any(|(name, _)| !name.is_empty()) {
        table.set_header(grid.columns.iter().map(|(name, align)| cell(name, *align)));
    }
    for row in grid.rows.iter().chain(&grid.total) {
        let cells = row.iter().zip(&grid.columns).enumerate();
        table.add_row(cells.map(|(index, (text, (_, align)))| match align {
            Align::Left if index == 0 => cell(&cut(text, name_width), *align),
            _ => cell(text, *align),
        }));
    }
    let has_prose = grid.columns.iter().any(|(_, align)| *align == Align::Prose);
    for (index, (column, (_, align))) in table.column_iter_mut().zip(&grid.columns).enumerate() {
        let first = index == 0;
        column.set_padding((if first { 0 } else { PADDING }, 0));
        if *align != Align::Prose && has_prose {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    let total_lines = grid.total.iter().flatten().map(|text| text.lines().count().max(1)).max();
    let rule_before = total_lines.map(|count| lines.len().saturating_sub(count));
    for (index, line) in lines.iter().enumerate() {
        if rule_before == Some(index) {
            out.extend(lines.get(1).into_iter().flat_map(|rule| [rule.as_str(), "\n"]));
        }
        out.push_str(line);
        out.push('\n');
    }
}

/// Fewest characters that sentences are wrapped to before names are cut.
const PROSE_CHARACTERS_MIN: usize = 24;

/// Characters that all columns but the first need, with the space around them.
fn others_width(grid: &Grid) -> usize {
    let widest = |index: usize, title: &str| {
        let cells = grid.rows.iter().chain(&grid.total).filter_map(|row| row.get(index));
        let lines = cells.flat_map(|text| text.lines()).map(|line| line.chars().count());
        lines.max().unwrap_or(0).max(title.chars().count())
    };
    let needs = |(index, (title, align)): (usize, &(String, Align))| match align {
        Align::Prose => PROSE_CHARACTERS_MIN.min(widest(index, title)),
        Align::Left | Align::Right => widest(index, title),
    };
    let others = grid.columns.iter().enumerate().skip(1);
    others.map(|column| needs(column) + usize::from(PADDING)).sum::<usize>()
}

fn cut(text: &str, characters: usize) -> Cow<'_, str> {
    if text.chars().count() <= characters {
        return Cow::Borrowed(text);
    }
    let kept: String = text.chars().take(characters.saturating_sub(1)).collect();
    Cow::Owned(format!("{kept}…"))
}

fn cell(text: &str, align: Align) -> Cell {
    Cell::new(text).set_alignment(match align {
        Align::Left | Align::Prose => CellAlignment::Left,
        Align::Right => CellAlignment::Right,
    })
}

fn wrap(sentence: &str, width: usize, out: &mut String) {
    let mut column = 0;
    for word in sentence.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            out.push('\n');
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out.push('\n');
}
