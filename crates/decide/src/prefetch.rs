//! Prefetch hints: where visitors go on to from a place, learned from journeys and told with a chance.
//!
//! A place is a page, or a slot: a use case that is asked for. What is told depends on the place alone, on
//! nothing of the visitor, and names only places that several visitors have been to.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use millstream_event::{EntityId, Timestamp};
use serde::{Deserialize, Serialize};

/// Hints of one kind in an answer at most.
pub const HINTS_MAX: usize = 8;
/// Longest name of a place, in bytes.
pub const PLACE_BYTES_MAX: usize = 256;
/// Places that are learned at most: those that most visits lead to.
pub const PLACES_MAX: usize = 20_000;
/// Visitors that a place must have had: what fewer know may be one person's own.
pub const VISITORS_LEAST: usize = 5;
/// Places that are kept of those that one leads to.
const ONWARD_MAX: usize = 2 * HINTS_MAX;
/// What is less likely is not worth fetching, in parts per million.
const CHANCE_LEAST_PPM: u64 = 20_000;
/// Departures that count beside those that were seen, to nowhere: few departures say little.
const DOUBT: u64 = 2;
/// Share of journeys, the latest ones, that hints are judged on: one in so many.
const JUDGED: usize = 5;
/// Hints that a judgement gives.
const JUDGED_HINTS: usize = 3;

/// A place that may come next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Its name.
    pub place: Box<str>,
    /// The share of visits to where the visitor is that went on to it, in parts per million.
    pub chance_ppm: u32,
}

/// What an answer says of what comes next, most likely first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// Pages.
    pub pages: Vec<Hint>,
    /// Use cases.
    pub slots: Vec<Hint>,
}

impl Hints {
    /// True when nothing is told.
    pub const fn is_empty(&self) -> bool {
        self.pages.is_empty() && self.slots.is_empty()
    }
}

/// The page that an address or a path names: its path, without query, fragment and a slash at its end. A
/// screen's name is its own.
pub fn page(address: &str) -> Option<&str> {
    let path = match address.split_once("://") {
        Some((_, rest)) => rest.find(['/', '?', '#']).map_or("", |at| &rest[at..]),
        None => address,
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let path = match path.trim_end_matches('/') {
        "" if address.is_empty() => return None,
        "" => "/",
        path => path,
    };
    let fits = path.len() <= PLACE_BYTES_MAX && !path.chars().any(char::is_control);
    fits.then_some(path)
}

/// What one visitor came by on one visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journey {
    /// Who.
    pub visitor: EntityId,
    /// When it ended.
    pub ended: Timestamp,
    /// Places by their numbers, first to last, the same not twice in a row.
    pub places: Vec<u32>,
}

/// Journeys, and the names of their places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journeys {
    /// Names by number.
    pub names: Vec<Box<str>>,
    /// Journeys in order of time, oldest first.
    pub all: Vec<Journey>,
}

/// Where a place leads, with the chance of each in parts per million, most likely first.
type Ways = Vec<(Box<str>, u32)>;

/// Where places lead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Onward {
    ways: BTreeMap<Box<str>, Ways>,
    /// The places that most visits lead to, whatever the place before.
    popular: Vec<Box<str>>,
}

impl Onward {
    fn learn(names: &[Box<str>], journeys: &[Journey]) -> Self {
        let known = known(journeys);
        let mut stays: BTreeMap<u32, u64> = BTreeMap::new();
        let mut arrivals: BTreeMap<u32, u64> = BTreeMap::new();
        let mut steps: BTreeMap<u32, BTreeMap<u32, u64>> = BTreeMap::new();
        for journey in journeys {
            for place in &journey.places {
                *stays.entry(*place).or_default() += 1;
            }
            for pair in journey.places.windows(2) {
                if known.contains(&pair[0]) && known.contains(&pair[1]) {
                    *steps.entry(pair[0]).or_default().entry(pair[1]).or_default() += 1;
                    *arrivals.entry(pair[1]).or_default() += 1;
                }
            }
        }
        let name = |place: u32| names.get(place as usize).cloned().unwrap_or_default();
        let ways = |(from, to): (u32, BTreeMap<u32, u64>)| {
            let whole = stays.get(&from).copied().unwrap_or(0) + DOUBT;
            let ways = most(to, ONWARD_MAX).into_iter();
            let ways = ways.map(|(to, count)| (name(to), count * 1_000_000 / whole));
            let likely = ways.filter(|(_, chance)| *chance >= CHANCE_LEAST_PPM);
            (name(from), likely.map(|(to, chance)| (to, chance as u32)).collect())
        };
        let popular = most(arrivals, ONWARD_MAX).into_iter().map(|(place, _)| name(place));
        Self {
            ways: steps
                .into_iter()
                .map(ways)
                .filter(|(_, ways): &(_, Ways)| !ways.is_empty())
                .collect(),
            popular: popular.collect(),
        }
    }

    /// Where a place leads, at most so many.
    fn from(&self, place: &str, most: usize) -> Vec<Hint> {
        let ways = self.ways.get(place).into_iter().flatten().take(most.min(HINTS_MAX));
        ways.map(|(place, chance_ppm)| Hint { place: place.clone(), chance_ppm: *chance_ppm })
            .collect()
    }

    /// True when a place is among the `most` that visits lead to anyway, the present one left out.
    fn is_popular(&self, place: &str, from: &str, most: usize) -> bool {
        self.popular
            .iter()
            .filter(|other| ***other != *from)
            .take(most)
            .any(|other| **other == *place)
    }
}

/// The places that enough visitors have been to, the most visited ones.
fn known(journeys: &[Journey]) -> BTreeSet<u32> {
    let mut visitors: BTreeMap<u32, BTreeSet<EntityId>> = BTreeMap::new();
    let mut stays: BTreeMap<u32, u64> = BTreeMap::new();
    for journey in journeys {
        for place in &journey.places {
            *stays.entry(*place).or_default() += 1;
            let known = visitors.entry(*place).or_default();
            if known.len() < VISITORS_LEAST {
                known.insert(journey.visitor);
            }
        }
    }
    stays.retain(|place, _| visitors.get(place).is_some_and(|it| it.len() >= VISITORS_LEAST));
    most(stays, PLACES_MAX).into_iter().map(|(place, _)| place).collect()
}

/// The greatest counts, greatest first.
fn most(counts: BTreeMap<u32, u64>, bound: usize) -> Vec<(u32, u64)> {
    let mut counts: Vec<(u32, u64)> = counts.into_iter().collect();
    counts.sort_by_key(|(place, count)| (core::cmp::Reverse(*count), *place));
    counts.truncate(bound);
    counts
}

/// How hints did on journeys that they were not learned from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JudgedHints {
    /// Steps to another place that were asked about.
    pub asked: usize,
    /// The share of them that led to one of three hints.
    pub hits: f64,
    /// The share of them that led to one of the three most popular places.
    pub popular: f64,
}

/// What was learned of pages, or of slots.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Learned {
    /// Journeys that it was learned from.
    pub journeys: usize,
    /// How it did.
    pub judged: JudgedHints,
    onward: Onward,
}

impl Learned {
    fn of(journeys: &Journeys) -> Self {
        let all = &journeys.all;
        let cut = all.len() - (all.len() / JUDGED).max(1).min(all.len());
        let (past, latest) = all.split_at(cut);
        let on_past = Onward::learn(&journeys.names, past);
        Self {
            journeys: all.len(),
            judged: judge(&on_past, &journeys.names, latest),
            onward: Onward::learn(&journeys.names, all),
        }
    }

    /// True when it says more than what is popular anyway.
    pub fn is_better(&self) -> bool {
        self.judged.asked > 0 && self.judged.hits > self.judged.popular
    }

    /// Places that lead anywhere.
    pub fn places(&self) -> usize {
        self.onward.ways.len()
    }

    fn hints(&self, place: &str, most: usize) -> Vec<Hint> {
        if self.is_better() { self.onward.from(place, most) } else { Vec::new() }
    }

    /// True when a place is among the `most` that visits lead to anyway: what hints are held against.
    pub fn is_popular(&self, place: &str, from: &str, most: usize) -> bool {
        self.onward.is_popular(place, from, most)
    }
}

fn judge(onward: &Onward, names: &[Box<str>], latest: &[Journey]) -> JudgedHints {
    let (mut asked, mut hits, mut popular) = (0, 0, 0);
    for pair in latest.iter().flat_map(|journey| journey.places.windows(2)) {
        let [Some(from), Some(to)] = [pair[0], pair[1]].map(|place| names.get(place as usize))
        else {
            continue;
        };
        asked += 1;
        let told = onward.from(from, JUDGED_HINTS);
        hits += usize::from(told.iter().any(|hint| hint.place == *to));
        popular += usize::from(onward.is_popular(to, from, JUDGED_HINTS));
    }
    let share = |count: usize| count as f64 / asked.max(1) as f64;
    JudgedHints { asked, hits: share(hits), popular: share(popular) }
}

/// Where visitors go on to: a version, as it is kept in a file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Routes {
    /// Which version.
    pub version: u32,
    /// When.
    pub made: Timestamp,
    /// From page to page.
    pub pages: Learned,
    /// From one use case to the next.
    pub slots: Learned,
}

impl Routes {
    /// Learns from journeys over pages and over use cases. None where neither lead anywhere.
    pub fn learn(
        (pages, slots): (&Journeys, &Journeys),
        (version, made): (u32, Timestamp),
    ) -> Option<Self> {
        let routes = Self { version, made, pages: Learned::of(pages), slots: Learned::of(slots) };
        (routes.pages.places() + routes.slots.places() > 0).then_some(routes)
    }

    /// True when it is worth promoting.
    pub fn is_better(&self) -> bool {
        self.pages.is_better() || self.slots.is_better()
    }

    /// What comes next, at most so many of each kind.
    pub fn hints(&self, page: Option<&str>, slot: &str, most: usize) -> Hints {
        Hints {
            pages: page.map_or_else(Vec::new, |page| self.pages.hints(page, most)),
            slots: self.slots.hints(slot, most),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString;
    use millstream_event::Hash128;

    fn visitor(number: usize) -> EntityId {
        EntityId(Hash128::of("visitor", &[&number.to_le_bytes()]))
    }

    /// Journeys over places named by letters.
    fn journeys<'a>(told: impl IntoIterator<Item = (usize, &'a str)>) -> Journeys {
        let mut journeys = Journeys::default();
        for (number, (who, places)) in told.into_iter().enumerate() {
            let places = places.chars().map(|letter| {
                let name: Box<str> = letter.to_string().into();
                let known = journeys.names.iter().position(|it| *it == name);
                known.unwrap_or_else(|| {
                    journeys.names.push(name);
                    journeys.names.len() - 1
                }) as u32
            });
            let places = places.collect();
            let ended = Timestamp(number as i64);
            journeys.all.push(Journey { visitor: visitor(who), ended, places });
        }
        journeys
    }

    fn learned(journeys: &Journeys) -> Option<Routes> {
        Routes::learn((journeys, &Journeys::default()), (1, Timestamp(7)))
    }

    #[test]
    fn a_page_is_its_path() {
        for (address, expected) in [
            ("https://shop.example/p/a?x=1#top", Some("/p/a")),
            ("https://shop.example", Some("/")),
            ("https://shop.example/", Some("/")),
            ("https://shop.example?utm_source=a/b", Some("/")),
            ("/p/a/", Some("/p/a")),
            ("Checkout", Some("Checkout")),
            ("", None),
            ("/a\u{7}b", None),
        ] {
            assert_eq!(page(address), expected, "{address}");
        }
        let path = |bytes: usize| format!("/{}", "a".repeat(bytes - 1));
        assert!(page(&path(PLACE_BYTES_MAX)).is_some());
        assert!(page(&path(PLACE_BYTES_MAX + 1)).is_none());
    }

    #[test]
    fn hints_are_the_shares_of_what_followed() {
        // Of 100 visits to `a` 60 go on to `b`, 30 to `c`, and 10 leave.
        let all = (0..100)
            .map(|n| (n, ["ab", "ab", "ac", "ab", "ab", "ac", "ab", "a", "ab", "ac"][n % 10]));
        let journeys = journeys(all);
        let routes = learned(&journeys).unwrap();
        let hints = routes.pages.onward.from("a", HINTS_MAX);
        assert_eq!(
            hints.iter().map(|hint| (&*hint.place, hint.chance_ppm)).collect::<Vec<_>>(),
            [("b", 60 * 1_000_000 / 102), ("c", 30 * 1_000_000 / 102)]
        );
        assert!(routes.pages.onward.from("b", HINTS_MAX).is_empty(), "nothing follows it");
        assert_eq!(routes.pages.onward.from("a", 1).len(), 1);
        assert_eq!(routes, learned(&journeys).unwrap(), "the same journeys teach the same");
        // What is popular anyway says as much as these hints: they stay unsaid.
        assert!(!routes.is_better() && routes.hints(Some("a"), "home", 3).is_empty());
    }

    #[test]
    fn hints_come_into_force_where_they_beat_what_is_popular() {
        let ways = ["ab", "cd", "ef", "gh", "ij"];
        let journeys = journeys((0..100).map(|n| (n, ways[n % 5])));
        let routes = learned(&journeys).unwrap();
        assert_eq!((routes.pages.judged.asked, routes.pages.judged.hits), (20, 1.0));
        assert!(routes.pages.judged.popular < 0.7 && routes.is_better());
        let hints = routes.hints(Some("c"), "home", 3);
        assert_eq!((hints.pages.len(), &*hints.pages[0].place, hints.slots.len()), (1, "d", 0));
        assert!(routes.hints(None, "home", 3).is_empty());
        assert!(routes.pages.is_popular("b", "a", HINTS_MAX));
        assert!(!routes.pages.is_popular("b", "b", HINTS_MAX), "where one is, one does not go");
    }

    #[test]
    fn what_few_visitors_know_is_told_to_nobody() {
        let of = |visitors: usize| {
            learned(&journeys(
                (0..50).map(move |n| (n % visitors, if n % 2 == 0 { "ax" } else { "ab" })),
            ))
        };
        assert!(of(VISITORS_LEAST - 1).is_none());
        // Odd visitors alone know `b`, even ones `x`.
        let known = of(2 * VISITORS_LEAST).unwrap();
        assert_eq!(known.pages.onward.from("a", HINTS_MAX).len(), 2);
    }

    #[test]
    fn answers_and_rows_are_bounded() {
        let letters = "bcdefghijklmnopqrstuvwxyz";
        let ways: Vec<_> = letters.chars().map(|to| format!("a{to}")).collect();
        let journeys = journeys((0..2_500).map(|n| (n, &*ways[n % 25])));
        let routes = learned(&journeys).unwrap();
        assert_eq!(routes.pages.onward.ways["a"].len(), ONWARD_MAX);
        assert_eq!(routes.pages.onward.from("a", usize::MAX).len(), HINTS_MAX);
    }

    #[test]
    fn what_is_unlikely_is_not_told() {
        let journeys = journeys((0..1_000).map(|n| (n, if n % 100 == 0 { "ax" } else { "ab" })));
        let routes = learned(&journeys).unwrap();
        assert_eq!(routes.pages.onward.from("a", HINTS_MAX).len(), 1);
    }
}
