//! `[decide]`: as it is written, and as the service takes it.

use super::error::ConfigError;
use super::experiments::{RawExperiment, RawRehearsal, rehearsal, trials};
use super::outside::{RawHttp, http};
use super::resolved::wrong;
use crate::decide::{CelRules, Configured, DecideOptions, ShadowOptions};
use crate::forward::Guard;
use millstream_decide::prefetch::HINTS_MAX;
use millstream_decide::use_case::Exploration;
use millstream_decide::{Architecture, Candidate, ItemId, Micros, Moment, Rung, Stage, UseCase};
use millstream_event::Span;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

/// Budgets that can be given, in milliseconds.
const BUDGET_MS: RangeInclusive<u64> = 5..=10_000;
/// Most use cases.
const USE_CASES_MAX: usize = 256;

/// `[decide]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decide {
    /// Threads.
    pub workers: usize,
    /// Decisions that wait for a thread.
    pub queue: usize,
    /// Profiles in memory.
    pub profiles_cached: usize,
    /// Kept answers.
    pub answers_cached: usize,
    /// How long.
    pub answers_minutes: u32,
    /// Better answers that came late.
    pub late_kept: usize,
    /// How long.
    pub late_seconds: u32,
    /// Visitors who are followed to see whether hints come true.
    pub hints_followed: usize,
    /// How long.
    pub hints_seconds: u32,
    /// `[[decide.use_cases]]`
    #[serde(default)]
    pub use_cases: Vec<RawUseCase>,
    /// `[[decide.experiments]]`
    #[serde(default)]
    pub experiments: Vec<RawExperiment>,
    /// `[decide.rehearsal]`
    pub rehearsal: RawRehearsal,
}

/// One of `[[decide.use_cases]]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawUseCase {
    name: String,
    default: String,
    template: Option<String>,
    moment: Option<String>,
    tier: Option<u8>,
    architecture: Option<String>,
    budget_ms: Option<u64>,
    #[serde(default)]
    candidates: Vec<RawCandidate>,
    stages: Option<Vec<String>>,
    ladder: Option<Vec<String>>,
    segment_by: Option<Vec<String>>,
    answer_max: Option<usize>,
    group_max: Option<usize>,
    survivors: Option<usize>,
    exploration: Option<RawExploration>,
    holdout_percent: Option<f64>,
    goal: Option<String>,
    session_gap_minutes: Option<u32>,
    hints: Option<usize>,
    rule: Option<String>,
    http: Option<RawHttp>,
    shadow: Option<RawShadow>,
}

/// `[decide.use_cases.shadow]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawShadow {
    use_case: String,
    share_percent: Option<f64>,
}

/// A candidate: its name, or a table.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged, expecting = "a candidate is its name, or a table with its name as `id`")]
enum RawCandidate {
    Name(String),
    Described {
        id: String,
        group: Option<String>,
        #[serde(default)]
        prior: i8,
        #[serde(default)]
        features: Vec<f32>,
        when: Option<String>,
        value: Option<toml::Value>,
    },
}

/// `exploration = { among = 5, gamma = 20.0 }`
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawExploration {
    among: usize,
    gamma: f64,
}

/// What a template sets: moment, architecture, budget.
struct Template(Moment, Architecture, u64);

fn template(name: Option<&str>) -> Result<Template, ConfigError> {
    Ok(match name {
        None | Some("edge") => Template(Moment::InRender, Architecture::Edge, 150),
        Some("origin") => Template(Moment::InRender, Architecture::Session, 400),
        Some("primary_content") => Template(Moment::PreRender, Architecture::Edge, 200),
        Some("search") => Template(Moment::InRender, Architecture::Edge, 300),
        Some("batch") => Template(Moment::PostRender, Architecture::Batch, 400),
        Some(other) => {
            return Err(wrong(
                "decide.use_cases.template",
                other,
                "use edge, origin, primary_content, search or batch",
            ));
        }
    })
}

pub(super) fn bounded(
    key: &'static str,
    value: usize,
    range: RangeInclusive<usize>,
) -> Result<usize, ConfigError> {
    if range.contains(&value) {
        return Ok(value);
    }
    Err(wrong(key, value, &format!("use {} to {}", range.start(), range.end())))
}

/// The one of `all` that has this name.
pub(super) fn named<T: Copy>(
    key: &'static str,
    text: &str,
    (all, name): (&[T], fn(T) -> &'static str),
) -> Result<T, ConfigError> {
    let known = all.iter().copied().find(|one| name(*one) == text);
    known.ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|one| name(*one)).collect();
        wrong(key, text, &format!("use {}", names.join(", ")))
    })
}

/// Of `names` each as the one of `all` that has it.
pub(super) fn all_named<T: Copy>(
    key: &'static str,
    names: &[String],
    known: (&[T], fn(T) -> &'static str),
) -> Result<Vec<T>, ConfigError> {
    names.iter().map(|text| named(key, text, known)).collect()
}

/// Stages that can be chosen.
pub(super) const STAGES: (&[Stage], fn(Stage) -> &'static str) = (&Stage::HEAVY, Stage::as_str);
/// Architectures.
pub(super) const ARCHITECTURES: (&[Architecture], fn(Architecture) -> &'static str) =
    (&Architecture::ALL, Architecture::as_str);

/// Checks what was written.
pub(super) fn decide(raw: &Decide, guard: &Guard) -> Result<DecideOptions, ConfigError> {
    bounded("decide.use_cases", raw.use_cases.len(), 0..=USE_CASES_MAX)?;
    let mut use_cases = Vec::new();
    for raw in &raw.use_cases {
        let configured = configured(raw).map_err(|error| error.within(&raw.name))?;
        let name = &configured.use_case.name;
        if use_cases.iter().any(|known: &Configured| known.use_case.name == *name) {
            return Err(wrong("decide.use_cases.name", name, "give each use case its own name"));
        }
        CelRules::new(&configured)
            .map_err(|error| wrong("decide.use_cases.rule", name, &error.to_string()))?;
        use_cases.push(configured);
    }
    let known = |name: &str| use_cases.iter().any(|it: &Configured| *it.use_case.name == *name);
    for configured in &use_cases {
        let shadow = configured.shadow.as_ref().map(|shadow| &*shadow.use_case);
        if let Some(name) = shadow
            && (!known(name) || *name == *configured.use_case.name)
        {
            let how = "name another one of [[decide.use_cases]]";
            return Err(wrong("decide.use_cases.shadow.use_case", name, how));
        }
    }
    let minutes = bounded("decide.answers_minutes", raw.answers_minutes as usize, 1..=43_200)?;
    let late = bounded("decide.late_seconds", raw.late_seconds as usize, 1..=3_600)?;
    let hints = bounded("decide.hints_seconds", raw.hints_seconds as usize, 1..=3_600)?;
    Ok(DecideOptions {
        hints_followed: bounded("decide.hints_followed", raw.hints_followed, 1..=10_000_000)?,
        hints_for: Duration::from_secs(hints as u64),
        late_kept: bounded("decide.late_kept", raw.late_kept, 1..=10_000_000)?,
        late_for: Duration::from_secs(late as u64),
        workers: bounded("decide.workers", raw.workers, 1..=256)?,
        queue: bounded("decide.queue", raw.queue, 1..=1_000_000)?,
        profiles_cached: bounded("decide.profiles_cached", raw.profiles_cached, 1..=100_000_000)?,
        answers_cached: bounded("decide.answers_cached", raw.answers_cached, 1..=100_000_000)?,
        answers_for: Duration::from_secs(60 * minutes as u64),
        trials: trials(&raw.experiments, &use_cases)?,
        rehearsal: rehearsal(raw.rehearsal)?,
        guard: guard.clone(),
        use_cases,
    })
}

fn configured(raw: &RawUseCase) -> Result<Configured, ConfigError> {
    let Written { candidates, rules: candidate_rules, values } = written(&raw.candidates);
    bounded("decide.use_cases.candidates", candidates.len(), 0..=UseCase::CANDIDATES_MAX)?;
    let mut known = BTreeSet::new();
    if let Some(twice) = candidates.iter().find(|candidate| !known.insert(&candidate.name)) {
        return Err(wrong("decide.use_cases.candidates", &twice.name, "name each candidate once"));
    }
    let Template(moment, architecture, budget_ms) = template(raw.template.as_deref())?;
    let budget_ms = raw.budget_ms.unwrap_or(budget_ms);
    if !BUDGET_MS.contains(&budget_ms) {
        return Err(wrong("decide.use_cases.budget_ms", budget_ms, "use 5 to 10000"));
    }
    let shadow = raw.shadow.as_ref().map(shadow).transpose()?;
    let http = http(raw.http.as_ref(), budget_ms)?;
    let stages = stages(raw.stages.as_deref(), http.is_some())?;
    let segment_by = raw.segment_by.clone().unwrap_or_else(|| vec!["country".to_owned()]);
    let moments = (&Moment::ALL[..], Moment::as_str as fn(_) -> _);
    let rungs = (&Rung::ALL[..], Rung::as_str as fn(_) -> _);
    let use_case = UseCase {
        name: name("decide.use_cases.name", &raw.name)?,
        moment: match &raw.moment {
            Some(text) => named("decide.use_cases.moment", text, moments)?,
            None => moment,
        },
        tier: tier(raw.tier, budget_ms)?,
        budget: Micros::millis(budget_ms),
        architecture: match &raw.architecture {
            Some(text) => named("decide.use_cases.architecture", text, ARCHITECTURES)?,
            None => architecture,
        },
        candidates,
        fallback: raw.default.as_str().into(),
        stages,
        ladder: match &raw.ladder {
            Some(names) => all_named("decide.use_cases.ladder", names, rungs)?,
            None => Rung::ALL.to_vec(),
        },
        segment_by: segment_by.into_iter().map(Into::into).collect(),
        answer_max: bounded(
            "decide.use_cases.answer_max",
            raw.answer_max.unwrap_or(10),
            1..=1_000,
        )?,
        group_max: raw.group_max.unwrap_or(0),
        survivors: bounded(
            "decide.use_cases.survivors",
            raw.survivors.unwrap_or(300),
            1..=UseCase::CANDIDATES_MAX,
        )?,
        exploration: exploration(raw.exploration)?,
        holdout_ppm: percent_ppm(
            "decide.use_cases.holdout_percent",
            raw.holdout_percent.unwrap_or(0.0),
        )?,
        hints: bounded("decide.use_cases.hints", raw.hints.unwrap_or(0), 0..=HINTS_MAX)?,
        goal: raw.goal.as_deref().unwrap_or("Order Completed").into(),
        session_gap: Span::minutes(i64::from(raw.session_gap_minutes.unwrap_or(30))),
    };
    Ok(Configured { use_case, rule: raw.rule.clone(), candidate_rules, values, http, shadow })
}

fn shadow(raw: &RawShadow) -> Result<ShadowOptions, ConfigError> {
    let percent = raw.share_percent.unwrap_or(100.0);
    let share_ppm = percent_ppm("decide.use_cases.shadow.share_percent", percent)?;
    Ok(ShadowOptions { use_case: raw.use_case.as_str().into(), share_ppm })
}

/// The stages that may run: where nothing is said the usual ones, and an external service that is there.
fn stages(names: Option<&[String]>, http: bool) -> Result<Vec<Stage>, ConfigError> {
    const KEY: &str = "decide.use_cases.stages";
    let mut stages = Stage::USUAL.to_vec();
    match names {
        Some(names) => stages = all_named(KEY, names, STAGES)?,
        None if http => stages.push(Stage::Http),
        None => {}
    }
    if stages.contains(&Stage::Http) && !http {
        return Err(wrong(KEY, "http", "say where the service is: [decide.use_cases.http]"));
    }
    Ok(stages)
}

/// A name that answers and reports show.
pub(super) fn name(key: &'static str, text: &str) -> Result<Box<str>, ConfigError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !text.is_empty() && text.len() <= 64 && text.bytes().all(plain) {
        return Ok(text.into());
    }
    Err(wrong(key, text, "use 1 to 64 of A-Z a-z 0-9 - _ ."))
}

/// The tier that a budget belongs to, which a stated one must fit.
fn tier(stated: Option<u8>, budget_ms: u64) -> Result<u8, ConfigError> {
    let fitting = match budget_ms {
        0..100 => 1,
        100..=500 => 2,
        _ => 3,
    };
    match stated {
        Some(stated) if stated != fitting => Err(wrong(
            "decide.use_cases.tier",
            stated,
            "tier 1 is under 100 ms, 2 from 100 to 500 ms, 3 above: change it or budget_ms",
        )),
        _ => Ok(fitting),
    }
}

fn exploration(raw: Option<RawExploration>) -> Result<Option<Exploration>, ConfigError> {
    let Some(RawExploration { among, gamma }) = raw else { return Ok(None) };
    bounded("decide.use_cases.exploration.among", among, 2..=100)?;
    if !(0.0..=1e6).contains(&gamma) {
        return Err(wrong("decide.use_cases.exploration.gamma", gamma, "use 0 to 1000000"));
    }
    Ok(Some(Exploration { among, gamma }))
}

/// A share in parts per million.
pub(super) fn percent_ppm(key: &'static str, percent: f64) -> Result<u32, ConfigError> {
    if (0.0..=100.0).contains(&percent) {
        return Ok((percent * 10_000.0).round() as u32);
    }
    Err(wrong(key, percent, "use 0 to 100"))
}

/// Candidates with what is said beside them.
#[derive(Default)]
struct Written {
    candidates: Vec<Candidate>,
    rules: BTreeMap<Box<str>, String>,
    values: BTreeMap<Box<str>, serde_json::Value>,
}

fn written(raw: &[RawCandidate]) -> Written {
    let mut written = Written::default();
    for raw in raw {
        let candidate = match raw {
            RawCandidate::Name(name) => Candidate::named(name),
            RawCandidate::Described { id, group, prior, features, when, value } => {
                let name: Box<str> = id.as_str().into();
                if let Some(when) = when {
                    written.rules.insert(name.clone(), when.clone());
                }
                // Every TOML value has a JSON form; a float stays one.
                if let Some(value) = value.as_ref().and_then(|it| serde_json::to_value(it).ok()) {
                    written.values.insert(name.clone(), value);
                }
                Candidate {
                    name,
                    item: ItemId::of(id),
                    group: group.as_deref().map(Into::into),
                    prior: *prior,
                    features: features.clone(),
                }
            }
        };
        written.candidates.push(candidate);
    }
    written
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, ConfigError, read};
    use millstream_decide::{Architecture, Micros};

    fn resolve(file: &str) -> Result<Config, ConfigError> {
        Config::resolve(read(Some(("odd.toml", file)), &[])?)
    }

    #[test]
    fn templates_carry_the_promised_budgets() {
        for (template, budget_ms, architecture, tier) in [
            ("edge", 150, Architecture::Edge, 2),
            ("origin", 400, Architecture::Session, 2),
            ("primary_content", 200, Architecture::Edge, 2),
            ("search", 300, Architecture::Edge, 2),
            ("batch", 400, Architecture::Batch, 2),
        ] {
            let file = format!(
                "[[decide.use_cases]]\nname = \"a\"\ndefault = \"x\"\ntemplate = \"{template}\"\n"
            );
            let use_case = resolve(&file).unwrap().decide.use_cases.remove(0).use_case;
            assert_eq!(use_case.budget, Micros::millis(budget_ms), "{template}");
            assert_eq!((use_case.architecture, use_case.tier), (architecture, tier));
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_key() {
        for (line, key) in [
            ("budget_ms = 4", "budget_ms"),
            ("budget_ms = 10001", "budget_ms"),
            ("tier = 3", "tier"),
            ("template = \"fast\"", "template"),
            ("moment = \"later\"", "moment"),
            ("stages = [\"magic\"]", "use http, rerank, neighbours, exploration"),
            ("architecture = \"cloud\"", "use batch, session, edge"),
            ("candidates = [\"b\", { id = \"b\" }]", "each candidate once"),
            ("budget_ms = 3", "3 (in `a`)"),
            ("candidates = [{ id = 3 }]", "a candidate is its name"),
            ("ladder = [\"top\"]", "ladder"),
            ("answer_max = 0", "answer_max"),
            ("survivors = 5001", "survivors"),
            ("holdout_percent = 101.0", "holdout_percent"),
            ("hints = 9", "hints"),
            ("exploration = { among = 1, gamma = 1.0 }", "exploration.among"),
            ("exploration = { among = 2, gamma = -1.0 }", "exploration.gamma"),
            ("rule = \"context.country ==\"", "rule"),
            ("rule = \"visitor.age > 3\"", "rule"),
        ] {
            let file = format!("[[decide.use_cases]]\nname = \"a\"\ndefault = \"x\"\n{line}\n");
            let said = resolve(&file).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(said.contains(key), "{line}: {said}");
        }
        let twice = "[[decide.use_cases]]\nname = \"a\"\ndefault = \"x\"\n".repeat(2);
        assert!(resolve(&twice).unwrap_err().to_string().contains("own name"));
    }
}
