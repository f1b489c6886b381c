//! Amounts with their units, as people write them: `25 Gbit/s`, `4 KiB`, `50k/s`, `150 ms`, `0.1 %`.

use alloc::string::{String, ToString};
use alloc::{format, vec::Vec};
use serde::Serialize;

/// Bits per second, in one direction.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
pub struct BitRate(pub f64);

/// Bytes (octets).
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
pub struct Bytes(pub f64);

/// Events, requests or packets per second.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
pub struct PerSecond(pub f64);

/// Seconds of time.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
pub struct Seconds(pub f64);

/// A part of a whole, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
pub struct Share(pub f64);

/// How many, at least one: `3`, or with a noun, `"3 regions"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Count(pub u32);

/// An estimate of money in the plan's currency: `1200`, `"1,200 EUR"`. Never a ledger amount.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
pub struct Cost(pub f64);

/// A plain positive number, such as a ratio or a squared coefficient of variation.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
pub struct Ratio(pub f64);

/// Largest bit rate believed: one exabit per second.
pub const BIT_RATE_MAX: f64 = 1e18;
/// Largest size believed: one exabyte.
pub const BYTES_MAX: f64 = 1e18;
/// Largest rate believed: 10^15 per second.
pub const RATE_MAX: f64 = 1e15;
/// Longest time believed: about thirty years.
pub const SECONDS_MAX: f64 = 1e9;
/// Largest count believed.
pub const COUNT_MAX: u32 = 1_000_000;
/// Largest ratio believed.
pub const RATIO_MAX: f64 = 1e6;
/// Largest cost believed.
pub const COST_MAX: f64 = 1e15;

/// Something read from a number and a unit.
pub trait Quantity: Copy + Sized {
    /// What it is, for messages: `a bit rate`.
    const WHAT: &'static str;
    /// How it is written, for messages.
    const EXAMPLE: &'static str;
    /// The smallest value allowed, and whether it is itself allowed.
    const LEAST: Least;
    /// The largest value allowed.
    const MOST: f64;

    /// The factor of a unit; `None` when the unit is not one of this quantity. The empty unit stands
    /// for a bare number.
    fn factor(unit: &str) -> Option<f64>;
    /// From the base unit.
    fn from_base(value: f64) -> Self;
    /// In the base unit.
    fn base(self) -> f64;
}

/// The lower end of a range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Least {
    /// Zero is a value.
    Zero,
    /// More than nothing.
    Positive,
    /// One or more.
    One,
}

/// Why a text is no such quantity: what is wrong and how to write it.
#[derive(Clone, Debug, PartialEq)]
pub struct Misread {
    /// What is wrong.
    pub why: String,
    /// How to write it.
    pub fix: String,
}

fn prefix(text: &str) -> Option<f64> {
    Some(match text {
        "" => 1.0,
        "k" | "K" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    })
}

fn time_unit(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1e-9,
        "us" | "µs" | "μs" => 1e-6,
        "ms" => 1e-3,
        "s" | "sec" | "second" | "seconds" => 1.0,
        "min" | "minute" | "minutes" => 60.0,
        "h" | "hour" | "hours" => 3600.0,
        "d" | "day" | "days" => 86_400.0,
        _ => return None,
    })
}

impl Quantity for BitRate {
    const WHAT: &'static str = "a bit rate";
    const EXAMPLE: &'static str = "\"25 Gbit/s\"";
    const LEAST: Least = Least::Positive;
    const MOST: f64 = BIT_RATE_MAX;

    fn factor(unit: &str) -> Option<f64> {
        for (suffix, bits) in [("bit/s", 1.0), ("bps", 1.0), ("b/s", 1.0), ("B/s", 8.0)] {
            if let Some(factor) = unit.strip_suffix(suffix).and_then(prefix) {
                return Some(factor * bits);
            }
        }
        None
    }
    fn from_base(value: f64) -> Self {
        Self(value)
    }
    fn base(self) -> f64 {
        self.0
    }
}

impl Quantity for Bytes {
    const WHAT: &'static str = "a size";
    const EXAMPLE: &'static str = "\"4 KiB\"";
    const LEAST: Least = Least::Zero;
    const MOST: f64 = BYTES_MAX;

    fn factor(unit: &str) -> Option<f64> {
        if let Some(factor) = unit.strip_suffix('B').and_then(prefix) {
            return Some(factor);
        }
        unit.strip_suffix("bytes").or_else(|| unit.strip_suffix("byte")).and_then(prefix)
    }
    fn from_base(value: f64) -> Self {
        Self(value)
    }
    fn base(self) -> f64 {
        self.0
    }
}

impl Quantity for PerSecond {
    const WHAT: &'static str = "a rate";
    const EXAMPLE: &'static str = "\"50k/s\"";
    const LEAST: Least = Least::Zero;
    const MOST: f64 = RATE_MAX;

    fn factor(unit: &str) -> Option<f64> {
        if let Some(factor) = unit.strip_suffix("pps").and_then(prefix) {
            return Some(factor);
        }
        let (what, time) = unit.split_once('/')?;
        let per = time_unit(time)?;
        const NOUNS: [&str; 12] = [
            "events", "event", "requests", "request", "req", "packets", "packet", "messages",
            "message", "clicks", "calls", "rows",
        ];
        let multiple = NOUNS.iter().find_map(|noun| what.strip_suffix(noun)).unwrap_or(what);
        Some(prefix(multiple.trim_end())? / per)
    }
    fn from_base(value: f64) -> Self {
        Self(value)
    }
    fn base(self) -> f64 {
        self.0
    }
}

impl Quantity for Seconds {
    const WHAT: &'static str = "a time";
    const EXAMPLE: &'static str = "\"150 ms\"";
    const LEAST: Least = Least::Zero;
    const MOST: f64 = SECONDS_MAX;

    fn factor(unit: &str) -> Option<f64> {
        time_unit(unit)
    }
    fn from_base(value: f64) -> Self {
        Self(value)
    }
    fn base(self) -> f64 {
        self.0
    }
}

impl Quantity for Share {
    const WHAT: &'static str = "a share";
    const EXAMPLE: &'static str = "\"0.1 %\" or 0.001";
    const LEAST: Least = Least::Zero;
    const MOST: f64 = 1.0;

    fn factor(unit: &str) -> Option<f64> {
        Some(match unit {
            "" => 1.0,
            "%" => 1e-2,
            "‰" => 1e-3,
            "ppm" => 1e-6,
            _ => return None,
        })
    }
    fn from_base(value: f64) -> Self {
        Self(value)
    }
    fn base(self) -> f64 {
        self.0
    }
}

impl Quantity for Count {
    const WHAT: &'static str = "a count";
    const EXAMPLE: &'static str = "3 or \"3 regions\"";
    const LEAST: Least = Least::One;
    const MOST: f64 = COUNT_MAX as f64;

    fn factor(unit: &str) -> Option<f64> {
        let noun = unit.chars().all(|letter| letter.is_ascii_lowercase() || letter == ' ');
        match unit {
            "k" => Some(1e3),
            _ if noun && time_unit(unit).is_none() => Some(1.0),
            _ => None,
        }
    }
    fn from_base(value: f64) -> Self {
        Self(value as u32)
    }
    fn base(self) -> f64 {
        f64::from(self.0)
    }
}

impl Quantity for Cost {
    const WHAT: &'static str = "an amount of money";
    const EXAMPLE: &'static str = "1200 or \"1,200 EUR\"";
    const LEAST: Least = Least::Zero;
    const MOST: f64 = COST_MAX;

    fn factor(unit: &str) -> Option<f64> {
        let code = unit.strip_suffix("/month").unwrap_or(unit).trim_end();
        let multiple = match code.strip_prefix('k') {
            Some(rest) if rest.is_empty() || rest.starts_with(' ') => 1e3,
            _ => 1.0,
        };
        let code = code.strip_prefix("k ").unwrap_or(code);
        let currency = code.len() == 3 && code.chars().all(|letter| letter.is_ascii_uppercase());
        (currency || code.is_empty() || code == "k").then_some(multiple)
    }
    fn from_base(value: f64) -> Self {
        Self(value)
    }
    fn base(self) -> f64 {
        self.0
    }
}

impl Quantity for Ratio {
    const WHAT: &'static str = "a number";
    const EXAMPLE: &'static str = "1.5";
    const LEAST: Least = Least::Zero;
    const MOST: f64 = RATIO_MAX;

    fn factor(unit: &str) -> Option<f64> {
        matches!(unit, "" | "x" | ":1" | "times").then_some(1.0)
    }
    fn from_base(value: f64) -> Self {
        Self(value)
    }
    fn base(self) -> f64 {
        self.0
    }
}

/// Splits `25 Gbit/s` into 25 and `Gbit/s`. Digits may be grouped by `_` or `,`.
fn split(text: &str) -> Option<(f64, String)> {
    let text = text.trim();
    let mut end = 0;
    let bytes = text.as_bytes();
    while let Some(&byte) = bytes.get(end) {
        let exponent = matches!(byte, b'e' | b'E')
            && end > 0
            && bytes
                .get(end + 1)
                .is_some_and(|next| next.is_ascii_digit() || matches!(next, b'-' | b'+'))
            && bytes.get(end - 1).is_some_and(u8::is_ascii_digit);
        let sign = matches!(byte, b'-' | b'+')
            && (end == 0 || matches!(bytes.get(end - 1), Some(b'e' | b'E')));
        if !(byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b',') || exponent || sign) {
            break;
        }
        end += 1;
    }
    let digits: String =
        text[..end].chars().filter(|letter| !matches!(letter, '_' | ',')).collect();
    let number = digits.parse::<f64>().ok().filter(|number| number.is_finite())?;
    let unit: Vec<&str> = text[end..].split_whitespace().collect();
    Some((number, unit.join(" ")))
}

/// Reads a quantity from text.
pub fn parse<T: Quantity>(text: &str) -> Result<T, Misread> {
    let example = || format!("write it like {}", T::EXAMPLE);
    let Some((number, unit)) = split(text) else {
        let why = format!("`{}` does not begin with a number", shortened(text));
        return Err(Misread { why, fix: example() });
    };
    let Some(factor) = T::factor(&unit).or_else(|| T::factor(&unit.replace(' ', ""))) else {
        let why = if unit.is_empty() {
            format!("`{}` has no unit and {} needs one", shortened(text), T::WHAT)
        } else {
            match other_kind(&unit) {
                Some(kind) => {
                    format!("`{}` is {kind}, and {} belongs here", shortened(text), T::WHAT)
                }
                None => format!("`{}` is no unit of {}", shortened(&unit), T::WHAT),
            }
        };
        return Err(Misread { why, fix: example() });
    };
    in_range(number * factor, text)
}

/// Reads a quantity from a bare number.
pub fn from_number<T: Quantity>(number: f64) -> Result<T, Misread> {
    match T::factor("") {
        Some(factor) => in_range(number * factor, &number.to_string()),
        None => Err(Misread {
            why: format!("{number} has no unit and {} needs one", T::WHAT),
            fix: format!("write it like {}", T::EXAMPLE),
        }),
    }
}

fn in_range<T: Quantity>(value: f64, text: &str) -> Result<T, Misread> {
    let (least, enough) = match T::LEAST {
        Least::Zero => ("zero or more", value >= 0.0),
        Least::Positive => ("more than zero", value > 0.0),
        Least::One => ("one or more", value >= 1.0),
    };
    if value.is_finite() && enough && value <= T::MOST {
        return Ok(T::from_base(value));
    }
    let why = if !value.is_finite() {
        format!("`{}` is not a finite number", shortened(text))
    } else if enough {
        format!(
            "`{}` is more than anything real: at most {:e} is believed",
            shortened(text),
            T::MOST
        )
    } else {
        format!("`{}` must be {least}", shortened(text))
    };
    Err(Misread { why, fix: format!("write it like {}", T::EXAMPLE) })
}

fn other_kind(unit: &str) -> Option<&'static str> {
    let squeezed = unit.replace(' ', "");
    let is = |found: Option<f64>, kind: &'static str| found.map(|_| kind);
    is(BitRate::factor(&squeezed), BitRate::WHAT)
        .or(is(Bytes::factor(&squeezed), Bytes::WHAT))
        .or(is(PerSecond::factor(&squeezed), PerSecond::WHAT))
        .or(is(Seconds::factor(&squeezed), Seconds::WHAT))
        .or(is(Share::factor(&squeezed), Share::WHAT))
}

/// Text for a message: one line, at most 40 letters.
pub(crate) fn shortened(text: &str) -> String {
    let line: String =
        text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if line.chars().count() <= 40 {
        return line;
    }
    let head: String = line.chars().take(37).collect();
    format!("{head}...")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_as_people_write_them() {
        assert_eq!(parse("25 Gbit/s"), Ok(BitRate(25e9)));
        assert_eq!(parse("125 MB/s"), Ok(BitRate(1e9)));
        assert_eq!(parse("10Mbps"), Ok(BitRate(1e7)));
        assert_eq!(parse("4 KiB"), Ok(Bytes(4096.0)));
        assert_eq!(parse("1.5 kB"), Ok(Bytes(1500.0)));
        assert_eq!(parse("50k/s"), Ok(PerSecond(50_000.0)));
        assert_eq!(parse("1.2M events/s"), Ok(PerSecond(1_200_000.0)));
        assert_eq!(parse("6,000/min"), Ok(PerSecond(100.0)));
        assert_eq!(parse("1.5 Mpps"), Ok(PerSecond(1_500_000.0)));
        assert_eq!(parse("150 ms"), Ok(Seconds(0.15)));
        assert_eq!(parse("0.1 %"), Ok(Share(0.001)));
        assert_eq!(parse("3 regions"), Ok(Count(3)));
        assert_eq!(parse("1,200 EUR"), Ok(Cost(1200.0)));
        assert_eq!(parse("2 k EUR/month"), Ok(Cost(2000.0)));
        assert_eq!(parse("4x"), Ok(Ratio(4.0)));
        assert_eq!(parse("1e-3"), Ok(Share(0.001)));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let why = |found: Result<BitRate, Misread>| found.unwrap_err().why;
        assert!(why(parse("25 GB")).contains("is a size"));
        assert!(why(parse("25")).contains("no unit"));
        assert!(why(parse("fast")).contains("number"));
        assert!(why(parse("0 Gbit/s")).contains("more than zero"));
        assert!(why(parse("-1 Gbit/s")).contains("more than zero"));
        assert!(why(parse("1e30 Gbit/s")).contains("at most"));
        assert!(why(parse("nan Gbit/s")).contains("number"));
        assert!(why(from_number(f64::NAN)).contains("no unit"));
        assert!(parse::<Share>("101 %").is_err());
        assert!(parse::<Count>("0").is_err() && parse::<Count>("1000001").is_err());
        assert!(parse::<Count>("1000000").is_ok());
        assert!(from_number::<Share>(f64::NAN).is_err());
    }
}
