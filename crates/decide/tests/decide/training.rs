//! Training on a planted shop: what was planted is found, and freshness is worth what it is worth.

use millstream_decide::train::generator::{Planted, generate};
use millstream_decide::train::{Method, Visit, distill, popularity, train, visits};
use millstream_decide::{ItemId, Seen};
use millstream_event::{Span, Timestamp};

#[test]
fn the_freshness_curve_falls_steeply() {
    let shop = Planted::default();
    let trained = train(&generate(&shop, 12_000, 7), (1, Timestamp(0))).unwrap();
    let judged = &trained.judged;
    println!("{judged:?}");
    let [fresh, one, two, three, five] = judged.freshness;
    assert!(fresh > one && one > two && two >= three && three >= five, "{judged:?}");
    assert!(one < 0.8 * fresh, "one event of staleness costs a fifth at least: {judged:?}");
    assert!(fresh > 2.0 * judged.popularity, "{judged:?}");
    assert!(judged.neighbours > 1.5 * judged.popularity && judged.is_better(), "{judged:?}");
}

#[test]
fn a_small_catalogue_is_tried_with_both_methods() {
    let shop = Planted { items: 120, topic: 20, ..Planted::default() };
    let trained = train(&generate(&shop, 3_000, 9), (1, Timestamp(0))).unwrap();
    assert!(matches!(trained.judged.method, Method::ItemItem | Method::Ease));
    assert!(trained.judged.first_pass >= trained.judged.freshness[0]);
    assert!(train(&[], (1, Timestamp(0))).is_none());
}

#[test]
fn the_same_visits_train_the_same() {
    let all = generate(&Planted::default(), 500, 3);
    assert_eq!(train(&all, (1, Timestamp(0))), train(&all, (1, Timestamp(0))));
}

#[test]
fn a_gap_ends_a_visit() {
    let seen = |name, minute: i64| Seen {
        item: ItemId::of(name),
        weight: 1,
        at: Timestamp(0) + Span::minutes(minute),
    };
    let seen = [seen("c", 100), seen("b", 20), seen("b", 10), seen("a", 0)];
    let visits = visits(&seen, Span::minutes(30));
    let items: Vec<Vec<ItemId>> = visits.iter().map(|visit| visit.items.clone()).collect();
    assert_eq!(items, [vec![ItemId::of("a"), ItemId::of("b")], vec![ItemId::of("c")]]);
}

#[test]
fn a_distilled_first_pass_is_judged_beside_what_it_was_made_of() {
    let visits = generate(&Planted { items: 400, ..Planted::default() }, 4_000, 11);
    let trained = train(&visits, (1, Timestamp(0))).unwrap();
    let plain = trained.judged.first_pass;
    let (light, told) = distill(trained, &visits).unwrap();
    println!("{told:?} plain {plain}");
    assert_eq!(light.judged.method, Method::Distilled);
    assert!(told.agreement > 0.5 && told.asked > 1_000, "{told:?}");
    assert!(told.low <= told.light - told.heavy && told.light - told.heavy <= told.high);
    assert_eq!(told.non_inferior, told.low > -0.02);
    assert!((light.judged.first_pass - told.light).abs() < 0.05, "{told:?}");
    assert!(distill(light, &visits[..1]).is_none());
}

#[test]
fn a_segment_offers_what_is_popular_in_it_and_few_looks_say_little() {
    let look = |segment: &str, item: &str| Visit {
        segment: segment.into(),
        items: vec![ItemId::of(item)],
        ..Visit::default()
    };
    let mut visits = vec![look("IT", "c")];
    for _ in 0..40 {
        visits.extend([look("DE", "a"), look("FR", "b"), look("FR", "b")]);
    }
    let popularity = popularity(&visits);
    let best = |segment: &str| {
        let weights = popularity.of(segment).unwrap();
        *weights.iter().max_by_key(|(_, weight)| **weight).unwrap().0
    };
    assert_eq!([best("DE"), best("FR")], [ItemId::of("a"), ItemId::of("b")]);
    assert_eq!(best("IT"), ItemId::of("b"), "one look is not a taste");
    assert_eq!(best("unknown"), ItemId::of("b"));
}
