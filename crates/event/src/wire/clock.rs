//! Client clocks: reading stamps, and correcting them by (received - sent) of the same request.

use super::scalar;
use crate::envelope::{Correction, Event, Flags};
use crate::time::{Span, Timestamp};

/// A client's clock is left alone while it is at most this far from ours.
pub const TOLERANCE: Span = Span::seconds(60);

/// A stamp as a client sent it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stamp {
    /// None was sent.
    #[default]
    Absent,
    /// Unreadable, or outside [`Timestamp::EARLIEST`]..[`Timestamp::LATEST`].
    Nonsense,
    /// A usable instant by the client's clock.
    At(Timestamp),
}

impl Stamp {
    /// From JSON text: ISO 8601, or a number of seconds or milliseconds since the epoch.
    pub fn from_json(value: Option<&str>) -> Self {
        let Some(value) = value else {
            return Self::Absent;
        };
        match scalar::text_or_number(value) {
            Some(text) if scalar::trim(&text).is_empty() => Self::Absent,
            Some(text) => Self::from_text(&text),
            None => Self::Nonsense,
        }
    }

    /// From text: ISO 8601, or a number of seconds or milliseconds since the epoch.
    pub fn from_text(text: &str) -> Self {
        let text = scalar::trim(text);
        parse_iso8601(text)
            .or_else(|| parse_epoch(text))
            .and_then(Timestamp::sane)
            .map_or(Self::Nonsense, Self::At)
    }

    /// From whole milliseconds since the epoch, as text.
    pub fn from_millis_text(text: Option<&str>) -> Self {
        let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
            return Self::Absent;
        };
        let stamp = text.parse().ok().map(Timestamp::from_millis);
        stamp.and_then(Timestamp::sane).map_or(Self::Nonsense, Self::At)
    }

    /// The instant, when there is a usable one.
    pub const fn instant(self) -> Option<Timestamp> {
        match self {
            Self::At(stamp) => Some(stamp),
            Self::Absent | Self::Nonsense => None,
        }
    }
}

/// Sets the event's time from the client's stamps and its own `received`: corrected only when the
/// client's clock is more than [`TOLERANCE`] off, never after `received`, never moved up from the
/// past. A client time that makes no sense is replaced by `received` and flagged.
pub fn set_event_time(event: &mut Event, client: Stamp, sent: Stamp) {
    let received = event.received;
    let skew = sent.instant().map_or(Span(0), |sent| received - sent);
    let shift = if skew.magnitude() > TOLERANCE { skew } else { Span(0) };
    event.correction = Correction { client: client.instant(), sent: sent.instant(), shift };
    event.event_time = received;
    match client {
        Stamp::Absent => event.correction.shift = Span(0),
        Stamp::Nonsense => {
            event.correction.shift = Span(0);
            event.flags = event.flags.with(Flags::CLOCK);
        }
        Stamp::At(client) => {
            let corrected = client + shift;
            event.event_time = corrected.min(received);
            if corrected > received + TOLERANCE {
                event.flags = event.flags.with(Flags::CLOCK);
            }
        }
    }
}

/// Seconds below 10^11 (year 5138), else milliseconds.
fn parse_epoch(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let number: i64 = whole.parse().ok()?;
    if number.abs() >= 100_000_000_000 {
        return Some(Timestamp::from_millis(number));
    }
    let micros = micros_of_fraction(fraction)?;
    Some(Timestamp(number.checked_mul(1_000_000)?.checked_add(micros)?))
}

fn micros_of_fraction(digits: &str) -> Option<i64> {
    let mut micros = 0;
    let mut unit = 100_000;
    for digit in digits.bytes() {
        micros += i64::from(digit.is_ascii_digit().then(|| digit - b'0')?) * unit;
        unit /= 10;
    }
    Some(micros)
}

/// ISO 8601 as clients write it: a date, then perhaps `T` or a space, time with or without
/// seconds and fraction, and `Z`, an offset or nothing, which means UTC.
pub fn parse_iso8601(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let date = bytes.get(..10).filter(|date| date[4] == b'-' && date[7] == b'-')?;
    let (year, month, day) = (number(&date[..4])?, number(&date[5..7])?, number(&date[8..])?);
    let days = days_since_epoch(year, month, day)?;
    let midnight = days * 86_400;
    let Some(rest) = text.get(10..).filter(|rest| !rest.is_empty()) else {
        return Some(Timestamp(midnight * 1_000_000));
    };
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let clock_end = rest.find(['Z', 'z', '+', '-', ' ']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(clock_end);
    let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, ""));
    let clock = clock.as_bytes();
    let (hour, minute, second) = match clock.len() {
        5 if clock[2] == b':' => (number(&clock[..2])?, number(&clock[3..])?, 0),
        8 if clock[2] == b':' && clock[5] == b':' => {
            (number(&clock[..2])?, number(&clock[3..5])?, number(&clock[6..])?)
        }
        _ => return None,
    };
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = midnight + hour * 3_600 + minute * 60 + second - offset_seconds(zone.trim())?;
    Some(Timestamp(seconds * 1_000_000 + micros_of_fraction(fraction)?))
}

fn offset_seconds(zone: &str) -> Option<i64> {
    if zone.is_empty() || zone.eq_ignore_ascii_case("z") || zone.eq_ignore_ascii_case("utc") {
        return Some(0);
    }
    let (sign, digits) = match zone.split_at_checked(1)? {
        ("+", digits) => (1, digits.as_bytes()),
        ("-", digits) => (-1, digits.as_bytes()),
        _ => return None,
    };
    let (hours, minutes) = match digits.len() {
        2 => (number(digits)?, 0),
        4 => (number(&digits[..2])?, number(&digits[2..])?),
        5 if digits[2] == b':' => (number(&digits[..2])?, number(&digits[3..])?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |value, digit| {
        digit.is_ascii_digit().then(|| value * 10 + i64::from(digit - b'0'))
    })
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar; `None` when there is no
/// such day. Years are counted from March, so that the leap day comes last.
pub(super) fn days_since_epoch(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    let year = if month > 2 { year } else { year - 1 };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let days_before = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    const DAYS_TO_EPOCH: i64 = 719_468;
    Some(days_before + day_of_year - DAYS_TO_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::EventKind;
    use crate::ids::{EventId, SourceId};
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000_000);

    fn timed(client: Stamp, sent: Stamp) -> (Span, Span, bool) {
        let id = EventId::parse("e").unwrap();
        let mut event = Event::new(id, EventKind::Page, SourceId::parse("s").unwrap(), NOW);
        set_event_time(&mut event, client, sent);
        (NOW - event.event_time, event.correction.shift, event.flags.has(Flags::CLOCK))
    }

    #[test]
    fn corrects_only_beyond_the_tolerance() {
        let at = |before_now: i64| Stamp::At(NOW - Span::seconds(before_now));
        let s = Span::seconds;
        assert_eq!(timed(at(10), at(60)), (s(10), s(0), false));
        assert_eq!(timed(at(70), at(61)), (s(9), s(61), false));
        assert_eq!(timed(at(-51), at(-61)), (s(10), s(-61), false));
        assert_eq!(timed(at(-50), at(-60)), (s(0), s(0), false), "never after received");
        assert_eq!(timed(at(-3600), Stamp::Absent), (s(0), s(0), true));
        assert_eq!(timed(at(86_400 * 400), Stamp::Absent).0, s(86_400 * 400), "the past stays");
        assert_eq!(timed(Stamp::Absent, at(500)), (s(0), s(0), false));
        assert_eq!(timed(Stamp::Nonsense, at(500)), (s(0), s(0), true));
        assert_eq!(timed(at(10), Stamp::Nonsense), (s(10), s(0), false));
    }

    #[test]
    fn reads_what_clients_write() {
        let check = |text: &str, expected: Option<i64>| {
            let expected = expected.map_or(Stamp::Nonsense, |micros| Stamp::At(Timestamp(micros)));
            assert_eq!(Stamp::from_text(text), expected, "{text}");
        };
        check("2026-11-22T02:56:20.421Z", Some(1_795_316_180_421_000));
        check("2026-11-22T02:56:23.193643+00:00", Some(1_795_316_183_193_643));
        check("2026-11-22 04:56:20+0200", Some(1_795_316_180_000_000));
        check("2026-11-22T02:56:20", Some(1_795_316_180_000_000));
        check("2026-11-22", Some(1_795_305_600_000_000));
        check("1795316180", Some(1_795_316_180_000_000));
        check("1795316180.421", Some(1_795_316_180_421_000));
        check("1795316180421", Some(1_795_316_180_421_000));
        for nonsense in [
            "1900-01-01T00:00:00Z",
            "2200-01-01T00:00:00Z",
            "2026-02-29",
            "2026-13-01",
            "yesterday",
            "-1",
            "99999999999999999999",
            "2026-11-22T25:00:00Z",
            "2026-11-22Té",
        ] {
            check(nonsense, None);
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_calendar(micros in Timestamp::EARLIEST.0..Timestamp::LATEST.0) {
            let text = Timestamp(micros).to_rfc3339();
            prop_assert_eq!(parse_iso8601(&text), Some(Timestamp(micros)));
        }

        #[test]
        fn takes_any_text(text in "\\PC{0,40}|[0-9TZ:.+ -]{0,40}") {
            let _ = Stamp::from_text(&text);
        }
    }
}
