//! Strings of the IAB Europe Transparency & Consent Framework, version 2 with the segment of
//! disclosed vendors that version 2.3 demands (technical specification "Consent string and vendor list
//! formats v2").

use super::bits::Bits;
use crate::consent::{Purpose, StatedConsent};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// Purposes of the framework that each purpose of ours needs.
const NEEDS: [(Purpose, &[u8]); 3] = [
    (Purpose::Measurement, &[1, 7, 8]),
    (Purpose::Personalization, &[1, 5, 6]),
    (Purpose::Advertising, &[1, 2, 3, 4]),
];
/// The same in Canada, where purpose 1 is not used.
const NEEDS_CANADA: [(Purpose, &[u8]); 3] = [
    (Purpose::Measurement, &[7, 8]),
    (Purpose::Personalization, &[5, 6]),
    (Purpose::Advertising, &[2, 3, 4]),
];
/// Purposes for which legitimate interest is a basis: not storage, profiles and their use (policy 4).
const INTEREST_MAY: [u8; 6] = [2, 7, 8, 9, 10, 11];
/// Highest vendor that is read.
const VENDOR_MAX: u64 = 1 << 16;
const ENTRIES_MAX: u64 = 1 << 12;
/// Kind of the segment of disclosed vendors.
const DISCLOSED: u64 = 1;

/// What a publisher restricts a purpose of a vendor to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Restriction {
    Forbidden,
    Consent,
    Interest,
    Unknown,
}

/// A decoded string.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tcf {
    /// When it was last changed, in tenths of seconds since 1970.
    pub updated: u64,
    /// Whether purpose 1 was not asked for, as some countries allow.
    pub purpose_one_treatment: bool,
    purposes: u64,
    interests: u64,
    vendors: BTreeSet<u64>,
    vendor_interests: BTreeSet<u64>,
    /// Vendors that were disclosed; none without that segment.
    disclosed: Option<BTreeSet<u64>>,
    restrictions: Vec<(u8, RestrictionOf)>,
    /// Of the Canadian framework, which need not disclose vendors in the string.
    canadian: bool,
}

type RestrictionOf = (u8, BTreeSet<u64>);

/// Why a string grants nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TcfError {
    /// It is no such string.
    #[error("the text is no TCF string of version 2")]
    Broken,
    /// It is one of an earlier version of the framework.
    #[error("the TCF string names no disclosed vendors, which are required since 2026-02-28")]
    Undisclosed,
}

impl Tcf {
    /// Decodes a string.
    ///
    /// # Errors
    /// See [`TcfError`].
    pub fn decode(text: &str) -> Result<Self, TcfError> {
        let mut segments = text.trim().split('.');
        let core = segments.next().and_then(Bits::of).ok_or(TcfError::Broken)?;
        let mut tcf = Self::core(core).ok_or(TcfError::Broken)?;
        for segment in segments {
            let mut bits = Bits::of(segment).ok_or(TcfError::Broken)?;
            if bits.number(3) == Some(DISCLOSED) {
                tcf.disclosed = Some(vendors(&mut bits).ok_or(TcfError::Broken)?);
            }
        }
        if tcf.disclosed.is_none() {
            return Err(TcfError::Undisclosed);
        }
        Ok(tcf)
    }

    /// Decodes the Canadian section of a GPP string: consent is there express consent, legitimate interest
    /// implied consent.
    ///
    /// # Errors
    /// [`TcfError::Broken`].
    pub fn decode_canadian(text: &str) -> Result<Self, TcfError> {
        let mut segments = text.trim().split('.');
        let core = segments.next().and_then(Bits::of).ok_or(TcfError::Broken)?;
        let mut tcf = Self::canadian_core(core).ok_or(TcfError::Broken)?;
        for segment in segments {
            let mut bits = Bits::of(segment).ok_or(TcfError::Broken)?;
            if bits.number(3) == Some(DISCLOSED) {
                tcf.disclosed = Some(vendors(&mut bits).ok_or(TcfError::Broken)?);
            }
        }
        Ok(tcf)
    }

    fn canadian_core(mut bits: Bits) -> Option<Self> {
        if bits.number(6)? != 1 {
            return None;
        }
        bits.number(36)?;
        let updated = bits.number(36)?;
        // The consent manager, its version and screen, language, list and policy versions, non-standard
        // texts, special features.
        for width in [12, 12, 6, 12, 12, 6, 1, 12] {
            bits.number(width)?;
        }
        Some(Self {
            updated,
            purposes: bits.number(24)?,
            interests: bits.number(24)?,
            vendors: vendors(&mut bits)?,
            vendor_interests: vendors(&mut bits)?,
            restrictions: restrictions(&mut bits)?,
            canadian: true,
            ..Self::default()
        })
    }

    fn core(mut bits: Bits) -> Option<Self> {
        if bits.number(6)? != 2 {
            return None;
        }
        bits.number(36)?;
        let updated = bits.number(36)?;
        // The consent manager, its version and screen, language, list and policy versions, whether it is
        // specific to a service, non-standard texts, special features.
        for width in [12, 12, 6, 12, 12, 6, 1, 1, 12] {
            bits.number(width)?;
        }
        let purposes = bits.number(24)?;
        let interests = bits.number(24)?;
        let purpose_one_treatment = bits.bit()?;
        bits.number(12)?;
        let vendors_consented = vendors(&mut bits)?;
        let vendor_interests = vendors(&mut bits)?;
        let restrictions = restrictions(&mut bits)?;
        Some(Self {
            updated,
            purpose_one_treatment,
            purposes,
            interests,
            vendors: vendors_consented,
            vendor_interests,
            restrictions,
            ..Self::default()
        })
    }

    /// True when the purpose may be followed: by the visitor's consent, or by legitimate interest where
    /// that is a basis; for a vendor where one is named, whom it must name in turn.
    pub fn allows(&self, purpose: u8, vendor: Option<u64>) -> bool {
        let restriction = vendor.and_then(|vendor| self.restriction(purpose, vendor));
        let has = |bits: u64| (1..=24).contains(&purpose) && bits >> (24 - purpose) & 1 == 1;
        let of = |vendors: &BTreeSet<u64>| vendor.is_none_or(|vendor| vendors.contains(&vendor));
        let disclosed = vendor.is_none_or(|vendor| {
            let named = |disclosed: &BTreeSet<u64>| disclosed.contains(&vendor);
            self.disclosed.as_ref().map_or(self.canadian, named)
        });
        let consent = has(self.purposes) && of(&self.vendors);
        let interest =
            INTEREST_MAY.contains(&purpose) && has(self.interests) && of(&self.vendor_interests);
        disclosed
            && match restriction {
                None => consent || interest,
                Some(Restriction::Consent) => consent,
                Some(Restriction::Interest) => interest,
                Some(Restriction::Forbidden | Restriction::Unknown) => false,
            }
    }

    fn restriction(&self, purpose: u8, vendor: u64) -> Option<Restriction> {
        let mut found = self
            .restrictions
            .iter()
            .filter(|(of, (_, vendors))| *of == purpose && vendors.contains(&vendor));
        found.next().map(|(_, (kind, _))| match kind {
            0 => Restriction::Forbidden,
            1 => Restriction::Consent,
            2 => Restriction::Interest,
            _ => Restriction::Unknown,
        })
    }

    /// What it says of each purpose of ours.
    pub fn stated(&self, vendor: Option<u64>) -> StatedConsent {
        let needs = if self.canadian { &NEEDS_CANADA } else { &NEEDS };
        needs.iter().fold(StatedConsent::default(), |stated, (purpose, needs)| {
            let granted = needs.iter().all(|one| self.allows(*one, vendor));
            stated.saying(*purpose, granted)
        })
    }
}

/// A set of vendors: a bit for each, or ranges.
fn vendors(bits: &mut Bits) -> Option<BTreeSet<u64>> {
    let most = bits.number(16)?;
    if bits.bit()? {
        return ranges(bits).filter(|vendors| vendors.last().is_none_or(|last| *last <= most));
    }
    let mut set = BTreeSet::new();
    for vendor in 1..=most.min(VENDOR_MAX) {
        if bits.bit()? {
            set.insert(vendor);
        }
    }
    Some(set)
}

fn ranges(bits: &mut Bits) -> Option<BTreeSet<u64>> {
    let entries = bits.number(12)?;
    let mut set = BTreeSet::new();
    for _ in 0..entries.min(ENTRIES_MAX) {
        let is_range = bits.bit()?;
        let first = bits.number(16)?;
        let last = if is_range { bits.number(16)? } else { first };
        if first == 0 || last < first {
            return None;
        }
        set.extend(first..=last);
    }
    Some(set)
}

fn restrictions(bits: &mut Bits) -> Option<Vec<(u8, RestrictionOf)>> {
    let count = bits.number(12)?;
    let mut found = Vec::new();
    for _ in 0..count {
        let purpose = u8::try_from(bits.number(6)?).ok()?;
        let kind = u8::try_from(bits.number(2)?).ok()?;
        found.push((purpose, (kind, ranges(bits)?)));
    }
    Some(found)
}
