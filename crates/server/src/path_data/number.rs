//! Counts and amounts as files write them.

/// Digits after the point that are kept: amounts are whole billionths.
pub const UNIT_DIGITS: u32 = 9;
/// Billionths in one.
const ONE: i128 = 1_000_000_000;
/// Longest number that is read, in characters.
const CHARACTERS_MAX: usize = 36;

/// A number that is not negative, in billionths (further digits are rounded off), and how many digits
/// after the point it was written with, at most [`UNIT_DIGITS`]. Empty text is zero. The point may be
/// a comma unless three digits follow it: then it could divide thousands.
pub fn amount(text: &str) -> Option<(i128, u32)> {
    if text.is_empty() {
        return Some((0, 0));
    }
    if text.len() > CHARACTERS_MAX {
        return None;
    }
    if text.contains(['e', 'E']) {
        return scientific(text);
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    let (whole, fraction) = match (text.split_once('.'), text.split_once(',')) {
        (Some(parts), None) => parts,
        (None, Some((whole, fraction))) if fraction.len() != 3 => (whole, fraction),
        (None, None) => (text, ""),
        _ => return None,
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let number =
        |text: &str| text.bytes().fold(0_i128, |sum, digit| sum * 10 + i128::from(digit - b'0'));
    let kept = &fraction[..fraction.len().min(UNIT_DIGITS as usize)];
    let written = kept.len() as u32;
    let next = fraction.as_bytes().get(UNIT_DIGITS as usize);
    let rounded = i128::from(next.is_some_and(|digit| *digit >= b'5'));
    let billionths = number(kept) * 10_i128.pow(UNIT_DIGITS - written) + rounded;
    Some((number(whole).checked_mul(ONE)?.checked_add(billionths)?, written))
}

/// `1.5e3`, as spreadsheets and notebooks write great and small numbers.
fn scientific(text: &str) -> Option<(i128, u32)> {
    let read: f64 = text.parse().ok()?;
    let billionths = (read * ONE as f64).round();
    // Above this a real no longer tells neighbours apart.
    let fits = (0.0..=9e24).contains(&billionths);
    let digits = if read.fract() == 0.0 { 0 } else { UNIT_DIGITS };
    fits.then_some((billionths as i128, digits))
}

/// A whole number that is not negative; `3.0` is whole.
pub fn count(text: &str) -> Option<u64> {
    let (billionths, _) = amount(text)?;
    let whole = billionths % ONE == 0;
    whole.then(|| u64::try_from(billionths / ONE).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::{amount, count};

    #[test]
    fn amounts_are_read_as_files_write_them() {
        for (text, billionths, digits) in [
            ("", 0, 0),
            ("12", 12_000_000_000, 0),
            ("12.50", 12_500_000_000, 2),
            ("12,5", 12_500_000_000, 1),
            ("0.30000000000000004", 300_000_000, 9),
            ("0.1234567895", 123_456_790, 9),
            (".5", 500_000_000, 1),
            ("5.", 5_000_000_000, 0),
            ("1.5e3", 1_500_000_000_000, 0),
            ("+7", 7_000_000_000, 0),
        ] {
            assert_eq!(amount(text), Some((billionths, digits)), "{text}");
        }
        for wrong in ["-1", "1,234", "1.234,5", "NaN", "inf", "1e300", "-1e2", "x", ".", "1 2", "٣"]
        {
            assert_eq!(amount(wrong), None, "{wrong}");
        }
        assert_eq!(amount(&"9".repeat(37)), None);
        assert!(amount("9999999999999999999999999999").is_some());
        assert_eq!(amount(&"9".repeat(36)), None);
    }

    #[test]
    fn counts_are_whole() {
        assert_eq!((count("3"), count("3.0"), count("3e2")), (Some(3), Some(3), Some(300)));
        assert_eq!((count("3.5"), count("-3"), count("99999999999999999999")), (None, None, None));
    }
}
