//! Where one class of events of one destination stands in the log.

use millstream_event::delivery::{
    Class, DeadLetter, DeadReason, Delivery, Place, ReplayRange, Standing, Totals,
};
use millstream_event::{Hash128, Lane, Position, Span, Timestamp};
use millstream_log::LanePositions;
use std::collections::BTreeSet;

/// Dead letters told in one record, so that it stays well below a record's bound.
const DEAD_TOLD_MAX: usize = 4_000;
/// Records passed by after which a line is told of anew though nothing was sent: a restart reads
/// them again otherwise.
const PASSED_MAX: u64 = 20_000;
/// The same by time, also where nothing changes: what is not told to be passed by holds the log's
/// retention, and so does a line's last record.
const TOLD_EVERY: Span = Span::hours(1);
/// How long what is taken up waits to be told while nothing is settled: a restart reads it again, and a record
/// names all of it, so that telling it often would make a long queue cost the log and whoever else is sent to.
const TAKEN_TOLD_AFTER: Span = Span::seconds(10);
/// How long after a restart a line is told of first, unless something changes: it has caught up by then.
const RESUMED_TOLD_AFTER: Span = Span::seconds(2);

/// What a record is to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Taken up before a restart and not settled.
    Again,
    /// New.
    New,
    /// Known.
    Past,
}

/// See the module.
#[derive(Debug)]
pub struct Line {
    class: Class,
    next: LanePositions,
    /// Taken up and not settled.
    pending: BTreeSet<Place>,
    /// Of these, what must be read again after a restart.
    unread: BTreeSet<Place>,
    /// Counts.
    pub totals: Totals,
    /// For replays.
    pub replay: Option<ReplayRange>,
    dead: Vec<DeadLetter>,
    revived: Vec<Place>,
    passed: u64,
    told_at: Timestamp,
    changed: bool,
    /// True when something was taken up since.
    taken: bool,
    /// Of the last record that the log took.
    seal: Hash128,
    /// True while a record is on its way to the log: the next one carries its hash.
    telling: bool,
}

impl Line {
    /// One that begins here.
    pub fn begin(class: Class, next: LanePositions) -> Self {
        Self {
            class,
            next,
            pending: BTreeSet::new(),
            unread: BTreeSet::new(),
            totals: Totals::default(),
            replay: None,
            dead: Vec::new(),
            revived: Vec::new(),
            passed: 0,
            told_at: Timestamp::default(),
            changed: true,
            taken: false,
            seal: Hash128::default(),
            telling: false,
        }
    }

    /// Goes on with the chain of the line whose place it takes.
    pub fn after(&mut self, before: &Self) {
        (self.totals, self.seal, self.telling) = (before.totals, before.seal, before.telling);
    }

    /// One that goes on where its last record says.
    pub fn resume(told: &Delivery) -> Self {
        let mut next = LanePositions::default();
        for (lane, position) in Lane::all().zip(&told.next) {
            next.set(lane, Position(*position));
        }
        let pending: BTreeSet<Place> = told.pending.iter().copied().collect();
        let unread = pending.clone();
        let (totals, replay) = (told.totals, told.replay.clone());
        let line = Self { pending, unread, totals, replay, ..Self::begin(told.class, next) };
        Self { changed: false, seal: told.seal.unwrap_or_default(), ..line }
    }

    /// Where reading must begin: at what is not settled.
    pub fn floor(&self) -> LanePositions {
        self.unsettled_from(self.next.clone())
    }

    /// From where on the log must be kept for it. A line that events pass by needs only what it has
    /// taken up; one that is sent a range again takes what is still there.
    pub fn needs(&self, standing: Standing) -> Option<LanePositions> {
        match (self.class, standing) {
            (Class::Replay, _) => None,
            (_, Standing::Disabled) if self.pending.is_empty() => None,
            (_, Standing::Disabled) => Some(self.unsettled_from(LanePositions::beyond_all())),
            _ => Some(self.floor()),
        }
    }

    /// True when the event at a place is taken up and not settled.
    pub fn has_taken(&self, place: Place) -> bool {
        self.pending.contains(&place)
    }

    fn unsettled_from(&self, mut floor: LanePositions) -> LanePositions {
        for (lane, position) in &self.pending {
            if *position < floor.get(*lane) {
                floor.set(*lane, *position);
            }
        }
        floor
    }

    /// Goes on where the log begins. Counts as passed by what must be read again and is no longer kept;
    /// returns how many.
    pub fn lose(&mut self, tails: &LanePositions) -> usize {
        let gone: Vec<Place> = self
            .unread
            .iter()
            .filter(|(lane, position)| *position < tails.get(*lane))
            .copied()
            .collect();
        for place in &gone {
            self.unread.remove(place);
            self.pass_by(*place);
        }
        for (lane, tail) in tails.iter() {
            self.changed |= self.next.get(lane) < tail;
            self.next.set(lane, self.next.get(lane).max(tail));
        }
        gone.len()
    }

    /// An event that was taken up is passed by after all.
    pub fn pass_by(&mut self, place: Place) {
        self.totals.shed += 1;
        self.settle(place);
    }

    /// How much is taken up and not settled.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// What waits to be read again.
    pub fn unread(&self) -> usize {
        self.unread.len()
    }

    /// The next positions.
    pub const fn next(&self) -> &LanePositions {
        &self.next
    }

    /// Passes everything by up to here.
    pub fn skip_to(&mut self, heads: LanePositions) {
        self.next = heads;
        self.changed = true;
    }

    /// What a record is. The line does not move on: until it is known what becomes of the record
    /// ([`Self::take`], [`Self::pass`]) the log must not be told that it is passed, for a crash
    /// would lose it.
    pub fn see(&mut self, (lane, position): Place) -> Sight {
        if position >= self.next.get(lane) {
            return Sight::New;
        }
        if self.unread.remove(&(lane, position)) { Sight::Again } else { Sight::Past }
    }

    /// Moves on behind a record, if it has not yet.
    pub fn pass(&mut self, (lane, position): Place) {
        if position >= self.next.get(lane) {
            self.next.set(lane, position.next());
            self.passed += 1;
            self.changed |= self.passed >= PASSED_MAX;
        }
    }

    /// Takes a new event up, and moves on behind it.
    pub fn take(&mut self, place: Place) {
        self.pass(place);
        self.totals.accepted += 1;
        self.pending.insert(place);
        self.taken = true;
    }

    /// Takes a dead letter up again.
    pub fn revive(&mut self, place: Place) {
        self.revived.push(place);
        self.pending.insert(place);
        self.changed = true;
    }

    /// An event was confirmed.
    pub fn delivered(&mut self, place: Place) {
        self.totals.delivered += 1;
        self.settle(place);
    }

    /// An event is left out.
    pub fn skipped(&mut self, place: Place) {
        self.totals.skipped += 1;
        self.settle(place);
    }

    /// An event is given up.
    pub fn give_up(
        &mut self,
        (lane, position): Place,
        (reason, status): (DeadReason, u16),
        at: Timestamp,
    ) {
        self.totals.dead += 1;
        self.dead.push(DeadLetter { lane, position, reason, status, at });
        self.settle((lane, position));
    }

    fn settle(&mut self, place: Place) {
        self.pending.remove(&place);
        self.changed = true;
    }

    /// What the log is to be told, when there is something new.
    pub fn statement(
        &mut self,
        destination: &str,
        standing: Standing,
        now: Timestamp,
    ) -> Option<Delivery> {
        if self.told_at == Timestamp::default() {
            self.told_at = Timestamp(now.0 - TOLD_EVERY.0 + RESUMED_TOLD_AFTER.0);
        }
        let wait = if self.taken { TAKEN_TOLD_AFTER } else { TOLD_EVERY };
        let stale = now - self.told_at >= wait;
        if self.telling || (!std::mem::take(&mut self.changed) && !stale) {
            return None;
        }
        (self.telling, self.taken) = (true, false);
        (self.passed, self.told_at) = (0, now);
        let told = self.dead.len().min(DEAD_TOLD_MAX);
        let dead = self.dead.drain(..told).collect();
        self.changed = !self.dead.is_empty();
        Some(Delivery {
            destination: destination.into(),
            class: self.class,
            standing,
            next: self.next.iter().map(|(_, position)| position.0).collect(),
            pending: self.pending.iter().copied().collect(),
            totals: self.totals,
            dead,
            revived: std::mem::take(&mut self.revived),
            replay: self.replay.clone(),
            previous: Some(self.seal),
            seal: None,
            told_at: None,
        })
    }

    /// The log took it.
    pub fn told(&mut self, seal: Hash128) {
        (self.seal, self.telling) = (seal, false);
    }

    /// True while a record is on its way to the log.
    pub fn is_telling(&self) -> bool {
        self.telling
    }

    /// Has it told again because the log did not take it.
    pub fn untold(&mut self, told: Delivery) {
        self.dead.splice(0..0, told.dead);
        self.revived.splice(0..0, told.revived);
        (self.changed, self.telling) = (true, false);
    }

    /// Has what was taken up told at once.
    pub fn tell_taken(&mut self) {
        self.changed |= self.taken;
    }

    /// Has its standing told though nothing else changed.
    pub fn touch(&mut self) {
        self.changed = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

    fn place(position: u64) -> Place {
        (Lane::CONTROL, Position(position))
    }

    #[test]
    fn a_restart_takes_up_what_was_not_settled_and_nothing_else() {
        let mut line = Line::begin(Class::Rest, LanePositions::default());
        for position in 0..6 {
            assert_eq!(line.see(place(position)), Sight::New);
            assert_eq!(
                line.floor().get(Lane::CONTROL),
                Position(0),
                "nothing is passed by looking"
            );
            line.take(place(position));
        }
        line.delivered(place(0));
        line.give_up(place(3), (DeadReason::Refused, 400), Timestamp::default());
        line.delivered(place(4));
        let told = line.statement("a", Standing::Running, NOW).unwrap();
        assert_eq!(told.dead.len(), 1);
        assert!(line.statement("a", Standing::Running, NOW).is_none());
        let mut again = Line::resume(&told);
        assert_eq!(again.floor().get(Lane::CONTROL), Position(1));
        assert!(again.statement("a", Standing::Running, NOW).is_none(), "nothing changed");
        let soon = NOW + RESUMED_TOLD_AFTER;
        assert!(again.statement("a", Standing::Running, soon).is_some(), "a restart is told of");
        let seen: Vec<_> = (1..8).map(|position| again.see(place(position))).collect();
        use Sight::{Again, New, Past};
        assert_eq!(seen, [Again, Again, Past, Past, Again, New, New]);
        assert_eq!((again.unread(), again.pending()), (0, 3));
    }

    #[test]
    fn what_the_log_did_not_take_is_told_again() {
        let mut line = Line::begin(Class::Rest, LanePositions::default());
        line.take(place(1));
        line.give_up(place(1), (DeadReason::Rule, 0), Timestamp::default());
        let told = line.statement("a", Standing::Running, NOW).unwrap();
        line.untold(told.clone());
        assert_eq!(line.statement("a", Standing::Running, NOW), Some(told));
    }

    #[test]
    fn a_record_tells_of_the_one_before_it_and_waits_until_that_is_logged() {
        let mut line = Line::begin(Class::Rest, LanePositions::default());
        let first = line.statement("a", Standing::Running, NOW).unwrap();
        assert_eq!(first.previous, Some(Hash128::default()));
        line.touch();
        assert_eq!(line.statement("a", Standing::Running, NOW), None, "the first is on its way");
        line.told(Hash128([7; 16]));
        let second = line.statement("a", Standing::Running, NOW).unwrap();
        assert_eq!(second.previous, Some(Hash128([7; 16])));
        line.untold(second);
        let again = line.statement("a", Standing::Running, NOW).unwrap();
        assert_eq!(again.previous, Some(Hash128([7; 16])), "what was not logged is no link");
        let known = Delivery { seal: Some(Hash128([8; 16])), ..again };
        let mut resumed = Line::resume(&known);
        resumed.touch();
        let next = resumed.statement("a", Standing::Running, NOW).unwrap();
        assert_eq!(next.previous, Some(Hash128([8; 16])));
    }

    #[test]
    fn passing_by_is_told_now_and_then() {
        let mut line = Line::begin(Class::Rest, LanePositions::default());
        let tell = |line: &mut Line, now| {
            let told = line.statement("a", Standing::Running, now).is_some();
            line.told(Hash128::default());
            told
        };
        assert!(tell(&mut line, NOW));
        for position in 0..PASSED_MAX {
            assert!(!tell(&mut line, NOW));
            line.pass(place(position));
        }
        assert!(tell(&mut line, NOW));
        line.pass(place(PASSED_MAX));
        let later = NOW + TOLD_EVERY;
        assert!(!tell(&mut line, later - Span::seconds(1)));
        assert!(tell(&mut line, later), "a quiet log waits an hour");
        assert!(tell(&mut line, later + TOLD_EVERY), "so does a line that stands still");
    }

    #[test]
    fn what_is_taken_up_is_told_now_and_then_and_with_what_is_settled() {
        let mut line = Line::begin(Class::Rest, LanePositions::default());
        let tell = |line: &mut Line, now| {
            let told = line.statement("a", Standing::Running, now);
            line.told(Hash128::default());
            told.map(|told| told.pending.len())
        };
        assert_eq!(tell(&mut line, NOW), Some(0));
        line.take(place(0));
        line.take(place(1));
        let later = NOW + TAKEN_TOLD_AFTER;
        assert_eq!(tell(&mut line, later - Span::seconds(1)), None);
        assert_eq!(tell(&mut line, later), Some(2));
        line.take(place(2));
        line.delivered(place(0));
        assert_eq!(tell(&mut line, later), Some(2), "whatever is settled is told at once");
        line.take(place(3));
        line.tell_taken();
        assert_eq!(tell(&mut line, later), Some(3), "so is all of it in the end");
    }

    #[test]
    fn the_log_is_kept_for_what_is_owed_and_nothing_else() {
        let mut line = Line::begin(Class::Rest, LanePositions::default());
        for position in 0..9 {
            if position == 4 { line.take(place(position)) } else { line.pass(place(position)) }
        }
        let from = |line: &Line, standing| line.needs(standing).map(|at| at.get(Lane::CONTROL).0);
        assert_eq!(from(&line, Standing::Paused), Some(4));
        assert_eq!(from(&line, Standing::Disabled), Some(4));
        line.delivered(place(4));
        assert_eq!(from(&line, Standing::Draining), Some(9));
        assert_eq!(from(&line, Standing::Disabled), None);
        let replay = Line::begin(Class::Replay, LanePositions::default());
        assert_eq!(from(&replay, Standing::Running), None);
    }

    #[test]
    fn what_the_log_no_longer_keeps_does_not_wait_for_ever() {
        let mut line = Line::begin(Class::Rest, LanePositions::default());
        for position in 0..4 {
            line.take(place(position));
        }
        let told = line.statement("a", Standing::Running, NOW).unwrap();
        let mut again = Line::resume(&told);
        let mut tails = LanePositions::default();
        tails.set(Lane::CONTROL, Position(3));
        assert_eq!(again.lose(&tails), 3);
        assert_eq!((again.pending(), again.unread(), again.totals.shed), (1, 1, 3));
    }
}
