//! Money: integer minor units with a currency, never a float.

use alloc::string::String;
use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An ISO 4217 alphabetic code, upper case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// Codes whose minor unit is not a hundredth (ISO 4217 list one, 2025).
const EXPONENTS: [(&[u8; 3], u32); 24] = [
    (b"BHD", 3),
    (b"BIF", 0),
    (b"CLF", 4),
    (b"CLP", 0),
    (b"DJF", 0),
    (b"GNF", 0),
    (b"IQD", 3),
    (b"ISK", 0),
    (b"JOD", 3),
    (b"JPY", 0),
    (b"KMF", 0),
    (b"KRW", 0),
    (b"KWD", 3),
    (b"LYD", 3),
    (b"OMR", 3),
    (b"PYG", 0),
    (b"RWF", 0),
    (b"TND", 3),
    (b"UGX", 0),
    (b"VND", 0),
    (b"VUV", 0),
    (b"XAF", 0),
    (b"XOF", 0),
    (b"XPF", 0),
];

impl Currency {
    /// United States dollar: the default where a value comes without a currency.
    pub const USD: Self = Self(*b"USD");

    /// Three ASCII letters, any case.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 3] = text.trim().as_bytes().try_into().ok()?;
        bytes
            .iter()
            .all(u8::is_ascii_alphabetic)
            .then(|| Self(bytes.map(|b| b.to_ascii_uppercase())))
    }

    /// Decimal digits of the minor unit: 2 for most, 0 for JPY, 3 for KWD.
    pub fn exponent(self) -> u32 {
        EXPONENTS.iter().find(|(code, _)| **code == self.0).map_or(2, |(_, exponent)| *exponent)
    }

    /// The three letters.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or("XXX")
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <alloc::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("a currency is three letters"))
    }
}

/// An amount in minor units of its currency; negative for refunds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Minor units: cents, pence, yen.
    pub minor: i64,
    /// What the units are of.
    pub currency: Currency,
}

impl Money {
    /// Parses a decimal such as `12.5`, `-0.005` or `1e3`, exactly; digits beyond the minor unit
    /// round half away from zero. `None` when it is no such number or beyond 64 bits.
    pub fn parse_decimal(text: &str, currency: Currency) -> Option<Self> {
        let text = text.trim();
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, power) = match text.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, power.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() && fraction.is_empty() || mantissa.len() > 40 {
            return None;
        }
        let mut digits: u128 = 0;
        for digit in whole.bytes().chain(fraction.bytes()) {
            let value = digit.is_ascii_digit().then(|| u128::from(digit - b'0'))?;
            digits = digits.checked_mul(10)?.checked_add(value)?;
        }
        let shift = i64::from(power) + i64::from(currency.exponent()) - fraction.len() as i64;
        let minor = scale(digits, shift)?;
        let minor = i64::try_from(minor).ok()?;
        Some(Self { minor: if negative { -minor } else { minor }, currency })
    }

    /// The amount in major units as exact decimal text: `12.50`.
    pub fn to_decimal(self) -> String {
        let exponent = self.currency.exponent() as usize;
        let sign = if self.minor < 0 { "-" } else { "" };
        let digits = alloc::format!("{:0width$}", self.minor.unsigned_abs(), width = exponent + 1);
        let (whole, fraction) = digits.split_at(digits.len() - exponent);
        let point = if exponent == 0 { "" } else { "." };
        alloc::format!("{sign}{whole}{point}{fraction}")
    }
}

/// `digits` times ten to the `shift`, rounding half away from zero.
fn scale(digits: u128, shift: i64) -> Option<u128> {
    if digits == 0 {
        return Some(0);
    }
    if shift >= 0 {
        return digits.checked_mul(10u128.checked_pow(u32::try_from(shift).ok()?)?);
    }
    let Some(divisor) = u32::try_from(-shift).ok().and_then(|places| 10u128.checked_pow(places))
    else {
        return Some(0);
    };
    Some((digits + divisor / 2) / divisor)
}
