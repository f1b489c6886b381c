//! What visitors may ask and wish for themselves: `POST /v1/decide/why`, `POST /v1/decide/reset`.
//!
//! A visitor is who their first-party cookie says; where there is none, whoever knows the anonymous id
//! that a page keeps for them, as with decisions.

use super::answer::{self, Answer};
use super::body;
use super::cookies;
use super::exchange::Exchange;
use super::intake::{self, Group};
use super::person::{Named, Person, context, stated};
use super::refusal::Refusal;
use crate::decide::{Explanation, Question, Served, Service};
use http::StatusCode;
use hyper::body::Incoming;
use millstream_decide::Visitor;
use millstream_event::{
    AnonymousId, Consent, EntityId, Event, EventId, EventKind, Purpose, Surface,
};
use millstream_pipeline::preferences::RESET;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is asked, or wished.
#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    use_case: Option<String>,
    #[serde(default, alias = "anonymousId")]
    anonymous_id: Option<String>,
    #[serde(default)]
    context: Map<String, Value>,
    #[serde(default)]
    consent: BTreeMap<String, bool>,
    #[serde(default, alias = "writeKey")]
    write_key: Option<String>,
}

async fn asked(exchange: &Exchange<'_>, incoming: Incoming) -> Result<Asked, Refusal> {
    let content = body::read(exchange, incoming).await?;
    if content.bytes.is_empty() {
        return serde_json::from_str("{}").map_err(|error| Refusal::InvalidJson(error.to_string()));
    }
    serde_json::from_slice(&content.bytes).map_err(|error| match error.is_data() {
        true => Refusal::InvalidBody(format!(
            "{error}; send {{\"use_case\": ..., \"anonymous_id\": ...}}"
        )),
        false => Refusal::InvalidJson(error.to_string()),
    })
}

/// The visitor's own id: their cookie's, which nobody else's may stand beside.
fn own(exchange: &Exchange<'_>, asked: &Asked) -> Result<AnonymousId, Refusal> {
    let cookie = cookies::first_party_id(&exchange.cookies(), exchange.secure());
    let stated = asked.anonymous_id.as_deref().and_then(AnonymousId::parse);
    let other = |why: &str| Refusal::InvalidBody(why.to_owned());
    match (cookie, stated) {
        (Some(cookie), Some(stated)) if cookie != stated => {
            Err(other("anonymous_id is not the visitor of this cookie; leave it out"))
        }
        (Some(own), _) | (None, Some(own)) => Ok(own),
        (None, None) => Err(other("there is no visitor: send the cookie, or anonymous_id")),
    }
}

/// Why the visitor sees what they see.
pub(super) async fn why(
    exchange: &mut Exchange<'_>,
    incoming: Incoming,
) -> Result<Answer, Refusal> {
    let service = exchange.plane.parts.decide.clone().ok_or(Refusal::UnknownUseCase)?;
    let asked = asked(exchange, incoming).await?;
    exchange.source(asked.write_key.as_deref())?;
    let id = own(exchange, &asked)?;
    let use_case = asked.use_case.as_deref().unwrap_or_default();
    let served = Arc::clone(service.find(use_case).ok_or(Refusal::UnknownUseCase)?);
    let named = Named { anonymous_id: Some(id.as_str()), user_id: None };
    let person = Person::of(exchange, named, stated(&asked.consent)?);
    let context = context(exchange, asked.context)?;
    let visitor = person.visitor(&served.configured.use_case);
    let question = Question {
        assignment: served.assign(visitor, person.entity(), &context),
        visitor,
        context,
        named: None,
        candidates: None,
        decision: exchange.plane.tokens.draw(),
        follow: None,
        received: exchange.started,
        started: exchange.stopwatch.started(),
    };
    // Neither counted nor logged: nothing is shown for it.
    let decided = service.ask(&served, question).answer().await;
    let choice = decided.answer.choice().unwrap_or_default().to_owned();
    let known = explained(&service, &served, visitor, &choice).await?;
    let body = json!({
        "use_case": served.configured.use_case.name,
        "choice": choice,
        "source": decided.answer.rung.as_str(),
        "reason": decided.answer.reasons.to_text(),
        "may_be_known": person.may_be_known() && !known.denied,
        "experiments": decided.assignment.arms,
        "seen": known.seen.iter().map(|(id, at)| json!({ "id": id, "at": at.to_rfc3339() })).collect::<Vec<_>>(),
        "because": known.because,
    });
    Ok(answer::json(StatusCode::OK, body.to_string()))
}

/// Read beside the threads that serve: it may have to wait for the disk.
async fn explained(
    service: &Arc<Service>,
    served: &Arc<Served>,
    visitor: Visitor,
    choice: &str,
) -> Result<Explanation, Refusal> {
    let Visitor::Known(device) = visitor else { return Ok(Explanation::default()) };
    let (service, served, choice) = (Arc::clone(service), Arc::clone(served), choice.to_owned());
    let reading = tokio::task::spawn_blocking(move || service.explain(&served, device, &choice));
    match reading.await {
        Ok(Ok(known)) => Ok(known),
        Ok(Err(_)) | Err(_) => Err(Refusal::Busy),
    }
}

/// Everything that the visitor did until now is forgotten by decisions; durable before the answer.
pub(super) async fn reset(
    exchange: &mut Exchange<'_>,
    incoming: Incoming,
) -> Result<Answer, Refusal> {
    let asked = asked(exchange, incoming).await?;
    let id = own(exchange, &asked)?;
    let source = exchange.source(asked.write_key.as_deref())?;
    let named = Named { anonymous_id: Some(id.as_str()), user_id: None };
    let consent = Person::of(exchange, named, stated(&asked.consent)?).consent();
    let plane = exchange.plane;
    let drawn = EventId::parse(&plane.tokens.draw_text()).ok_or(Refusal::Internal)?;
    let mut event = Event::new(drawn, EventKind::Consent, source, plane.clock.now());
    let device = EntityId::device(&id);
    event.name = Some(RESET.into());
    event.anonymous_id = Some(id);
    event.surface = Surface::Browser;
    // The wish names its visitor, and could not be kept otherwise; nothing else is told with it.
    event.consent = Consent { granted: consent.granted.with(Purpose::Measurement), ..consent };
    event.hops.request = Some(exchange.started);
    let until = event.received;
    let group = Group::of_one(exchange, event);
    intake::store(exchange, group, plane.options.log_wait).await?;
    // Decisions hold to it before it is acknowledged.
    if let Some(service) = &plane.parts.decide {
        service.reset(device, until);
    }
    Ok(answer::success())
}
