//! Decisions: what was chosen, from which rung, why, by which chance, under which experiments, and where the time went.

use super::{Chain, Fact, Sources, event};
use crate::report::ReportError;
use millstream_decide::Stage;
use millstream_event::{Event, EventKind};
use millstream_pipeline::decided::Said;
use serde_json::Value;

/// The chain behind a decision, by the `decision_id` of its answer; none where the id is another event's.
///
/// # Errors
/// When state cannot be read.
pub fn chain(sources: &Sources<'_>, id: &str) -> Result<Option<Chain>, ReportError> {
    let chain = event::chain(sources, id)?;
    Ok(chain.filter(|chain| chain.facts.contains(&("kind", Fact::from("decision")))))
}

/// What a logged decision says of itself; none of an event that is none.
pub fn node(event: &Event) -> Option<Chain> {
    let said = Said::by(event).filter(|_| event.kind == EventKind::Decision)?;
    let properties: Value = serde_json::from_str(event.properties.as_ref()?.get()).ok()?;
    let arms = said.arms.iter().map(|(experiment, arm)| format!("{experiment}: {arm}"));
    let arms = Some(Fact::List(arms.collect())).filter(|_| !said.arms.is_empty());
    let spent = spent(&properties["timing"]);
    let chain = Chain::new("decision", &*said.use_case)
        .with("choice", &*said.choice)
        .with("rung", &*said.rung)
        .with("reasons", Fact::List(said.reason.split(',').map(str::to_owned).collect()))
        .with("chance", said.propensity.to_string())
        .with("budget_ms", said.budget_ms.to_string())
        .with("took_ms", said.timing.total_ms.to_string())
        .with("timed_out", said.timed_out)
        .with_known("spent_ms", Some(spent).filter(|spent| !spent.is_empty()).map(Fact::List))
        .with_known("experiments", arms)
        .with_known("segment", Some(&*said.segment).filter(|segment| !segment.is_empty()));
    Some(chain)
}

/// Where the time went, in the order in which it did.
fn spent(timing: &Value) -> Vec<String> {
    let before = ["queue", "consent", "profile"].map(|name| (name, &timing[format!("{name}_ms")]));
    let stages = Stage::ALL.map(|stage| (stage.as_str(), &timing["stages"][stage.as_str()]));
    let all = before.into_iter().chain(stages).chain([("encode", &timing["encode_ms"])]);
    let told = all.filter_map(|(name, took)| Some(format!("{name} {}", took.as_f64()?)));
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_event::{EventId, RawJson, SourceId, Timestamp};

    #[test]
    fn a_decision_tells_why_and_where_the_time_went() {
        let id = EventId::parse("d-1").unwrap();
        let source = SourceId::parse("site").unwrap();
        let mut event = Event::new(id, EventKind::Decision, source, Timestamp(1));
        assert!(node(&event).is_none(), "it says nothing");
        event.properties = RawJson::parse(
            r#"{"use_case":"home","choice":"shoes","rung":"personalized","reason":"profile,without_rerank","propensity":0.25,
            "timed_out":false,"budget_ms":150.0,"arms":{"wording":"loud"},"segment":"DE","timing":{"total_ms":1.9,
            "queue_ms":0.1,"consent_ms":0.0,"profile_ms":0.4,"stages":{"first_pass":0.2,"eligibility":0.1},"encode_ms":0.3}}"#,
        );
        let expected = serde_json::json!({
            "what": "decision", "id": "home", "choice": "shoes", "rung": "personalized",
            "reasons": ["profile", "without_rerank"], "chance": "0.25", "budget_ms": "150", "took_ms": "1.9",
            "timed_out": false, "experiments": ["wording: loud"], "segment": "DE",
            "spent_ms": ["queue 0.1", "consent 0", "profile 0.4", "eligibility 0.1", "first_pass 0.2", "encode 0.3"],
        });
        assert_eq!(serde_json::to_value(node(&event).unwrap()).unwrap(), expected);
        event.kind = EventKind::Track;
        assert!(node(&event).is_none(), "an event may say the same");
    }
}
