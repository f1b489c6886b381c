use super::LinkingError;
use super::artefact::{Artefact, Cut, DeviceCounts, Outcome};
use super::gather::Gathered;
use super::shelf::{Shelf, VERSIONS_MAX};
use millstream_event::{Lane, Position, Span};
use millstream_log::LanePositions;
use millstream_stitch::linkage::{Standing, population};
use std::collections::BTreeSet;

fn artefact(seed: u64, skew: Option<Span>) -> Artefact {
    let profiles = population(seed, 300).profiles;
    let devices = DeviceCounts { compared: profiles.len() as u64, ..DeviceCounts::default() };
    Artefact::of(Gathered { profiles, devices, skew, cut: Cut::default() })
}

#[test]
fn a_fit_is_kept_once_and_an_earlier_one_is_restored() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::open(dir.path());
    assert_eq!(shelf.standing(5).unwrap().version, None);
    let first = shelf.keep(artefact(1, None), 5).unwrap();
    assert_eq!((first.outcome, first.version), (Outcome::Kept, Some(1)));
    assert_eq!(shelf.keep(artefact(1, None), 5).unwrap().outcome, Outcome::Unchanged);
    let second = shelf.keep(artefact(2, None), 5).unwrap();
    assert_eq!((second.outcome, second.version), (Outcome::Kept, Some(2)));
    assert!(second.artefact.unwrap().fit.links.len() <= 5);

    let restored = shelf.restore(1, 5).unwrap();
    assert_eq!((restored.version, restored.links), (Some(1), first.links));
    let reopened = Shelf::open(dir.path());
    assert_eq!(reopened.in_force().unwrap().1, artefact(1, None));
    assert_eq!(reopened.restore(0, 5).unwrap().version, None);
    assert!(Shelf::open(dir.path()).in_force().is_none());
    let error = shelf.restore(9, 5).unwrap_err();
    assert!(matches!(error, LinkingError::NoVersion { wanted: 9, .. }));
    assert!(error.to_string().contains("1, 2"), "{error}");
}

#[test]
fn versions_are_bounded_and_their_numbers_never_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::open(dir.path());
    let made = artefact(1, None);
    for number in 0..VERSIONS_MAX + 2 {
        let last_event = Some(number.to_string());
        let cut = Cut { last_event, ..Cut::default() };
        shelf.keep(Artefact { cut, ..made.clone() }, 0).unwrap();
    }
    let versions: Vec<u32> =
        shelf.standing(0).unwrap().versions.iter().map(|line| line.version).collect();
    assert_eq!(versions, (3..=VERSIONS_MAX as u32 + 2).rev().collect::<Vec<_>>());
}

#[test]
fn a_damaged_file_puts_nothing_in_force_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    Shelf::open(dir.path()).keep(artefact(1, None), 0).unwrap();
    std::fs::write(dir.path().join("probable/1.json"), "{").unwrap();
    let shelf = Shelf::open(dir.path());
    assert!(shelf.in_force().is_none());
    assert!(matches!(shelf.restore(1, 0), Err(LinkingError::Damaged { .. })));
}

#[test]
fn fewer_are_linked_while_skew_is_high() {
    let links = |skew| artefact(3, skew).count(Standing::Link);
    assert!(links(Some(Span::minutes(10))) < links(Some(Span::seconds(10))));
}

#[test]
fn those_who_are_erased_are_dropped_from_every_version() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::open(dir.path());
    shelf.keep(artefact(1, None), 0).unwrap();
    shelf.keep(artefact(2, None), 0).unwrap();
    let before = shelf.in_force().unwrap().1.fit.links.clone();
    let gone = before[0].one;
    let entities = BTreeSet::from([gone]);
    std::fs::write(dir.path().join("probable/2.new"), gone.to_string()).unwrap();
    let mut folded = LanePositions::default();
    folded.set(Lane::CONTROL, Position(1_000_000));
    let dropped = shelf.forget(&entities, folded.clone()).unwrap();
    assert!(dropped > 0);
    assert_eq!(shelf.forget(&entities, folded.clone()).unwrap(), 0, "the same again finds nothing");

    let kept = shelf.in_force().unwrap().1.fit.links.clone();
    let others: Vec<_> =
        before.into_iter().filter(|link| link.one != gone && link.other != gone).collect();
    assert_eq!(kept, others, "those of others stay");
    assert_eq!(Shelf::open(dir.path()).in_force().unwrap().1.fit.links, others);
    for file in std::fs::read_dir(dir.path().join("probable")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!text.contains(&gone.to_string()));
    }
    let gathered_before = shelf.keep(artefact(3, None), 0);
    assert!(matches!(gathered_before, Err(LinkingError::Erased)), "it may name them");
}
