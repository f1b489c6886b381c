//! Numbers as people read them.

use super::figures::PARTS_PER_WHOLE;
use millstream_event::{Money, Span};

/// Groups the digits of a whole number by three: `12,345`.
pub fn grouped(number: u64) -> String {
    group(&number.to_string())
}

fn group(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// An amount with grouped digits and its currency: `1,234.50 USD`.
pub fn money(amount: Money) -> String {
    let text = amount.to_decimal();
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{fraction} {}", group(whole), amount.currency)
}

/// Fractional conversions with at most two decimals: `3`, `2.5`, `0.33`.
pub fn share(parts_per_billion: u64) -> String {
    let hundredths = (parts_per_billion + PARTS_PER_WHOLE / 200) / (PARTS_PER_WHOLE / 100);
    let (whole, fraction) = (grouped(hundredths / 100), hundredths % 100);
    if fraction == 0 {
        whole
    } else {
        format!("{whole}.{}", format!("{fraction:02}").trim_end_matches('0'))
    }
}

/// A duration in the unit that suits it: `340 µs`, `1.2 ms`, `2.50 s`, `4 min`.
pub fn micros(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..100_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        100_000..1_000_000 => format!("{} ms", micros / 1_000),
        1_000_000..120_000_000 => {
            format!("{}.{} s", micros / 1_000_000, micros % 1_000_000 / 100_000)
        }
        120_000_000..7_200_000_000 => format!("{} min", micros / 60_000_000),
        7_200_000_000..172_800_000_000 => format!("{} h", micros / 3_600_000_000),
        _ => format!("{} days", grouped(micros / 86_400_000_000)),
    }
}

/// As [`micros`]; a negative span counts as none.
pub fn span(span: Span) -> String {
    micros(u64::try_from(span.0).unwrap_or(0))
}

/// A whole amount with grouped digits.
pub fn amount(value: f64) -> String {
    let sign = if value.round() < 0.0 { "−" } else { "" };
    format!("{sign}{}", grouped(value.abs().round() as u64))
}

/// `38 %`, `4.5 %`, `5 %`.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let tenths = if percent < 9.95 { format!("{percent:.1}") } else { format!("{percent:.0}") };
    format!("{} %", tenths.strip_suffix(".0").unwrap_or(&tenths))
}
