//! Computes each expected value and judges it.

use super::case::{Case, Expectation, Inputs, VerifyError, read};
use super::{calculus, multiple, resilience, sharing, single, wire};
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::{Serialize, Serializer};
use serde_json::Value;

/// Tolerance of values that state none.
const TOLERANCE: f64 = 1e-9;
/// How much wider than stated a simulation's interval may be.
const INTERVAL_WIDENED: f64 = 2.0;

/// What the planner says a value is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Computed {
    /// A number.
    Number(f64),
    /// There is no bound; written `inf`.
    Unbounded,
}

impl Serialize for Computed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::Unbounded => serializer.serialize_str("inf"),
        }
    }
}

/// One value of one case.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// The case.
    pub id: String,
    /// The value's key.
    pub key: String,
    /// What the file says.
    pub expected: Value,
    /// What the planner says; `None` when it does not know this model or key.
    pub computed: Option<Computed>,
    /// `exact`, `published`, `simulation`, `behaviour`, `approximation`.
    pub kind: String,
    /// Inside tolerance, interval or limits.
    pub ok: bool,
    /// (computed - expected) / expected, where both are numbers other than zero.
    pub error: Option<f64>,
}

/// Which way a value is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// By formula.
    Formula,
    /// By simulation.
    Simulation,
}

/// A model that answers by key.
pub(super) trait Answers {
    fn answer(&self, key: &str, asked: Asked) -> Option<Computed>;
}

impl<F: Fn(&str, Asked) -> Option<Computed>> Answers for F {
    fn answer(&self, key: &str, asked: Asked) -> Option<Computed> {
        self(key, asked)
    }
}

/// A boxed model.
pub(super) type Answering<'c> = Box<dyn Answers + 'c>;

/// A number, or unbounded where the model gives none.
pub(super) fn bounded(value: Option<f64>) -> Computed {
    value.map_or(Computed::Unbounded, Computed::Number)
}

/// Computes and judges every expected value of a file of cases, in its order.
pub fn verify(name: &str, text: &str) -> Result<Vec<Verdict>, VerifyError> {
    let cases = read(name, text)?;
    Ok(cases.iter().flat_map(judge_case).collect())
}

fn judge_case(case: &Case) -> Vec<Verdict> {
    let inputs = Inputs(&case.inputs);
    let keys: Vec<&str> = case.expected.keys().map(String::as_str).collect();
    let model = model_of(inputs, &keys);
    let judge = |(key, value): (&String, &Value)| {
        let expectation = expectation(value);
        let asked =
            if expectation.kind == "simulation" { Asked::Simulation } else { Asked::Formula };
        let plain = key.strip_prefix("published_").unwrap_or(key);
        let computed = model
            .as_ref()
            .and_then(|model| model.answer(plain, asked).or_else(|| model.answer(key, asked)));
        let computed = computed.filter(|computed| match computed {
            Computed::Number(number) => number.is_finite(),
            Computed::Unbounded => true,
        });
        Verdict {
            id: case.id.clone(),
            key: key.clone(),
            ok: computed.is_some_and(|computed| holds(&expectation, computed)),
            error: relative_error(&expectation, computed),
            expected: expectation.value,
            computed,
            kind: expectation.kind,
        }
    };
    case.expected.iter().map(judge).collect()
}

/// A value may be written alone; it is then exact.
fn expectation(value: &Value) -> Expectation {
    let stated = match value {
        Value::Object(_) => serde_json::from_value::<Expectation>(value.clone()).ok(),
        _ => None,
    };
    let mut expectation =
        stated.unwrap_or_else(|| Expectation { value: value.clone(), ..Expectation::default() });
    if expectation.kind.is_empty() {
        expectation.kind = "exact".to_string();
    }
    expectation
}

fn relative_error(expectation: &Expectation, computed: Option<Computed>) -> Option<f64> {
    let Some(Computed::Number(computed)) = computed else { return None };
    let expected = expectation.value.as_f64().filter(|expected| *expected != 0.0)?;
    Some(computed / expected - 1.0)
}

fn holds(expectation: &Expectation, computed: Computed) -> bool {
    let Computed::Number(computed) = computed else {
        return expectation
            .value
            .as_str()
            .is_some_and(|text| matches!(text, "inf" | "Infinity" | "infinity"));
    };
    if let ("simulation", Some([low, high])) = (expectation.kind.as_str(), expectation.ci95) {
        let (middle, half) = (0.5 * (low + high), 0.5 * (high - low));
        return libm::fabs(computed - middle) <= INTERVAL_WIDENED * half;
    }
    if expectation.kind == "behaviour" {
        return expectation.min.is_none_or(|least| computed >= least)
            && expectation.max.is_none_or(|most| computed <= most);
    }
    let Some(expected) = expectation.value.as_f64() else { return false };
    if expectation.kind.starts_with("approx")
        && expectation.tol_rel.is_none()
        && expectation.tol_abs.is_none()
    {
        return true;
    }
    let error = libm::fabs(computed - expected);
    match (expectation.tol_abs, expectation.tol_rel) {
        (Some(absolute), Some(relative)) => {
            error <= absolute || error <= relative * libm::fabs(expected)
        }
        (Some(absolute), None) => error <= absolute,
        (None, relative) => {
            error <= relative.unwrap_or(TOLERANCE) * libm::fabs(expected).max(1e-300)
        }
    }
}

/// Letters and digits of a model's name, in lower case: `M^[X]/M/1` is `mxm1`.
fn plain_name(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}

fn model_of<'c>(inputs: Inputs<'c>, keys: &[&str]) -> Option<Answering<'c>> {
    let name = inputs.text("model").map(plain_name).unwrap_or_default();
    let has = |keys: &[&str]| keys.iter().all(|key| inputs.has(key));
    match name.as_str() {
        "mm1" | "mmc" => single::markovian(inputs),
        "mmcc" | "erlangb" | "mgcc" => single::erlang(inputs),
        "md1" => single::deterministic(inputs),
        "mg1" => single::general(inputs),
        "mm1k" | "mmck" => single::finite(inputs),
        "gg1" | "ggc" | "gigc" | "gig1" => single::two_moments(inputs),
        "mxm1" => single::batches(inputs),
        "openjacksontandem" | "tandem" | "jacksontandem" => multiple::tandem(inputs),
        "jacksonfeedback" | "feedback" => multiple::feedback(inputs),
        "jackson" | "openjackson" | "jacksonnetwork" => multiple::jackson(inputs),
        "cobham" | "nonpreemptive" | "nonpreemptivepriority" => {
            multiple::priority(inputs, multiple::Interrupts::Never, keys)
        }
        "preemptiveresume" | "preemptive" => {
            multiple::priority(inputs, multiple::Interrupts::Always, keys)
        }
        "forkjoin" => multiple::fork_join(inputs),
        "networkcalculus" | "networkcalculustandem" => calculus::calculus(inputs),
        "fluidburst" | "burst" => resilience::burst(inputs),
        "usl" | "universalscalabilitylaw" => sharing::scalability(inputs),
        _ if has(&["stations"]) => multiple::product_form(inputs),
        _ if has(&["n", "p_slow"]) => resilience::tail_at_scale(inputs),
        _ if has(&["p", "max_attempts"]) => resilience::retries(inputs),
        _ if has(&["cases", "timeout_s"]) => resilience::metastable(inputs),
        _ if has(&["base_per_s", "peak_per_s"]) => resilience::burst(inputs),
        _ if inputs.has("T_s")
            || inputs.has("linger_s")
            || (inputs.has("B") && inputs.rate("lambda").is_some()) =>
        {
            resilience::linger(inputs)
        }
        _ if has(&["capacity", "demands"]) || has(&["links", "flows"]) => sharing::fair(inputs),
        _ if has(&["payload"]) => wire::message(inputs),
        _ if has(&["mss_bytes"]) => wire::loss_limited(inputs),
        _ if has(&["link_bps", "rtt_s"]) => wire::window_limited(inputs),
        _ if has(&["mtu"]) => wire::frames(inputs),
        _ if has(&["alpha", "beta"]) => sharing::scalability(inputs),
        _ => None,
    }
}
