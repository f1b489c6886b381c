//! Reading: rows that break a rule are refused one by one, with their line, cause and remedy.

use super::columns::{Header, Names, Role, header};
use super::number;
pub use super::number::UNIT_DIGITS;
use crate::import::{Bounded, ImportError, Input, ROW_BYTES_MAX};
use millstream_attribute::{Gathering, Outcome, PathError, Paths};
use serde::Serialize;
use std::cell::Cell;
use std::io::BufRead;

/// Largest file, in bytes after decompression.
pub const FILE_BYTES_MAX: u64 = 1 << 30;
/// Refusals that are told one by one; the others are counted.
pub const REFUSALS_SHOWN: usize = 5;
/// Characters of a field that a message shows.
const SHOWN_CHARACTERS: usize = 40;

/// What a file says.
#[derive(Clone, Debug, Default)]
pub struct PathFile {
    /// Its paths; values in billionths.
    pub paths: Paths,
    /// Digits after the point that its values are written with.
    pub value_digits: u32,
    /// Rows that were not taken.
    pub refused: Refused,
}

/// Rows that were not taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first: Vec<Refusal>,
}

/// A row that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Its line, counted from 1.
    pub line: u64,
    /// The cause.
    pub why: String,
    /// The remedy.
    pub fix: String,
}

/// Why a file cannot be analysed at all. Messages name the cause and, after a semicolon, the remedy.
#[derive(Debug, thiserror::Error)]
pub enum PathFileError {
    /// It cannot be opened.
    #[error("{0}; name a readable file, or - for standard input")]
    Open(std::io::Error),
    /// It cannot be read to its end.
    #[error("line {line}: {source}; check the file, and that every quote is closed")]
    Read {
        /// The line after the last that was read.
        line: u64,
        /// Why.
        source: csv::Error,
    },
    /// It is empty.
    #[error("it is empty; its first line names the columns: path, conversions, value, nulls")]
    Empty,
    /// A column is missing.
    #[error("there is no column `{wanted}`, only {found}; name the right one with --{option} NAME")]
    Column {
        /// The name looked for.
        wanted: String,
        /// The names that are there.
        found: String,
        /// The option that names it.
        option: &'static str,
    },
    /// It is too large.
    #[error(
        "it has more than {max} bytes; add rows with equal paths together, or analyse a shorter period"
    )]
    Large {
        /// The limit.
        max: u64,
    },
    /// Its paths together break a bound.
    #[error("line {line}: {source}")]
    Bound {
        /// The line.
        line: u64,
        /// The bound.
        source: PathError,
    },
    /// No row could be taken.
    #[error("no row can be used{}", first_of(.0))]
    NoRows(Refused),
}

fn first_of(refused: &Refused) -> String {
    refused.first.first().map_or_else(
        || "; add at least one row under the line of column names".to_owned(),
        |first| format!(", the first of them is line {}: {}; {}", first.line, first.why, first.fix),
    )
}

/// Why one row is not taken.
#[derive(Debug, thiserror::Error)]
enum RowError {
    #[error(
        "it has {found} fields and the first line names {wanted}; add what is missing, or put quotes around a field with the delimiter in it"
    )]
    Fields { found: usize, wanted: usize },
    #[error("`{column}` is no text in UTF-8; save the file as UTF-8")]
    Encoding { column: &'static str },
    #[error("`{column}` is `{given}`, which is no whole number from 0 up; write digits only")]
    Count { column: &'static str, given: String },
    #[error(
        "`{column}` is `{given}`, which is no amount from 0 up; write digits with at most one point and nothing between thousands"
    )]
    Amount { column: &'static str, given: String },
    #[error(transparent)]
    Path(#[from] PathError),
}

/// Reads path data of at most `bytes_max` bytes.
///
/// # Errors
/// When the file cannot be read, has not the columns asked for, is beyond a bound, or has no row that
/// can be used.
pub fn read(
    input: &mut Input<'_>,
    names: &Names,
    bytes_max: u64,
) -> Result<PathFile, PathFileError> {
    let mut stream = input.open(&|_| ()).map_err(|error| match error {
        ImportError::Read { source, .. } => PathFileError::Open(source),
        other => PathFileError::Open(std::io::Error::other(other)),
    })?;
    let header = first_line(&mut *stream, names)
        .map_err(|source| PathFileError::Read { line: 1, source: source.into() })?;
    if header.columns.iter().all(String::is_empty) {
        return Err(PathFileError::Empty);
    }
    for (role, place) in Role::ALL.into_iter().zip(header.places) {
        if place.is_none() && names.insists_on(role) {
            let found: Vec<String> =
                header.columns.iter().map(|column| format!("`{}`", shown(column))).collect();
            let (wanted, option) = (shown(names.of(role)), role.as_str());
            return Err(PathFileError::Column { wanted, found: found.join(", "), option });
        }
    }
    rows(stream, &header, bytes_max)
}

fn first_line(stream: &mut dyn BufRead, names: &Names) -> std::io::Result<Header> {
    let buffer = stream.fill_buf()?;
    let buffer = buffer.strip_prefix(b"\xef\xbb\xbf").unwrap_or(buffer);
    let line = buffer.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(header(line, names))
}

fn rows(
    stream: Box<dyn BufRead + '_>,
    header: &Header,
    bytes_max: u64,
) -> Result<PathFile, PathFileError> {
    let allowed = Cell::new(ROW_BYTES_MAX);
    let bounded = Bounded { stream, taken: 0, allowed: &allowed };
    let mut reader =
        csv::ReaderBuilder::new().delimiter(header.delimiter).flexible(true).from_reader(bounded);
    let (mut gathering, mut file) = (Gathering::default(), PathFile::default());
    let (mut record, mut taken) = (csv::ByteRecord::new(), 0_u64);
    loop {
        let line = reader.position().line().max(2);
        let more = reader.read_byte_record(&mut record);
        if reader.position().byte() > bytes_max {
            return Err(PathFileError::Large { max: bytes_max });
        }
        if !more.map_err(|source| PathFileError::Read { line, source })? {
            break;
        }
        allowed.set(reader.position().byte() + ROW_BYTES_MAX);
        let line = record.position().map_or(line, csv::Position::line);
        match row(&record, header, &mut gathering) {
            Ok(digits) => {
                taken += 1;
                file.value_digits = file.value_digits.max(digits);
            }
            Err(RowError::Path(source @ (PathError::Channels | PathError::Large))) => {
                return Err(PathFileError::Bound { line, source });
            }
            Err(error) => file.refused.add(line, &error),
        }
    }
    if taken == 0 {
        return Err(PathFileError::NoRows(file.refused));
    }
    file.paths = gathering.finish();
    Ok(file)
}

impl Refused {
    fn add(&mut self, line: u64, error: &RowError) {
        self.count += 1;
        if self.first.len() < REFUSALS_SHOWN {
            let text = error.to_string();
            let (why, fix) = text.split_once("; ").unwrap_or((&text, "correct the row"));
            self.first.push(Refusal { line, why: why.to_owned(), fix: fix.to_owned() });
        }
    }
}

/// Adds one row; the digits after the point of its value.
fn row(
    record: &csv::ByteRecord,
    header: &Header,
    gathering: &mut Gathering,
) -> Result<u32, RowError> {
    if record.len() != header.columns.len() {
        return Err(RowError::Fields { found: record.len(), wanted: header.columns.len() });
    }
    let text = |role: Role| -> Result<&str, RowError> {
        let bytes = header.places[role as usize].and_then(|place| record.get(place));
        let text = std::str::from_utf8(bytes.unwrap_or_default());
        text.map(str::trim).map_err(|_| RowError::Encoding { column: role.as_str() })
    };
    let count = |role: Role| {
        let given = text(role)?;
        let error = || RowError::Count { column: role.as_str(), given: shown(given) };
        number::count(given).ok_or_else(error)
    };
    let given = text(Role::Value)?;
    let error = || RowError::Amount { column: Role::Value.as_str(), given: shown(given) };
    let (value, digits) = number::amount(given).ok_or_else(error)?;
    let (conversions, nulls) = (count(Role::Conversions)?, count(Role::Nulls)?);
    let path = text(Role::Path)?;
    if path.is_empty() {
        return Err(PathError::Empty.into());
    }
    gathering.add(path.split('>').map(str::trim), Outcome { conversions, nulls, value })?;
    Ok(digits)
}

fn shown(text: &str) -> String {
    let kept: String = text.chars().take(SHOWN_CHARACTERS).collect();
    crate::report::page::plain(&kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str, names: &Names, bytes_max: u64) -> Result<PathFile, String> {
        let bytes = text.as_bytes().to_vec();
        let mut input = Input::reader("test", Box::new(std::io::Cursor::new(bytes)));
        read(&mut input, names, bytes_max).map_err(|error| error.to_string())
    }

    fn totals(text: &str) -> (u64, u64, i128, usize) {
        let file = read_text(text, &Names::default(), FILE_BYTES_MAX).unwrap();
        assert_eq!(file.refused, Refused::default());
        let total = file.paths.total;
        (total.conversions, total.nulls, total.value, file.paths.channels.len())
    }

    #[test]
    fn delimiters_separators_marks_and_quotes_are_read() {
        let expected = (3, 4, 12_500_000_000, 2);
        assert_eq!(totals("path,conversions,value,nulls\na > b,3,12.5,4\n"), expected);
        assert_eq!(totals("path;conversions;value;nulls\r\na>b;3;12,5;4\r\n"), expected);
        assert_eq!(totals("nulls\tPath\tvalue\tConversions\n4\ta  >b\t12.50\t3"), expected);
        assert_eq!(
            totals("\u{feff}\"path\",\"conversions\",value,nulls\n\"a > b\",3.0,12.5,4"),
            expected
        );
        assert_eq!(totals("path,conversions\na > b > b > a,3\nb,1\n"), (4, 0, 0, 2));
    }

    #[test]
    fn names_are_mapped_and_missed() {
        let named = |at: usize, name: &str| {
            let mut names = Names::default();
            names.0[at] = Some(name.to_owned());
            names
        };
        let text = "Journey,conversions\na,1\n";
        assert!(read_text(text, &named(0, "journey"), 100).is_ok());
        let error = read_text(text, &Names::default(), 100).unwrap_err();
        assert_eq!(
            error,
            "there is no column `path`, only `Journey`, `conversions`; name the right one with --path NAME"
        );
        let error = read_text("path,conversions\na,1\n", &named(2, "revenue"), 100).unwrap_err();
        assert!(error.starts_with("there is no column `revenue`"), "{error}");
    }

    #[test]
    fn rows_are_refused_with_line_cause_and_remedy() {
        let text = "path,conversions,value\na,1,2\na > > b,1,2\n,1,2\nb,x,2\nb,1,-2\nb,1\nb,0,2\nb,1.5,2\n";
        let file = read_text(text, &Names::default(), FILE_BYTES_MAX).unwrap();
        assert_eq!((file.refused.count, file.refused.first.len()), (7, REFUSALS_SHOWN));
        assert_eq!(file.paths.total.conversions, 1);
        let told: Vec<String> = file
            .refused
            .first
            .iter()
            .map(|one| format!("{}: {}; {}", one.line, one.why, one.fix))
            .collect();
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn a_file_is_bounded_at_and_over_its_limit() {
        let text = "path,conversions\na,1\nb,2\n";
        assert!(read_text(text, &Names::default(), text.len() as u64).is_ok());
        let error = read_text(text, &Names::default(), text.len() as u64 - 1).unwrap_err();
        assert!(error.starts_with("it has more than 24 bytes"), "{error}");
    }

    #[test]
    fn what_is_no_table_is_told() {
        let error = |text: &str| read_text(text, &Names::default(), 1 << 30).unwrap_err();
        assert!(error("").starts_with("it is empty"));
        assert!(error("\n\n").starts_with("it is empty"));
        assert!(error("path,conversions\n").starts_with("no row can be used; add"));
        assert!(error("path,conversions\na,b\n").contains("the first of them is line 2"));
        let open = format!("path,conversions\n\"a,{}", "1\n".repeat(600_000));
        assert!(error(&open).contains("a quote is not closed"), "{}", error(&open));
        let text = "path,conversions\na,9999999999999999\n";
        assert!(error(text).starts_with("line 2: with this path the counts"));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_in_an_answer_or_an_error(
            first in "(path|conversions|value|nulls|[,;\t\"])*",
            rest in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300),
            rows in "([a-c> ,;\t\"0-9.e+-]{0,20}\n){0,20}",
        ) {
            for body in [rest.as_slice(), rows.as_bytes()] {
                let bytes = [first.as_bytes(), b"\n", body].concat();
                let mut input = Input::reader("test", Box::new(std::io::Cursor::new(bytes)));
                if let Ok(file) = read(&mut input, &Names::default(), FILE_BYTES_MAX) {
                    let sum: u64 = file.paths.rows.iter().map(|row| row.outcome.conversions).sum();
                    proptest::prop_assert_eq!(sum, file.paths.total.conversions);
                }
            }
        }
    }
}
