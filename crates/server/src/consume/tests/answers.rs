//! What people would read: every table without revisions, and the counts.

use millstream_pipeline::query::{self, ReadError, Rows};
use millstream_store::tables::{Format, Row, write_rows};
use millstream_store::{Reading, StateView};

fn table<R: Row>(query: impl FnOnce(Rows<'_, R>) -> Result<(), ReadError>) -> String {
    let mut rows = Vec::new();
    query(&mut |row| {
        rows.push(row);
        Ok(true)
    })
    .unwrap();
    let mut out = Vec::new();
    write_rows(rows, Format::JsonLines, false, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// All answers, as text.
pub(super) fn answers(state: &dyn StateView) -> String {
    let read = Reading(state);
    let window = millstream_event::Span::days(30);
    let mut counts = query::counts(&read, 0).unwrap();
    counts.watermark = Default::default();
    [
        table(|rows| query::sessions(&read, 0, rows)),
        table(|rows| query::touches(&read, 0, rows)),
        table(|rows| query::conversions(&read, 0, rows)),
        table(|rows| query::credits(&read, 0, window, rows)),
        table(|rows| query::people(&read, 0, rows)),
        format!("{counts:?}"),
    ]
    .join("\n")
}

/// Fails with the first line that differs.
pub(super) fn check_equal(found: &str, expected: &str, what: &str) {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (found, expected) = (lines(found), lines(expected));
    let differing = found.iter().zip(&expected).position(|(a, b)| a != b);
    let at = differing.unwrap_or(found.len().min(expected.len()));
    let line = |of: &[String]| of.get(at).cloned().unwrap_or_default();
    assert!(
        found == expected,
        "{what}: line {at} of {} and {}\n   found {}\nexpected {}",
        found.len(),
        expected.len(),
        line(&found),
        line(&expected)
    );
}
