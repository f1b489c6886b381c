//! Strings of the IAB Global Privacy Platform: a header that names sections, and the sections. Read are
//! the European and the Canadian one and those of the United States, national and by state.

use super::bits::Bits;
use super::tcf::Tcf;
use crate::consent::{Purpose, StatedConsent};
use alloc::vec::Vec;

/// Section of the European framework.
const TCF_EU: u64 = 2;
/// Section of the Canadian framework.
const TCF_CANADA: u64 = 5;
/// The first string of the United States, in letters.
const USP_V1: u64 = 6;
/// National section of the United States.
const US_NATIONAL: u64 = 7;
/// California.
const US_CALIFORNIA: u64 = 8;
/// Sections of states with a notice more before what visitors opted out of.
const MORE_NOTICES: [u64; 2] = [11, 18];
/// The last section of a state that is known.
const US_LAST: u64 = 27;
/// Most sections that are read.
const SECTIONS_MAX: usize = 64;

/// Decodes the header: the ids of the sections, in order.
fn sections(header: &str) -> Option<Vec<u64>> {
    let mut bits = Bits::of(header)?;
    if bits.number(6)? != 3 {
        return None;
    }
    bits.number(6)?;
    let entries = bits.number(12)?;
    let (mut found, mut last) = (Vec::new(), 0_u64);
    for _ in 0..entries {
        let is_range = bits.bit()?;
        let first = last.checked_add(bits.fibonacci()?)?;
        last = if is_range { first.checked_add(bits.fibonacci()?)? } else { first };
        if last - first > SECTIONS_MAX as u64 || found.len() > SECTIONS_MAX {
            return None;
        }
        found.extend(first..=last);
    }
    Some(found)
}

/// What a string says, by the sections that apply where that is told, else by all. What cannot be read
/// denies what it might have granted.
pub fn stated(text: &str, applying: &[u64], vendor: Option<u64>) -> StatedConsent {
    let nothing = StatedConsent::nothing();
    let mut parts = text.trim().split('~');
    let Some(ids) = parts.next().and_then(sections) else { return nothing };
    let mut said = StatedConsent::default();
    let mut seen = 0;
    for (id, section) in ids.iter().zip(parts) {
        if !applying.is_empty() && !applying.contains(id) {
            continue;
        }
        seen += 1;
        said = said.and(section_says(*id, section, vendor));
    }
    // A section that applies and is not there was not agreed to.
    if seen == 0 && !applying.is_empty() { nothing } else { said }
}

fn section_says(id: u64, section: &str, vendor: Option<u64>) -> StatedConsent {
    let objected = StatedConsent::default().saying(Purpose::Advertising, false);
    match id {
        TCF_EU => {
            Tcf::decode(section).map_or_else(|_| StatedConsent::nothing(), |tcf| tcf.stated(vendor))
        }
        TCF_CANADA => Tcf::decode_canadian(section)
            .map_or_else(|_| StatedConsent::nothing(), |tcf| tcf.stated(vendor)),
        USP_V1 => match section.as_bytes() {
            [b'1', _, b'N' | b'-', _] => StatedConsent::default(),
            _ => objected,
        },
        US_NATIONAL..=US_LAST => match opted_out(id, section) {
            Some(false) => StatedConsent::default(),
            // What cannot be read counts as an objection.
            Some(true) | None => objected,
        },
        // Other regions' sections are not understood: nothing is granted by them.
        _ => StatedConsent::nothing(),
    }
}

/// Whether the visitor opted out of sale, sharing or targeted advertising, or sends the Global Privacy
/// Control. These are opt-out laws: not to have opted out leaves the defaults in force.
fn opted_out(id: u64, section: &str) -> Option<bool> {
    let mut segments = section.split('.');
    let mut bits = Bits::of(segments.next()?)?;
    // Sections that begin with their own number are of the layout of 2025, which is not settled: they count
    // as an objection.
    if bits.number(6)? == id {
        return None;
    }
    let (notices, choices) = match id {
        US_NATIONAL => (6, 3),
        US_CALIFORNIA => (3, 2),
        id if MORE_NOTICES.contains(&id) => (4, 2),
        _ => (3, 2),
    };
    bits.number(notices * 2)?;
    let mut out = false;
    for _ in 0..choices {
        out |= bits.number(2)? == 1;
    }
    for segment in segments {
        let mut bits = Bits::of(segment)?;
        // The segment of the Global Privacy Control.
        if bits.number(2)? == 1 {
            out |= bits.bit()?;
        }
    }
    Some(out)
}
