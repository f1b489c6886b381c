//! Cases of several queues or classes.

use super::case::{Inputs, numbers_of};
use super::judge::{Answering, Asked, Computed};
use super::key::{member, quantile};
use super::single::replicated;
use crate::queue::fork_join;
use crate::queue::general::Service;
use crate::queue::network::{self, Station as Serves};
use crate::queue::phase_type::PhaseType;
use crate::queue::priority::{WorkClass, non_preemptive_waits, preemptive_sojourns};
use crate::queue::special::{gamma_quantile, harmonic};
use crate::simulate::{
    Discipline, Distribution, Interval, JobClass, Model, Outcome, Stage, Station,
};
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

fn number(value: f64) -> Option<Computed> {
    Some(Computed::Number(value))
}

pub(super) fn tandem(inputs: Inputs<'_>) -> Option<Answering<'_>> {
    let arrivals = inputs.rate("lambda")?;
    let rates = inputs.service_rates()?;
    if rates.iter().any(|rate| *rate <= arrivals) {
        return None;
    }
    let spare: Vec<f64> = rates.iter().map(|rate| rate - arrivals).collect();
    let mean: f64 = spare.iter().map(|spare| 1.0 / spare).sum();
    let variance: f64 = spare.iter().map(|spare| 1.0 / (spare * spare)).sum();
    let time = PhaseType::in_series(&spare);
    Some(Box::new(move |key: &str, _: Asked| {
        if let Some(q) = key.strip_prefix("gamma_").and_then(quantile) {
            return number(gamma_quantile(mean * mean / variance, 1.0 - q) * variance / mean);
        }
        if let Some(q) = quantile(key.strip_prefix("W_").unwrap_or(key)) {
            return number(time.quantile(q));
        }
        let slowest =
            rates.iter().enumerate().min_by(|one, two| one.1.total_cmp(two.1)).map(|(at, _)| at);
        match key {
            "W" | "T" => number(mean),
            "Wq" => number(mean - rates.iter().map(|rate| 1.0 / rate).sum::<f64>()),
            "L" | "N" => number(arrivals * mean),
            "var_W" | "var_T" => number(variance),
            "bottleneck_index" => number(slowest? as f64),
            "rho_max" => number(arrivals / rates[slowest?]),
            _ => {
                let (what, which) = key.rsplit_once('_')?;
                let at = member(which, rates.len(), 0)?;
                match what {
                    "rho" | "U" => number(arrivals / rates[at]),
                    "W" => number(1.0 / spare[at]),
                    "L" => number(arrivals / spare[at]),
                    _ => None,
                }
            }
        }
    }))
}

pub(super) fn feedback(inputs: Inputs<'_>) -> Option<Answering<'_>> {
    let arrivals = inputs.rate("lambda")?;
    let rate = inputs.service_rates()?.first().copied()?;
    let again = inputs.any(&["p_feedback", "p", "p_retry"])?;
    let effective = arrivals / (1.0 - again);
    let utilisation = effective / rate;
    if !(0.0..1.0).contains(&utilisation) {
        return None;
    }
    let inside = utilisation / (1.0 - utilisation);
    Some(Box::new(move |key: &str, _: Asked| match key {
        "lambda_eff" => number(effective),
        "rho" | "U" => number(utilisation),
        "L" | "N" => number(inside),
        "W_total" | "W" => number(inside / arrivals),
        "W_visit" | "W_per_visit" => number(inside / effective),
        "visits" => number(1.0 / (1.0 - again)),
        _ => None,
    }))
}

pub(super) fn jackson(inputs: Inputs<'_>) -> Option<Answering<'_>> {
    let entering = inputs.rates("gamma").or_else(|| inputs.rates("lambda"))?;
    let rates = inputs.service_rates()?;
    let routes: Vec<Vec<f64>> = inputs
        .value("P")
        .or_else(|| inputs.value("routing"))?
        .as_array()?
        .iter()
        .filter_map(numbers_of)
        .collect();
    let arrivals = network::traffic(&entering, &routes)?;
    let total: f64 = entering.iter().sum();
    let inside: Option<Vec<f64>> = arrivals
        .iter()
        .zip(&rates)
        .map(|(arrivals, rate)| (arrivals < rate).then(|| arrivals / (rate - arrivals)))
        .collect();
    let inside = inside?;
    Some(Box::new(move |key: &str, _: Asked| {
        match key {
            "L" | "N" => return number(inside.iter().sum()),
            "W" | "T" => return number(inside.iter().sum::<f64>() / total),
            _ => {}
        }
        let (what, which) = key.rsplit_once('_')?;
        let at = member(which, rates.len(), 0)?;
        match what {
            "lambda" => number(arrivals[at]),
            "rho" | "U" => number(arrivals[at] / rates[at]),
            "L" | "N" => number(inside[at]),
            "W" => number(inside[at] / arrivals[at]),
            _ => None,
        }
    }))
}

/// Whether higher work interrupts lower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interrupts {
    Never,
    Always,
}

pub(super) fn priority<'c>(
    inputs: Inputs<'c>,
    interrupts: Interrupts,
    keys: &[&str],
) -> Option<Answering<'c>> {
    let arrivals = inputs.rates("lambda")?;
    let rates = inputs.service_rates()?;
    let scvs =
        inputs.numbers("scv").or_else(|| inputs.numbers("cs2")).unwrap_or_else(|| Vec::from([1.0]));
    let of = |list: &[f64], at: usize| list.get(at).or_else(|| list.last()).copied();
    let class = |(at, arrivals): (usize, &f64)| {
        let service = Service::new(1.0 / of(&rates, at)?, of(&scvs, at)?);
        Some((WorkClass { arrivals: *arrivals, service }, of(&scvs, at)?))
    };
    let described: Option<Vec<(WorkClass, f64)>> = arrivals.iter().enumerate().map(class).collect();
    let described = described?;
    let classes: Vec<WorkClass> = described.iter().map(|(class, _)| *class).collect();
    let sojourns: Vec<Option<f64>> = match interrupts {
        Interrupts::Never => {
            let waits = non_preemptive_waits(&classes);
            waits
                .iter()
                .zip(&classes)
                .map(|(wait, class)| wait.map(|wait| wait + class.service.mean))
                .collect()
        }
        Interrupts::Always => preemptive_sojourns(&classes),
    };
    let first = usize::from(!keys.iter().any(|key| key.ends_with("_0")));
    let simulated = move || {
        let discipline = match interrupts {
            Interrupts::Never => Discipline::NonPreemptive,
            Interrupts::Always => Discipline::PreemptiveResume,
        };
        let job = |(at, (class, scv)): (usize, &(WorkClass, f64))| {
            let stage = Stage::at(0, Distribution::gamma(class.service.mean, *scv));
            let job =
                JobClass::new(Distribution::Exponential(1.0 / class.arrivals), Vec::from([stage]));
            JobClass { priority: at, ..job }
        };
        let station = Station { servers: 1, discipline, room: None };
        let model = Model {
            stations: Vec::from([station]),
            classes: described.iter().enumerate().map(job).collect(),
        };
        let all: f64 = described.iter().map(|(class, _)| class.arrivals).sum();
        replicated(&model, all, 1_000_000.0, 8)
    };
    Some(Box::new(move |key: &str, asked: Asked| {
        if key == "rho" || key == "U" {
            return number(classes.iter().map(WorkClass::utilisation).sum());
        }
        let (what, which) = key.rsplit_once('_')?;
        let at = member(which, classes.len(), first)?;
        let quantile = quantile(what);
        if quantile.is_some() || asked == Asked::Simulation {
            let figure = |outcome: &Outcome| match quantile {
                Some(q) => outcome.classes[at].sojourns.quantile(q),
                None if what == "Wq" => outcome.classes[at].wait_mean(),
                None => outcome.classes[at].sojourn_mean(),
            };
            return number(Interval::of(&simulated().iter().map(figure).collect::<Vec<_>>()).mean);
        }
        let service = classes[at].service.mean;
        match (what, sojourns[at]) {
            ("rho" | "U", _) => number(classes[at].utilisation()),
            (_, None) => Some(Computed::Unbounded),
            ("W" | "T", Some(sojourn)) => number(sojourn),
            ("Wq", Some(sojourn)) => number(sojourn - service),
            ("L" | "N", Some(sojourn)) => number(classes[at].arrivals * sojourn),
            ("Lq", Some(sojourn)) => number(classes[at].arrivals * (sojourn - service)),
            _ => None,
        }
    }))
}

/// Jobs of one replication and replications of a fork: their means are sharpened by the branches', whose
/// mean is known.
const FORKS: f64 = 250_000.0;
const FORK_REPLICATIONS: u64 = 24;

pub(super) fn fork_join(inputs: Inputs<'_>) -> Option<Answering<'_>> {
    let arrivals = inputs.rate("lambda")?;
    let rate = inputs.service_rates()?.first().copied()?;
    let branches = inputs.count("n")?;
    let quorum = inputs.count("quorum").or(inputs.count("k")).unwrap_or(branches);
    if arrivals >= rate || branches == 0 || branches > 64 || quorum == 0 || quorum > branches {
        return None;
    }
    let branch = 1.0 / (rate - arrivals);
    let one = move |time: f64| libm::exp(-time / branch);
    let simulated = move || {
        let stage = Stage {
            stations: (0..branches as usize).collect(),
            quorum,
            service: Distribution::Exponential(1.0 / rate),
        };
        let station = Station { servers: 1, discipline: Discipline::Fifo, room: None };
        let class = JobClass::new(Distribution::Exponential(1.0 / arrivals), Vec::from([stage]));
        let model = Model {
            stations: (0..branches).map(|_| station).collect(),
            classes: Vec::from([class]),
        };
        replicated(&model, arrivals, FORKS, FORK_REPLICATIONS)
    };
    Some(Box::new(move |key: &str, asked: Asked| {
        let controlled = |figure: &dyn Fn(&Outcome) -> f64| {
            let outcomes = simulated();
            let values: Vec<f64> = outcomes.iter().map(figure).collect();
            let per_branch = |outcome: &Outcome| {
                let spent: f64 = outcome
                    .stations
                    .iter()
                    .map(|station| station.wait_sum + station.work_sum)
                    .sum();
                spent / outcome.stations.iter().map(|station| station.served as f64).sum::<f64>()
            };
            let companions: Vec<f64> = outcomes.iter().map(per_branch).collect();
            number(Interval::controlled(&values, &companions, branch).mean)
        };
        if let Some(q) = key.strip_prefix("independent_").and_then(quantile) {
            return number(fork_join::quorum_quantile(branches, quorum, q, one, branch));
        }
        if let Some(q) = quantile(key) {
            return controlled(&|outcome| outcome.classes[0].sojourns.quantile(q));
        }
        match key {
            "W" | "T" | "R" => match (asked, branches, quorum) {
                (_, 1, 1) => number(branch),
                (_, 2, 2) => number(fork_join::both_of_two(arrivals, rate)?),
                _ => controlled(&|outcome| outcome.classes[0].sojourn_mean()),
            },
            "nelson_tantawi_W" if quorum == branches => {
                number(fork_join::all_of(branches, arrivals, rate)?)
            }
            "independent_W" | "independent_branches_W" => {
                number(fork_join::quorum_mean(branches, quorum) * branch)
            }
            "H_n" => number(harmonic(branches)),
            _ => None,
        }
    }))
}

pub(super) fn product_form(inputs: Inputs<'_>) -> Option<Answering<'_>> {
    let arrivals = inputs.rates("lambda")?;
    let stations = inputs.value("stations")?.as_array()?;
    let mut demands = Vec::new();
    let mut serves = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for station in stations {
        let station = Inputs(station.as_object()?);
        let kind = station.text("type")?;
        serves.push(if matches!(kind, "IS" | "delay" | "infinite") {
            Serves::Delay
        } else {
            Serves::Queue
        });
        demands.push(station.times("demand")?);
        let usual = match kind {
            "PS" => "cpu",
            "FCFS" | "FIFO" => "disk",
            "IS" | "delay" => "delay",
            other => other,
        };
        names.push(station.text("name").unwrap_or(usual).to_string());
    }
    let utilisation = network::station_utilisation(&arrivals, &demands);
    let responses = network::class_responses(&arrivals, &demands, &serves);
    Some(Box::new(move |key: &str, _: Asked| {
        let (what, which) = key.split_once('_')?;
        match what {
            "U" | "rho" => {
                let at = names
                    .iter()
                    .position(|name| name == which)
                    .or_else(|| member(which, names.len(), 0))?;
                number(utilisation[at])
            }
            "R" | "W" | "T" => {
                let at = member(which, responses.len(), 0)?;
                Some(super::judge::bounded(responses[at]))
            }
            "L" | "N" => {
                let at = member(which, responses.len(), 0)?;
                Some(super::judge::bounded(responses[at].map(|response| response * arrivals[at])))
            }
            _ => None,
        }
    }))
}
