//! Time as values: instants in microseconds since the Unix epoch, and spans between them.
//!
//! RFC 3339 in and out (through `jiff`); no clock is read here.

use alloc::string::{String, ToString};
use core::ops::{Add, Sub};
use serde::{Deserialize, Serialize};

/// An instant: microseconds since 1970-01-01T00:00:00Z, negative before it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// A signed distance between two instants, in microseconds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Span(pub i64);

impl Span {
    /// A span of whole milliseconds.
    pub const fn millis(millis: i64) -> Self {
        Self(millis * 1_000)
    }

    /// A span of whole seconds.
    pub const fn seconds(seconds: i64) -> Self {
        Self(seconds * 1_000_000)
    }

    /// A span of whole minutes.
    pub const fn minutes(minutes: i64) -> Self {
        Self::seconds(minutes * 60)
    }

    /// A span of whole hours.
    pub const fn hours(hours: i64) -> Self {
        Self::minutes(hours * 60)
    }

    /// A span of whole days of 24 hours.
    pub const fn days(days: i64) -> Self {
        Self::hours(days * 24)
    }

    /// Whole milliseconds, rounded toward negative infinity.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// The distance without its sign.
    pub const fn magnitude(self) -> Self {
        Self(self.0.saturating_abs())
    }
}

impl Timestamp {
    /// The earliest instant accepted from outside: 1990-01-01. Older stamps are nonsense clocks.
    pub const EARLIEST: Self = Self(631_152_000_000_000);
    /// The latest instant accepted from outside: 2100-01-01.
    pub const LATEST: Self = Self(4_102_444_800_000_000);

    /// From milliseconds since the epoch; saturates at the ends of the range.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// Milliseconds since the epoch, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Days since the epoch in UTC, rounded down.
    pub const fn utc_day(self) -> i32 {
        self.0.div_euclid(86_400_000_000) as i32
    }

    /// The first instant of a UTC day, in days since the epoch.
    pub const fn of_utc_day(day: i32) -> Self {
        Self(day as i64 * 86_400_000_000)
    }

    /// Hours since the epoch, rounded down.
    pub const fn hour(self) -> i64 {
        self.0.div_euclid(3_600_000_000)
    }

    /// Parses RFC 3339 (any offset), or `None` when the text is not such a stamp or lies outside
    /// [`Self::EARLIEST`]..[`Self::LATEST`].
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let parsed: jiff::Timestamp = text.trim().parse().ok()?;
        Self(parsed.as_microsecond()).sane()
    }

    /// This instant when it lies inside the accepted range, else `None`.
    pub fn sane(self) -> Option<Self> {
        (Self::EARLIEST..=Self::LATEST).contains(&self).then_some(self)
    }

    /// RFC 3339 in UTC with the precision that the value has; an instant out of `jiff`'s range
    /// prints as its number of microseconds.
    pub fn to_rfc3339(self) -> String {
        jiff::Timestamp::from_microsecond(self.0)
            .map_or_else(|_| self.0.to_string(), |stamp| stamp.to_string())
    }

    /// `YYYY-MM-DD` of this instant in UTC.
    pub fn to_utc_date(self) -> String {
        let mut text = self.to_rfc3339();
        text.truncate(10);
        text
    }
}

impl Add<Span> for Timestamp {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Timestamp {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl Sub for Timestamp {
    type Output = Span;
    fn sub(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}
