//! Tables on a terminal.

use super::page::{Align, Grid, Page};
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, TableComponent, presets};
use std::borrow::Cow;

/// Width used where there is no terminal to ask.
const WIDTH_DEFAULT: u16 = 100;

/// Renders the page for a terminal of this width.
pub fn render(page: &Page, width: Option<u16>) -> String {
    let width = width.unwrap_or(WIDTH_DEFAULT).max(20);
    let mut out = String::new();
    for sentence in [&page.meaning, &page.freshness].into_iter().chain(&page.gaps) {
        wrap(sentence, usize::from(width), &mut out);
    }
    for grid in &page.grids {
        out.push('\n');
        if !grid.title.is_empty() {
            out.push_str(&grid.title);
            out.push('\n');
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
    let name_width =
        usize::from(width).saturating_sub(numbers_width(grid)).max(NAME_CHARACTERS_MIN);
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_style(TableComponent::HeaderLines, '─');
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    table.set_header(grid.columns.iter().map(|(name, align)| cell(name, *align)));
    for row in grid.rows.iter().chain(&grid.total) {
        table.add_row(row.iter().zip(&grid.columns).map(|(text, (_, align))| match align {
            Align::Left => cell(&cut(text, name_width), *align),
            Align::Right => cell(text, *align),
        }));
    }
    for (column, (_, align)) in table.column_iter_mut().zip(&grid.columns) {
        let left = if *align == Align::Left { 0 } else { PADDING };
        column.set_padding((left, 0));
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

/// Characters that all columns but the names need, with the space around them.
fn numbers_width(grid: &Grid) -> usize {
    let widest = |index: usize, title: &str| {
        let cells = grid.rows.iter().chain(&grid.total).filter_map(|row| row.get(index));
        let lines = cells.flat_map(|text| text.lines()).map(|line| line.chars().count());
        lines.max().unwrap_or(0).max(title.chars().count())
    };
    let columns = grid.columns.iter().enumerate();
    let numbers = columns.filter(|(_, (_, align))| *align == Align::Right);
    numbers.map(|(index, (title, _))| widest(index, title) + usize::from(PADDING)).sum::<usize>()
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
        Align::Left => CellAlignment::Left,
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
