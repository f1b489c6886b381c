//! Eligibility rules in CEL, compiled once.

use super::options::Configured;
use cel::{Context as Scope, Program, Value};
use millstream_decide::{Candidate, Context, Fact, ItemId, Rules};
use std::collections::{BTreeMap, HashMap};

/// Longest rule, in bytes.
pub const RULE_BYTES_MAX: usize = 2_048;

/// A rule that cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the rule `{rule}` cannot be used: {why}; write a CEL expression over context and candidate, such as context.country == \"DE\""
)]
pub struct RuleError {
    /// The rule.
    pub rule: String,
    /// What is wrong.
    pub why: String,
}

struct Compiled {
    program: Program,
    /// False where it says the same of every candidate.
    of_candidate: bool,
}

/// The rules of one use case.
pub struct CelRules {
    whole: Option<Compiled>,
    /// Each text once.
    programs: Vec<Compiled>,
    by_candidate: BTreeMap<ItemId, usize>,
}

fn compile(rule: &str) -> Result<Compiled, RuleError> {
    let refused = |why: String| RuleError { rule: rule.chars().take(80).collect(), why };
    if rule.len() > RULE_BYTES_MAX {
        return Err(refused(format!("it is over {RULE_BYTES_MAX} bytes")));
    }
    let program = Program::compile(rule).map_err(|error| refused(readable(&error.to_string())))?;
    let unknown: Vec<String> = {
        let references = program.references();
        let mut names = references.variables();
        names.retain(|name| !matches!(*name, "context" | "candidate"));
        names.iter().map(ToString::to_string).collect()
    };
    if let Some(name) = unknown.first() {
        return Err(refused(format!("`{name}` is neither context nor candidate")));
    }
    let of_candidate = program.references().has_variable("candidate");
    Ok(Compiled { program, of_candidate })
}

/// What a compiler says, without every token that it would have taken and the text again.
fn readable(error: &str) -> String {
    let said = error.lines().next().and_then(|line| line.split(" expecting {").next());
    said.unwrap_or(error).trim_start_matches("ERROR: <input>:").to_owned()
}

impl CelRules {
    /// Compiles the rules of a use case.
    ///
    /// # Errors
    /// The first rule that cannot be compiled.
    pub fn new(configured: &Configured) -> Result<Self, RuleError> {
        let whole = configured.rule.as_deref().map(compile).transpose()?;
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        let mut programs = Vec::new();
        let mut by_candidate = BTreeMap::new();
        for (name, rule) in &configured.candidate_rules {
            let place = match places.get(rule.as_str()) {
                Some(place) => *place,
                None => {
                    programs.push(compile(rule)?);
                    places.insert(rule, programs.len() - 1);
                    programs.len() - 1
                }
            };
            by_candidate.insert(ItemId::of(name), place);
        }
        Ok(Self { whole, programs, by_candidate })
    }
}

fn fact(fact: &Fact) -> Value {
    match fact {
        Fact::Text(text) => Value::from(text.to_string()),
        Fact::Number(number) => Value::Float(*number),
        Fact::Truth(truth) => Value::Bool(*truth),
    }
}

fn of_candidate(candidate: &Candidate) -> Value {
    let group = candidate.group.as_deref().unwrap_or_default();
    Value::from(HashMap::from([
        ("id".to_owned(), Value::from(candidate.name.to_string())),
        ("group".to_owned(), Value::from(group.to_owned())),
        ("prior".to_owned(), Value::Int(i64::from(candidate.prior))),
    ]))
}

/// Judges candidates of one request; what says the same of all is asked once.
struct Judge<'a> {
    scope: Scope<'a, 'a>,
    known: Vec<Option<Option<bool>>>,
}

impl Judge<'_> {
    /// What a rule says of a candidate; none when it cannot be evaluated.
    fn ask(&mut self, rule: &Compiled, candidate: &Candidate) -> Option<bool> {
        if rule.of_candidate {
            self.scope.add_variable_from_value("candidate", of_candidate(candidate));
        }
        match rule.program.execute(&self.scope) {
            Ok(Value::Bool(truth)) => Some(truth),
            _ => None,
        }
    }

    fn ask_once(&mut self, place: usize, rule: &Compiled, candidate: &Candidate) -> Option<bool> {
        if rule.of_candidate {
            return self.ask(rule, candidate);
        }
        if let Some(known) = self.known[place] {
            return known;
        }
        let said = self.ask(rule, candidate);
        self.known[place] = Some(said);
        said
    }
}

impl Rules for CelRules {
    fn eligible(&self, context: &Context, candidates: &[Candidate]) -> (Vec<bool>, usize) {
        if self.whole.is_none() && self.programs.is_empty() {
            return (vec![true; candidates.len()], 0);
        }
        let mut scope = Scope::default();
        let facts = context.facts.iter().map(|(name, value)| (name.to_string(), fact(value)));
        scope.add_variable_from_value("context", Value::from(facts.collect::<HashMap<_, _>>()));
        let mut judge = Judge { scope, known: vec![None; self.programs.len() + 1] };
        let mut failed = 0;
        let mut eligible = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            let whole = self.whole.as_ref();
            let mut said = match whole {
                Some(rule) => judge.ask_once(self.programs.len(), rule, candidate),
                None => Some(true),
            };
            if let (Some(true), Some(place)) = (said, self.by_candidate.get(&candidate.item)) {
                said = judge.ask_once(*place, &self.programs[*place], candidate);
            }
            failed += usize::from(said.is_none());
            eligible.push(said == Some(true));
        }
        (eligible, failed)
    }
}
