//! Amounts with their units, as people write them: `25 Gbit/s`, `4 KiB`, `50k/s`, `150 ms`, `0.1 %`.

mod reading;

pub(crate) use reading::shortened;
pub use reading::{from_number, parse};

use alloc::string::String;
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
