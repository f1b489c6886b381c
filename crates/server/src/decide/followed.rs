//! Whether prefetch hints come true: of each answer that gave some, the next place of its visitor.
//!
//! Only visitors whose profile may be read are followed, in memory, for a short while. What came of it is
//! summed up by use case and names nobody. Bounded in number and time; what is pushed out was not seen to
//! go on.

use millstream_decide::Routes;
use millstream_decide::prefetch::{Hint, Hints, Learned, page};
use millstream_event::{EntityId, Event, EventKind, Purpose};
use millstream_pipeline::measured::{HintSums, Measured};
use quick_cache::sync::Cache;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What kind of place comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceKind {
    /// A page, or a screen.
    Page,
    /// A use case that is asked.
    Slot,
}

impl PlaceKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Page, Self::Slot];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Slot => "slot",
        }
    }

    /// Its part of what was learned.
    fn of(self, routes: &Routes) -> &Learned {
        match self {
            Self::Page => &routes.pages,
            Self::Slot => &routes.slots,
        }
    }
}

/// Hints that a visitor was given and has not gone on from.
#[derive(Clone)]
struct Given {
    use_case: Box<str>,
    kind: PlaceKind,
    /// Where the visitor was.
    from: Box<str>,
    places: Vec<Box<str>>,
    era: u32,
    until: Instant,
}

/// Sums of hints by kind of place.
type Sums = [HintSums; PlaceKind::ALL.len()];

/// Sums of one use case.
#[derive(Clone, Copy, Default)]
struct Sum {
    since_start: Sums,
    to_log: Sums,
}

impl Sum {
    fn count(&mut self, kind: PlaceKind, count: impl Fn(&mut HintSums)) {
        count(&mut self.since_start[kind as usize]);
        count(&mut self.to_log[kind as usize]);
    }
}

/// See the module.
pub struct Followed {
    given: Cache<EntityId, Arc<Vec<Given>>>,
    keep_for: Duration,
    sums: Mutex<BTreeMap<Box<str>, Sum>>,
    /// True where any use case gives hints.
    is_on: bool,
}

impl Followed {
    pub(super) fn new(bound: usize, keep_for: Duration, is_on: bool) -> Self {
        Self { given: Cache::new(bound), keep_for, sums: Mutex::default(), is_on }
    }

    pub(super) const fn is_on(&self) -> bool {
        self.is_on
    }

    fn sums(&self) -> MutexGuard<'_, BTreeMap<Box<str>, Sum>> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The page of an event that tells where its visitor is, where they may be followed.
    pub(super) fn place(&self, event: &Event) -> Option<(EntityId, Box<str>)> {
        if !self.is_on || !event.consent.granted.allows(Purpose::Personalization) {
            return None;
        }
        let place = match event.kind {
            EventKind::Page => event.page.url.as_deref().and_then(page),
            EventKind::Screen => event.name.as_deref().and_then(page),
            _ => None,
        };
        Some((event.subject(), place?.into()))
    }

    /// A visitor was given hints at a page, by a use case.
    pub(super) fn give(
        &self,
        (device, era): (EntityId, u32),
        (use_case, at): (&str, Option<&str>),
        hints: &Hints,
    ) {
        let until = Instant::now() + self.keep_for;
        let names = |hints: &[Hint]| hints.iter().map(|hint| hint.place.clone()).collect();
        let given = |kind, from: &str, hints: &[Hint]| Given {
            use_case: use_case.into(),
            kind,
            from: from.into(),
            places: names(hints),
            era,
            until,
        };
        let mut all = Vec::new();
        if let (false, Some(at)) = (hints.pages.is_empty(), at) {
            all.push(given(PlaceKind::Page, at, &hints.pages));
        }
        if !hints.slots.is_empty() {
            all.push(given(PlaceKind::Slot, use_case, &hints.slots));
        }
        if all.is_empty() {
            return;
        }
        let mut sums = self.sums();
        let sum = sums.entry(use_case.into()).or_default();
        all.iter().for_each(|given| sum.count(given.kind, |sums| sums.given += 1));
        drop(sums);
        let known = self.given.get(&device);
        for other in known.iter().flat_map(|known| known.iter()) {
            let again =
                all.iter().any(|own| own.use_case == other.use_case && own.kind == other.kind);
            if !again && other.until > Instant::now() {
                all.push(other.clone());
            }
        }
        self.given.insert(device, Arc::new(all));
    }

    /// A visitor is at a place: hints that stood for them came true, or did not.
    pub(super) fn arrive(
        &self,
        (device, era): (EntityId, u32),
        (kind, place): (PlaceKind, &str),
        routes: &Routes,
    ) {
        let Some(known) = self.given.get(&device) else { return };
        let goes_on = |given: &Given| given.kind == kind && *given.from != *place;
        if !known.iter().any(goes_on) {
            return;
        }
        // Whoever takes it out counts it: of two arrivals at once one is the next.
        let Some((_, known)) = self.given.remove(&device) else { return };
        let (gone_on, stay): (Vec<&Given>, Vec<&Given>) = known.iter().partition(|it| goes_on(it));
        if !stay.is_empty() {
            self.given.insert(device, Arc::new(stay.into_iter().cloned().collect()));
        }
        let mut sums = self.sums();
        for given in gone_on {
            if given.until <= Instant::now() || given.era != era {
                continue;
            }
            let hit = given.places.iter().any(|it| **it == *place);
            let popular = kind.of(routes).is_popular(place, &given.from, given.places.len());
            let sum = sums.entry(given.use_case.clone()).or_default();
            sum.count(kind, |sums| {
                sums.went_on += 1;
                sums.hits += u64::from(hit);
                sums.popular += u64::from(popular);
            });
        }
    }

    /// A visitor is not to be followed any more.
    pub(super) fn forget(&self, device: EntityId) {
        self.given.remove(&device);
    }

    /// Sums since the start, by use case and kind of place.
    pub fn since_start(&self) -> Vec<(Box<str>, PlaceKind, HintSums)> {
        let sums = self.sums();
        let each = sums.iter().flat_map(|(name, sum)| {
            PlaceKind::ALL.map(|kind| (name.clone(), kind, sum.since_start[kind as usize]))
        });
        each.filter(|(_, _, sums)| sums.given > 0).collect()
    }

    /// What is not logged yet.
    pub(super) fn unlogged(&self) -> Vec<Measured> {
        let sums = self.sums();
        sums.iter().map(|(name, sum)| measured(name, sum.to_log)).collect()
    }

    /// The same, handed over to be logged.
    pub(super) fn hand_over(&self) -> Vec<Measured> {
        let mut sums = self.sums();
        let all = sums.iter_mut();
        all.map(|(name, sum)| measured(name, std::mem::take(&mut sum.to_log))).collect()
    }

    /// Takes back what could not be logged.
    pub(super) fn take_back(&self, measured: &Measured) {
        let mut sums = self.sums();
        let sum = sums.entry(measured.use_case.clone()).or_default();
        sum.to_log[PlaceKind::Page as usize].add(measured.pages);
        sum.to_log[PlaceKind::Slot as usize].add(measured.slots);
    }
}

fn measured(use_case: &str, [pages, slots]: Sums) -> Measured {
    Measured { pages, slots, ..Measured::of(use_case, "") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_event::Hash128;

    fn device(number: usize) -> (EntityId, u32) {
        (EntityId(Hash128::of("device", &[&number.to_le_bytes()])), 3)
    }

    fn hints() -> Hints {
        let hint = Hint { place: "/b".into(), chance_ppm: 500_000 };
        Hints { pages: vec![hint], slots: Vec::new() }
    }

    fn went_on(followed: &Followed) -> (u64, u64) {
        let all = followed.since_start();
        (all[0].2.given, all[0].2.went_on)
    }

    #[test]
    fn it_follows_for_a_while_and_within_one_generation() {
        let (late, now) = (Duration::ZERO, Duration::from_secs(60));
        for (keep_for, era, expected) in [(now, 3, 1), (late, 3, 0), (now, 4, 0)] {
            let followed = Followed::new(10, keep_for, true);
            followed.give(device(1), ("home", Some("/a")), &hints());
            let who = (device(1).0, era);
            followed.arrive(who, (PlaceKind::Page, "/b"), &Routes::default());
            assert_eq!(went_on(&followed), (1, expected));
        }
    }

    #[test]
    fn it_follows_as_many_as_its_bound() {
        let followed = Followed::new(100, Duration::from_secs(60), true);
        (0..1_000).for_each(|n| followed.give(device(n), ("home", Some("/a")), &hints()));
        for number in 0..1_000 {
            followed.arrive(device(number), (PlaceKind::Page, "/b"), &Routes::default());
        }
        let (given, went_on) = went_on(&followed);
        assert!(given == 1_000 && (1..=100).contains(&went_on), "{went_on}");
    }

    #[test]
    fn a_further_answer_takes_the_place_of_the_one_before() {
        let followed = Followed::new(10, Duration::from_secs(60), true);
        followed.give(device(1), ("home", Some("/a")), &hints());
        followed.give(device(1), ("home", Some("/a")), &hints());
        followed.give(device(1), ("cart", Some("/a")), &hints());
        followed.arrive(device(1), (PlaceKind::Page, "/b"), &Routes::default());
        let of =
            |name: &str| followed.since_start().into_iter().find(|it| *it.0 == *name).unwrap().2;
        assert_eq!((of("home").given, of("home").went_on, of("cart").went_on), (2, 1, 1));
    }
}
