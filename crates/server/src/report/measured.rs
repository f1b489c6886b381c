//! What was measured beside decisions: whether prefetch hints come true, how shadow policies compare.

use super::experiments::{millis, percent};
use super::number;
use super::page::{Grid, NOT_KNOWN, plain};
use millstream_decide::experiment::{Proportion, proportion};
use millstream_pipeline::measured::{HintSums, Measured};
use serde::Serialize;

/// Confidence of the interval of a hit rate.
const CONFIDENCE: f64 = 0.95;

/// What came of a use case's hints of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HintResult {
    use_case: Box<str>,
    /// `page` or `slot`.
    kind: &'static str,
    given: u64,
    went_on: u64,
    hits: u64,
    /// The share of hits among those who went on.
    hit_rate: Option<f64>,
    hit_rate_low: Option<f64>,
    hit_rate_high: Option<f64>,
    /// The same, had as many of the most popular places been told.
    popular_rate: Option<f64>,
}

/// How a shadow policy compares with what was shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShadowResult {
    /// The use case that serves.
    use_case: Box<str>,
    /// The use case that scores.
    candidate: Box<str>,
    /// Questions that it scored.
    scored: u64,
    /// Questions that it was to score and could not, for it did not keep up.
    left_out: u64,
    /// The share of scored questions with the same choice.
    same_choice: Option<f64>,
    /// The share of what was shown that stands in its answers, too.
    overlap: Option<f64>,
    /// The share of personalized answers, shown and scored.
    personalized: [Option<f64>; 2],
    /// The p95 of what courses took, shown and scored.
    p95_ms: [Option<f64>; 2],
}

impl HintResult {
    /// What came of each kind of hints that was given.
    pub fn of(measured: &Measured) -> impl Iterator<Item = Self> + '_ {
        let kinds = [("page", measured.pages), ("slot", measured.slots)];
        let given = kinds.into_iter().filter(|(_, sums)| *sums != HintSums::default());
        given.map(|(kind, sums)| {
            let interval = proportion(sums.hits, sums.went_on, CONFIDENCE);
            let said = |end: fn(&Proportion) -> f64| interval.as_ref().map(end);
            Self {
                use_case: measured.use_case.clone(),
                kind,
                given: sums.given,
                went_on: sums.went_on,
                hits: sums.hits,
                hit_rate: said(|it| it.share),
                hit_rate_low: said(|it| it.low),
                hit_rate_high: said(|it| it.high),
                popular_rate: share(sums.popular, sums.went_on),
            }
        })
    }

    fn rate(&self) -> String {
        match (self.hit_rate, self.hit_rate_low, self.hit_rate_high) {
            (Some(rate), Some(low), Some(high)) => {
                let [rate, low, high] = [rate, low, high].map(|share| 100.0 * share);
                format!("{rate:.1} % ({low:.1} to {high:.1})")
            }
            _ => NOT_KNOWN.to_owned(),
        }
    }
}

impl ShadowResult {
    /// How the shadow compares; none where there is none.
    pub fn of(measured: &Measured) -> Option<Self> {
        let sums = &measured.shadow;
        (!measured.candidate.is_empty()).then(|| Self {
            use_case: measured.use_case.clone(),
            candidate: measured.candidate.clone(),
            scored: sums.scored,
            left_out: sums.left_out,
            same_choice: share(sums.same_choice, sums.scored),
            overlap: share(sums.overlap_ppm, sums.scored).map(|ppm| ppm / 1e6),
            personalized: sums.personalized.map(|count| share(count, sums.scored)),
            p95_ms: sums.took_ms(950),
        })
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Whether hints come true, where any were given.
pub(super) fn hints(results: &[HintResult]) -> Option<Grid> {
    let mut grid = Grid::new(
        "Prefetch hints: whether visitors who went on went where they were expected",
        &["Use case", "Kind", "Given", "Went on", "Hits", "Hit rate", "Popular instead"],
        "No hints.",
    );
    for it in results {
        grid.rows.push(vec![
            plain(&it.use_case),
            it.kind.to_owned(),
            number::grouped(it.given),
            number::grouped(it.went_on),
            number::grouped(it.hits),
            it.rate(),
            percent(it.popular_rate),
        ]);
    }
    (!results.is_empty()).then_some(grid)
}

/// How shadow policies compare with what was shown, where there are any.
pub(super) fn shadows(results: &[ShadowResult]) -> Vec<Grid> {
    let mut same = Grid::new(
        "Shadow policies, scored and never shown",
        &["Use case", "Candidate", "Scored", "Left out", "Same first", "Overlap"],
        "No shadows.",
    );
    let mut beside = Grid::new(
        "The same questions, as they were answered and as the candidate would have",
        &["Use case", "Candidate", "Personal", "Its own", "p95", "Its own"],
        "No shadows.",
    );
    for it in results {
        let names = [plain(&it.use_case), plain(&it.candidate)];
        let mut cells = names.to_vec();
        cells.extend([
            number::grouped(it.scored),
            number::grouped(it.left_out),
            percent(it.same_choice),
            percent(it.overlap),
        ]);
        same.rows.push(cells);
        let figures = it.personalized.map(percent).into_iter().chain(it.p95_ms.map(millis));
        beside.rows.push(names.into_iter().chain(figures).collect());
    }
    if results.is_empty() { Vec::new() } else { vec![same, beside] }
}
