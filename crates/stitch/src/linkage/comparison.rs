//! Two devices compared field by field.

use super::profile::Profile;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// Country, region and time zone, and the locale there: in one field, for who lives together
    /// mostly speaks one language, and counting both would count one thing twice.
    Place,
    /// Class of device, browser, system and screen.
    System,
    /// Kind of connection.
    Connection,
    /// Campaigns that led here.
    Campaigns,
    /// Pages seen.
    Pages,
    /// When in the week.
    Hours,
}

/// Every field, in the order of a pattern.
pub const FIELDS: [Field; 6] =
    [Field::Place, Field::System, Field::Connection, Field::Campaigns, Field::Pages, Field::Hours];

impl Field {
    /// Its stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Place => "place",
            Self::System => "system",
            Self::Connection => "connection",
            Self::Campaigns => "campaigns",
            Self::Pages => "pages",
            Self::Hours => "hours",
        }
    }

    /// What its levels say, from the one that agrees least.
    pub const fn levels(self) -> &'static [&'static str] {
        match self {
            Self::Place => &["elsewhere", "same country", "same place", "same place and locale"],
            Self::System => {
                &["another", "same browser or system", "same system", "same screen, too"]
            }
            Self::Connection => &["another", "same kind"],
            Self::Campaigns => &["none shared", "one shared"],
            Self::Pages => &["none shared", "a common one", "an uncommon one", "a rare one"],
            Self::Hours => &["at other times", "at similar times", "at the same times"],
        }
    }

    /// True when a value that few share says more.
    pub const fn weighs_rarity(self) -> bool {
        matches!(self, Self::Place | Self::System | Self::Campaigns)
    }
}

/// The level of each field; none where a device does not tell.
pub type Pattern = [Option<u8>; FIELDS.len()];

/// Shares of devices at which a page is uncommon, and rare.
const UNCOMMON: f64 = 0.02;
const RARE: f64 = 0.002;
/// Likeness of two weeks at which they are similar, and the same.
const SIMILAR: f64 = 0.3;
const SAME: f64 = 0.7;
/// Events below which a device's week says nothing.
const EVENTS_MIN: u32 = 4;

/// How many devices have a value.
#[derive(Clone, Debug, Default)]
pub struct Frequencies {
    counts: BTreeMap<(Field, u64), u32>,
    devices: usize,
}

impl Frequencies {
    /// Of these devices.
    pub fn of(profiles: &[Profile]) -> Self {
        let mut counts: BTreeMap<(Field, u64), u32> = BTreeMap::new();
        for profile in profiles {
            let single = [
                (Field::Place, profile.home()),
                (Field::System, profile.system),
                (Field::System, profile.machine()),
                (Field::Place, profile.tongue()),
            ];
            let single = single.into_iter().filter_map(|(field, token)| Some((field, token?)));
            let pages = profile.pages.iter().map(|page| (Field::Pages, *page));
            let campaigns = profile.campaigns.iter().map(|one| (Field::Campaigns, *one));
            for value in single.chain(pages).chain(campaigns) {
                *counts.entry(value).or_default() += 1;
            }
        }
        Self { counts, devices: profiles.len() }
    }

    /// The share of devices with this value.
    pub fn share(&self, field: Field, token: u64) -> f64 {
        let count = self.counts.get(&(field, token)).copied().unwrap_or(0);
        f64::from(count) / self.devices.max(1) as f64
    }

    /// True when at least two devices have it, and few enough that sharing it says something.
    pub(super) fn is_uncommon(&self, field: Field, token: u64) -> bool {
        self.counts.get(&(field, token)).is_some_and(|count| *count > 1)
            && self.share(field, token) <= UNCOMMON
    }
}

/// How far two devices agree.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The level of each field.
    pub pattern: Pattern,
    /// The share of devices with the value that both have, where a field's rarity weighs and they
    /// agree wholly.
    pub shares: [Option<f64>; FIELDS.len()],
}

/// Compares two devices.
pub fn compare(one: &Profile, other: &Profile, frequencies: &Frequencies) -> Comparison {
    let campaign = rarest_shared((&one.campaigns, &other.campaigns), Field::Campaigns, frequencies);
    let has_campaigns = !one.campaigns.is_empty() && !other.campaigns.is_empty();
    let pattern = [
        place(one, other),
        system(one, other),
        equal(one.connection, other.connection).map(u8::from),
        has_campaigns.then(|| u8::from(campaign.is_some())),
        pages(one, other, frequencies),
        hours(one, other),
    ];
    let share = |field, token: Option<u64>| token.map(|token| frequencies.share(field, token));
    let agrees = |at: usize, least: u8| pattern[at].is_some_and(|level| level >= least);
    let home = if agrees(0, 3) { one.tongue() } else { one.home().filter(|_| agrees(0, 2)) };
    let machine = if agrees(1, 3) { one.machine() } else { one.system.filter(|_| agrees(1, 2)) };
    let shares =
        [share(Field::Place, home), share(Field::System, machine), None, campaign, None, None];
    Comparison { pattern, shares }
}

/// Whether both tell and tell the same; none where one does not tell.
fn equal(one: Option<u64>, other: Option<u64>) -> Option<bool> {
    Some(one? == other?)
}

fn place(one: &Profile, other: &Profile) -> Option<u8> {
    let country = equal(one.country, other.country);
    let finer = [equal(one.region, other.region), equal(one.timezone, other.timezone)];
    let told = finer.iter().any(Option::is_some);
    if country == Some(false) || (country.is_none() && finer.contains(&Some(false))) {
        return Some(0);
    }
    if !told || finer.contains(&Some(false)) || one.home() != other.home() {
        return country.map(|_| 1);
    }
    Some(if equal(one.locale, other.locale) == Some(true) { 3 } else { 2 })
}

fn system(one: &Profile, other: &Profile) -> Option<u8> {
    if equal(one.system, other.system)? {
        return Some(if equal(one.screen, other.screen) == Some(true) { 3 } else { 2 });
    }
    let part = [equal(one.browser, other.browser), equal(one.os, other.os)];
    Some(u8::from(part.contains(&Some(true))))
}

type Tokens = alloc::collections::BTreeSet<u64>;

/// The least share of devices that any value shared by both has.
fn rarest_shared(
    (one, other): (&Tokens, &Tokens),
    field: Field,
    frequencies: &Frequencies,
) -> Option<f64> {
    let shared = one.intersection(other).map(|token| frequencies.share(field, *token));
    shared.min_by(f64::total_cmp)
}

fn pages(one: &Profile, other: &Profile, frequencies: &Frequencies) -> Option<u8> {
    if one.pages.is_empty() || other.pages.is_empty() {
        return None;
    }
    let rarest = rarest_shared((&one.pages, &other.pages), Field::Pages, frequencies);
    Some(match rarest {
        None => 0,
        Some(share) if share > UNCOMMON => 1,
        Some(share) if share > RARE => 2,
        Some(_) => 3,
    })
}

fn hours(one: &Profile, other: &Profile) -> Option<u8> {
    let events = |profile: &Profile| profile.hours.values().sum::<u32>();
    if events(one) < EVENTS_MIN || events(other) < EVENTS_MIN {
        return None;
    }
    let likeness = cosine(&one.hours, &other.hours);
    Some(if likeness >= SAME { 2 } else { u8::from(likeness >= SIMILAR) })
}

/// The cosine of two weeks.
fn cosine(one: &BTreeMap<u8, u32>, other: &BTreeMap<u8, u32>) -> f64 {
    let norm = |week: &BTreeMap<u8, u32>| {
        let squares: Vec<f64> = week.values().map(|count| f64::from(*count)).collect();
        libm::sqrt(squares.iter().map(|count| count * count).sum())
    };
    let both =
        one.iter().filter_map(|(bin, count)| Some(f64::from(*count) * f64::from(*other.get(bin)?)));
    both.sum::<f64>() / (norm(one) * norm(other)).max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::super::profile::token;
    use super::*;

    #[test]
    fn what_is_not_told_is_not_held_against_anybody() {
        let frequencies = Frequencies::default();
        let nothing = compare(&Profile::default(), &Profile::default(), &frequencies);
        assert_eq!(nothing.pattern, [None; 6]);
        assert_eq!(nothing.shares, [None; 6]);
    }

    #[test]
    fn places_agree_as_far_as_they_are_told() {
        let home = |region: Option<&str>, zone: Option<&str>| Profile {
            country: Some(token("country", "DE")),
            region: region.map(|region| token("region", region)),
            timezone: zone.map(|zone| token("timezone", zone)),
            ..Profile::default()
        };
        let level = |one: &Profile, other: &Profile| place(one, other);
        let berlin = home(Some("BE"), Some("Europe/Berlin"));
        assert_eq!(level(&berlin, &berlin), Some(2));
        assert_eq!(level(&berlin, &home(Some("BY"), Some("Europe/Berlin"))), Some(1));
        assert_eq!(level(&home(None, None), &home(None, None)), Some(1));
        assert_eq!(level(&berlin, &Profile::default()), None);
        // An address that no database knows still tells its time zone.
        let zone = |zone| Profile { country: None, ..home(None, Some(zone)) };
        assert_eq!(level(&zone("Europe/Berlin"), &zone("Europe/Berlin")), Some(2));
        assert_eq!(level(&zone("Europe/Berlin"), &zone("Asia/Tokyo")), Some(0));
    }

    #[test]
    fn rare_pages_say_more_than_common_ones() {
        let page = |name: &str| token("page", name);
        let visitor = |pages: &[u64]| Profile {
            pages: pages.iter().copied().collect(),
            ..Profile::default()
        };
        let crowd = (0..1_000).map(|number: u64| visitor(&[page("home"), number]));
        let mut all: Vec<Profile> = crowd.collect();
        all.extend([visitor(&[page("rare"), page("home")]), visitor(&[page("rare")])]);
        let frequencies = Frequencies::of(&all);
        let level = |one: &Profile, other: &Profile| pages(one, other, &frequencies);
        assert_eq!(level(&all[0], &all[1]), Some(1));
        assert_eq!(level(&all[1_000], &all[1_001]), Some(3));
        assert_eq!(level(&all[0], &all[1_001]), Some(0));
        assert_eq!(level(&all[0], &Profile::default()), None);
    }

    #[test]
    fn levels_have_names() {
        for field in FIELDS {
            assert!(field.levels().len() >= 2, "{field:?}");
        }
    }
}
