//! Headings with a sentence, and plain tables.

use crate::document::Markup;

/// Most rows of a list.
pub const ROWS_MAX: usize = 40;

/// A section's heading and what it means.
pub fn head(title: &str, says: &str, markup: &mut Markup) {
    markup.element("h2", &[], title);
    markup.sentence("p", &[("class", "says")], says);
}

/// A table; a column holds names or, where it says so, numbers.
pub fn table(columns: &[(&str, bool)], rows: &[Vec<String>], markup: &mut Markup) {
    markup.scroll(columns.first().map_or("Table", |(name, _)| name));
    markup.fixed("<table><thead><tr>");
    for (name, number) in columns {
        let class = if *number { "number" } else { "words" };
        markup.element("th", &[("scope", "col"), ("class", class)], name);
    }
    markup.fixed("</tr></thead>\n<tbody>\n");
    for row in rows {
        markup.open("tr", &[]);
        for (index, (cell, (_, number))) in row.iter().zip(columns).enumerate() {
            let class = if *number { "number" } else { "words" };
            if index == 0 {
                markup.sentence("th", &[("scope", "row")], cell);
            } else {
                markup.sentence("td", &[("class", class)], cell);
            }
        }
        markup.close("tr");
    }
    markup.fixed("</tbody></table></div>\n");
}
