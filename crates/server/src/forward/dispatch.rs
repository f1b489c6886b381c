//! The dispatcher: one thread that follows the log and puts events on the desks they are meant for.
//!
//! Lines that stand at the same place share a reader. A line whose destination does not keep up
//! leaves the others, and reads for itself once there is room again; when it has caught up it joins
//! them. So the log itself is the backlog: nothing is copied, memory does not grow, and a destination
//! that is down costs nothing but the records it has yet to read.

use super::desk::Desk;
use super::desks::Desks;
use super::follower::{Follower, LineName};
use super::item::{Item, delivery_key};
use super::line::Sight;
use millstream_attribute::ConversionRules;
use millstream_event::delivery::{Class, Place};
use millstream_event::{Event, EventKind, Flags, Kind, Lane, Position, Record, envelope};
use millstream_log::{EventLog, LanePositions, LogError};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long the reader at the log's end waits for records.
const READ_WAIT: Duration = Duration::from_millis(20);
/// Between two looks whether anybody has room.
const IDLE: Duration = Duration::from_millis(10);
/// How long an event waits to be folded before it is sent without knowing its copies: the key of
/// its delivery tells the destination which are the same.
const FOLD_PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks whether it is.
const FOLD_PAUSE: Duration = Duration::from_millis(2);
/// Between two looks whether what was taken up is too far behind.
const LOOK_BEHIND: Duration = Duration::from_secs(1);

/// Tells whether an earlier copy of an event counts; none while it is not folded.
pub type IsDuplicate = Arc<dyn Fn(&Event, Position) -> Option<bool> + Send + Sync>;
/// Tells whether a user agent is a bot's.
pub type IsBot = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// What the dispatcher works with.
#[derive(Clone)]
pub struct DispatchParts {
    /// Where events come from.
    pub log: Arc<dyn EventLog>,
    /// Of which one is sent.
    pub is_duplicate: IsDuplicate,
    /// Bots.
    pub is_bot: IsBot,
    /// Which events are conversions.
    pub conversions: ConversionRules,
    /// Keys the idempotency keys.
    pub secret: [u8; 32],
}

/// Lines that others begin, with where they are to be read from.
#[derive(Default)]
pub struct Begun(Mutex<Vec<(LineName, LanePositions)>>);

impl Begun {
    /// Has a line of a desk followed from here.
    pub fn add(&self, desk: usize, class: Class, from: LanePositions) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(((desk, class), from));
    }

    /// Has every line of a desk followed from where it stands.
    pub fn add_all(&self, number: usize, desk: &Desk) {
        for class in Class::ALL {
            if let Some(floor) = desk.floor(class) {
                self.add(number, class, floor);
            }
        }
    }

    fn take(&self) -> Vec<(LineName, LanePositions)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// An event that may be sent.
struct Candidate {
    event: Arc<Event>,
    place: Place,
    class: Class,
    bot: bool,
    imported: bool,
}

/// Whether a line can read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    Yes,
    No,
    /// Too much waits: what is not essential is passed by.
    Shed,
}

/// See the module.
pub struct Dispatcher {
    parts: DispatchParts,
    all: Arc<Desks>,
    /// All of them, as they were when this looked last: desks are added, never taken away.
    desks: Arc<Vec<Arc<Desk>>>,
    followers: Vec<Follower>,
    begun: Arc<Begun>,
}

impl Dispatcher {
    /// One that reads each line from its floor on, and those that are begun later.
    pub fn new(parts: DispatchParts, all: Arc<Desks>, begun: Arc<Begun>) -> Self {
        let desks = all.all();
        for (number, desk) in desks.iter().enumerate() {
            begun.add_all(number, desk);
        }
        Self { parts, all, desks, followers: Vec::new(), begun }
    }

    /// Works until told to end; a log that cannot be read is reported and ends it.
    pub fn run(mut self, closing: &AtomicBool) {
        let (mut records, mut looked) = (Vec::new(), Instant::now());
        while !closing.load(Ordering::Acquire) {
            if looked.elapsed() >= LOOK_BEHIND {
                looked = Instant::now();
                self.pass_oldest_by();
            }
            for (line, from) in self.begun.take() {
                self.desks = self.all.all();
                self.followers.push(Follower::new(from, vec![line]));
            }
            self.part();
            self.join();
            match self.round(&mut records) {
                Ok(true) => {}
                Ok(false) => thread::sleep(IDLE),
                Err(error) => {
                    tracing::error!(%error, "forwarding stopped; restart once the log can be read");
                    return;
                }
            }
        }
    }

    /// What was taken up and waits is bound as what is still to be read: it holds the log's retention.
    fn pass_oldest_by(&self) {
        let heads = self.parts.log.heads();
        for desk in self.desks.iter() {
            Class::ALL.into_iter().for_each(|class| desk.pass_oldest_by(class, &heads));
        }
    }

    fn room(&self, (desk, class): LineName, next: &LanePositions) -> Room {
        let Some(desk) = self.desks.get(desk) else { return Room::No };
        if desk.has_room(class) {
            return Room::Yes;
        }
        let essential = matches!(class, Class::Conversion | Class::Replay);
        let behind = self.parts.log.heads().records_since(next);
        let over = behind > desk.destination().bounds.backlog_records;
        if over && !essential && desk.takes_up() { Room::Shed } else { Room::No }
    }

    /// Lines without room leave those that have some.
    fn part(&mut self) {
        let mut parted = Vec::new();
        for mut follower in std::mem::take(&mut self.followers) {
            let has_room = |line: &LineName| self.room(*line, &follower.next) != Room::No;
            let (go, wait): (Vec<_>, Vec<_>) = follower.lines.iter().copied().partition(has_room);
            if !go.is_empty() && !wait.is_empty() {
                parted.push(Follower::new(follower.next.clone(), wait));
                follower.lines = go;
            }
            parted.push(follower);
        }
        self.followers = parted;
    }

    /// Followers at one place that can both go on become one.
    fn join(&mut self) {
        let mut joined: Vec<Follower> = Vec::new();
        for follower in std::mem::take(&mut self.followers) {
            let goes = |one: &Follower| {
                one.lines.first().is_some_and(|line| self.room(*line, &one.next) != Room::No)
            };
            let alike = joined
                .iter_mut()
                .find(|other| other.next == follower.next && goes(other) == goes(&follower));
            match alike {
                Some(other) => other.lines.extend(follower.lines),
                None if follower.lines.is_empty() => {}
                None => joined.push(follower),
            }
        }
        self.followers = joined;
    }

    /// One read of every follower that has room; true when anything was read, or waited for.
    fn round(&mut self, records: &mut Vec<Record>) -> Result<bool, LogError> {
        // Whoever waits for room takes none of the time of the one that goes on.
        let alone = self.followers.iter().filter(|one| self.goes(one)).count() == 1;
        let mut any = alone;
        for mut follower in std::mem::take(&mut self.followers) {
            if self.goes(&follower) {
                let wait = if alone { READ_WAIT } else { Duration::ZERO };
                any |= follower.read((&*self.parts.log, &self.desks), records, wait)?;
                for record in records.drain(..) {
                    self.offer(&mut follower, &record);
                }
                self.finish_replays(&mut follower);
            } else {
                follower.rest();
            }
            self.followers.push(follower);
        }
        Ok(any)
    }

    fn goes(&self, follower: &Follower) -> bool {
        follower.lines.iter().any(|line| self.room(*line, &follower.next) != Room::No)
    }

    fn offer(&self, follower: &mut Follower, record: &Record) {
        let place = (record.header.lane, record.position);
        follower.next.set(place.0, place.1.next());
        let mut candidate: Option<Option<Candidate>> = None;
        for line in &follower.lines {
            let Some(desk) = self.desks.get(line.0) else { continue };
            let sight = desk.see(line.1, place);
            if sight == Sight::Past {
                continue;
            }
            if record.header.kind != Kind::Event {
                desk.pass(line.1, place);
                continue;
            }
            let known = candidate.get_or_insert_with(|| self.parts.candidate(record));
            let room = || self.room(*line, &follower.next);
            match known {
                Some(known) if desk.is_for(line.1, known.class) => {
                    self.parts.judge((desk, line.1), known, sight, room);
                }
                _ if sight == Sight::Again => desk.leave_out(line.1, place),
                _ => {}
            }
            desk.pass(line.1, place);
        }
    }

    /// Replays that have read their range end.
    fn finish_replays(&self, follower: &mut Follower) {
        let next = follower.next.clone();
        follower.lines.retain(|(desk, class)| {
            let Some(desk) = self.desks.get(*desk).filter(|_| *class == Class::Replay) else {
                return true;
            };
            let Some(range) = desk.replay_range() else { return false };
            let over =
                Lane::all().zip(&range.until).all(|(lane, until)| next.get(lane).0 >= *until);
            if over {
                desk.replayed();
            }
            !over
        });
    }
}

impl DispatchParts {
    /// The event of a record, unless nobody is ever sent it: replayed copies, duplicates, what is
    /// no action of a visitor.
    fn candidate(&self, record: &Record) -> Option<Candidate> {
        let header = &record.header;
        if header.replay_epoch > 0 {
            return None;
        }
        // What cannot be read is in quarantine, or was erased.
        let event = envelope::decode(header.contract_version, &record.payload).ok()?;
        if !is_sent(event.kind) || self.is_known_duplicate(&event, record.position) {
            return None;
        }
        let bot = event.flags.has(Flags::AUTOMATED)
            || event.user_agent.as_deref().is_some_and(|agent| (self.is_bot)(agent));
        Some(Candidate {
            class: Class::of(event.kind, self.conversions.read(&event).is_some()),
            bot,
            imported: event.flags.has(Flags::IMPORTED),
            place: (header.lane, record.position),
            event: Arc::new(event),
        })
    }

    /// Waits a little until the event is folded.
    fn is_known_duplicate(&self, event: &Event, position: Position) -> bool {
        let began = Instant::now();
        loop {
            match (self.is_duplicate)(event, position) {
                Some(known) => return known,
                None if began.elapsed() > FOLD_PATIENCE => return false,
                None => thread::sleep(FOLD_PAUSE),
            }
        }
    }

    /// Takes an event up for a line, or counts why not.
    fn judge(
        &self,
        (desk, class): (&Desk, Class),
        known: &Candidate,
        sight: Sight,
        room: impl FnOnce() -> Room,
    ) {
        let replayed = desk.replay_range().filter(|_| class == Class::Replay);
        let asked = match &replayed {
            Some(range) => known.event.received >= range.from && known.event.received < range.to,
            None => !known.imported,
        };
        let destination = desk.destination();
        let began = Instant::now();
        let required = destination.requires;
        let consented = known.event.consent.granted.and(required) == required;
        desk.figures.consent_checked(began.elapsed());
        let wanted = asked && destination.enabled && (destination.bots || !known.bot);
        if !wanted || !consented {
            if wanted && sight == Sight::New {
                desk.unconsented(class);
            }
            if sight == Sight::Again {
                desk.leave_out(class, known.place);
            }
            return;
        }
        if sight == Sight::New && room() == Room::Shed {
            desk.shed(class);
            return;
        }
        let key = delivery_key(&self.secret, &destination.name, &known.event);
        let event = Arc::clone(&known.event);
        desk.take_up(Item { place: known.place, class, event, key }, sight);
    }
}

/// Actions of visitors; not what we ourselves log of them.
pub(super) const fn is_sent(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::Page
            | EventKind::Screen
            | EventKind::Track
            | EventKind::Identify
            | EventKind::Group
            | EventKind::Alias
            | EventKind::Click
            | EventKind::Conversion
    )
}
