//! How long rows are kept, as configured.

use super::error::ConfigError;
use super::raw;
use super::resolved::wrong;
use crate::instance::RowDays;
use millstream_pipeline::retention::{Class, DAYS_MIN};

/// The most days that can be asked for: a hundred years.
pub const DAYS_MAX: u32 = 36_525;

pub(super) fn retention(raw: &raw::Retention, window_days: u32) -> Result<RowDays, ConfigError> {
    let given = [
        ("retention.events_days", Class::Events, raw.events_days),
        ("retention.sessions_days", Class::Sessions, raw.sessions_days),
        ("retention.touches_days", Class::Touches, raw.touches_days),
        ("retention.conversions_days", Class::Conversions, raw.conversions_days),
    ];
    for (key, _, days) in given {
        if let Some(days) = days.filter(|days| !(DAYS_MIN..=DAYS_MAX).contains(days)) {
            let why = format!(
                "use {DAYS_MIN} to {DAYS_MAX}: events may come days late; leave it out to keep them for ever"
            );
            return Err(wrong(key, days, &why));
        }
    }
    let kept = |days: Option<u32>| days.unwrap_or(u32::MAX);
    if kept(raw.sessions_days) < kept(raw.events_days) {
        let why =
            "sessions are made of events: keep them at least as long as retention.events_days";
        return Err(wrong("retention.sessions_days", kept(raw.sessions_days), why));
    }
    let needed = kept(raw.conversions_days).saturating_add(window_days);
    if kept(raw.touches_days) < needed {
        let why = format!(
            "a conversion is credited to touches of the {window_days} days before it: set \
             retention.conversions_days, and touches_days at least {window_days} above it"
        );
        return Err(wrong("retention.touches_days", kept(raw.touches_days), &why));
    }
    let with = |days: RowDays, (_, class, given)| days.with(class, given);
    Ok(given.into_iter().fold(RowDays::default(), with))
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, read};
    use millstream_pipeline::retention::Class;

    fn resolve(text: &str) -> Result<Config, String> {
        let file = format!("[retention]\n{text}");
        let raw = read(Some(("kept.toml", &file)), &[]).map_err(|error| error.to_string())?;
        Config::resolve(raw).map_err(|error| error.to_string())
    }

    #[test]
    fn rows_are_kept_for_ever_unless_said() {
        let kept = resolve("").unwrap().retention;
        assert!(Class::ALL.into_iter().all(|class| kept.of(class).is_none()));
    }

    #[test]
    fn days_hold_at_their_bounds_and_fit_each_other() {
        for held in [
            "events_days = 9",
            "events_days = 36525",
            "events_days = 20\nsessions_days = 20",
            "conversions_days = 9",
            "conversions_days = 30\ntouches_days = 60",
        ] {
            assert!(resolve(held).is_ok(), "{held}: {:?}", resolve(held).err());
        }
        for (refused, key, why) in [
            ("events_days = 8", "retention.events_days", "use 9 to 36525"),
            ("events_days = 36526", "retention.events_days", "use 9 to 36525"),
            ("sessions_days = 40", "retention.sessions_days", "at least as long"),
            ("events_days = 20\nsessions_days = 19", "retention.sessions_days", "at least as long"),
            ("touches_days = 60", "retention.touches_days", "set retention.conversions_days"),
            (
                "conversions_days = 30\ntouches_days = 59",
                "retention.touches_days",
                "at least 30 above",
            ),
        ] {
            let said = resolve(refused).err().unwrap_or_default();
            assert!(said.contains(key) && said.contains(why), "{refused}: {said}");
        }
    }
}
