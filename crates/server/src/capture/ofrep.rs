//! OpenFeature Remote Evaluation Protocol 0.3: each use case is a flag, its choice the variant.
//!
//! One visitor gets one answer for as long as nothing changes: exploration is drawn by the visitor
//! here, not by the request, and the tag of a bulk answer is the hash of the answer itself.

use super::answer::{self, Answer};
use super::body;
use super::decision::{delay, millis, timing};
use super::exchange::Exchange;
use super::person::{Named, Person, context};
use super::refusal::Refusal;
use crate::decide::{Decided, Question, Served, Service, Ticket};
use http::StatusCode;
use http::header::{ETAG, HeaderValue};
use hyper::body::Incoming;
use millstream_decide::{Context, Reason, Rung};
use millstream_event::consent::StatedConsent;
use millstream_event::{Hash128, SourceId};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Instant;

/// Who is evaluated for, and what is known of the request.
struct Evaluation {
    service: Arc<Service>,
    source: SourceId,
    person: Person,
    unit: String,
    context: Context,
    consent_ms: f64,
}

/// What the protocol answers instead of a value.
struct Problem(&'static str, String);

/// `POST /ofrep/v1/evaluate/flags/{key}`
pub(super) async fn single(
    exchange: &mut Exchange<'_>,
    key: &str,
    incoming: Incoming,
) -> Result<Answer, Refusal> {
    let evaluation = match begin(exchange, incoming).await? {
        Ok(evaluation) => evaluation,
        Err(problem) => return Ok(problem.answer(Some(key))),
    };
    let Some(served) = evaluation.service.find(key).map(Arc::clone) else {
        let error = json!({
            "key": key,
            "errorCode": "FLAG_NOT_FOUND",
            "errorDetails": "no use case has this name; configure it as one of [[decide.use_cases]]",
        });
        return Ok(answer::json(StatusCode::NOT_FOUND, error.to_string()));
    };
    let (ticket, decision) = evaluation.ask(exchange, &served);
    let decided = ticket.answer().await;
    let flag = evaluation.settle(exchange, (&served, &decided, decision));
    delay(&served, &decided, exchange.stopwatch.started()).await;
    Ok(answer::json(StatusCode::OK, flag.to_string()))
}

/// `POST /ofrep/v1/evaluate/flags`
pub(super) async fn bulk(
    exchange: &mut Exchange<'_>,
    incoming: Incoming,
) -> Result<Answer, Refusal> {
    let evaluation = match begin(exchange, incoming).await? {
        Ok(evaluation) => evaluation,
        Err(problem) => return Ok(problem.answer(None)),
    };
    // What changes from here on is told.
    let since = *evaluation.service.changes().borrow();
    let all: Vec<Arc<Served>> = evaluation.service.all().map(Arc::clone).collect();
    let mut asked = Vec::with_capacity(all.len());
    for served in all {
        let (ticket, decision) = evaluation.ask(exchange, &served);
        asked.push((served, ticket, decision));
    }
    let mut flags = Vec::with_capacity(asked.len());
    let mut slowest: Option<(Arc<Served>, Decided)> = None;
    for (served, ticket, decision) in asked {
        let decided = ticket.answer().await;
        flags.push(evaluation.settle(exchange, (&served, &decided, decision)));
        let waits = |decided: &Decided| decided.assignment.treatment.delay;
        if slowest.as_ref().is_none_or(|(_, known)| waits(known) < waits(&decided)) {
            slowest = Some((served, decided));
        }
    }
    if let Some((served, decided)) = &slowest {
        delay(served, decided, exchange.stopwatch.started()).await;
    }
    let events = json!([{
        "type": "sse",
        "endpoint": { "requestUri": format!("/ofrep/v1/events?since={since}") },
    }]);
    let flags = Value::from(flags);
    // Where to hear of changes is no part of the flags.
    let tag = format!("\"{}\"", Hash128::of("flags", &[flags.to_string().as_bytes()]).to_hex());
    let known = exchange.header("if-none-match").is_some_and(|tags| tags.contains(&tag));
    let mut answer = match known {
        true => answer::empty(StatusCode::NOT_MODIFIED),
        false => {
            let body = json!({ "flags": flags, "eventStreams": events });
            answer::json(StatusCode::OK, body.to_string())
        }
    };
    let tag = HeaderValue::try_from(tag).map_err(|_| Refusal::Internal)?;
    answer.headers_mut().insert(ETAG, tag);
    Ok(answer)
}

/// Reads a request; what the protocol has words for is no refusal.
async fn begin(
    exchange: &Exchange<'_>,
    incoming: Incoming,
) -> Result<Result<Evaluation, Problem>, Refusal> {
    let service = exchange.plane.parts.decide.clone().ok_or(Refusal::NotFound)?;
    let source = exchange.source(exchange.header("x-api-key"))?;
    let content = body::read(exchange, incoming).await?;
    let begun = Instant::now();
    let parsed: Result<Value, _> = serde_json::from_slice(&content.bytes);
    let Ok(Value::Object(mut body)) = parsed else {
        return Ok(Err(Problem("PARSE_ERROR", "the body is no JSON object".into())));
    };
    let mut facts = match body.remove("context") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(facts)) => facts,
        Some(_) => {
            return Ok(Err(Problem("INVALID_CONTEXT", "the context is no object".into())));
        }
    };
    let Some(Value::String(unit)) = facts.remove("targetingKey").filter(|key| key != "") else {
        let why = "the context has no targetingKey; set it to the visitor's anonymous id";
        return Ok(Err(Problem("TARGETING_KEY_MISSING", why.into())));
    };
    let named = Named { anonymous_id: Some(&unit), user_id: None };
    let person = Person::of(exchange, named, StatedConsent::default());
    let consent_ms = millis(begun);
    match context(exchange, facts) {
        Ok(context) => Ok(Ok(Evaluation { service, source, person, unit, context, consent_ms })),
        Err(refusal) => Ok(Err(Problem("INVALID_CONTEXT", refusal.to_string()))),
    }
}

impl Evaluation {
    fn ask(&self, exchange: &Exchange<'_>, served: &Arc<Served>) -> (Ticket, Hash128) {
        let use_case = &served.configured.use_case;
        let seed = Hash128::of("flag", &[use_case.name.as_bytes(), self.unit.as_bytes()]);
        let visitor = self.person.visitor(use_case);
        let question = Question {
            assignment: served.assign(visitor, self.person.entity(), &self.context),
            visitor,
            context: self.context.clone(),
            candidates: None,
            decision: seed,
            // Its id is no secret: nothing can be asked for under it.
            follow: None,
            named: served.external().map(|_| self.unit.as_str().into()),
            received: exchange.started,
            started: exchange.stopwatch.started(),
        };
        (self.service.ask(served, question), exchange.plane.tokens.draw())
    }

    /// Counts and logs a decision; returns it as a flag.
    fn settle(
        &self,
        exchange: &mut Exchange<'_>,
        (served, decided, decision): (&Served, &Decided, Hash128),
    ) -> Value {
        let encoding = Instant::now();
        let flag = flag(served, decided);
        let total = decided.settle(served, exchange.stopwatch.started());
        let timing = timing(decided, [total.as_millis(), self.consent_ms, millis(encoding)]);
        self.person.log(exchange, self.source.clone(), (served, decided, decision), &timing);
        flag
    }
}

fn flag(served: &Served, decided: &Decided) -> Value {
    let answer = &decided.answer;
    let choice = answer.choice().unwrap_or_default();
    let value = served.configured.values.get(choice);
    let held_out = answer.reasons.cause() == Some(Reason::Holdout);
    let reason = match answer.rung {
        _ if held_out || answer.propensity < 1.0 => "SPLIT",
        Rung::Personalized | Rung::Cached | Rung::Segment => "TARGETING_MATCH",
        Rung::Contextual | Rung::Default => "STATIC",
    };
    json!({
        "key": served.configured.use_case.name,
        "value": value.cloned().unwrap_or_else(|| Value::from(choice)),
        "reason": reason,
        "variant": choice,
        "metadata": { "source": answer.rung.as_str(), "why": answer.reasons.to_text() },
    })
}

impl Problem {
    fn answer(self, key: Option<&str>) -> Answer {
        let Self(code, details) = self;
        let mut error = json!({ "errorCode": code, "errorDetails": details });
        if let Some(key) = key {
            error["key"] = key.into();
        }
        answer::json(StatusCode::BAD_REQUEST, error.to_string())
    }
}
