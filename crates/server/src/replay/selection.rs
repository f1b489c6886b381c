//! What is to be replayed.

use millstream_event::{QuarantineReason, Timestamp};

/// Most ids of one replay.
pub const EVENTS_MAX: usize = 1_000;

/// A selection of records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Events received from this instant on.
    pub from: Option<Timestamp>,
    /// Events received before this instant.
    pub to: Option<Timestamp>,
    /// Events with one of these ids.
    pub events: Vec<String>,
    /// Things in quarantine: of one reason, or of any.
    pub reason: Option<Option<QuarantineReason>>,
    /// Count only.
    pub dry_run: bool,
    /// Nothing that a replay wrote.
    pub only_captured: bool,
}

/// A selection that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// Nothing is selected.
    #[error(
        "nothing says what to replay: give --from and --to, --event ID, or --quarantine REASON"
    )]
    Empty,
    /// Two ways at once.
    #[error("--quarantine stands alone: replay events in a command of their own")]
    Mixed,
    /// Not an instant.
    #[error("`{0}` is no instant: write one as 2026-11-22T12:00:00Z, or a day as 2026-11-22")]
    Instant(String),
    /// Not a reason.
    #[error("there is no reason `{given}`: use any, {known}")]
    Reason {
        /// What was given.
        given: String,
        /// Which there are.
        known: String,
    },
    /// Too many ids.
    #[error("{0} events are named, at most {EVENTS_MAX} can be: name a range of time instead")]
    TooMany(usize),
    /// Not a parameter.
    #[error("there is no parameter {0}: use from, to, event, quarantine, dry_run")]
    Parameter(String),
}

impl Selection {
    /// Reads named parameters, as the query string of the API has them.
    ///
    /// # Errors
    /// See [`SelectionError`].
    pub fn parse(parameters: &[(String, String)]) -> Result<Self, SelectionError> {
        let mut selection = Self::default();
        for (name, value) in parameters {
            match name.as_str() {
                "from" => selection.from = Some(instant(value)?),
                "to" => selection.to = Some(instant(value)?),
                "event" => selection.events.push(value.clone()),
                "quarantine" => selection.reason = Some(reason(value)?),
                "dry_run" => selection.dry_run = value == "true",
                other => return Err(SelectionError::Parameter(other.chars().take(64).collect())),
            }
        }
        let of_events =
            selection.from.is_some() || selection.to.is_some() || !selection.events.is_empty();
        match (of_events, selection.reason.is_some()) {
            (false, false) => Err(SelectionError::Empty),
            (true, true) => Err(SelectionError::Mixed),
            _ if selection.events.len() > EVENTS_MAX => {
                Err(SelectionError::TooMany(selection.events.len()))
            }
            _ => Ok(selection),
        }
    }

    /// The same, without what a replay wrote.
    pub(super) fn as_captured(&self) -> Self {
        Self { only_captured: true, ..self.clone() }
    }

    /// True for an event that was received then and has this id.
    pub fn takes(&self, received: Timestamp, id: &str) -> bool {
        self.from.is_none_or(|from| from <= received)
            && self.to.is_none_or(|to| received < to)
            && (self.events.is_empty() || self.events.iter().any(|wanted| wanted == id))
    }
}

/// A stamp, or the beginning of a day.
/// An instant, or a day for its beginning.
///
/// # Errors
/// When it is neither.
pub fn instant(text: &str) -> Result<Timestamp, SelectionError> {
    let whole = Timestamp::parse_rfc3339(text);
    let day = || Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z"));
    whole.or_else(day).ok_or_else(|| SelectionError::Instant(text.chars().take(64).collect()))
}

fn reason(text: &str) -> Result<Option<QuarantineReason>, SelectionError> {
    if text == "any" {
        return Ok(None);
    }
    let found = QuarantineReason::ALL.into_iter().find(|reason| reason.as_str() == text);
    found.map(Some).ok_or_else(|| SelectionError::Reason {
        given: text.chars().take(64).collect(),
        known: QuarantineReason::ALL.map(QuarantineReason::as_str).join(", "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(parameters: &[(&str, &str)]) -> Result<Selection, SelectionError> {
        let owned: Vec<_> =
            parameters.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Selection::parse(&owned)
    }

    #[test]
    fn a_selection_says_something_and_one_thing() {
        assert_eq!(parse(&[]), Err(SelectionError::Empty));
        assert_eq!(parse(&[("dry_run", "true")]), Err(SelectionError::Empty));
        let mixed = parse(&[("quarantine", "any"), ("from", "2026-11-22")]);
        assert_eq!(mixed, Err(SelectionError::Mixed));
        assert!(matches!(parse(&[("from", "soon")]), Err(SelectionError::Instant(_))));
        assert!(matches!(parse(&[("quarantine", "x")]), Err(SelectionError::Reason { .. })));
        assert!(matches!(parse(&[("until", "x")]), Err(SelectionError::Parameter(_))));
    }

    #[test]
    fn ranges_are_half_open_and_ids_bounded() {
        let range = parse(&[("from", "2026-11-22"), ("to", "2026-11-23T00:00:00Z")]).unwrap();
        let day = Timestamp::parse_rfc3339("2026-11-22T00:00:00Z").unwrap();
        assert!(range.takes(day, "a"));
        assert!(!range.takes(Timestamp(day.0 + 86_400_000_000), "a"));
        let ids = vec![("event".to_owned(), "a".to_owned()); EVENTS_MAX];
        assert!(Selection::parse(&ids).is_ok());
        let over = vec![("event".to_owned(), "a".to_owned()); EVENTS_MAX + 1];
        assert_eq!(Selection::parse(&over), Err(SelectionError::TooMany(EVENTS_MAX + 1)));
    }
}
