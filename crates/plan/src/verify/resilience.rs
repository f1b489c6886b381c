//! Cases of retries, bursts, fan-out, lingering and storms.

use super::case::Inputs;
use super::judge::{Answering, Asked, Computed, bounded};
use super::key::{in_words, numbers, quantile};
use crate::queue::batch::Filling;
use crate::queue::fork_join::any_slow;
use crate::queue::retry::{Burst, Storm, attempts_mean, success};
use crate::queue::special::power;
use crate::simulate::StormModel;
use alloc::boxed::Box;

fn number(value: f64) -> Option<Computed> {
    Some(Computed::Number(value))
}

pub(super) fn tail_at_scale(inputs: Inputs<'_>) -> Option<Answering<'_>> {
    let (branches, slow) = (inputs.number("n")?, inputs.number("p_slow")?);
    Some(Box::new(move |key: &str, _: Asked| {
        if let Some(rest) = key.strip_prefix("leaf_quantile_needed_for_") {
            let (wanted, of) = rest.split_once("_of_")?;
            let leaves: f64 = of.parse().ok()?;
            return number(libm::pow(quantile(wanted)?, 1.0 / leaves));
        }
        match key {
            "p_any_slow" => number(any_slow(branches, slow)),
            "p_none_slow" => number(1.0 - any_slow(branches, slow)),
            _ => None,
        }
    }))
}

pub(super) fn retries(inputs: Inputs<'_>) -> Option<Answering<'_>> {
    let (failure, most) = (inputs.number("p")?, inputs.count("max_attempts")?);
    let offered = inputs.rate("lambda");
    Some(Box::new(move |key: &str, _: Asked| {
        let attempts = attempts_mean(failure, most);
        if let Some((layers, what)) =
            key.split_once("_layers_").or_else(|| key.split_once("_layer_"))
        {
            let layers = in_words(layers)?;
            return match what {
                "worst" => number(power(f64::from(most), layers)),
                "amplification" => number(power(attempts, layers)),
                _ => None,
            };
        }
        match key {
            "amplification" | "attempts" | "A" => number(attempts),
            "success" => number(success(failure, most)),
            "failure" | "p_fail" => number(power(failure, most)),
            "attempts_per_success" => number(attempts / success(failure, most)),
            "lambda_eff" => number(offered? * attempts),
            "worst" => number(f64::from(most)),
            _ => None,
        }
    }))
}

pub(super) fn burst(inputs: Inputs<'_>) -> Option<Answering<'_>> {
    let (base, peak) = (inputs.rate("base")?, inputs.rate("peak")?);
    let lasting = inputs.time("burst")?;
    let capacity = inputs.rate("mu").or_else(|| inputs.rate("capacity"))?;
    let burst = Burst::new(base, peak, lasting, capacity);
    Some(Box::new(move |key: &str, _: Asked| {
        if let Some(q) = key.split('_').next().and_then(quantile) {
            return number(burst.delay_quantile(q));
        }
        match key {
            "max_backlog" | "backlog" => number(burst.backlog),
            "drain_s" | "drain" => Some(bounded(burst.drain)),
            "max_delay_s" | "max_delay" => number(burst.delay_max),
            "mean_delay_affected_s" | "mean_delay_s" => number(0.5 * burst.delay_max),
            "affected_events" => Some(bounded(burst.affected)),
            "time_of_max_s" => number(lasting),
            _ => None,
        }
    }))
}

pub(super) fn linger(inputs: Inputs<'_>) -> Option<Answering<'_>> {
    let arrivals = inputs.rate("lambda")?;
    let size = inputs.count("B").or(inputs.count("batch")).unwrap_or(u32::MAX);
    let time = inputs.time("T").or_else(|| inputs.time("linger"));
    let filling = Filling::new(arrivals, size, time);
    Some(Box::new(move |key: &str, _: Asked| match key {
        "mean_batch" => number(filling.events_mean),
        "mean_wait" | "mean_wait_s" => number(filling.wait_mean),
        "max_wait" | "max_wait_s" => Some(bounded(filling.wait_max)),
        "batches_per_s" | "requests_per_s" => number(arrivals / filling.events_mean),
        _ => None,
    }))
}

/// Seeds over which a storm's outcome is averaged.
const STORMS: u64 = 3;

/// `lam600_m3_FIFO`, `lam600_m3_qcap500`, `lam600_m3_dropexpired`, `lam600_m3_budget10`.
fn storm_of(word: &str, base: StormModel) -> Option<StormModel> {
    let mut model = base;
    for part in word.split('_') {
        let value = numbers(part).next();
        match part.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '.') {
            "lam" | "lambda" => model.arrivals = value?,
            "m" => model.attempts = value? as u32,
            "mu" => model.service_rate = value?,
            "timeout" => model.timeout = value?,
            "qcap" => model.room = Some(value? as u32),
            "budget" => model.budget = Some(value? / 100.0),
            "dropexpired" => model.drops_expired = true,
            "FIFO" => {}
            _ => return None,
        }
    }
    Some(model)
}

pub(super) fn metastable(inputs: Inputs<'_>) -> Option<Answering<'_>> {
    let stall = inputs.numbers("stall_s")?;
    let base = StormModel {
        arrivals: inputs.rate("lambda").unwrap_or(0.0),
        service_rate: inputs.rate("mu")?,
        timeout: inputs.number("timeout_s")?,
        attempts: inputs.count("max_attempts").unwrap_or(1),
        room: inputs.count("qcap"),
        drops_expired: false,
        budget: None,
        stall: (*stall.first()?, *stall.get(1)?),
        horizon: inputs.number("horizon_s")?,
    };
    Some(Box::new(move |key: &str, _: Asked| {
        let (word, what) = key.rsplit_once('_')?;
        let model = storm_of(word, base)?;
        let sane = model.arrivals > 0.0
            && model.arrivals * model.horizon * f64::from(model.attempts) < 1e8;
        if !sane {
            return None;
        }
        match what {
            "goodput" => {
                let runs = (1..=STORMS).map(|seed| model.run(seed).goodput_after);
                number(runs.sum::<f64>() / STORMS as f64)
            }
            "vulnerable" | "metastable" => {
                let storm = Storm {
                    load: model.arrivals / model.service_rate,
                    attempts: f64::from(model.attempts),
                    queue_holds: model.room.map(|room| f64::from(room) / model.service_rate),
                    timeout: model.timeout,
                    serves_expired: !model.drops_expired,
                };
                number(f64::from(u8::from(storm.lasts())))
            }
            _ => None,
        }
    }))
}
