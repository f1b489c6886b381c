//! Markup under construction: tags and attribute names are ours, everything else is escaped.

use crate::report::page::plain;
use std::fmt::Write as _;

/// Attributes of an element: names are ours, values are escaped.
pub type Attributes<'a> = [(&'static str, &'a str)];

/// HTML or SVG text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Markup(String);

impl Markup {
    /// Markup that was written by us.
    pub fn fixed(&mut self, markup: &'static str) {
        self.0.push_str(markup);
    }

    /// A style sheet of ours; anything that could end it early is cut off.
    pub(super) fn sheet(&mut self, sheet: &str) {
        self.0.push_str(sheet.split("</").next().unwrap_or_default());
    }

    /// Text from anywhere.
    pub fn text(&mut self, text: &str) {
        escape(&kept_together(&plain_lines(text)), &mut self.0);
    }

    /// A sentence in which names stand between backticks.
    pub fn prose(&mut self, text: &str) {
        for (index, part) in text.split('`').enumerate() {
            let name = index % 2 == 1;
            if name {
                self.0.push_str("<span class=\"name\">");
            }
            self.text(part);
            if name {
                self.0.push_str("</span>");
            }
        }
    }

    /// An element that holds a sentence, as [`Self::prose`].
    pub fn sentence(&mut self, tag: &'static str, attributes: &Attributes<'_>, text: &str) {
        self.open(tag, attributes);
        self.prose(text);
        self.close(tag);
    }

    /// `<tag …>`
    pub fn open(&mut self, tag: &'static str, attributes: &Attributes<'_>) {
        self.0.push('<');
        self.0.push_str(tag);
        for (name, value) in attributes {
            self.0.push(' ');
            self.0.push_str(name);
            self.0.push_str("=\"");
            escape(value, &mut self.0);
            self.0.push('"');
        }
        self.0.push('>');
    }

    /// `</tag>` and a line break.
    pub fn close(&mut self, tag: &'static str) {
        let _ = writeln!(self.0, "</{tag}>");
    }

    /// `<tag …>text</tag>`
    pub fn element(&mut self, tag: &'static str, attributes: &Attributes<'_>, text: &str) {
        self.open(tag, attributes);
        self.text(text);
        self.close(tag);
    }

    /// Opens a part that scrolls sideways where it is too wide, by keyboard as well; it closes as `div`.
    pub fn scroll(&mut self, label: &str) {
        let attributes =
            [("class", "scroll"), ("tabindex", "0"), ("role", "group"), ("aria-label", label)];
        self.open("div", &attributes);
    }

    /// An element that holds nothing, such as `meta` or `input`.
    pub fn void(&mut self, tag: &'static str, attributes: &Attributes<'_>) {
        self.open(tag, attributes);
        self.0.push('\n');
    }

    /// An SVG shape.
    pub fn shape(&mut self, tag: &'static str, attributes: &Attributes<'_>) {
        self.open(tag, attributes);
        self.0.truncate(self.0.len() - 1);
        self.0.push_str("/>");
    }

    /// Adds what another part built.
    pub fn append(&mut self, other: Self) {
        self.0.push_str(&other.0);
    }

    /// True when nothing was written.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text.
    pub fn finish(self) -> String {
        self.0
    }
}

/// Line by line fit to be shown, at any length.
fn plain_lines(text: &str) -> String {
    const PIECE_CHARACTERS: usize = 100;
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(PIECE_CHARACTERS).map(|piece| plain(&piece.iter().collect::<String>())).collect()
}

/// A number and its unit stay on one line.
fn kept_together(text: &str) -> String {
    const UNITS: [&str; 13] = [
        "%", "µs", "ms", "s", "min", "h", "days", "bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s",
        "months",
    ];
    let mut words = text.split(' ').peekable();
    let mut out = String::with_capacity(text.len() + 8);
    while let Some(word) = words.next() {
        out.push_str(word);
        let Some(next) = words.peek() else { break };
        let unit = next.trim_end_matches([',', '.', ';', ':', ')']);
        let joined = word.ends_with(|c: char| c.is_ascii_digit()) && UNITS.contains(&unit);
        out.push(if joined { '\u{a0}' } else { ' ' });
    }
    out
}

/// Escapes text for use between tags and in quoted attributes.
pub fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
}
