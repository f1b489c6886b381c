//! Hints come last: told where there is time for them, and of places alone.

use crate::shop::{Clock, NOW, artefacts, context, decision, device, healthy, use_case};
use millstream_decide::course;
use millstream_decide::prefetch::{Hint, Journey, Journeys, Routes};
use millstream_decide::{
    Answer, Ask, Fact, Governor, Limits, Micros, Rung, Sources, Stage, Treatment, UseCase, Visitor,
};
use millstream_event::{EntityId, Hash128, Timestamp};

fn journeys(ways: &[[&str; 2]]) -> Journeys {
    let names = ways.iter().flatten().map(|name| Box::from(*name)).collect();
    let journey = |number: usize| Journey {
        visitor: EntityId(Hash128::of("visitor", &[&number.to_le_bytes()])),
        ended: Timestamp(number as i64),
        places: [0, 1].map(|at| (2 * (number % ways.len()) + at) as u32).to_vec(),
    };
    Journeys { names, all: (0..100).map(journey).collect() }
}

fn routes() -> Routes {
    let pages =
        journeys(&[["/", "/shoes"], ["/a", "/b"], ["/c", "/d"], ["/e", "/f"], ["/g", "/h"]]);
    let slots = journeys(&[["home", "cart"], ["a", "b"], ["c", "d"], ["e", "f"], ["g", "h"]]);
    Routes::learn((&pages, &slots), (1, NOW)).unwrap()
}

fn answer(use_case: &UseCase, (visitor, page): (Visitor, &str), limits: &Limits) -> Answer {
    let mut context = context("DE");
    context.facts.insert("page".into(), Fact::Text(page.into()));
    let ask = Ask {
        use_case,
        visitor,
        context: &context,
        candidates: &use_case.candidates,
        decision: decision(1),
        now: NOW,
        treatment: &Treatment::NONE,
    };
    let (all, artefacts, routes) = (healthy(&|_| {}), artefacts(), routes());
    let sources = Sources {
        profiles: &all,
        shelf: &all,
        rules: &all,
        artefacts: &artefacts,
        routes: &routes,
    };
    course::run(&ask, sources, limits, &Clock::default(), &mut |_| {}).answer
}

fn told(answer: &Answer) -> (Vec<&str>, Vec<&str>) {
    fn names(hints: &[Hint]) -> Vec<&str> {
        hints.iter().map(|hint| &*hint.place).collect()
    }
    (names(&answer.hints.pages), names(&answer.hints.slots))
}

#[test]
fn an_answer_tells_what_comes_next() {
    let hinting = UseCase { hints: 3, ..use_case(150) };
    let limits = Governor::new(&hinting).limits(false);
    let known = Visitor::Known(device());
    let page = "https://shop.example/?utm_source=a";
    let full = answer(&hinting, (known, page), &limits);
    assert_eq!(told(&full), (vec!["/shoes"], vec!["cart"]));
    assert!(full.took(Stage::Hints).is_some() && full.rung == Rung::Personalized);
    // It is of the place: whoever may not be known is told the same.
    let private = answer(&hinting, (Visitor::Private, page), &limits);
    assert_eq!((private.hints, private.rung), (full.hints, Rung::Segment));
    // Nobody says where they are: what is asked next may be known all the same.
    assert_eq!(told(&answer(&hinting, (known, ""), &limits)), (vec![], vec!["cart"]));
    let silent = answer(&use_case(150), (known, page), &limits);
    assert!(silent.hints.is_empty() && silent.took(Stage::Hints).is_none());
}

#[test]
fn hints_are_left_out_where_time_or_capacity_is_short() {
    let hinting = UseCase { hints: 3, ..use_case(150) };
    let limits = Governor::new(&hinting).limits(false);
    let asked = (Visitor::Known(device()), "/");
    let mut slow = limits;
    slow.estimates[Stage::Hints.index()] = Micros::millis(150);
    for short in [slow, Limits { protect: true, ..limits }, Limits { given_up: 1, ..limits }] {
        let answer = answer(&hinting, asked, &short);
        assert!(answer.hints.is_empty() && answer.took(Stage::Hints).is_none());
        assert!(answer.reasons.to_text().ends_with(",without_hints"), "{answer:?}");
    }
}
