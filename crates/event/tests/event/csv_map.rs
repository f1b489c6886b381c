//! Tables under a map: path data with touches and conversions.

use crate::source::receipt;
use millstream_event::control::Settings;
use millstream_event::wire::Outcome;
use millstream_event::wire::csv_map::{self, CsvMap, Origin, Target, TimeFormat, Visitor};
use millstream_event::{AnonymousId, EventKind, QuarantineReason, Timestamp, UserId};

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
    csv_map::parse((&map(), &|_| None), cells, occurrence, &receipt(&settings))
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

/// A sale that happened elsewhere: a click, a hashed address, a time, an amount.
fn offline(click: &str, email: &str) -> Outcome {
    let map = CsvMap {
        time: Origin::Column(2),
        time_format: TimeFormat::Rfc3339,
        fields: vec![
            (Target::ClickId, Origin::Column(0)),
            (Target::EmailSha256, Origin::Column(1)),
            (Target::Kind, Origin::Constant("conversion".into())),
            (Target::Value, Origin::Column(3)),
        ],
    };
    let landings = |click: &millstream_event::ClickId| match click.as_str() {
        "known" => AnonymousId::parse("d7").map(Visitor::Device),
        "user" => UserId::parse("u7").map(Visitor::User),
        _ => None,
    };
    let settings = Settings::default();
    let cells = [click, email, "2026-11-20T10:00:00Z", "12.50"];
    csv_map::parse((&map, &landings), &cells, 0, &receipt(&settings))
}

#[test]
fn a_sale_elsewhere_is_of_whoever_landed_with_its_click() {
    let sale = offline("known", "").expect("an event").event;
    assert_eq!(sale.anonymous_id.as_ref().map(AnonymousId::as_str), Some("d7"));
    assert_eq!(
        (sale.kind, sale.value.map(|value| value.minor)),
        (EventKind::Conversion, Some(1_250))
    );
    let sale = offline("user", "").expect("an event").event;
    assert_eq!(sale.user_id.as_ref().map(UserId::as_str), Some("u7"));
    let unknown = offline("unknown", "").expect_err("nobody landed with it");
    assert_eq!(unknown.reason, QuarantineReason::NoIdentity);
    assert!(unknown.detail.contains("click_id"), "{}", unknown.detail);
    assert!(offline("", "").is_err());
}

#[test]
fn a_hashed_address_is_a_user_in_one_spelling() {
    let (upper, lower) = ("AB".repeat(32), "ab".repeat(32));
    let sale = offline("unknown", &upper).expect("an event").event;
    assert_eq!(sale.user_id.map(|user| user.to_string()), Some(format!("email:{lower}")));
    for broken in ["ann@shop.example".to_owned(), "ab".repeat(31), "zz".repeat(32)] {
        assert!(offline("known", &broken).is_err(), "{broken}");
    }
}
