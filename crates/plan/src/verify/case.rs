//! Cases: what is given, what is expected.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Why a file of cases cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Not JSON, or not cases.
    #[error(
        "{name} is not a file of cases: {why}; it needs {{\"cases\": [{{\"id\", \"inputs\", \"expected\"}}]}}"
    )]
    Unreadable {
        /// The file.
        name: String,
        /// What is wrong, with line and column.
        why: String,
    },
    /// More bytes than a file of cases may have.
    #[error("{name} has more than {limit} bytes; split it")]
    TooLarge {
        /// The file.
        name: String,
        /// The limit.
        limit: usize,
    },
}

/// What one value should be.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Expectation {
    /// The value; text for `inf`.
    #[serde(default)]
    pub value: Value,
    /// `exact`, `published`, `simulation`, `behaviour`, `approximation`.
    #[serde(default)]
    pub kind: String,
    /// Largest relative error.
    pub tol_rel: Option<f64>,
    /// Largest absolute error.
    pub tol_abs: Option<f64>,
    /// Interval of a simulation.
    pub ci95: Option<[f64; 2]>,
    /// Least value of a behaviour.
    pub min: Option<f64>,
    /// Largest value of a behaviour.
    pub max: Option<f64>,
}

#[derive(Deserialize)]
struct File {
    cases: Vec<Case>,
}

/// One case.
#[derive(Debug, Deserialize)]
pub(super) struct Case {
    pub(super) id: String,
    #[serde(default)]
    pub(super) inputs: Map<String, Value>,
    #[serde(default)]
    pub(super) expected: Map<String, Value>,
}

pub(super) fn read(name: &str, text: &str) -> Result<Vec<Case>, VerifyError> {
    let unreadable = |error: serde_json::Error| VerifyError::Unreadable {
        name: name.into(),
        why: error.to_string(),
    };
    if text.len() > super::CASES_BYTES_MAX {
        return Err(VerifyError::TooLarge { name: name.into(), limit: super::CASES_BYTES_MAX });
    }
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).map_err(unreadable);
    }
    serde_json::from_str::<File>(text).map(|file| file.cases).map_err(unreadable)
}

/// The inputs of a case, found by name whatever their unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inputs<'c>(pub(super) &'c Map<String, Value>);

impl<'c> Inputs<'c> {
    pub(super) fn value(&self, key: &str) -> Option<&'c Value> {
        self.0.get(key)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    pub(super) fn text(&self, key: &str) -> Option<&'c str> {
        self.value(key)?.as_str()
    }

    pub(super) fn number(&self, key: &str) -> Option<f64> {
        self.value(key)?.as_f64()
    }

    pub(super) fn count(&self, key: &str) -> Option<u32> {
        self.number(key).filter(|count| (0.0..=1e9).contains(count)).map(|count| count as u32)
    }

    /// The first of several names that is there.
    pub(super) fn any(&self, keys: &[&str]) -> Option<f64> {
        keys.iter().find_map(|key| self.number(key))
    }

    /// A number or a list of numbers.
    pub(super) fn numbers(&self, key: &str) -> Option<Vec<f64>> {
        numbers_of(self.value(key)?)
    }

    /// The unit of time of all rates, in seconds: `lambda_per_min` makes it a minute.
    pub(super) fn unit(&self) -> f64 {
        let rates = self.0.keys().filter_map(|key| key.rsplit_once("_per_"));
        rates.filter_map(|(_, unit)| seconds(unit)).next().unwrap_or_else(|| {
            let times = self.0.keys().filter_map(|key| key.rsplit_once('_'));
            times.filter_map(|(_, unit)| seconds(unit)).next().unwrap_or(1.0)
        })
    }

    /// Rates by stem: `lambda`, `lambda_per_s`; per unit of [`Self::unit`].
    pub(super) fn rates(&self, stem: &str) -> Option<Vec<f64>> {
        if let Some(plain) = self.numbers(stem) {
            return Some(plain);
        }
        let unit = self.unit();
        self.0.iter().find_map(|(key, value)| {
            let per = key.strip_prefix(stem)?.strip_prefix("_per_")?;
            let factor = unit / seconds(per)?;
            Some(numbers_of(value)?.into_iter().map(|rate| rate * factor).collect())
        })
    }

    /// One rate by stem.
    pub(super) fn rate(&self, stem: &str) -> Option<f64> {
        self.rates(stem)?.first().copied()
    }

    /// Times by stem: `service`, `service_s`, `mean_service_ms`; in [`Self::unit`].
    pub(super) fn times(&self, stem: &str) -> Option<Vec<f64>> {
        let unit = self.unit();
        self.0.iter().find_map(|(key, value)| {
            let rest = key.strip_prefix("mean_").unwrap_or(key).strip_prefix(stem)?;
            let factor = match rest.strip_prefix('_') {
                Some(of) => seconds(of)? / unit,
                None if rest.is_empty() => 1.0,
                None => return None,
            };
            Some(numbers_of(value)?.into_iter().map(|time| time * factor).collect())
        })
    }

    /// One time by stem.
    pub(super) fn time(&self, stem: &str) -> Option<f64> {
        self.times(stem)?.first().copied()
    }

    /// Service rates: `mu`, or one over `service`.
    pub(super) fn service_rates(&self) -> Option<Vec<f64>> {
        self.rates("mu")
            .or_else(|| Some(self.times("service")?.iter().map(|time| 1.0 / time).collect()))
    }
}

fn seconds(unit: &str) -> Option<f64> {
    Some(match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" | "sec" => 1.0,
        "min" => 60.0,
        "h" | "hour" => 3600.0,
        "day" | "d" => 86_400.0,
        _ => return None,
    })
}

pub(super) fn numbers_of(value: &Value) -> Option<Vec<f64>> {
    match value {
        Value::Number(number) => Some(Vec::from([number.as_f64()?])),
        Value::Array(items) => items.iter().map(Value::as_f64).collect(),
        _ => None,
    }
}
