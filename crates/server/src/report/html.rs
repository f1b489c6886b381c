//! A page that stands alone: no script, no outside reference, calm on screen and on paper.

use super::page::{Align, Grid, Page};
use crate::document::escape;

const STYLE: &str = include_str!("page.css");

/// Renders the page as one HTML document.
pub fn render(page: &Page) -> String {
    let mut out = String::with_capacity(8 * 1_024);
    out.push_str("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    out.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    out.push_str("<title>");
    escape(&page.title, &mut out);
    out.push_str(" · Millstream</title>\n<style>\n");
    out.push_str(STYLE);
    out.push_str("</style>\n</head>\n<body>\n<main>\n");
    element("h1", &page.title, &mut out);
    for line in page.meaning.lines() {
        element("p", line, &mut out);
    }
    out.push_str("<aside>\n");
    element("p", &page.freshness, &mut out);
    for sentence in page.arrivals.iter().chain(&page.gaps) {
        element("p", sentence, &mut out);
    }
    out.push_str("</aside>\n");
    for grid in &page.grids {
        draw(grid, &mut out);
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn draw(grid: &Grid, out: &mut String) {
    out.push_str("<section>\n");
    if !grid.title.is_empty() {
        element("h2", &grid.title, out);
    }
    if grid.rows.is_empty() {
        element("p", &grid.empty, out);
    } else {
        out.push_str("<div class=\"scroll\"><table>\n<thead><tr>");
        for (name, align) in &grid.columns {
            tagged("th scope=\"col\"", *align, name, out);
        }
        out.push_str("</tr></thead>\n<tbody>\n");
        for row in &grid.rows {
            line(grid, row, out);
        }
        out.push_str("</tbody>\n");
        if let Some(total) = &grid.total {
            out.push_str("<tfoot>\n");
            line(grid, total, out);
            out.push_str("</tfoot>\n");
        }
        out.push_str("</table></div>\n");
    }
    out.push_str("</section>\n");
}

fn line(grid: &Grid, row: &[String], out: &mut String) {
    out.push_str("<tr>");
    for (index, (text, (_, align))) in row.iter().zip(&grid.columns).enumerate() {
        let tag = if index == 0 { "th scope=\"row\"" } else { "td" };
        tagged(tag, *align, text, out);
    }
    out.push_str("</tr>\n");
}

fn tagged(open: &str, align: Align, text: &str, out: &mut String) {
    out.push('<');
    out.push_str(open);
    if align == Align::Right {
        out.push_str(" class=\"number\"");
    }
    out.push('>');
    escape(text, out);
    out.push_str("</");
    out.push_str(open.split(' ').next().unwrap_or(open));
    out.push('>');
}

fn element(tag: &str, text: &str, out: &mut String) {
    out.push_str(&format!("<{tag}>"));
    escape(text, out);
    out.push_str(&format!("</{tag}>\n"));
}
