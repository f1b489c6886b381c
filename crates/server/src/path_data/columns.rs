//! Which column is which, and what divides the columns.

/// What a column says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Channels joined by `>`.
    Path,
    /// Journeys that converted.
    Conversions,
    /// What they were worth.
    Value,
    /// Journeys that did not convert.
    Nulls,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Path, Self::Conversions, Self::Value, Self::Nulls];

    /// Its column's name where no other is given, and the name of the option that gives one.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Conversions => "conversions",
            Self::Value => "value",
            Self::Nulls => "nulls",
        }
    }

    /// True when there is nothing to analyse without it.
    pub const fn is_required(self) -> bool {
        matches!(self, Self::Path | Self::Conversions)
    }
}

/// Names of columns that were asked for, by [`Role::ALL`].
#[derive(Clone, Debug, Default)]
pub struct Names(pub [Option<String>; 4]);

impl Names {
    /// The name that is looked for.
    pub fn of(&self, role: Role) -> &str {
        self.0[role as usize].as_deref().unwrap_or(role.as_str())
    }

    /// True when the column has to be there.
    pub fn insists_on(&self, role: Role) -> bool {
        role.is_required() || self.0[role as usize].is_some()
    }
}

/// What divides the columns.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// A header read with one delimiter.
pub struct Header {
    /// What divides the columns.
    pub delimiter: u8,
    /// Their names as they stand.
    pub columns: Vec<String>,
    /// The place of each role's column, by [`Role::ALL`].
    pub places: [Option<usize>; 4],
}

/// Reads the first line with the delimiter that finds the most of the columns asked for; among
/// equals, the one that divides it into the most columns.
pub fn header(line: &[u8], names: &Names) -> Header {
    let read = |delimiter: u8| {
        let columns = fields(line, delimiter);
        let places = Role::ALL.map(|role| place(&columns, names.of(role)));
        Header { delimiter, columns, places }
    };
    let score = |header: &Header| (header.places.iter().flatten().count(), header.columns.len());
    let mut best = read(DELIMITERS[0]);
    for delimiter in DELIMITERS.into_iter().skip(1) {
        let other = read(delimiter);
        if score(&other) > score(&best) {
            best = other;
        }
    }
    best
}

fn fields(line: &[u8], delimiter: u8) -> Vec<String> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_reader(line);
    let mut record = csv::ByteRecord::new();
    // The line is in memory and any bytes are fields, so reading it cannot fail.
    let found = reader.read_byte_record(&mut record).unwrap_or(false);
    let text = |field: &[u8]| String::from_utf8_lossy(field).trim().to_owned();
    if found { record.iter().map(text).collect() } else { Vec::new() }
}

/// The column of this name: as it stands, else whatever the case.
fn place(columns: &[String], name: &str) -> Option<usize> {
    let exact = columns.iter().position(|column| column == name);
    exact.or_else(|| {
        columns.iter().position(|column| column.to_lowercase() == name.trim().to_lowercase())
    })
}
