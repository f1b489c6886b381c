//! Strings of consent frameworks, against published examples and against an encoder of our own.

use millstream_event::consent::StatedConsent;
use millstream_event::signal::tcf::{Tcf, TcfError};
use millstream_event::signal::{Signals, google, gpp};
use millstream_event::{Purpose, Purposes};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Writes bits as consent strings do.
#[derive(Default)]
struct Writer(Vec<bool>);

impl Writer {
    fn number(&mut self, value: u64, width: usize) -> &mut Self {
        self.0.extend((0..width).rev().map(|bit| value >> bit & 1 == 1));
        self
    }

    fn text(&self) -> String {
        const DIGITS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let digit = |bits: &[bool]| {
            let value =
                (0..6).fold(0, |value, at| value << 1 | usize::from(bits.get(at) == Some(&true)));
            char::from(DIGITS[value])
        };
        self.0.chunks(6).map(digit).collect()
    }

    fn vendors(&mut self, vendors: &BTreeSet<u64>, ranges: bool) -> &mut Self {
        let most = vendors.last().copied().unwrap_or(0);
        self.number(most, 16).number(u64::from(ranges), 1);
        if !ranges {
            self.0.extend((1..=most).map(|vendor| vendors.contains(&vendor)));
            return self;
        }
        self.number(vendors.len() as u64, 12);
        for vendor in vendors {
            self.number(0, 1).number(*vendor, 16);
        }
        self
    }
}

/// What a consent manager wrote down.
#[derive(Clone, Debug)]
struct Choices {
    purposes: u64,
    interests: u64,
    vendors: BTreeSet<u64>,
    vendor_interests: BTreeSet<u64>,
    disclosed: Option<BTreeSet<u64>>,
    restriction: Option<(u64, u64, u64)>,
    ranges: bool,
}

impl Choices {
    fn text(&self) -> String {
        let mut core = Writer::default();
        core.number(2, 6).number(15_000_000_000, 36).number(17_800_000_000, 36);
        for (value, width) in
            [(31, 12), (1, 12), (0, 6), (257, 12), (150, 12), (5, 6), (0, 1), (0, 1), (0, 12)]
        {
            core.number(value, width);
        }
        core.number(self.purposes, 24)
            .number(self.interests, 24)
            .number(0, 1)
            .number(3 * 64 + 3, 12);
        core.vendors(&self.vendors, self.ranges).vendors(&self.vendor_interests, !self.ranges);
        match self.restriction {
            None => drop(core.number(0, 12)),
            Some((purpose, kind, vendor)) => {
                core.number(1, 12).number(purpose, 6).number(kind, 2).number(1, 12);
                core.number(1, 1).number(vendor, 16).number(vendor, 16);
            }
        }
        let mut text = core.text();
        if let Some(disclosed) = &self.disclosed {
            let mut segment = Writer::default();
            segment.number(1, 3).vendors(disclosed, self.ranges);
            text = format!("{text}.{}", segment.text());
        }
        text
    }

    /// The table: what the policies say of one purpose of one vendor.
    fn allows(&self, purpose: u64, vendor: Option<u64>) -> bool {
        let bit = |bits: u64| bits >> (24 - purpose) & 1 == 1;
        let named = |set: &BTreeSet<u64>| vendor.is_none_or(|vendor| set.contains(&vendor));
        if !vendor
            .is_none_or(|vendor| self.disclosed.as_ref().is_some_and(|all| all.contains(&vendor)))
        {
            return false;
        }
        let consent = bit(self.purposes) && named(&self.vendors);
        let interest = ![1, 3, 4, 5, 6].contains(&purpose)
            && bit(self.interests)
            && named(&self.vendor_interests);
        match self.restriction {
            Some((of, kind, whose)) if of == purpose && vendor == Some(whose) => match kind {
                1 => consent,
                2 => interest,
                _ => false,
            },
            _ => consent || interest,
        }
    }
}

fn vendors() -> impl Strategy<Value = BTreeSet<u64>> {
    proptest::collection::btree_set(1_u64..40, 0..12)
}

fn choices() -> impl Strategy<Value = Choices> {
    let purposes = || prop_oneof![0_u64..1 << 24, Just((1 << 24) - 1)];
    let sets = (vendors(), vendors(), vendors());
    let restriction = proptest::option::of((1_u64..12, 0_u64..4, 1_u64..40));
    (purposes(), purposes(), sets, restriction, any::<bool>()).prop_map(
        |(purposes, interests, (vendors, vendor_interests, disclosed), restriction, ranges)| {
            Choices {
                purposes,
                interests: interests & !(0b10_1111 << 18),
                vendors,
                vendor_interests,
                disclosed: Some(disclosed),
                restriction,
                ranges,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn strings_decode_to_what_was_chosen(choices in choices(), vendor in proptest::option::of(1_u64..40)) {
        let tcf = Tcf::decode(&choices.text()).unwrap();
        for purpose in 1..=11_u8 {
            prop_assert_eq!(tcf.allows(purpose, vendor), choices.allows(purpose.into(), vendor), "{}", purpose);
        }
        let stated = tcf.stated(vendor);
        let needs = [(Purpose::Measurement, vec![1, 7, 8]), (Purpose::Personalization, vec![1, 5, 6]), (Purpose::Advertising, vec![1, 2, 3, 4])];
        for (purpose, needed) in needs {
            let all = needed.into_iter().all(|one| choices.allows(one, vendor));
            prop_assert_eq!((stated.granted.allows(purpose), stated.denied.allows(purpose)), (all, !all));
        }
    }

    #[test]
    fn no_text_panics(text in ".{0,200}", sections in ".{0,20}") {
        drop(Tcf::decode(&text));
        gpp::stated(&text, &[2, 7], Some(3));
        gpp::stated(&format!("DBABMA~{text}"), &[], None);
        gpp::stated(&format!("DBABLA~{text}"), &[], None);
        let signals = Signals { tcf: Some(&text), gpp: Some(&text), gpp_sections: Some(&sections), gcs: Some(&text), ..Signals::default() };
        signals.stated(None);
    }
}

/// The example of the framework's specification.
const SPECIFIED: &str = "COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA.IFoEUQQgAIQwgIwQABAEAAAAOIAACAIAAAAQAIAgEAACEAAAAAgAQBAAAAAAAGBAAgAAAAAAAFAAECAAAgAAQARAEQAAAAAJAAIAAgAAAYQEAAAQmAgBC3ZAYzUw";

#[test]
fn the_specified_example_is_read() {
    let tcf = Tcf::decode(SPECIFIED).unwrap();
    let allowed: Vec<u8> = (1..=11).filter(|purpose| tcf.allows(*purpose, None)).collect();
    assert_eq!(allowed, [1, 2, 3]);
    let of: Vec<u64> = (1..=12).filter(|vendor| tcf.allows(2, Some(*vendor))).collect();
    assert_eq!(of, [2, 6, 8]);
}

#[test]
fn a_string_without_disclosed_vendors_is_refused() {
    let core = SPECIFIED.split('.').next().unwrap();
    assert_eq!(Tcf::decode(core), Err(TcfError::Undisclosed));
    let signals = Signals { tcf: Some(core), ..Signals::default() };
    assert_eq!(signals.stated(None), StatedConsent::nothing());
    let elsewhere = Signals { gdpr_applies: Some(false), ..signals };
    assert_eq!(elsewhere.stated(None), StatedConsent::default());
    assert_eq!(Tcf::decode("BOvFyGBOvFyGB"), Err(TcfError::Broken));
}

#[test]
fn sections_of_the_global_privacy_platform() {
    // The headers are those of the examples in the platform's specification.
    let european = format!("DBABMA~{SPECIFIED}");
    let stated = gpp::stated(&european, &[2], None);
    assert!(stated.denied.allows(Purpose::Measurement), "purposes 7 and 8 are missing");
    let both = |usp: &str| gpp::stated(&format!("DBACNYA~{SPECIFIED}~{usp}"), &[6], None);
    assert_eq!(both("1YNN"), StatedConsent::default());
    assert!(both("1YYN").denied.allows(Purpose::Advertising));
    assert_eq!(
        gpp::stated(&european, &[7], None),
        StatedConsent::nothing(),
        "the section is not there"
    );
    assert_eq!(gpp::stated("garbage", &[], None), StatedConsent::nothing());
}

/// A header with one entry; a single section in Fibonacci coding, written from the smallest number up.
fn header(section: u64) -> String {
    let mut writer = Writer::default();
    writer.number(3, 6).number(1, 6).number(1, 12).number(0, 1);
    let numbers = [1, 2, 3, 5, 8, 13, 21];
    let (mut left, mut used) = (section, vec![false; numbers.len()]);
    for (at, number) in numbers.iter().enumerate().rev() {
        if *number <= left {
            left -= number;
            used[at] = true;
        }
    }
    let last = used.iter().rposition(|one| *one).unwrap_or_default();
    writer.0.extend(&used[..=last]);
    writer.0.push(true);
    writer.text()
}

#[test]
fn states_are_read_by_their_own_layouts() {
    for (section, notices, choices) in
        [(7, 6, 3), (8, 3, 2), (9, 3, 2), (11, 4, 2), (18, 4, 2), (21, 3, 2)]
    {
        for out in 0..=choices {
            let mut core = Writer::default();
            core.number(1, 6).number(0, notices * 2);
            for choice in 0..choices {
                core.number(if choice + 1 == out { 1 } else { 2 }, 2);
            }
            core.number(0, 24);
            let said =
                gpp::stated(&format!("{}~{}", header(section), core.text()), &[section], None);
            let expected = Purposes::NONE;
            let expected = if out > 0 { expected.with(Purpose::Advertising) } else { expected };
            assert_eq!((said.granted, said.denied), (Purposes::NONE, expected), "{section} {out}");
            let mut control = Writer::default();
            control.number(1, 2).number(1, 1);
            let with_control = format!("{}~{}.{}", header(section), core.text(), control.text());
            assert!(gpp::stated(&with_control, &[], None).denied.allows(Purpose::Advertising));
        }
    }
}

/// A Canadian section: purposes of express and of implied consent, and vendors of both.
fn canadian(express: &[u64], implied: &[u64], vendors: [u64; 2]) -> String {
    let mut writer = Writer::default();
    writer.number(1, 6).number(0, 36).number(0, 36);
    for width in [12, 12, 6, 12, 12, 6, 1, 12] {
        writer.number(0, width);
    }
    for purposes in [express, implied] {
        for purpose in 1..=24 {
            writer.number(u64::from(purposes.contains(&purpose)), 1);
        }
    }
    for vendor in vendors {
        writer.number(vendor, 16).number(1, 1).number(1, 12).number(0, 1).number(vendor, 16);
    }
    writer.number(0, 12);
    writer.text()
}

#[test]
fn canada_has_express_and_implied_consent() {
    let said =
        |section: &str, vendor| gpp::stated(&format!("{}~{section}", header(5)), &[5], vendor);
    let measured = canadian(&[], &[7, 8], [3, 4]);
    let stated = said(&measured, None);
    assert!(stated.granted.allows(Purpose::Measurement), "implied consent, and no purpose 1");
    assert!(
        stated.denied.allows(Purpose::Advertising)
            && stated.denied.allows(Purpose::Personalization)
    );
    assert!(said(&measured, Some(4)).granted.allows(Purpose::Measurement));
    assert!(said(&measured, Some(3)).denied.allows(Purpose::Measurement), "of another vendor");
    let profiles = canadian(&[2], &[3, 4, 5, 6], [3, 4]);
    assert_eq!(said(&profiles, None).granted, Purposes::NONE, "profiles need express consent");
    let all = canadian(&[2, 3, 4, 5, 6, 7, 8], &[], [3, 4]);
    assert_eq!(said(&all, Some(3)).granted, Purposes::ALL);
    assert_eq!(said(SPECIFIED, None), StatedConsent::nothing(), "not the European one");
    assert_eq!(said("", None), StatedConsent::nothing());
}

#[test]
fn a_layout_that_is_not_settled_counts_as_an_objection() {
    for section in [24, 26, 27] {
        let text = |first| {
            let mut core = Writer::default();
            core.number(first, 6).number(1, 6).number(0, 60);
            format!("{}~{}", header(section), core.text())
        };
        assert!(gpp::stated(&text(section), &[], None).denied.allows(Purpose::Advertising));
        assert!(!gpp::stated(&text(1), &[], None).denied.allows(Purpose::Advertising));
    }
    assert_eq!(gpp::stated(&format!("{}~AAAA", header(28)), &[], None), StatedConsent::nothing());
}

#[test]
fn googles_consent_mode() {
    let said = google::gcs("G101");
    assert!(said.denied.allows(Purpose::Advertising) && said.granted.allows(Purpose::Measurement));
    assert_eq!(google::gcs("G1--"), StatedConsent::default());
    assert_eq!(google::gcs("nonsense"), StatedConsent::default());
    assert_eq!(
        (google::granted("granted"), google::granted("DENIED"), google::granted("maybe")),
        (Some(true), Some(false), None)
    );
}

/// What a layer says of a purpose: nothing, no, yes.
type Word = Option<bool>;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// The order of precedence, purpose by purpose: the event and the choice (the stricter of the two),
    /// the framework, Global Privacy Control, the default.
    #[test]
    fn whoever_is_most_binding_decides(
        default in 0_u8..8,
        objects: bool,
        framework in proptest::array::uniform3(proptest::option::of(any::<bool>())),
        choice in proptest::option::of(0_u8..8),
        event in proptest::array::uniform3(proptest::option::of(any::<bool>())),
    ) {
        use millstream_event::{Consent, ConsentSource};
        let purposes = [Purpose::Measurement, Purpose::Personalization, Purpose::Advertising];
        let stated = |words: [Word; 3]| purposes.iter().zip(words).fold(StatedConsent::default(), |stated, (purpose, word)| {
            word.map_or(stated, |granted| stated.saying(*purpose, granted))
        });
        let standing = match choice {
            Some(bits) => Consent { granted: Purposes::from_bits(bits), source: ConsentSource::Explicit },
            None if objects => Consent { granted: Purposes::from_bits(default).without(Purpose::Advertising), source: ConsentSource::GlobalPrivacyControl },
            None => Consent { granted: Purposes::from_bits(default), source: ConsentSource::Default },
        };
        let found = standing.overridden(stated(event).with_framework(stated(framework)));
        for (at, purpose) in purposes.into_iter().enumerate() {
            let chosen = choice.map(|bits| Purposes::from_bits(bits).allows(purpose));
            let objected = (objects && purpose == Purpose::Advertising).then_some(false);
            let expected = match (event[at], chosen) {
                (Some(said), Some(chosen)) => said && chosen,
                (Some(said), None) => said,
                (None, Some(chosen)) => chosen,
                (None, None) => framework[at].or(objected).unwrap_or(Purposes::from_bits(default).allows(purpose)),
            };
            prop_assert_eq!(found.granted.allows(purpose), expected, "{:?}", purpose);
        }
    }
}
