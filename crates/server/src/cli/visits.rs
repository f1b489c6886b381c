//! What devices did, as visits with the segment that each belongs to: what training learns from.

use super::engine::Engine;
use super::training::TrainError;
use millstream_decide::train::{Visit, visits};
use millstream_decide::{Context, Fact, Seen, UseCase};
use millstream_event::{AnonymousId, EntityId, Timestamp};
use millstream_pipeline::query::{ReadError, StateRead};
use millstream_pipeline::rows::SessionRow;
use millstream_pipeline::{preferences, query};
use millstream_store::Reading;
use std::collections::HashMap;

/// Segments of a device's sessions by when they began.
type Segments = HashMap<EntityId, Vec<(Timestamp, Box<str>)>>;

/// Everything that devices did, as visits, oldest first.
pub fn all_visits(engine: &Engine, use_case: &UseCase) -> Result<Vec<Visit>, TrainError> {
    let view = engine.view()?;
    let read = Reading(&*view.state);
    let segments = segments(&read, view.generation(), &use_case.segment_by)?;
    let mut all = Vec::new();
    let mut running: (Option<EntityId>, Vec<Seen>) = (None, Vec::new());
    let mut end = |device: Option<EntityId>, seen: &mut Vec<Seen>| {
        let of_device = device.and_then(|device| segments.get(&device));
        let visits = visits(seen, use_case.session_gap).into_iter();
        all.extend(visits.map(|mut visit| {
            visit.segment = segment_at(of_device, visit.ended);
            visit
        }));
        seen.clear();
    };
    preferences::walk_interests(&read, view.generation(), &mut |device, interest| {
        if running.0 != Some(device) {
            end(running.0, &mut running.1);
            running.0 = Some(device);
        }
        running.1.extend(interest.items.iter().map(|item| Seen {
            item: *item,
            weight: interest.weight,
            at: interest.at,
        }));
        Ok(true)
    })?;
    end(running.0, &mut running.1);
    all.sort_by_key(|visit| visit.ended);
    Ok(all)
}

/// The segment of the session that ran at `then`; empty where none is known.
fn segment_at(sessions: Option<&Vec<(Timestamp, Box<str>)>>, then: Timestamp) -> Box<str> {
    let began_before = sessions.into_iter().flatten().filter(|(began, _)| *began <= then);
    began_before.max_by_key(|(began, _)| *began).map_or_else(Box::default, |(_, it)| it.clone())
}

fn segments(
    read: &dyn StateRead,
    generation: u16,
    names: &[Box<str>],
) -> Result<Segments, ReadError> {
    let mut segments = Segments::new();
    if names.is_empty() {
        return Ok(segments);
    }
    query::sessions(read, generation, &mut |session| {
        if let (Some(id), Some(segment)) =
            (AnonymousId::parse(&session.anonymous_id), segment(&session, names))
        {
            let of_device = segments.entry(EntityId::device(&id)).or_default();
            of_device.push((session.started_at, segment));
        }
        Ok(true)
    })?;
    Ok(segments)
}

/// The segment as a request of this session would name it; none where the session tells nothing of it.
fn segment(session: &SessionRow, names: &[Box<str>]) -> Option<Box<str>> {
    let mut context = Context::default();
    let mut tell = |name: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            context.facts.insert(name.into(), Fact::Text(value.into()));
        }
    };
    tell("country", session.country.as_deref());
    tell("region", session.region.as_deref());
    tell("device", Some(&session.device));
    tell("browser", Some(&session.browser));
    tell("os", Some(&session.os));
    tell("source", Some(&session.source));
    tell("medium", Some(&session.medium));
    tell("campaign", session.campaign.name.as_deref());
    let known = names.iter().any(|name| context.text(name).is_some());
    known.then(|| context.segment(names).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visit_belongs_to_the_segment_of_the_session_that_ran() {
        let sessions = vec![(Timestamp(10), "DE".into()), (Timestamp(30), "FR".into())];
        let at = |then| segment_at(Some(&sessions), Timestamp(then));
        assert_eq!([&*at(9), &*at(10), &*at(29), &*at(31)], ["", "DE", "DE", "FR"]);
        assert_eq!(&*segment_at(None, Timestamp(9)), "");
    }
}
