//! The trust checklist: can these journeys be believed? Each question answered in figures.

use super::figures::{StitchingFigures, StitchingSum, share};
use crate::report::number;
use millstream_event::Span;
use serde::Serialize;

/// The stitch rate below which something is wrong.
pub const SUCCESS_MIN: f64 = 0.98;
/// Fewest days of which a relation is told.
const DAYS_MIN: usize = 5;
/// A relation weaker than this is none.
const RELATION_MIN: f64 = 0.6;

/// One question and what the figures answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The question.
    pub question: &'static str,
    /// The answer.
    pub answer: String,
    /// False where the figures are a reason to doubt.
    pub ok: bool,
}

/// The checklist.
pub fn checklist(figures: &StitchingFigures, horizon: Span) -> Vec<Check> {
    vec![
        stamped(&figures.total),
        retries(figures),
        resolved(&figures.total),
        matches(figures),
        moves(figures),
        late(&figures.total, horizon),
    ]
}

/// `1 event`, `2 events`.
fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", number::grouped(count), if count == 1 { "" } else { "s" })
}

fn percent(part: u64, whole: u64) -> String {
    share(part, whole).map_or_else(|| "none".to_owned(), number::percent)
}

fn stamped(total: &StitchingSum) -> Check {
    let offset = match total.clock_offset.quantile(950) {
        Some(offset) if offset.0 > 0 => {
            format!("95 % of clocks stand within {} of ours", number::span(offset))
        }
        Some(_) => "clients' clocks agree with ours to the second".to_owned(),
        None => "clients do not tell their own time of sending".to_owned(),
    };
    Check {
        question: "Where is time stamped?",
        answer: format!(
            "At capture, and by the client: {offset}; {} of {} events had a clock that made no sense \
             and carry the receive time. Raw stamps are kept.",
            number::grouped(total.clock),
            number::grouped(total.events),
        ),
        ok: share(total.clock, total.events).unwrap_or(0.0) < 0.01,
    }
}

fn retries(figures: &StitchingFigures) -> Check {
    let (total, conflicts) = (&figures.total, figures.identity.conflicting_copies);
    let copies = total.events + total.duplicates;
    Check {
        question: "Are retries harmless?",
        answer: format!(
            "By event id: {} of {} arrivals were copies ({}) and changed nothing. Of all copies {} said \
             something else under the id of another event.",
            number::grouped(total.duplicates),
            number::grouped(copies),
            percent(total.duplicates, copies),
            number::grouped(conflicts),
        ),
        ok: share(conflicts, copies).unwrap_or(0.0) < 0.01,
    }
}

fn resolved(total: &StitchingSum) -> Check {
    let [five_seconds, half_minute, five_minutes] =
        total.within.map(|within| percent(within, total.sessions));
    Check {
        question: "How soon is a session whole?",
        answer: match total.sessions {
            0 => "There are no sessions yet.".to_owned(),
            _ => format!(
                "{five_seconds} within 5 s of its last event, {half_minute} within 30 s, \
                 {five_minutes} within 5 min (wanted: {}).",
                number::percent(SUCCESS_MIN)
            ),
        },
        ok: total.success().is_none_or(|success| success >= SUCCESS_MIN),
    }
}

fn matches(figures: &StitchingFigures) -> Check {
    let identity = &figures.identity;
    Check {
        question: "Are matches certain or guessed?",
        answer: format!(
            "Certain: {} told by logins, aliases and signed clicks; nothing is guessed. Joining nobody: \
             {} with too many neighbours, {} with a placeholder for an id. {} of sessions repeat a \
             visit under another device id.",
            counted(identity.deterministic_links, "link"),
            counted(identity.hubs, "node"),
            counted(identity.placeholders, "event"),
            percent(figures.total.duplicate_sessions, figures.total.sessions),
        ),
        ok: share(figures.total.duplicate_sessions, figures.total.sessions).unwrap_or(0.0) < 0.02,
    }
}

/// Whether the stitch rate falls on the days on which events arrive slower.
fn moves(figures: &StitchingFigures) -> Check {
    let question = "Does stitching move with latency?";
    let pairs = daily(figures);
    if pairs.len() < DAYS_MIN {
        let days = pairs.len();
        let answer =
            format!("Not told yet: it takes {DAYS_MIN} days with sessions, there are {days}.");
        return Check { question, answer, ok: true };
    }
    let Some(relation) = correlation(&pairs) else {
        let answer = format!("Neither moved in {} days, so nothing can be told.", pairs.len());
        return Check { question, answer, ok: true };
    };
    let suspect = relation <= -RELATION_MIN;
    let answer = if suspect {
        "The stitch rate fell on the days on which events arrived later: suspect the transport, not \
         the rules."
    } else {
        "The stitch rate does not fall on the days on which events arrive later."
    };
    let answer = format!("{answer} (correlation {relation:.2} over {} days)", pairs.len());
    Check { question, answer, ok: !suspect }
}

/// Arrival skew and stitch rate of each day with sessions.
fn daily(figures: &StitchingFigures) -> Vec<(f64, f64)> {
    let pair = |day: &StitchingSum| Some((day.skew.quantile(950)?.0 as f64, day.success()?));
    figures.days.values().filter_map(pair).collect()
}

/// Pearson's correlation; none where one side does not vary.
fn correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    let count = pairs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / count;
    let (mean_x, mean_y) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let (mut both, mut of_x, mut of_y) = (0.0, 0.0, 0.0);
    for (x, y) in pairs {
        let (dx, dy) = (x - mean_x, y - mean_y);
        both += dx * dy;
        of_x += dx * dx;
        of_y += dy * dy;
    }
    (of_x > 0.0 && of_y > 0.0).then(|| both / (of_x * of_y).sqrt())
}

fn late(total: &StitchingSum, horizon: Span) -> Check {
    Check {
        question: "What happens to late events?",
        answer: format!(
            "{} of {} came more than {} after they happened. They are marked late and correct their \
             session all the same.",
            number::grouped(total.late),
            number::grouped(total.events),
            number::span(horizon),
        ),
        ok: share(total.late, total.events).unwrap_or(0.0) < 0.05,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(skew_ms: i64, whole: u64) -> StitchingSum {
        let mut sum = StitchingSum { sessions: 100, within: [whole; 3], ..StitchingSum::default() };
        sum.skew.add(Span::millis(skew_ms), 100);
        sum
    }

    #[test]
    fn a_rate_that_falls_with_slower_arrival_blames_the_transport() {
        let days = [(10, 99), (12, 100), (4_000, 90), (9_000, 70), (11, 99)];
        let days = days.into_iter().map(|(skew, whole)| day(skew, whole));
        let figures =
            StitchingFigures { days: (0..).zip(days).collect(), ..StitchingFigures::default() };
        let check = moves(&figures);
        assert!(!check.ok, "{check:?}");
        assert!(check.answer.contains("suspect the transport"), "{check:?}");
    }

    #[test]
    fn a_rate_that_never_varies_tells_no_relation() {
        let days = (0..9).map(|number| (number, day(i64::from(number) * 100, 100)));
        let figures = StitchingFigures { days: days.collect(), ..StitchingFigures::default() };
        assert!(moves(&figures).answer.starts_with("Neither moved"));
    }

    #[test]
    fn too_few_sessions_in_time_are_a_reason_to_doubt() {
        assert!(resolved(&day(1, 98)).ok);
        assert!(!resolved(&day(1, 97)).ok);
        assert!(resolved(&StitchingSum::default()).ok);
    }
}
