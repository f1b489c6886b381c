//! A report as people read it: a few sentences, then tables of finished text.

/// Where a column's text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Names, cut where room is short.
    Left,
    /// Sentences, wrapped where room is short.
    Prose,
    /// Numbers.
    Right,
}

/// One table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Its heading; empty for the first of a page.
    pub title: String,
    /// Headings of the columns.
    pub columns: Vec<(String, Align)>,
    /// The cells.
    pub rows: Vec<Vec<String>>,
    /// The last line, set apart.
    pub total: Option<Vec<String>>,
    /// What to say when there are no rows.
    pub empty: String,
}

impl Grid {
    /// A table with these columns: the first holds names, the others hold numbers.
    pub fn new(title: &str, columns: &[&str], empty: &str) -> Self {
        let align = |index| if index == 0 { Align::Left } else { Align::Right };
        Self {
            title: title.to_owned(),
            columns: columns
                .iter()
                .enumerate()
                .map(|(index, name)| ((*name).to_owned(), align(index)))
                .collect(),
            rows: Vec::new(),
            total: None,
            empty: empty.to_owned(),
        }
    }
}

/// A page: what the figures mean, how fresh they are, what is missing, then the tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The report's name.
    pub title: String,
    /// What the figures mean, in a sentence.
    pub meaning: String,
    /// How fresh they are, in a sentence.
    pub freshness: String,
    /// How much of what happened has arrived, where that is known and not all.
    pub arrivals: Option<String>,
    /// What is known to be missing.
    pub gaps: Option<String>,
    /// The tables.
    pub grids: Vec<Grid>,
}

/// What stands in a table where a figure is not known.
pub const NOT_KNOWN: &str = "–";

/// Text from outside, fit to be shown: control characters that could steer a terminal or hide
/// text (bidirectional overrides) are replaced, and its length is bounded.
pub fn plain(text: &str) -> String {
    const CHARACTERS_MAX: usize = 120;
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}')
    };
    let mut out: String =
        text.chars().take(CHARACTERS_MAX).map(|c| if steers(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(CHARACTERS_MAX).is_some() {
        out.push('…');
    }
    out
}
