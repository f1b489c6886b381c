//! A shop to decide about: use case, sources, and a clock that stands still unless told.

use millstream_decide::use_case::Exploration;
use millstream_decide::{
    Architecture, Artefacts, Candidate, Context, FirstPass, ItemId, Micros, Moment, Popularity,
    Profile, Profiles, ProfilesError, Rules, Rung, Seen, Shelf, Stage, UseCase, Watch,
};
use millstream_event::{AnonymousId, EntityId, Hash128, Span, Timestamp};
use std::cell::Cell;

pub const NOW: Timestamp = Timestamp(1_790_000_000_000_000);

#[derive(Default)]
pub struct Clock(pub Cell<u64>);

impl Clock {
    pub fn pass(&self, micros: u64) {
        self.0.set(self.0.get() + micros);
    }
}

impl Watch for Clock {
    fn elapsed(&self) -> Micros {
        Micros(self.0.get())
    }
}

pub fn use_case(budget_ms: u64) -> UseCase {
    UseCase {
        name: "home".into(),
        moment: Moment::InRender,
        tier: 2,
        budget: Micros::millis(budget_ms),
        architecture: Architecture::Edge,
        candidates: candidates(),
        fallback: "welcome".into(),
        stages: Stage::USUAL.to_vec(),
        ladder: Rung::ALL.to_vec(),
        segment_by: vec!["country".into()],
        answer_max: 3,
        group_max: 0,
        survivors: 100,
        exploration: None,
        holdout_ppm: 0,
        goal: "Order Completed".into(),
        hints: 0,
        session_gap: Span::minutes(30),
    }
}

pub fn exploring(budget_ms: u64) -> UseCase {
    UseCase { exploration: Some(Exploration { among: 3, gamma: 10.0 }), ..use_case(budget_ms) }
}

pub fn candidates() -> Vec<Candidate> {
    let named = |(name, group, prior): (&str, &str, i8)| Candidate {
        group: Some(group.into()),
        prior,
        ..Candidate::named(name)
    };
    [("hat", "warm", 1), ("scarf", "warm", 0), ("boots", "feet", 3), ("socks", "feet", 0)]
        .into_iter()
        .map(named)
        .collect()
}

pub fn device() -> EntityId {
    EntityId::device(&AnonymousId::parse("visitor").unwrap())
}

pub fn seen(names: &[&str]) -> Profile {
    let seen = |(place, name): (usize, &&str)| Seen {
        item: ItemId::of(name),
        weight: 1,
        at: NOW - Span::minutes(1 + place as i64),
    };
    Profile {
        seen: names.iter().enumerate().map(seen).collect(),
        read_at: NOW,
        ..Profile::default()
    }
}

pub fn artefacts() -> Artefacts {
    let mut artefacts = Artefacts::default();
    let mut popularity = Popularity::default();
    popularity.segments.entry("DE".into()).or_default().insert(ItemId::of("socks"), 9);
    popularity.segments.entry("".into()).or_default().insert(ItemId::of("boots"), 9);
    artefacts.popularity = Some(popularity);
    artefacts.first_pass =
        Some(FirstPass::new([(ItemId::of("hat"), vec![(ItemId::of("scarf"), 100)])]));
    artefacts
}

pub fn context(country: &str) -> Context {
    let mut context = Context::default();
    context.facts.insert("country".into(), millstream_decide::Fact::Text(country.into()));
    context
}

pub struct Everything<'a> {
    pub profile: Result<Profile, ProfilesError>,
    pub kept: Option<Vec<Box<str>>>,
    pub eligible: fn(&Candidate) -> Option<bool>,
    pub delay: &'a dyn Fn(Stage),
}

impl Profiles for Everything<'_> {
    fn profile(&self, _: EntityId) -> Result<Profile, ProfilesError> {
        (self.delay)(Stage::Profile);
        self.profile.clone()
    }
}

impl Shelf for Everything<'_> {
    fn kept(&self, _: &str, _: EntityId) -> Option<Vec<Box<str>>> {
        self.kept.clone()
    }
}

impl Rules for Everything<'_> {
    fn eligible(&self, _: &Context, all: &[Candidate]) -> (Vec<bool>, usize) {
        (self.delay)(Stage::Eligibility);
        let said: Vec<Option<bool>> = all.iter().map(self.eligible).collect();
        let failed = said.iter().filter(|said| said.is_none()).count();
        (said.into_iter().map(|said| said == Some(true)).collect(), failed)
    }
}

pub fn healthy<'a>(delay: &'a dyn Fn(Stage)) -> Everything<'a> {
    Everything { profile: Ok(seen(&["hat"])), kept: None, eligible: |_| Some(true), delay }
}

pub fn decision(number: u64) -> Hash128 {
    Hash128::of("decision", &[&number.to_le_bytes()])
}
