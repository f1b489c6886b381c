//! What is known of one device that can be compared: hashes of values, never the values.

use crate::entry::Entry;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use millstream_event::consent::{Purpose, Purposes};
use millstream_event::url::Address;
use millstream_event::{EntityId, Hash128, Timestamp};

/// Every event of a device must allow these: who agreed to be measured alone is not guessed about.
pub const REQUIRED: Purposes =
    Purposes::NONE.with(Purpose::Measurement).with(Purpose::Personalization);
/// Addresses kept of a device: a sample of the least hashes, the same for every device.
const PAGES_MAX: usize = 48;
/// Campaigns kept of a device, chosen likewise.
const CAMPAIGNS_MAX: usize = 16;
/// Hours of one bin of the week.
const BIN_HOURS: i64 = 3;
const HOUR_MICROS: i64 = 3_600_000_000;
/// Days from 1970-01-01, a Thursday, back to a Monday.
const DAYS_FROM_MONDAY: i64 = 3;

/// The hash of a value of a field.
pub fn token(field: &str, value: &str) -> u64 {
    Hash128::of("linkage", &[field.as_bytes(), value.as_bytes()]).low64()
}

fn known(field: &str, value: Option<&str>) -> Option<u64> {
    value.filter(|value| !value.is_empty()).map(|value| token(field, value))
}

/// A device as far as it can be compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// The device.
    pub device: EntityId,
    /// The person that logins and signed clicks make it belong to.
    pub person: EntityId,
    /// True when that person has a user id.
    pub has_user: bool,
    /// Its first event.
    pub first_seen: Timestamp,
    /// Its last event.
    pub last_seen: Timestamp,
    /// What every one of its events allows.
    pub purposes: Purposes,
    /// True when an event of it is a bot's.
    pub bot: bool,
    /// Country.
    pub country: Option<u64>,
    /// Region, with its country.
    pub region: Option<u64>,
    /// IANA time zone.
    pub timezone: Option<u64>,
    /// Browser family.
    pub browser: Option<u64>,
    /// Operating system family.
    pub os: Option<u64>,
    /// Class of device, browser and system together.
    pub system: Option<u64>,
    /// Size of the screen.
    pub screen: Option<u64>,
    /// Language and place of a locale.
    pub locale: Option<u64>,
    /// Kind of connection.
    pub connection: Option<u64>,
    /// Campaigns that led here.
    pub campaigns: BTreeSet<u64>,
    /// Addresses seen, without their query.
    pub pages: BTreeSet<u64>,
    /// Events by three-hour bin of the UTC week.
    pub hours: BTreeMap<u8, u32>,
}

impl Profile {
    /// A device of which nothing is known yet.
    pub fn of(device: EntityId) -> Self {
        Self { device, person: device, purposes: Purposes::ALL, ..Self::default() }
    }

    /// Adds an entry. In event order: of what may change, the last word stands.
    pub fn add(&mut self, entry: &Entry) {
        let time = entry.key.time;
        if self.hours.is_empty() {
            self.first_seen = time;
        }
        self.last_seen = time;
        self.purposes = self.purposes.and(Purposes::from_bits(entry.purposes));
        self.bot |= entry.agent.bot;
        *self.hours.entry(bin(time)).or_default() += 1;
        self.place(entry);
        self.connection = known("connection", entry.connection.as_deref()).or(self.connection);
        if !entry.agent.browser.is_empty() || !entry.agent.os.is_empty() {
            let agent = &entry.agent;
            self.browser = known("browser", Some(&agent.browser));
            self.os = known("os", Some(&agent.os));
            let system = [agent.device.as_str(), &agent.browser, &agent.os].join("\n");
            self.system = Some(token("system", &system));
        }
        if let Some(url) = &entry.url {
            let address = Address::split(url);
            let page = [address.host.unwrap_or_default(), address.path].concat();
            sample(&mut self.pages, token("page", &page), PAGES_MAX);
        }
        let name = entry.touch.as_ref().and_then(|touch| touch.campaign.name.as_deref());
        if let Some(campaign) = known("campaign", name) {
            sample(&mut self.campaigns, campaign, CAMPAIGNS_MAX);
        }
    }

    fn place(&mut self, entry: &Entry) {
        let Some(country) = known("country", entry.country.as_deref()) else { return };
        self.country = Some(country);
        let region = entry.region.as_deref().filter(|region| !region.is_empty());
        let text = |region| [entry.country.as_deref().unwrap_or_default(), "\n", region].concat();
        self.region = region.map(|region| token("region", &text(region)));
    }

    /// Adds what the client says of itself: time zone, locale, screen.
    pub fn hint(&mut self, timezone: Option<&str>, locale: Option<&str>, screen: Option<&str>) {
        self.timezone = known("timezone", timezone).or(self.timezone);
        self.screen = known("screen", screen).or(self.screen);
        if let Some(locale) = locale.filter(|locale| !locale.is_empty()) {
            let locale = locale.replace('_', "-").to_ascii_lowercase();
            self.locale = known("locale", Some(&locale));
        }
    }

    /// True when it may be compared: a person's, with the consent that takes.
    pub fn may_be_linked(&self) -> bool {
        !self.bot && self.purposes.and(REQUIRED) == REQUIRED && !self.hours.is_empty()
    }

    /// What is known of country, region and time zone together: where the device is at home.
    pub(super) fn home(&self) -> Option<u64> {
        let parts = [self.country, self.region, self.timezone];
        parts.iter().any(Option::is_some).then(|| together(&parts))
    }

    /// Home with the locale, where both are known.
    pub(super) fn tongue(&self) -> Option<u64> {
        Some(together(&[Some(self.home()?), Some(self.locale?)]))
    }

    /// System with the screen, where both are known.
    pub(super) fn machine(&self) -> Option<u64> {
        Some(together(&[Some(self.system?), Some(self.screen?)]))
    }
}

/// One token for several.
pub(super) fn together(parts: &[Option<u64>]) -> u64 {
    let bytes: Vec<u8> =
        parts.iter().flat_map(|part| part.unwrap_or_default().to_le_bytes()).collect();
    Hash128::of("linkage", &[&bytes]).low64()
}

/// Keeps the least hashes: which are kept does not depend on the order in which they came.
fn sample(kept: &mut BTreeSet<u64>, token: u64, max: usize) {
    kept.insert(token);
    if kept.len() > max {
        kept.pop_last();
    }
}

fn bin(time: Timestamp) -> u8 {
    let hours = time.0.div_euclid(HOUR_MICROS) + DAYS_FROM_MONDAY * 24;
    (hours.rem_euclid(7 * 24) / BIN_HOURS) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_begin_on_monday_and_end_on_sunday() {
        let monday = Timestamp::parse_rfc3339("2026-11-23T02:59:59Z").unwrap();
        assert_eq!(bin(monday), 0);
        assert_eq!(bin(monday + millstream_event::Span::seconds(1)), 1);
        let sunday = Timestamp::parse_rfc3339("2026-11-22T23:00:00Z").unwrap();
        assert_eq!(bin(sunday), 55);
    }

    #[test]
    fn a_sample_is_the_same_in_any_order_and_bounded() {
        let (mut up, mut down) = (BTreeSet::new(), BTreeSet::new());
        (0..1_000).for_each(|one| sample(&mut up, one * 7 % 1_000, PAGES_MAX));
        (0..1_000).rev().for_each(|one| sample(&mut down, one, PAGES_MAX));
        assert_eq!(up, down);
        assert_eq!(up.len(), PAGES_MAX);
    }

    #[test]
    fn a_locale_is_read_whatever_its_case_and_dash() {
        let (mut one, mut other) = (Profile::default(), Profile::default());
        one.hint(None, Some("de_AT"), None);
        other.hint(Some(""), Some("de-at"), None);
        assert_eq!(one, other);
        assert_eq!(one.locale, Some(token("locale", "de-at")));
    }

    #[test]
    fn one_event_without_consent_keeps_a_device_out() {
        let mut profile = Profile::of(EntityId(Hash128([1; 16])));
        profile.hours.insert(0, 1);
        assert!(profile.may_be_linked());
        profile.purposes = profile.purposes.without(Purpose::Personalization);
        assert!(!profile.may_be_linked());
    }
}
