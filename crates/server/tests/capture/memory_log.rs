//! An event log in memory, which acknowledges, holds back or refuses as it is told.

use millstream_event::{Event, Kind, Lane, Position, Quarantine, Record, envelope};
use millstream_log::chain::LaneChains;
use millstream_log::{
    Acknowledge, Append, AppendError, Appended, EventLog, LanePositions, LogError, LogReader, Owed,
};
use std::sync::Mutex;

/// What the log does with the next group.
#[derive(Clone, Debug, Default)]
pub enum Mood {
    /// Takes it and acknowledges.
    #[default]
    Willing,
    /// Takes it and keeps silent.
    Stalled,
    /// Refuses it at once.
    Refusing(AppendError),
    /// Takes it and later says that it failed.
    Failing(AppendError),
}

/// Groups as they were appended.
#[derive(Default)]
pub struct MemoryLog {
    mood: Mutex<Mood>,
    groups: Mutex<Vec<Vec<Append>>>,
    held: Mutex<Vec<Acknowledge>>,
}

impl MemoryLog {
    pub fn feel(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// How many groups wait for their acknowledgement.
    pub fn held(&self) -> usize {
        self.held.lock().unwrap().len()
    }

    /// Acknowledges everything that was held back.
    pub fn release(&self) {
        for acknowledge in self.held.lock().unwrap().drain(..) {
            acknowledge(Ok(Appended { places: Vec::new() }));
        }
    }

    pub fn groups(&self) -> Vec<Vec<Append>> {
        self.groups.lock().unwrap().clone()
    }

    pub fn records(&self, kind: Kind) -> Vec<Append> {
        self.groups().into_iter().flatten().filter(|it| it.header.kind == kind).collect()
    }

    pub fn events(&self) -> Vec<Event> {
        let decode = |it: Append| {
            let event = envelope::decode(it.header.contract_version, &it.payload).unwrap();
            assert_eq!(it.header.lane, Lane::of(event.subject()));
            assert_eq!(it.header.received, event.received);
            assert_ne!(it.header.subject.0, [0; 16]);
            event
        };
        self.records(Kind::Event).into_iter().map(decode).collect()
    }

    pub fn quarantined(&self) -> Vec<Quarantine> {
        let decode = |it: Append| serde_json::from_slice(&it.payload).unwrap();
        self.records(Kind::Quarantine).into_iter().map(decode).collect()
    }
}

impl EventLog for MemoryLog {
    fn append(&self, group: Vec<Append>, acknowledge: Acknowledge) -> Result<(), AppendError> {
        let places = group.iter().map(|it| (it.header.lane, Position(0))).collect();
        match self.mood.lock().unwrap().clone() {
            Mood::Refusing(error) => return Err(error),
            Mood::Failing(error) => acknowledge(Err(error)),
            Mood::Stalled => self.held.lock().unwrap().push(acknowledge),
            Mood::Willing => {
                self.groups.lock().unwrap().push(group);
                acknowledge(Ok(Appended { places }));
            }
        }
        Ok(())
    }

    fn reader(&self, _: &LanePositions) -> Result<Box<dyn LogReader>, LogError> {
        unreachable!("capture only appends")
    }

    fn heads(&self) -> LanePositions {
        LanePositions::default()
    }

    fn tails(&self) -> LanePositions {
        LanePositions::default()
    }

    fn read_at(&self, _: Lane, _: Position) -> Result<Option<Record>, LogError> {
        unreachable!("capture only appends")
    }

    fn chains(&self, _: &LanePositions) -> Result<LaneChains, LogError> {
        unreachable!("capture only appends")
    }

    fn set_retention_floor(&self, _: &LanePositions, _: Option<&Owed>) -> Result<(), LogError> {
        unreachable!("capture only appends")
    }

    fn erase(&self, _: Lane, _: Position, _: &[u8]) -> Result<bool, LogError> {
        unreachable!("capture only appends")
    }
}
