//! The service: time, faults of its sources, and what is kept.

use super::*;
use millstream_decide::use_case::{Architecture, Moment};
use millstream_decide::{
    Candidate, Context, Fact, ItemId, Micros, Profile, Profiles, ProfilesError, Rung, Seen, Stage,
    UseCase, Visitor,
};
use millstream_event::{AnonymousId, EntityId, Hash128, Span, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

#[derive(Default)]
struct Fragile {
    stalls: AtomicBool,
    fails: AtomicBool,
    era: Arc<AtomicU32>,
}

impl Fragile {
    fn era(&self) -> Arc<Era> {
        let era = Arc::clone(&self.era);
        Arc::new(move || era.load(Ordering::SeqCst))
    }
}

impl Profiles for Fragile {
    fn profile(&self, _: EntityId) -> Result<Profile, ProfilesError> {
        if self.stalls.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(400));
        }
        if self.fails.load(Ordering::SeqCst) {
            return Err(ProfilesError("down".into()));
        }
        let seen = Seen { item: ItemId::of("hat"), weight: 1, at: Timestamp(1) };
        Ok(Profile { seen: vec![seen], ..Profile::default() })
    }
}

fn configured(rule: Option<&str>) -> Configured {
    let candidate =
        |name: &str, group: &str| Candidate { group: Some(group.into()), ..Candidate::named(name) };
    let use_case = UseCase {
        name: "home".into(),
        moment: Moment::InRender,
        tier: 2,
        budget: Micros::millis(150),
        architecture: Architecture::Edge,
        candidates: vec![candidate("boots", "feet"), candidate("hat", "warm")],
        fallback: "welcome".into(),
        stages: vec![Stage::Exploration],
        ladder: Rung::ALL.to_vec(),
        segment_by: vec!["country".into()],
        answer_max: 10,
        group_max: 0,
        survivors: 10,
        exploration: None,
        holdout_ppm: 0,
        goal: "Order Completed".into(),
        hints: 0,
        session_gap: Span::minutes(30),
    };
    Configured {
        use_case,
        rule: rule.map(Into::into),
        candidate_rules: BTreeMap::new(),
        values: BTreeMap::new(),
        http: None,
        shadow: None,
    }
}

fn service(options: DecideOptions, rule: Option<&str>) -> (Service, Arc<Fragile>) {
    let profiles = Arc::new(Fragile::default());
    let options = DecideOptions { use_cases: vec![configured(rule)], ..options };
    let started = Service::start(options, Arc::<Fragile>::clone(&profiles), profiles.era());
    (started.unwrap(), profiles)
}

fn device() -> EntityId {
    EntityId::device(&AnonymousId::parse("visitor").unwrap())
}

async fn ask(service: &Service) -> (Decided, Duration) {
    let mut context = Context::default();
    context.facts.insert("country".into(), Fact::Text("DE".into()));
    let question = Question {
        visitor: Visitor::Known(device()),
        context,
        assignment: Assignment::default(),
        candidates: None,
        decision: Hash128::of("decision", &[]),
        follow: Some(Hash128::of("decision", &[])),
        named: Some("visitor".into()),
        received: Timestamp(2),
        started: Instant::now(),
    };
    let started = question.started;
    let served = service.find("home").unwrap();
    let decided = service.ask(served, question).answer().await;
    decided.settle(served, started);
    (decided, started.elapsed())
}

#[tokio::test]
async fn a_stalled_store_is_not_waited_for_and_its_answer_is_kept() {
    let (service, profiles) = service(DecideOptions::default(), None);
    let (decided, _) = ask(&service).await;
    assert_eq!((decided.answer.rung, decided.answer.choice()), (Rung::Personalized, Some("hat")));
    profiles.stalls.store(true, Ordering::SeqCst);
    let (decided, took) = ask(&service).await;
    assert_eq!(decided.answer.rung, Rung::Cached);
    assert!(decided.timed_out && decided.answer.provisional);
    assert!(took < Duration::from_millis(400), "{took:?}");
    let counts = &service.find("home").unwrap().counts;
    assert_eq!((counts.rung(Rung::Personalized), counts.rung(Rung::Cached)), (1, 1));
    assert_eq!(counts.timed_out.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_full_queue_answers_at_once_from_the_default() {
    let options = DecideOptions { workers: 1, queue: 1, ..DecideOptions::default() };
    let (service, profiles) = service(options, None);
    profiles.stalls.store(true, Ordering::SeqCst);
    let answers = [ask(&service), ask(&service), ask(&service), ask(&service)];
    let [a, b, c, d] = answers;
    let (a, b, c, d) = tokio::join!(a, b, c, d);
    let full = [a, b, c, d].into_iter().filter(|(decided, _)| {
        decided.answer.reasons.to_text() == "queue_full" && decided.answer.rung == Rung::Default
    });
    assert!(full.count() >= 1);
}

#[tokio::test]
async fn whoever_denies_is_forgotten_and_not_personalized() {
    let (service, profiles) = service(DecideOptions::default(), None);
    ask(&service).await;
    service.choose(device(), false);
    let (decided, _) = ask(&service).await;
    assert_eq!(decided.answer.reasons.to_text(), "no_consent");
    assert_eq!(decided.answer.profile_age, None);
    service.choose(device(), true);
    profiles.fails.store(true, Ordering::SeqCst);
    let (decided, _) = ask(&service).await;
    // Nothing was kept of the time before.
    assert_eq!((decided.answer.rung, decided.answer.profile_age), (Rung::Contextual, None));
}

#[tokio::test]
async fn nothing_kept_outlives_its_era() {
    let (service, profiles) = service(DecideOptions::default(), None);
    ask(&service).await;
    profiles.fails.store(true, Ordering::SeqCst);
    assert_eq!(ask(&service).await.0.answer.rung, Rung::Cached);
    profiles.era.store(1, Ordering::SeqCst);
    assert_eq!(ask(&service).await.0.answer.rung, Rung::Contextual);
}

#[tokio::test]
async fn rules_in_cel_decide_what_may_be_shown() {
    let rule = "context.country == 'DE' && candidate.group != 'warm'";
    let (service, _) = service(DecideOptions::default(), Some(rule));
    let (decided, _) = ask(&service).await;
    let names: Vec<&str> = decided.answer.ranking.iter().map(|ranked| &*ranked.name).collect();
    assert_eq!(names, ["boots"]);
}

#[test]
fn rules_that_cannot_be_used_say_why() {
    for rule in ["context.country ==", "visitor == 1"] {
        let error = CelRules::new(&configured(Some(rule))).err().unwrap().to_string();
        assert!(error.contains(rule) && !error.contains("expecting {"), "{error}");
    }
    let long = format!("{:2049}", "true");
    assert!(CelRules::new(&configured(Some(&long))).is_err());
    assert!(CelRules::new(&configured(Some(&long[..2_048]))).is_ok());
}

#[tokio::test]
async fn a_better_answer_that_comes_late_is_kept_under_its_decision() {
    let (service, profiles) = service(DecideOptions::default(), None);
    profiles.stalls.store(true, Ordering::SeqCst);
    let (decided, _) = ask(&service).await;
    assert!(decided.awaited && decided.timed_out);
    let decision = Hash128::of("decision", &[]);
    let mut standing = service.late().follow(decision).unwrap();
    let came = standing.wait_for(|standing| !matches!(standing, Standing::Awaited)).await.unwrap();
    let Standing::Better(better) = came.clone() else { panic!("it failed") };
    drop(came);
    assert_eq!(better.decided.answer.rung, Rung::Personalized);
    assert!(service.may_tell(&better));
    service.choose(device(), false);
    assert!(!service.may_tell(&better), "whoever denies is told nothing more");
    service.choose(device(), true);
    profiles.era.store(1, Ordering::SeqCst);
    assert!(!service.may_tell(&better), "somebody was erased since");
    let counts = &service.late().counts;
    assert_eq!(counts.expected.load(Ordering::Relaxed), 1);
    assert_eq!(counts.came.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_answer_in_time_leaves_nothing_to_follow() {
    let (service, _) = service(DecideOptions::default(), None);
    let (decided, _) = ask(&service).await;
    assert!(!decided.awaited && service.late().is_empty());
}
