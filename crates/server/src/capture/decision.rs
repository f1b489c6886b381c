//! `POST /v1/decide`: what should this visitor see. Always an answer, within the budget.

use super::answer::{self, Answer};
use super::body;
use super::exchange::Exchange;
use super::person::{Named, Person, context, stated};
use super::refusal::Refusal;
use crate::decide::{Better, Decided, Question, Served};
use http::StatusCode;
use hyper::body::Incoming;
use millstream_decide::prefetch::{Hint, page};
use millstream_decide::{Candidate, Hints, ItemId, Micros, Stage, UseCase};
use millstream_event::Hash128;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Most decisions of one batch.
const BATCH_MAX: usize = 50;

/// What is asked.
#[derive(Deserialize)]
pub(super) struct Asked {
    use_case: String,
    #[serde(default, alias = "anonymousId")]
    anonymous_id: Option<String>,
    #[serde(default, alias = "userId")]
    user_id: Option<String>,
    #[serde(default)]
    candidates: Option<Vec<AskedCandidate>>,
    #[serde(default)]
    context: Map<String, Value>,
    #[serde(default)]
    consent: BTreeMap<String, bool>,
    #[serde(default, alias = "writeKey")]
    write_key: Option<String>,
}

/// A candidate: its id, or an object with what is known of it.
#[derive(Deserialize)]
#[serde(untagged)]
enum AskedCandidate {
    Id(String),
    Described {
        id: String,
        #[serde(default)]
        group: Option<String>,
        #[serde(default)]
        prior: i8,
        #[serde(default)]
        features: Vec<Option<f32>>,
    },
}

impl AskedCandidate {
    fn candidate(self) -> Candidate {
        match self {
            Self::Id(id) => Candidate::named(&id),
            Self::Described { id, group, prior, features } => Candidate {
                item: ItemId::of(&id),
                name: id.into(),
                group: group.map(Into::into),
                prior,
                features: features.into_iter().map(|it| it.unwrap_or(f32::NAN)).collect(),
            },
        }
    }
}

/// One decision, or a refusal.
pub(super) async fn answer(
    exchange: &mut Exchange<'_>,
    incoming: Incoming,
) -> Result<Answer, Refusal> {
    let content = body::read(exchange, incoming).await?;
    let asked: Asked = parse(&content.bytes)?;
    let body = one(exchange, asked).await?;
    Ok(answer::json(StatusCode::OK, body))
}

/// Several decisions, each with its own answer or error.
pub(super) async fn batch(
    exchange: &mut Exchange<'_>,
    incoming: Incoming,
) -> Result<Answer, Refusal> {
    #[derive(Deserialize)]
    struct Batch {
        decisions: Vec<Asked>,
    }
    let content = body::read(exchange, incoming).await?;
    let Batch { decisions } = parse(&content.bytes)?;
    if decisions.len() > BATCH_MAX {
        return Err(Refusal::TooManyEvents { found: decisions.len(), limit: BATCH_MAX });
    }
    let mut bodies = Vec::with_capacity(decisions.len());
    for asked in decisions {
        bodies.push(match one(exchange, asked).await {
            Ok(body) => body,
            Err(refusal) => answer::error_body(&refusal),
        });
    }
    Ok(answer::json(StatusCode::OK, format!("{{\"decisions\":[{}]}}", bodies.join(","))))
}

fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(bytes).map_err(|error| {
        if error.is_data() {
            Refusal::InvalidBody(format!(
                "{error}; send {{\"use_case\": ..., \"anonymous_id\": ..., \"context\": {{...}}}}"
            ))
        } else {
            Refusal::InvalidJson(error.to_string())
        }
    })
}

/// Asks, waits, encodes, logs.
async fn one(exchange: &mut Exchange<'_>, mut asked: Asked) -> Result<String, Refusal> {
    let service = exchange.plane.parts.decide.clone().ok_or(Refusal::UnknownUseCase)?;
    let served = Arc::clone(service.find(&asked.use_case).ok_or(Refusal::UnknownUseCase)?);
    let source = exchange.source(asked.write_key.as_deref())?;
    let use_case = &served.configured.use_case;
    let begun = Instant::now();
    let named =
        Named { anonymous_id: asked.anonymous_id.as_deref(), user_id: asked.user_id.as_deref() };
    let person = Person::of(exchange, named, stated(&asked.consent)?);
    let visitor = person.visitor(use_case);
    let consent_ms = millis(begun);
    let decision = exchange.plane.tokens.draw();
    let candidates = asked.candidates.take().map(|candidates| {
        candidates.into_iter().map(AskedCandidate::candidate).collect::<Vec<_>>()
    });
    if candidates.as_ref().is_some_and(|known| known.len() > UseCase::CANDIDATES_MAX) {
        return Err(Refusal::InvalidBody(format!(
            "over {} candidates; send fewer",
            UseCase::CANDIDATES_MAX
        )));
    }
    let context = context(exchange, asked.context)?;
    let at = context.text("page").and_then(page).map(Box::<str>::from);
    let question = Question {
        assignment: served.assign(visitor, person.entity(), &context),
        visitor,
        context,
        candidates,
        decision,
        follow: Some(decision),
        named: served.external().and_then(|_| person.named()),
        received: exchange.started,
        started: exchange.stopwatch.started(),
    };
    let decided = service.ask(&served, question).answer().await;
    service.given(&served, (visitor, at.as_deref()), &decided.answer);
    let encoding = Instant::now();
    let head = head(&served, &decided, decision);
    let encode_ms = millis(encoding);
    let total = decided.settle(&served, exchange.stopwatch.started());
    let timing = timing(&decided, [total.as_millis(), consent_ms, encode_ms]);
    person.log(exchange, source, (&served, &decided, decision), &timing);
    delay(&served, &decided, exchange.stopwatch.started()).await;
    Ok(format!("{head},\"timing\":{timing}}}"))
}

/// Waits as long as an experiment delays this answer, within the budget.
pub(super) async fn delay(served: &Served, decided: &Decided, started: Instant) {
    let Micros(delay) = decided.assignment.treatment.delay;
    if delay == 0 {
        return;
    }
    let Micros(latest) = served.configured.use_case.budget.less(served.margin());
    let left = Duration::from_micros(latest).saturating_sub(started.elapsed());
    tokio::time::sleep(Duration::from_micros(delay).min(left)).await;
}

pub(super) fn millis(since: Instant) -> f64 {
    since.elapsed().as_micros() as f64 / 1_000.0
}

/// One place of the ranking, as answers show it.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    score: i64,
}

/// The answer without its timing, an object that is still open.
fn head(served: &Served, decided: &Decided, decision: Hash128) -> String {
    let (use_case, answer) = (&served.configured.use_case, &decided.answer);
    let ranking: Vec<Shown<'_>> = answer
        .ranking
        .iter()
        .map(|ranked| Shown { id: &ranked.name, score: ranked.score })
        .collect();
    let mut body = json!({
        "decision_id": decision.to_hex(),
        "use_case": use_case.name,
        "choice": answer.choice(),
        "ranking": ranking,
        "source": answer.rung.as_str(),
        "reason": answer.reasons.to_text(),
        "architecture": decided.assignment.treatment.architecture(use_case).as_str(),
        "profile_age_ms": answer.profile_age.map(|age| age.as_millis()),
        "provisional": answer.provisional,
        "propensity": answer.propensity,
        "budget_ms": use_case.budget.as_millis(),
    });
    if !decided.assignment.arms.is_empty() {
        body["experiments"] = json!(decided.assignment.arms);
    }
    if !answer.hints.is_empty() {
        body["hints"] = hints(&answer.hints);
    }
    if decided.awaited {
        body["stream"] = format!("/v1/decide/stream?decision_id={}", decision.to_hex()).into();
    }
    let mut text = body.to_string();
    text.pop();
    text
}

/// What comes next, as answers show it.
fn hints(hints: &Hints) -> Value {
    let told = |hints: &[Hint], name: &str| -> Vec<Value> {
        let shown = |hint: &Hint| json!({ name: hint.place, "probability": f64::from(hint.chance_ppm) / 1e6 });
        hints.iter().map(shown).collect()
    };
    json!({ "pages": told(&hints.pages, "page"), "slots": told(&hints.slots, "use_case") })
}

/// A better answer, under the id of the one that was given before it.
pub(super) fn late(better: &Better, decision: Hash128) -> String {
    let head = head(&better.served, &better.decided, decision);
    let timing = timing(&better.decided, [better.decided.ended.as_millis(), 0.0, 0.0]);
    format!("{head},\"timing\":{timing}}}")
}

pub(super) fn timing(decided: &Decided, [total_ms, consent_ms, encode_ms]: [f64; 3]) -> String {
    let profile_ms = decided.answer.took(Stage::Profile).map(|took| took.as_millis());
    let stages: Map<String, Value> = decided
        .answer
        .stages
        .iter()
        .filter(|(stage, _)| *stage != Stage::Profile)
        .map(|(stage, took)| (stage.as_str().to_owned(), took.as_millis().into()))
        .collect();
    json!({
        "total_ms": total_ms,
        "queue_ms": decided.queued.as_millis(),
        "consent_ms": consent_ms,
        "profile_ms": profile_ms.unwrap_or(0.0),
        "stages": stages,
        "encode_ms": encode_ms,
    })
    .to_string()
}
