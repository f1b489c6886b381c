//! Probable links over made-up people of whom the truth is known.
#![allow(clippy::unwrap_used, reason = "tests")]

use millstream_event::consent::Purpose;
use millstream_stitch::linkage::{
    CurvePoint, Fit, Population, Standing, Thresholds, curve, fit, population,
};

fn measured(seed: u64, people: u32) -> (Population, Fit, Vec<CurvePoint>) {
    let population = population(seed, people);
    let fit = fit(&population.profiles, Thresholds::USUAL);
    let points = curve(&fit, &population);
    (population, fit, points)
}

fn at(points: &[CurvePoint], threshold: f64) -> CurvePoint {
    *points.iter().find(|point| point.threshold == threshold).unwrap()
}

#[test]
fn links_are_right_as_often_as_they_say_and_find_what_is_there_to_be_found() {
    for seed in [1, 2] {
        let (population, fit, points) = measured(seed, 3_000);
        let sure = at(&points, 0.95);
        assert!(sure.precision >= 0.95 && sure.recall >= 0.12, "{sure:?}");
        let even = at(&points, 0.5);
        assert!(even.precision >= 0.75 && even.recall >= 0.3, "{even:?}");
        for pair in points.windows(2) {
            assert!(pair[0].links >= pair[1].links && pair[0].recall >= pair[1].recall, "{pair:?}");
        }
        assert!(fit.volume.candidates > population.hidden_pairs(), "{:?}", fit.volume);
        // What logins prove judges the model without any truth from outside.
        assert!(fit.known.different_taken * 100 <= fit.known.different, "{:?}", fit.known);
    }
}

#[test]
fn the_same_devices_in_any_order_give_the_same_links() {
    let (population, first, _) = measured(7, 400);
    let mut shuffled = population.profiles;
    shuffled.reverse();
    let middle = shuffled.len() / 3;
    shuffled.rotate_left(middle);
    assert_eq!(first, fit(&shuffled, Thresholds::USUAL));
}

#[test]
fn without_anchors_nobody_is_linked() {
    let mut population = population(3, 300);
    for profile in &mut population.profiles {
        (profile.person, profile.has_user) = (profile.device, false);
    }
    let fit = fit(&population.profiles, Thresholds::USUAL);
    assert_eq!((fit.volume.anchors, fit.links.len(), fit.model), (0, 0, None));
}

#[test]
fn only_devices_that_agreed_are_linked() {
    let (mut population, before, _) = measured(5, 1_500);
    let chosen = before.links[0].clone();
    for profile in population.profiles.iter_mut().filter(|one| one.device == chosen.one) {
        profile.purposes = profile.purposes.without(Purpose::Personalization);
    }
    let after = fit(&population.profiles, Thresholds::USUAL);
    assert_eq!(after.volume.devices, before.volume.devices - 1);
    assert!(after.links.iter().all(|link| link.one != chosen.one && link.other != chosen.one));
}

#[test]
fn no_links_join_two_users_and_stricter_thresholds_link_less() {
    let (population, usual, _) = measured(9, 3_000);
    let profile = |id| population.profiles.iter().find(|one| one.device == id).unwrap();
    let mut joined: std::collections::BTreeMap<_, _> =
        population.profiles.iter().map(|one| (one.person, one.person)).collect();
    let links = |fit: &Fit| {
        fit.links.iter().filter(|link| link.standing == Standing::Link).cloned().collect::<Vec<_>>()
    };
    for link in links(&usual) {
        let (one, other) = (profile(link.one).person, profile(link.other).person);
        let (from, to) = (joined[&one], joined[&other]);
        joined.values_mut().filter(|person| **person == from).for_each(|person| *person = to);
    }
    let mut users = std::collections::BTreeMap::new();
    for one in population.profiles.iter().filter(|one| one.has_user) {
        let first = users.entry(joined[&one.person]).or_insert(one.person);
        assert_eq!(*first, one.person, "a link makes one person of two users");
    }
    let strict = fit(&population.profiles, Thresholds::STRICTEST);
    assert!(links(&strict).len() < links(&usual).len());
}
