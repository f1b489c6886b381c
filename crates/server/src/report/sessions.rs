//! Sessions: how many visits, by how many devices and people, and on which days they began.

use super::envelope::{Field, Row};
use super::error::ReportError;
use super::figures::{Figures, SessionDay, SessionTotals};
use super::number;
use super::page::Grid;
use super::query::{DateRange, ReportQuery};
use millstream_event::Timestamp;

/// The session report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionReport {
    /// The days asked for.
    pub range: DateRange,
    /// One row per day, earliest first.
    pub rows: Vec<SessionDay>,
    /// Totals of these days.
    pub totals: SessionTotals,
}

/// Builds the report.
///
/// # Errors
/// When the figures cannot be read.
pub fn build(figures: &dyn Figures, query: &ReportQuery) -> Result<SessionReport, ReportError> {
    Ok(SessionReport {
        range: query.range,
        rows: figures.session_days(&query.range)?,
        totals: figures.session_totals(&query.range, query.links)?,
    })
}

fn date(day: i32) -> String {
    Timestamp(i64::from(day) * 86_400_000_000).to_utc_date()
}

impl SessionReport {
    /// Names of the columns.
    pub const COLUMNS: [&'static str; 3] = ["day", "sessions", "bot_sessions"];

    /// Rows as machines read them.
    pub fn machine_rows(&self) -> Vec<Row> {
        let fields = |row: &SessionDay| {
            [Field::Text(date(row.day)), Field::Count(row.sessions), Field::Count(row.bot_sessions)]
        };
        self.rows
            .iter()
            .map(|row| Row(Self::COLUMNS.into_iter().zip(fields(row)).collect()))
            .collect()
    }

    /// What the figures mean, in a sentence.
    pub fn meaning(&self) -> String {
        let totals = &self.totals;
        let probable = match totals.people_with_probable_links {
            Some(people) => format!(", {} should probable links hold", number::grouped(people)),
            None => String::new(),
        };
        format!(
            "{} events by {} devices ({} people{probable}) form {} sessions; {} more are of bots and stand apart.",
            number::grouped(totals.events),
            number::grouped(totals.devices),
            number::grouped(totals.people),
            number::grouped(totals.sessions),
            number::grouped(totals.bot_sessions),
        )
    }

    /// The tables for people.
    pub fn grids(&self) -> Vec<Grid> {
        let mut grid = Grid::new(
            "",
            &["Day (UTC)", "Sessions", "Bot sessions"],
            "No sessions in this range yet.",
        );
        grid.rows = self
            .rows
            .iter()
            .map(|row| {
                vec![
                    date(row.day),
                    number::grouped(row.sessions),
                    number::grouped(row.bot_sessions),
                ]
            })
            .collect();
        vec![grid]
    }
}
