//! Stitching: can the journeys be trusted, and what did the network do to them?

mod figures;
mod trust;

pub use figures::{IdentityCounts, ProbableFigures, StitchingFigures, StitchingSum, read};
pub use trust::Check;

use super::envelope::{Field, Row};
use super::error::ReportError;
use super::figures::Figures;
use super::number;
use super::page::{Align, Grid, NOT_KNOWN, plain};
use super::query::{ReportQuery, Split};
use figures::share;
use millstream_event::{Span, Timestamp};
use millstream_pipeline::Spread;
use serde::Serialize;
use trust::checklist;

/// The stitching report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StitchingReport {
    /// By what the rows are split.
    pub split: Split,
    /// The figures.
    pub figures: StitchingFigures,
    /// The trust checklist.
    pub trust: Vec<Check>,
}

/// Totals as machines read them.
#[derive(Serialize)]
pub struct StitchingTotals<'a> {
    #[serde(flatten)]
    sums: Row,
    #[serde(flatten)]
    identity: &'a IdentityCounts,
    probable_links: Option<u64>,
    possible_links: Option<u64>,
    probable_links_version: Option<u32>,
}

/// Builds the report.
///
/// # Errors
/// When the figures cannot be read.
pub fn build(figures: &dyn Figures, query: &ReportQuery) -> Result<StitchingReport, ReportError> {
    let found = figures.stitching(query)?;
    let trust = checklist(&found, figures.horizon());
    Ok(StitchingReport { split: query.split, figures: found, trust })
}

impl StitchingReport {
    /// Names of the columns behind the first, which is the split's.
    const MEASURES: [&'static str; 24] = [
        "events",
        "duplicates",
        "duplicate_rate",
        "late",
        "out_of_order",
        "out_of_order_rate",
        "skew_p50_ms",
        "skew_p95_ms",
        "skew_p99_ms",
        "sessions",
        "ended",
        "stitch_success",
        "within_5s",
        "within_30s",
        "within_5min",
        "delay_p95_ms",
        "delay_p99_ms",
        "duplicate_sessions",
        "duplicate_session_rate",
        "clock_offset_p95_s",
        "round_trip_p95_ms",
        "numbered",
        "missing",
        "loss_rate",
    ];

    /// Names of the columns.
    pub fn columns(&self) -> Vec<&'static str> {
        [self.split.as_str()].into_iter().chain(Self::MEASURES).collect()
    }

    /// Rows as machines read them.
    pub fn machine_rows(&self) -> Vec<Row> {
        let row = |(key, sum): (&String, &StitchingSum)| {
            let mut row = measures(sum);
            if self.split == Split::Event {
                // Order and loss are matters of sessions, not of one event in them.
                let of_sessions = ["out_of_order", "out_of_order_rate", "numbered", "missing"];
                let untold = row.0.iter_mut().filter(|(name, _)| of_sessions.contains(name));
                untold.for_each(|(_, field)| *field = Field::Unknown);
            }
            row.0.insert(0, (self.split.as_str(), Field::Text(key.clone())));
            row
        };
        self.figures.groups.iter().map(row).collect()
    }

    /// Totals as machines read them.
    pub fn totals(&self) -> StitchingTotals<'_> {
        let probable = self.figures.probable.as_ref();
        StitchingTotals {
            sums: measures(&self.figures.total),
            identity: &self.figures.identity,
            probable_links: probable.map(|probable| probable.links),
            possible_links: probable.map(|probable| probable.possible),
            probable_links_version: probable.map(|probable| probable.version),
        }
    }

    /// What the figures mean, in a sentence.
    pub fn meaning(&self) -> String {
        let total = &self.figures.total;
        let Some(success) = total.success() else {
            return "No session has ended yet, so nothing can be said of stitching.".to_owned();
        };
        let doubts = self.trust.iter().filter(|check| !check.ok).count();
        let verdict = match doubts {
            0 => "nothing below is a reason to doubt the journeys".to_owned(),
            1 => "one answer below is a reason to doubt the journeys".to_owned(),
            doubts => format!("{doubts} answers below are reasons to doubt the journeys"),
        };
        format!(
            "{} of {} ended sessions were whole within 5 min of their last event; {verdict}.",
            number::percent(success),
            number::grouped(total.ended()),
        )
    }

    /// The tables for people.
    pub fn grids(&self) -> Vec<Grid> {
        vec![self.trust_grid(), self.arrival_grid(), self.session_grid(), self.day_grid()]
    }

    fn trust_grid(&self) -> Grid {
        let mut grid = Grid::new("", &["", "Can it be trusted?", "Answer"], "");
        // A word that must not be broken, then two sentences.
        grid.columns[0].1 = Align::Right;
        grid.columns[1].1 = Align::Prose;
        grid.columns[2].1 = Align::Prose;
        let row = |check: &Check| {
            let mark = if check.ok { "ok" } else { "doubt" };
            vec![mark.to_owned(), check.question.to_owned(), check.answer.clone()]
        };
        grid.rows = self.trust.iter().map(row).collect();
        grid
    }

    fn split_title(&self, what: &str) -> String {
        format!("{what} by {}", self.split)
    }

    fn arrival_grid(&self) -> Grid {
        let columns = ["", "Events", "Copies", "Late", "Out of order", "Lost", "p50", "p95", "p99"];
        let mut grid = Grid::new(
            &self.split_title("From happening to receipt,"),
            &columns,
            "No events in this range yet.",
        );
        let cells = |name: String, sum: &StitchingSum, by_session: [String; 2]| {
            let [out_of_order, lost] = by_session;
            let skew = |permille| duration(&sum.skew, permille);
            vec![
                name,
                number::grouped(sum.events),
                rate(sum.duplicates, sum.events + sum.duplicates),
                rate(sum.late, sum.events),
                out_of_order,
                lost,
                skew(500),
                skew(950),
                skew(990),
            ]
        };
        let by_session = |sum: &StitchingSum| {
            let lost = rate(sum.missing, sum.numbered + sum.missing);
            [rate(sum.out_of_order, sum.events), lost]
        };
        let untold = || [NOT_KNOWN.to_owned(), NOT_KNOWN.to_owned()];
        let row = |(key, sum): (&String, &StitchingSum)| {
            let told = if self.split == Split::Event { untold() } else { by_session(sum) };
            cells(plain(key), sum, told)
        };
        grid.rows = self.figures.groups.iter().map(row).collect();
        let total = &self.figures.total;
        grid.total = Some(cells("All".to_owned(), total, by_session(total)));
        grid
    }

    fn session_grid(&self) -> Grid {
        let mut grid = Grid::new(
            &self.split_title("Sessions and how soon they were whole,"),
            &["", "Sessions", "In 5 s", "In 30 s", "In 5 min", "p95", "Seen twice"],
            "No sessions in this range yet.",
        );
        grid.rows =
            self.figures.groups.iter().map(|(key, sum)| session_cells(plain(key), sum)).collect();
        grid.total = Some(session_cells("All".to_owned(), &self.figures.total));
        grid
    }

    fn day_grid(&self) -> Grid {
        const DAYS_SHOWN: usize = 14;
        let mut grid = Grid::new(
            "The last days (UTC)",
            &["Day", "Sessions", "In 5 s", "In 30 s", "In 5 min", "p95", "Seen twice"],
            "No sessions in this range yet.",
        );
        let skipped = self.figures.days.len().saturating_sub(DAYS_SHOWN);
        let date = |day: i32| Timestamp(i64::from(day) * 86_400_000_000).to_utc_date();
        let days = self.figures.days.iter().skip(skipped);
        grid.rows = days.map(|(day, sum)| session_cells(date(*day), sum)).collect();
        grid
    }
}

fn session_cells(name: String, sum: &StitchingSum) -> Vec<String> {
    let [five_seconds, half_minute, five_minutes] =
        sum.within.map(|within| rate(within, sum.sessions));
    vec![
        name,
        number::grouped(sum.sessions),
        five_seconds,
        half_minute,
        five_minutes,
        duration(&sum.delay, 950),
        rate(sum.duplicate_sessions, sum.sessions),
    ]
}

fn rate(part: u64, whole: u64) -> String {
    share(part, whole).map_or_else(|| NOT_KNOWN.to_owned(), number::percent)
}

fn duration(spread: &Spread, permille: u16) -> String {
    spread.quantile(permille).map_or_else(|| NOT_KNOWN.to_owned(), number::span)
}

/// A sum as machines read it.
fn measures(sum: &StitchingSum) -> Row {
    let rate = |part, whole| share(part, whole).map_or(Field::Unknown, Field::Real);
    let millis = |spread: &Spread, permille| match spread.quantile(permille).map(Span::as_millis) {
        Some(millis) => Field::Count(u64::try_from(millis).unwrap_or(0)),
        None => Field::Unknown,
    };
    let offset = sum.clock_offset.quantile(950).map(|offset| offset.as_millis() / 1_000);
    let fields = [
        Field::Count(sum.events),
        Field::Count(sum.duplicates),
        rate(sum.duplicates, sum.events + sum.duplicates),
        Field::Count(sum.late),
        Field::Count(sum.out_of_order),
        rate(sum.out_of_order, sum.events),
        millis(&sum.skew, 500),
        millis(&sum.skew, 950),
        millis(&sum.skew, 990),
        Field::Count(sum.sessions),
        Field::Count(sum.ended()),
        sum.success().map_or(Field::Unknown, Field::Real),
        rate(sum.within[0], sum.sessions),
        rate(sum.within[1], sum.sessions),
        rate(sum.within[2], sum.sessions),
        millis(&sum.delay, 950),
        millis(&sum.delay, 990),
        Field::Count(sum.duplicate_sessions),
        rate(sum.duplicate_sessions, sum.sessions),
        offset.map_or(Field::Unknown, |seconds| Field::Count(u64::try_from(seconds).unwrap_or(0))),
        millis(&sum.round_trip, 950),
        Field::Count(sum.numbered),
        Field::Count(sum.missing),
        sum.loss().map_or(Field::Unknown, Field::Real),
    ];
    Row(StitchingReport::MEASURES.into_iter().zip(fields).collect())
}
