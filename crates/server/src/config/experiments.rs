//! `[[decide.experiments]]` and `[decide.rehearsal]`: as they are written, and as the service takes them.

use super::decide::{ARCHITECTURES, STAGES, all_named, bounded, named, percent_ppm};
use super::error::ConfigError;
use super::resolved::wrong;
use crate::decide::{Configured, Rehearsal, Trial};
use millstream_decide::experiment::assignment::PLACES;
use millstream_decide::experiment::{Arm, Experiment, Layer};
use millstream_decide::{Micros, Treatment};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// Most experiments on one use case: a decision carries all of its arms.
const EXPERIMENTS_MAX: usize = 8;
/// Longest stall that can be rehearsed, in milliseconds.
const STALL_MS_MAX: usize = 60_000;

/// One of `[[decide.experiments]]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawExperiment {
    name: String,
    use_case: String,
    layer: Option<String>,
    from_percent: Option<f64>,
    to_percent: Option<f64>,
    negligible_percent: Option<f64>,
    arms: Vec<RawArm>,
}

/// An arm and what it changes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawArm {
    name: String,
    weight: Option<u32>,
    delay_ms: Option<u64>,
    stale_by: Option<usize>,
    architecture: Option<String>,
    stages: Option<Vec<String>>,
}

/// `[decide.rehearsal]`
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRehearsal {
    profile_percent: f64,
    model_percent: f64,
    stall_ms: usize,
}

/// Checks the faults that are rehearsed.
pub(super) fn rehearsal(raw: RawRehearsal) -> Result<Rehearsal, ConfigError> {
    let stall_ms = bounded("decide.rehearsal.stall_ms", raw.stall_ms, 0..=STALL_MS_MAX)?;
    Ok(Rehearsal {
        profile_ppm: percent_ppm("decide.rehearsal.profile_percent", raw.profile_percent)?,
        model_ppm: percent_ppm("decide.rehearsal.model_percent", raw.model_percent)?,
        stall: Duration::from_millis(stall_ms as u64),
    })
}

/// Checks what was written.
pub(super) fn trials(
    raw: &[RawExperiment],
    use_cases: &[Configured],
) -> Result<Vec<Trial>, ConfigError> {
    let mut trials: Vec<Trial> = Vec::new();
    for raw in raw {
        let trial = trial(raw, use_cases).map_err(|error| error.within(&raw.name))?;
        if trials.iter().any(|known| known.experiment.name == trial.experiment.name) {
            return Err(wrong("decide.experiments.name", &raw.name, "give each its own name"));
        }
        trials.push(trial);
    }
    for configured in use_cases {
        let name = &configured.use_case.name;
        let own: Vec<&Trial> = trials.iter().filter(|trial| trial.use_case == *name).collect();
        bounded("decide.experiments", own.len(), 0..=EXPERIMENTS_MAX)?;
        exclusive(&own)?;
    }
    Ok(trials)
}

/// Experiments of one layer must not want the same visitors.
fn exclusive(trials: &[&Trial]) -> Result<(), ConfigError> {
    let mut layers: BTreeMap<&str, Vec<Experiment>> = BTreeMap::new();
    for trial in trials {
        layers.entry(&trial.layer).or_default().push(trial.experiment.clone());
    }
    for (name, experiments) in layers {
        let layer = Layer { name: name.into(), experiments };
        if let Some((one, other)) = layer.conflict() {
            return Err(wrong(
                "decide.experiments.from_percent",
                &other.name,
                &format!(
                    "it takes visitors of `{}`: part them, or give it a layer of its own",
                    one.name
                ),
            ));
        }
    }
    Ok(())
}

fn trial(raw: &RawExperiment, use_cases: &[Configured]) -> Result<Trial, ConfigError> {
    let configured = use_cases.iter().find(|it| *it.use_case.name == *raw.use_case);
    let configured = configured.ok_or_else(|| {
        wrong("decide.experiments.use_case", &raw.use_case, "name one of [[decide.use_cases]]")
    })?;
    let place = |key, percent: f64| {
        let ppm = percent_ppm(key, percent)?;
        Ok::<_, ConfigError>(u64::from(ppm) * PLACES / 1_000_000)
    };
    let from = place("decide.experiments.from_percent", raw.from_percent.unwrap_or(0.0))?;
    let to = place("decide.experiments.to_percent", raw.to_percent.unwrap_or(100.0))?;
    if from >= to {
        let what = "from_percent must be below to_percent";
        return Err(wrong("decide.experiments.to_percent", &raw.name, what));
    }
    bounded("decide.experiments.arms", raw.arms.len(), 2..=10)?;
    let (mut arms, mut treatments) = (Vec::new(), Vec::new());
    for arm in &raw.arms {
        let weight = arm.weight.unwrap_or(1);
        bounded("decide.experiments.arms.weight", weight as usize, 1..=1_000_000)?;
        let name: Box<str> = super::decide::name("decide.experiments.arms.name", &arm.name)?;
        if arms.iter().any(|known: &Arm| known.name == name) {
            return Err(wrong("decide.experiments.arms.name", &arm.name, "name each arm once"));
        }
        arms.push(Arm { name, weight });
        treatments.push(treatment(arm, configured)?);
    }
    let negligible = raw.negligible_percent.unwrap_or(5.0);
    Ok(Trial {
        use_case: configured.use_case.name.clone(),
        layer: raw.layer.as_deref().unwrap_or(&raw.use_case).into(),
        experiment: Experiment {
            name: super::decide::name("decide.experiments.name", &raw.name)?,
            from,
            to,
            arms,
        },
        treatments,
        negligible: f64::from(percent_ppm("decide.experiments.negligible_percent", negligible)?)
            / 1e6,
    })
}

fn treatment(raw: &RawArm, configured: &Configured) -> Result<Treatment, ConfigError> {
    let delay = Micros::millis(raw.delay_ms.unwrap_or(0));
    if delay.0 > configured.use_case.budget.0 / 2 {
        return Err(wrong(
            "decide.experiments.arms.delay_ms",
            &raw.name,
            "delay at most half of the budget, or raise budget_ms of the use case",
        ));
    }
    let architecture = raw
        .architecture
        .as_deref()
        .map(|text| named("decide.experiments.arms.architecture", text, ARCHITECTURES));
    let stages = raw
        .stages
        .as_deref()
        .map(|names| all_named("decide.experiments.arms.stages", names, STAGES));
    Ok(Treatment {
        delay,
        stale_by: raw.stale_by.unwrap_or(0),
        architecture: architecture.transpose()?,
        stages: stages.transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, ConfigError, read};
    use crate::decide::plans;
    use millstream_decide::{Architecture, Micros};

    fn resolve(experiments: &str) -> Result<Config, ConfigError> {
        let file = format!(
            "[decide.rehearsal]\nprofile_percent = 0.5\nstall_ms = 40\n[[decide.use_cases]]\nname = \"home\"\ndefault = \"x\"\nholdout_percent = 5.0\n{experiments}"
        );
        Config::resolve(read(Some(("odd.toml", &file)), &[])?)
    }

    const ARMS: &str = "arms = [{ name = \"edge\" }, { name = \"slow\", delay_ms = 75 }, { name = \"old\", stale_by = 3, architecture = \"session\", stages = [] }]";

    #[test]
    fn an_experiment_is_read_with_what_its_arms_change() {
        let text = format!("[[decide.experiments]]\nname = \"a\"\nuse_case = \"home\"\n{ARMS}\n");
        let decide = resolve(&text).unwrap().decide;
        assert!(decide.rehearsal.is_on() && decide.rehearsal.profile_ppm == 5_000);
        let trial = &decide.trials[0];
        assert_eq!((trial.experiment.from, trial.experiment.to), (0, 10_000));
        assert_eq!(trial.treatments[1].delay, Micros::millis(75));
        let old = &trial.treatments[2];
        assert_eq!((old.stale_by, old.architecture), (3, Some(Architecture::Session)));
        assert_eq!(old.stages.as_deref(), Some(&[][..]));
        let plans = plans(&decide.use_cases, &decide.trials);
        let names: Vec<&str> = plans.iter().map(|plan| &*plan.experiment).collect();
        assert_eq!(names, ["home.holdout", "a"]);
        assert!(!plans[0].is_of_timing() && plans[1].is_of_timing());
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_key() {
        let with = |lines: &str| format!("[[decide.experiments]]\nname = \"a\"\n{lines}\n");
        for (text, key) in [
            (with(&format!("use_case = \"other\"\n{ARMS}")), "use_case"),
            (
                with(&format!(
                    "use_case = \"home\"\nfrom_percent = 50.0\nto_percent = 50.0\n{ARMS}"
                )),
                "to_percent",
            ),
            (with("use_case = \"home\"\narms = [{ name = \"one\" }]"), "arms"),
            (with("use_case = \"home\"\narms = [{ name = \"a\" }, { name = \"a\" }]"), "arms.name"),
            (
                with(
                    "use_case = \"home\"\narms = [{ name = \"a\" }, { name = \"b\", delay_ms = 76 }]",
                ),
                "delay_ms",
            ),
            (
                with(
                    "use_case = \"home\"\narms = [{ name = \"a\" }, { name = \"b\", weight = 0 }]",
                ),
                "weight",
            ),
            (
                with(
                    "use_case = \"home\"\narms = [{ name = \"a\" }, { name = \"b\", architecture = \"x\" }]",
                ),
                "architecture",
            ),
        ] {
            let said = resolve(&text).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(said.contains(key), "{text}: {said}");
        }
        let both = |second: &str| {
            format!(
                "[[decide.experiments]]\nname = \"a\"\nuse_case = \"home\"\nto_percent = 60.0\n{ARMS}\n[[decide.experiments]]\nname = \"b\"\nuse_case = \"home\"\n{second}\n{ARMS}\n"
            )
        };
        assert!(resolve(&both("from_percent = 50.0")).is_err());
        assert!(resolve(&both("from_percent = 60.0")).is_ok());
        assert!(resolve(&both("layer = \"colour\"")).is_ok());
    }
}
