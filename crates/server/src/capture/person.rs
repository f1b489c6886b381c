//! Who a decision is for, what it may use of them, and what is logged of it.

use super::cookies;
use super::durable;
use super::exchange::Exchange;
use super::gate::Gate;
use super::intake::Group;
use super::refusal::Refusal;
use crate::decide::{Decided, Served};
use millstream_decide::{Context, Fact, UseCase, Visitor};
use millstream_event::consent::StatedConsent;
use millstream_event::{
    AnonymousId, Consent, EntityId, Event, EventId, EventKind, Hash128, Purpose, RawJson, SourceId,
    UserId,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Who asks, as the request names them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Named<'a> {
    pub(super) anonymous_id: Option<&'a str>,
    pub(super) user_id: Option<&'a str>,
}

/// See the module.
pub(super) struct Person {
    anonymous_id: Option<AnonymousId>,
    user_id: Option<UserId>,
    consent: Consent,
}

impl Person {
    pub(super) fn of(exchange: &Exchange<'_>, named: Named<'_>, stated: StatedConsent) -> Self {
        let cookies = exchange.cookies();
        let device = named.anonymous_id.and_then(AnonymousId::parse);
        let anonymous_id = device.or_else(|| cookies::first_party_id(&cookies, exchange.secure()));
        let country = exchange.country();
        let defaults = &exchange.plane.options.consent;
        let consent =
            Gate::of(exchange, &cookies).standing(defaults, country.as_deref()).overridden(stated);
        Self { anonymous_id, user_id: named.user_id.and_then(UserId::parse), consent }
    }

    pub(super) fn entity(&self) -> Option<EntityId> {
        let device = self.anonymous_id.as_ref().map(EntityId::device);
        device.or_else(|| self.user_id.as_ref().map(EntityId::user))
    }

    /// The consent that holds.
    pub(super) const fn consent(&self) -> Consent {
        self.consent
    }

    /// The id that whoever it is goes by.
    pub(super) fn named(&self) -> Option<Box<str>> {
        let device = self.anonymous_id.as_ref().map(|id| id.as_str());
        device.or_else(|| self.user_id.as_ref().map(|id| id.as_str())).map(Into::into)
    }

    /// True when consent covers that decisions know anything of whoever it is.
    pub(super) fn may_be_known(&self) -> bool {
        self.consent.granted.allows(Purpose::Personalization)
    }

    pub(super) fn visitor(&self, use_case: &UseCase) -> Visitor {
        if !self.may_be_known() {
            return Visitor::Private;
        }
        match self.entity() {
            None => Visitor::Unknown,
            Some(entity) if use_case.holds_out(entity) => Visitor::HeldOut,
            Some(entity) => Visitor::Known(entity),
        }
    }

    /// Hands a decision to the log; its answer does not wait. One that the log refuses is counted
    /// among the refusals.
    pub(super) fn log(
        &self,
        exchange: &mut Exchange<'_>,
        source: SourceId,
        (served, decided, decision): (&Served, &Decided, Hash128),
        timing: &str,
    ) {
        let plane = exchange.plane;
        let now = plane.clock.now();
        let mut event = Event::new(EventId::of_hash(decision), EventKind::Decision, source, now);
        event.name = Some(served.configured.use_case.name.clone());
        event.anonymous_id.clone_from(&self.anonymous_id);
        event.user_id.clone_from(&self.user_id);
        event.consent = self.consent;
        event.country = exchange.country();
        event.user_agent = exchange.user_agent().map(Into::into);
        event.properties = RawJson::parse(&properties(served, decided, timing));
        let group = Group::of_one(exchange, event);
        let submitted = group.close(plane, exchange.started).and_then(|(records, tally)| {
            if records.is_empty() {
                return Ok(());
            }
            durable::submit(plane, records).map(|_| tally.count(plane, Duration::ZERO))
        });
        if let Err(refusal) = submitted {
            plane.counters.refuse(&refusal);
        }
    }
}

fn properties(served: &Served, decided: &Decided, timing: &str) -> String {
    let answer = &decided.answer;
    let assignment = &decided.assignment;
    let arms = match assignment.arms.is_empty() {
        true => String::new(),
        false => {
            let (arms, segment) = (json!(assignment.arms), Value::from(&*assignment.segment));
            format!(",\"arms\":{arms},\"segment\":{segment}")
        }
    };
    format!(
        "{{\"use_case\":{},\"choice\":{},\"rung\":\"{}\",\"reason\":\"{}\",\"propensity\":{},\"timed_out\":{},\"budget_ms\":{},\"timing\":{timing}{arms}}}",
        Value::from(&*served.configured.use_case.name),
        Value::from(answer.choice().unwrap_or_default()),
        answer.rung.as_str(),
        answer.reasons.to_text(),
        answer.propensity,
        decided.timed_out,
        served.configured.use_case.budget.as_millis(),
    )
}

/// The purposes that a request states.
pub(super) fn stated(named: &BTreeMap<String, bool>) -> Result<StatedConsent, Refusal> {
    named.iter().try_fold(StatedConsent::default(), |stated, (name, granted)| {
        let purpose = super::options::purpose(name).ok_or_else(|| {
            Refusal::InvalidBody(
                "a purpose is none of measurement, personalization, advertising".into(),
            )
        })?;
        Ok(stated.saying(purpose, *granted))
    })
}

/// Facts of a request: text, numbers, truth values; `country` is the client address's where the
/// request does not say.
pub(super) fn context(
    exchange: &Exchange<'_>,
    asked: Map<String, Value>,
) -> Result<Context, Refusal> {
    if asked.len() > Context::FACTS_MAX {
        return Err(Refusal::InvalidBody(format!(
            "the context has {} facts, over the limit of {}; send fewer",
            asked.len(),
            Context::FACTS_MAX
        )));
    }
    let mut context = Context::default();
    if let Some(country) = exchange.country() {
        context.facts.insert("country".into(), Fact::Text(country));
    }
    for (name, value) in asked {
        let fact = match value {
            Value::String(text) => Fact::Text(text.into()),
            Value::Bool(truth) => Fact::Truth(truth),
            Value::Number(number) => Fact::Number(number.as_f64().unwrap_or(f64::NAN)),
            Value::Null | Value::Array(_) | Value::Object(_) => continue,
        };
        context.facts.insert(name.into(), fact);
    }
    Ok(context)
}
