//! Where visitors went, out of the log: from page to page, and from one use case to the next. What training of
//! prefetch hints learns from.

use super::engine::Engine;
use super::training::TrainError;
use millstream_decide::prefetch::{Journey, Journeys, page};
use millstream_event::{EntityId, Event, EventKind, Kind, Purpose, Span, Timestamp, envelope};
use millstream_pipeline::preferences;
use millstream_stitch::Agents;
use millstream_store::Reading;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// Steps that are learned from at most, the latest to be received.
const STEPS_MAX: usize = 2_000_000;
/// Names that are told apart at most; further ones are passed over.
const NAMES_MAX: usize = 200_000;
/// A longer pause ends a journey.
const GAP: Span = Span::minutes(30);

/// One stop of a journey.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Step {
    visitor: EntityId,
    at: Timestamp,
    sequence: u64,
    place: u32,
}

/// Steps as they are read.
struct Steps {
    numbers: HashMap<Box<str>, u32>,
    steps: VecDeque<Step>,
    bound: usize,
}

/// Journeys over pages and over use cases, of visitors who consent to personalization.
pub fn journeys(engine: &Engine) -> Result<(Journeys, Journeys), TrainError> {
    let resets = {
        let view = engine.view()?;
        preferences::resets(&Reading(&*view.state), view.generation())?
    };
    let (mut pages, mut slots) = (Steps::new(STEPS_MAX), Steps::new(STEPS_MAX));
    let log = &engine.instance.log;
    log.scan(&log.tails(), &log.heads(), &mut |record| {
        if record.header.kind == Kind::Event
            && let Ok(event) = envelope::decode(record.header.contract_version, &record.payload)
            && is_told(engine, &event)
        {
            match event.kind {
                EventKind::Page => pages.take(&event, event.page.url.as_deref()),
                EventKind::Screen => pages.take(&event, event.name.as_deref()),
                EventKind::Decision => slots.take(&event, event.name.as_deref()),
                _ => {}
            }
        }
        true
    })?;
    Ok((pages.journeys(&resets), slots.journeys(&resets)))
}

/// True for what people did who may be learned from.
fn is_told(engine: &Engine, event: &Event) -> bool {
    let steps = matches!(event.kind, EventKind::Page | EventKind::Screen | EventKind::Decision);
    steps
        && event.consent.granted.allows(Purpose::Personalization)
        && !engine.agents.classify(event.user_agent.as_deref().unwrap_or_default()).bot
}

impl Steps {
    fn new(bound: usize) -> Self {
        Self { numbers: HashMap::new(), steps: VecDeque::new(), bound }
    }

    fn take(&mut self, event: &Event, name: Option<&str>) {
        let Some(name) = name.and_then(page) else { return };
        let place = match self.numbers.get(name) {
            Some(known) => *known,
            None if self.numbers.len() >= NAMES_MAX => return,
            None => {
                let next = self.numbers.len() as u32;
                self.numbers.insert(name.into(), next);
                next
            }
        };
        if self.steps.len() == self.bound {
            self.steps.pop_front();
        }
        let (visitor, at, sequence) = (event.subject(), event.event_time, event.sequence);
        self.steps.push_back(Step { visitor, at, sequence, place });
    }

    /// Journeys in order of time; nothing that a visitor wished to be forgotten.
    fn journeys(self, resets: &BTreeMap<EntityId, Timestamp>) -> Journeys {
        let mut names = vec![Box::<str>::default(); self.numbers.len()];
        for (name, place) in self.numbers {
            names[place as usize] = name;
        }
        let mut steps = Vec::from(self.steps);
        steps.retain(|step| resets.get(&step.visitor).is_none_or(|until| step.at > *until));
        steps.sort_unstable();
        let mut all: Vec<Journey> = Vec::new();
        for step in steps {
            match all.last_mut() {
                Some(journey)
                    if journey.visitor == step.visitor && step.at - journey.ended <= GAP =>
                {
                    journey.ended = step.at;
                    // A copy of an event, or the same page again, leads nowhere.
                    if journey.places.last() != Some(&step.place) {
                        journey.places.push(step.place);
                    }
                }
                _ => all.push(Journey {
                    visitor: step.visitor,
                    ended: step.at,
                    places: vec![step.place],
                }),
            }
        }
        all.sort_by_key(|journey| (journey.ended, journey.visitor));
        Journeys { names, all }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_event::{AnonymousId, EventId, SourceId};

    fn event(who: &str, minute: i64) -> Event {
        let at = Timestamp(0) + Span::minutes(minute);
        let source = SourceId::parse("s").unwrap();
        let mut event = Event::new(EventId::parse("e").unwrap(), EventKind::Page, source, at);
        event.anonymous_id = AnonymousId::parse(who);
        event
    }

    #[test]
    fn steps_of_a_visitor_make_journeys_that_pauses_end() {
        let mut steps = Steps::new(100);
        for (who, minute, place) in [
            ("a", 31, "/c"),
            ("a", 0, "https://shop.example/b?x=1"),
            ("b", 5, "/b"),
            ("a", 30, "/c"),
            ("a", 62, "/b"),
            ("c", 7, "/b"),
        ] {
            steps.take(&event(who, minute), Some(place));
        }
        steps.take(&event("a", 63), None);
        let forgetful = event("c", 0).subject();
        let resets = BTreeMap::from([(forgetful, Timestamp(0) + Span::minutes(7))]);
        let journeys = steps.journeys(&resets);
        assert_eq!(journeys.names, [Box::from("/c"), "/b".into()]);
        let places: Vec<_> = journeys.all.iter().map(|journey| journey.places.clone()).collect();
        assert_eq!(places, [vec![1], vec![1, 0], vec![1]]);
    }

    #[test]
    fn the_latest_steps_are_kept() {
        let mut steps = Steps::new(2);
        (0..3).for_each(|minute| {
            steps.take(&event("a", minute), Some(["/a", "/b", "/c"][minute as usize]))
        });
        assert_eq!(steps.journeys(&BTreeMap::new()).all[0].places, [1, 2]);
    }
}
