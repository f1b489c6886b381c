//! Decisions as they were logged, as rows of their table.

use millstream_event::Event;
use millstream_pipeline::decided::Said;
use millstream_store::tables::decisions::DecisionRow;

/// The row of a decision; none for an event that does not say what was decided.
pub(super) fn row(event: &Event) -> Option<DecisionRow> {
    let said = Said::by(event)?;
    let micros = |millis: f64| (millis * 1_000.0).round() as i64;
    Some(DecisionRow {
        decision_id: event.id.as_str().to_owned(),
        time: event.event_time,
        anonymous_id: event.anonymous_id.clone(),
        use_case: said.use_case.into(),
        choice: said.choice.into(),
        source: said.rung.into(),
        reason: said.reason.into(),
        propensity_ppb: (said.propensity * 1e9).round() as i64,
        timed_out: said.timed_out,
        took_us: micros(said.timing.total_ms),
        budget_us: micros(said.budget_ms),
        experiments: serde_json::to_string(&said.arms).ok()?,
    })
}
