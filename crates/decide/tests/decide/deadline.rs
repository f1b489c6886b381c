//! A million requests on a clock of their own, with stalls: what the budget promises holds.

use crate::shop::{Clock, Everything, NOW, artefacts, context, decision, device, seen, use_case};
use millstream_decide::course;
use millstream_decide::exploration::uniform;
use millstream_decide::{
    Answer, Ask, Governor, Micros, Ranker, Reason, Routes, Rung, Sources, Stage, Treatment,
    UseCase, Visitor,
};
use std::cell::RefCell;

const REQUESTS: u64 = 1_000_000;
const BUDGET_MS: u64 = 50;

/// Lets time pass in a stage.
type Delay<'a> = &'a dyn Fn(&Clock, Stage);

/// What a request is answered with, as whoever waits sees it.
struct Served {
    rung: Rung,
    cause: Option<Reason>,
    took: Micros,
}

/// Runs the course and waits as the public plane does: to the deadline less the margin.
fn serve(
    use_case: &UseCase,
    governor: &mut Governor,
    (number, delay): (u64, Delay<'_>),
    artefacts: &millstream_decide::Artefacts,
    lag: Micros,
) -> Served {
    let clock = Clock::default();
    let delayed = |stage| delay(&clock, stage);
    let everything = Everything {
        profile: Ok(seen(&["hat"])),
        kept: None,
        eligible: |_| Some(true),
        delay: &delayed,
    };
    let context = context("DE");
    let ask = Ask {
        use_case,
        visitor: Visitor::Known(device()),
        context: &context,
        candidates: &use_case.candidates,
        decision: decision(number),
        now: NOW,
        treatment: &Treatment::NONE,
    };
    let sources = Sources {
        profiles: &everything,
        shelf: &everything,
        rules: &everything,
        artefacts,
        routes: &Routes::default(),
    };
    let limits = governor.limits(false);
    let published: RefCell<Vec<(Micros, Answer)>> = RefCell::default();
    let outcome = course::run(&ask, sources, &limits, &clock, &mut |answer| {
        published.borrow_mut().push((Micros(clock.0.get()), answer.clone()));
    });
    governor.learn_stages(&outcome.answer.stages, &outcome.left_out);
    let ended = Micros(clock.0.get());
    let deadline = use_case.budget.less(limits.margin);
    let waited = ended.min(deadline);
    let standing = published.borrow().iter().rev().find(|(at, _)| *at <= waited).cloned();
    let (_, answer) = standing.expect("the default is published before anything can stall");
    let took = waited.plus(lag);
    governor.learn_answer(took, lag);
    Served { rung: answer.rung, cause: answer.reasons.cause(), took }
}

struct Nothing;

impl Ranker for Nothing {
    fn scores(
        &self,
        _: &millstream_decide::Profile,
        candidates: &[&millstream_decide::Candidate],
    ) -> Vec<i64> {
        vec![0; candidates.len()]
    }
}

#[test]
fn with_stalls_nearly_every_answer_is_within_its_budget() {
    let use_case = UseCase { stages: vec![Stage::Rerank], ..use_case(BUDGET_MS) };
    let mut artefacts = artefacts();
    artefacts.rerank = Some(Box::new(Nothing));
    let mut governor = Governor::new(&use_case);
    let mut overruns = 0_u64;
    let mut personal = [0_u64; 2];
    let mut late = 0_u64;
    for number in 0..REQUESTS {
        let chance = |domain| uniform(domain, decision(number));
        // A tenth of the time the profile store has a bad spell, in which one request in five stalls.
        let bad = number % 100_000 < 10_000;
        let stall = bad && chance("stall") < 0.2;
        let base = 300 + (chance("base") * 400.0) as u64;
        let delay = |clock: &Clock, stage| {
            clock.pass(match stage {
                Stage::Profile if stall => 5_000 + (chance("long") * 2e6) as u64,
                Stage::Profile => base,
                _ => 40,
            });
        };
        // Whoever waits wakes a little late, seldom much.
        let lag =
            Micros((chance("lag") * 300.0) as u64 + if chance("rare") < 1e-4 { 900 } else { 0 });
        let served = serve(&use_case, &mut governor, (number, &delay), &artefacts, lag);
        overruns += u64::from(served.took > use_case.budget);
        personal[usize::from(bad)] += u64::from(served.rung == Rung::Personalized);
        late += u64::from(served.cause == Some(Reason::OutOfTime));
    }
    assert!(overruns <= REQUESTS / 10_000, "{overruns} of {REQUESTS} over the budget");
    let healthy = personal[0] as f64 / 0.9 / REQUESTS as f64;
    assert!(healthy >= 0.95, "when healthy only {healthy} are personal");
    assert!(
        late > 0 && personal[1] > 0,
        "stalls were seen ({late}) and survived ({})",
        personal[1]
    );
}

#[test]
fn a_heavy_stage_is_given_up_and_taken_back() {
    let use_case = UseCase { stages: vec![Stage::Rerank], ..use_case(BUDGET_MS) };
    let mut artefacts = artefacts();
    artefacts.rerank = Some(Box::new(Nothing));
    let mut governor = Governor::new(&use_case);
    let run = |governor: &mut Governor, count: u64, micros: u64| {
        for number in 0..count {
            let delay = |clock: &Clock, stage| {
                clock.pass(if stage == Stage::Profile { micros } else { 10 });
            };
            serve(&use_case, governor, (number, &delay), &artefacts, Micros(50));
        }
    };
    run(&mut governor, 1_000, 1_000);
    assert_eq!(governor.given_up(), 0);
    run(&mut governor, 2_000, 44_000);
    assert!(governor.given_up() > 0, "{governor:?}");
    run(&mut governor, 4_000, 1_000);
    assert_eq!(governor.given_up(), 0);
}

#[test]
fn the_margin_widens_at_once_and_narrows_slowly() {
    let use_case = use_case(100);
    let mut governor = Governor::new(&use_case);
    let least = governor.margin();
    governor.learn_answer(Micros::millis(30), Micros::millis(20));
    let wide = governor.margin();
    assert_eq!(wide, Micros::millis(30));
    governor.learn_answer(Micros::millis(1), Micros(0));
    assert!(governor.margin() < wide && governor.margin() > Micros::millis(29));
    (0..2_000).for_each(|_| governor.learn_answer(Micros::millis(1), Micros(0)));
    assert!(governor.margin() > least, "it is remembered for thousands of answers");
    (0..5_000).for_each(|_| governor.learn_answer(Micros::millis(1), Micros(0)));
    assert_eq!(governor.margin(), least);
    governor.learn_answer(Micros::millis(90), Micros::millis(90));
    assert_eq!(governor.margin(), Micros::millis(50), "never more than half of the budget");
}
