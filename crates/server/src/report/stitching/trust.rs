//! The trust checklist: can these journeys be believed? Each question answered in figures.

use super::figures::{StitchingFigures, StitchingSum, share};
use crate::linking::LinkDay;
use crate::report::number;
use millstream_event::Span;
use serde::Serialize;

/// The stitch rate below which something is wrong.
pub const SUCCESS_MIN: f64 = 0.98;
/// Fewest days of which a relation is told.
const DAYS_MIN: usize = 5;
/// Fewest new devices of a day whose matches are looked at.
const DEVICES_MIN: u64 = 20;
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
        transport(figures),
        matches_move(figures),
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
    let guessed = match &figures.probable {
        None => "nothing is guessed".to_owned(),
        Some(probable) => format!(
            "apart from these {} probable and {} possible (version {}), used only where asked for",
            match probable.links {
                1 => "1 link is".to_owned(),
                links => format!("{} links are", number::grouped(links)),
            },
            number::grouped(probable.possible),
            probable.version,
        ),
    };
    Check {
        question: "Are matches certain or guessed?",
        answer: format!(
            "Certain: {} told by logins, aliases and signed clicks; {guessed}. Joining nobody: \
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

/// What a day is measured by; none where nothing tells.
type Measure = fn(&StitchingSum) -> Option<f64>;

/// Whether the stitch rate falls on the days on which round trips are longer, or more is lost.
fn transport(figures: &StitchingFigures) -> Check {
    let question = "Does stitching move with the transport?";
    let round_trip = |day: &StitchingSum| day.round_trip.quantile(950).map(|it| it.0 as f64);
    let measures: [(_, Measure); 2] =
        [("round trips were longer", round_trip), ("more was lost", StitchingSum::loss)];
    let mut told = Vec::new();
    let mut suspects = Vec::new();
    for (when, measure) in measures {
        let pair = |day: &StitchingSum| Some((measure(day)?, day.success()?));
        let pairs: Vec<_> = figures.days.values().filter_map(pair).collect();
        if pairs.len() < DAYS_MIN {
            continue;
        }
        let relation = correlation(&pairs);
        told.push(relation.map_or_else(
            || format!("no day on which {when} than on another"),
            |relation| format!("{relation:.2} where {when}, over {} days", pairs.len()),
        ));
        if relation.is_some_and(|relation| relation <= -RELATION_MIN) {
            suspects.push(when);
        }
    }
    let answer = match (told.is_empty(), suspects.is_empty()) {
        (true, _) => format!(
            "Not told: fewer than {DAYS_MIN} days tell of round trips (`context.network.rtt`) or of \
             numbered events (`sequence`)."
        ),
        (false, true) => {
            format!("The stitch rate does not fall with it (correlation {}).", told.join("; "))
        }
        (false, false) => format!(
            "The stitch rate fell on the days on which {}: suspect the transport, not the rules. \
             (correlation {})",
            suspects.join(", and on which "),
            told.join("; ")
        ),
    };
    Check { question, answer, ok: suspects.is_empty() }
}

/// Whether fewer devices are matched to a person on the days on which events arrive slower.
fn matches_move(figures: &StitchingFigures) -> Check {
    let question = "Do matches move with latency?";
    let Some(probable) = &figures.probable else {
        let answer = "Not told: `millstream link` counts matches by day.".to_owned();
        return Check { question, answer, ok: true };
    };
    let skew = |day: &LinkDay| Some(figures.days.get(&day.day)?.skew.quantile(950)?.0 as f64);
    let told = probable.days.iter().filter(|day| day.devices >= DEVICES_MIN);
    let told: Vec<(f64, &LinkDay)> = told.filter_map(|day| Some((skew(day)?, day))).collect();
    if told.len() < DAYS_MIN {
        let answer = format!(
            "Not told yet: it takes {DAYS_MIN} days with {DEVICES_MIN} new devices each, there are {}.",
            told.len()
        );
        return Check { question, answer, ok: true };
    }
    let relation = |part: fn(&LinkDay) -> u64| {
        let rate = |(skew, day): &(f64, &LinkDay)| (*skew, part(day) as f64 / day.devices as f64);
        correlation(&told.iter().map(rate).collect::<Vec<_>>())
    };
    let (certain, guessed) = (relation(|day| day.certain), relation(|day| day.probable));
    let falls = |relation: Option<f64>| relation.is_some_and(|it| it <= -RELATION_MIN);
    let shown = |relation: Option<f64>| {
        relation.map_or_else(|| "does not move".to_owned(), |relation| format!("{relation:.2}"))
    };
    let answer = format!(
        "{} (correlation with arrival skew over {} days: certain {}, probable {})",
        match (falls(certain), falls(guessed)) {
            (false, false) => "The share of devices matched does not fall as events arrive later.",
            (true, false) =>
                "Fewer devices log in on the days on which events arrive later: logins are lost or late.",
            (false, true) =>
                "Fewer devices are linked by probability on the days on which events arrive later.",
            (true, true) =>
                "Fewer devices are matched, for certain and by probability, as events arrive later.",
        },
        told.len(),
        shown(certain),
        shown(guessed),
    );
    Check { question, answer, ok: !falls(certain) && !falls(guessed) }
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
    use crate::report::stitching::ProbableFigures;

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
    fn a_stitch_rate_that_falls_with_the_transport_is_told() {
        let figures = |lost: [u64; 5], round_trips: [i64; 5], within: [u64; 5]| {
            let days = (0..5).map(|at| {
                let mut sum = day(10, within[at]);
                (sum.numbered, sum.missing) = (100, lost[at]);
                sum.round_trip.add(Span::millis(round_trips[at]), 1);
                (at as i32, sum)
            });
            StitchingFigures { days: days.collect(), ..StitchingFigures::default() }
        };
        let untold = transport(&StitchingFigures::default());
        assert!(untold.ok && untold.answer.starts_with("Not told"), "{untold:?}");
        let within = [99, 80, 99, 60, 98];
        let lossy = transport(&figures([0, 9, 0, 20, 1], [50; 5], within));
        assert!(!lossy.ok, "{lossy:?}");
        assert!(
            lossy.answer.contains("on which more was lost: suspect the transport"),
            "{lossy:?}"
        );
        let slow = transport(&figures([0; 5], [40, 400, 42, 900, 41], within));
        assert!(!slow.ok && slow.answer.contains("on which round trips were longer:"), "{slow:?}");
        let apart = transport(&figures([9, 0, 20, 0, 9], [400, 40, 900, 40, 300], within));
        assert!(apart.ok && apart.answer.contains("does not fall"), "{apart:?}");
    }

    #[test]
    fn matches_that_fall_as_events_arrive_later_are_told() {
        let skews = [10, 4_000, 12, 9_000, 11];
        let days = (0..).zip(skews.map(|skew| day(skew, 100))).collect();
        let link_day =
            |(number, certain)| LinkDay { day: number, devices: 50, certain, probable: 5 };
        let of = |certain: [u64; 5]| {
            let days = (0..).zip(certain).map(link_day).collect();
            Some(ProbableFigures { version: 1, days, ..ProbableFigures::default() })
        };
        let mut figures = StitchingFigures { days, ..StitchingFigures::default() };
        assert!(matches_move(&figures).answer.starts_with("Not told: "));
        figures.probable = of([30, 12, 31, 4, 30]);
        let check = matches_move(&figures);
        assert!(!check.ok && check.answer.starts_with("Fewer devices log in"), "{check:?}");
        figures.probable = of([30, 31, 30, 31, 30]);
        assert!(matches_move(&figures).ok);
        figures.probable.as_mut().unwrap().days.iter_mut().for_each(|day| day.devices = 19);
        assert!(matches_move(&figures).answer.starts_with("Not told yet"));
    }

    #[test]
    fn too_few_sessions_in_time_are_a_reason_to_doubt() {
        assert!(resolved(&day(1, 98)).ok);
        assert!(!resolved(&day(1, 97)).ok);
        assert!(resolved(&StitchingSum::default()).ok);
    }
}
