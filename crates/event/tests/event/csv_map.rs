//! Tables under a map: path data with touches and conversions.

use crate::source::receipt;
use millstream_event::control::Settings;
use millstream_event::wire::Outcome;
use millstream_event::wire::csv_map::{self, CsvMap, Origin, Target, TimeFormat};
use millstream_event::{EventKind, QuarantineReason, Timestamp};

fn map() -> CsvMap {
    let kinds = [("impression", "touch"), ("conversion", "conversion"), ("visit", "page")];
    let kinds = kinds.map(|(from, to)| (from.into(), to.into())).into();
    CsvMap {
        time: Origin::Column(1),
        time_format: TimeFormat::UnixMilliseconds,
        fields: vec![
            (Target::AnonymousId, Origin::Column(0)),
            (Target::Kind, Origin::Mapped(2, kinds)),
            (Target::Channel, Origin::Column(3)),
            (Target::Value, Origin::Column(4)),
            (Target::Currency, Origin::Constant("EUR".into())),
        ],
    }
}

fn parse(cells: &[&str], occurrence: u64) -> Outcome {
    let settings = Settings::default();
    csv_map::parse(&map(), cells, occurrence, &receipt(&settings))
}

#[test]
fn touches_and_conversions_are_read() {
    let touch = parse(&["d1", "1790000000000", "impression", "Paid Search", "0"], 0)
        .expect("an event")
        .event;
    assert_eq!((touch.kind, touch.value), (EventKind::Touch, None));
    assert_eq!(touch.event_time, Timestamp::from_millis(1_790_000_000_000));
    assert_eq!(touch.received, touch.event_time);
    assert_eq!(touch.arrival.as_ref().map(|arrival| arrival.channel.as_str()), Some("Paid Search"));
    let bought = parse(&["d1", "1790000000001", "conversion", "Paid Search", "6.5"], 0)
        .expect("an event")
        .event;
    assert_eq!((bought.kind, bought.arrival.is_none()), (EventKind::Conversion, true));
    assert_eq!(
        bought.value.map(|money| (money.minor, money.currency.to_string())),
        Some((650, "EUR".into()))
    );
}

#[test]
fn equal_rows_differ_by_their_occurrence_and_repeat_exactly() {
    let cells = ["d1", "1790000000000", "impression", "x", ""];
    let id = |occurrence: u64| parse(&cells, occurrence).expect("an event").event.id;
    assert_eq!(id(0), id(0));
    assert_ne!(id(0), id(1));
}

#[test]
fn wrong_rows_go_to_quarantine() {
    use QuarantineReason::*;
    let check = |cells: &[&str], reason: QuarantineReason| {
        let quarantine = parse(cells, 0).expect_err("quarantine");
        assert_eq!(quarantine.reason, reason, "{cells:?}");
    };
    check(&["d1", "1790000000000", "surprise", "x", ""], InvalidField);
    check(&["d1", "soon", "impression", "x", ""], InvalidField);
    check(&["d1", "", "impression", "x", ""], MissingField);
    check(&["", "1790000000000", "impression", "x", ""], NoIdentity);
    check(&["d1", "1790000000000", "impression", "", ""], MissingField);
    check(&["d1"], MissingField);
    check(&["d1", "1790000000000", "", "x", ""], MissingField);
}

#[test]
fn every_name_is_a_target_and_every_format_has_one() {
    for name in Target::NAMES {
        assert!(Target::parse(name).is_some(), "{name}");
    }
    assert_eq!(Target::parse("time"), None);
    assert_eq!(TimeFormat::parse("unix_s"), Some(TimeFormat::UnixSeconds));
    assert_eq!(TimeFormat::parse("stardate"), None);
}
