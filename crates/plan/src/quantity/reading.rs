//! From text or a bare number to a quantity, or why not.

use super::{BitRate, Bytes, Least, Misread, PerSecond, Quantity, Seconds, Share};
use alloc::string::{String, ToString};
use alloc::{format, vec::Vec};

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
    use super::super::{Cost, Count, Ratio};
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
