//! Corrects a device's sessions by an entry that comes or goes, and notes what that changes of what
//! the device tells.

use super::device::EntryChange;
use super::facts::{self, Facts, Place, Teller};
use super::history::History;
use super::links::Voice;
use super::plan::{Plan, Rereading};
use crate::item::{Body, ItemKind};
use crate::key::Key;
use crate::rollup::{CellPlace, Dimensions, Metric, cell_key};
use crate::rules::Rules;
use crate::shelf::Range;
use crate::state::Device;
use crate::stitching::{Origin, Resolution, Stitching, StitchingPlace};
use crate::view::{Stamp, View};
use alloc::vec::Vec;
use millstream_event::{EntityId, Event, Hash128, Lane};
use millstream_stitch::session::direct;
use millstream_stitch::{Entry, EntryKey, Session, SessionFacts, TouchFact};

/// See the module.
pub(super) struct Correction<'a> {
    view: &'a mut View,
    rules: &'a Rules<'a>,
    stamp: Stamp,
    subject: EntityId,
    device: &'a mut Device,
    history: History<'a>,
    before: Facts,
    after: Facts,
}

impl<'a> Correction<'a> {
    pub(super) fn new(
        view: &'a mut View,
        rules: &'a Rules<'a>,
        (subject, device): (EntityId, &'a mut Device),
        stamp: Stamp,
    ) -> Self {
        let history = History::of(rules, subject);
        let (before, after) = (Facts::new(), Facts::new());
        Self { view, rules, stamp, subject, device, history, before, after }
    }

    /// The subject's first sight of an event: its name, its count.
    pub(super) fn arrive(&mut self, event: &Event) {
        self.device.events += 1;
        if self.device.events > 1 {
            return;
        }
        self.device.anonymous = event.anonymous_id.is_some();
        self.device.name = match (&event.anonymous_id, &event.user_id) {
            (Some(id), _) => id.as_str().into(),
            (None, Some(id)) => alloc::format!("user:{id}").into(),
            (None, None) => alloc::format!("event:{}", event.id).into(),
        };
        let devices = i64::from(self.device.anonymous);
        let lane = Lane::of(self.subject);
        self.view.count(self.stamp.generation, lane, |counts| counts.devices += devices);
        self.after.insert((ItemKind::Member, Hash128::default()), Body::Member);
    }

    /// Takes the replaced entry out, where there is one, and puts the new one in its place.
    pub(super) fn exchange(&mut self, change: EntryChange, plan: Plan) {
        let EntryChange { entry, stale } = change;
        if let Some(stale) = stale {
            self.remove(&stale);
        }
        let (stamp, history) = (self.stamp, self.history);
        Voice { view: self.view, stamp, history }.state(self.device, &entry);
        match plan {
            Plan::Apart => {}
            Plan::Begins => self.begin(&entry),
            Plan::Extends(row) => self.extend(row, &entry),
            Plan::Corrects(reread) => self.replace(&reread),
        }
        // Last: a session that lost the event takes back what it told under the same name.
        if !entry.in_session {
            let mut said = Facts::new();
            self.teller().outside(&mut said, &entry);
            self.after.append(&mut said);
        }
        self.view.put(self.history.entry_key(&entry.key), entry);
    }

    /// Takes entries out, and puts the sessions that are left without them in the place of those that
    /// were.
    pub(super) fn forget(&mut self, gone: &[EntryKey], reread: &Rereading, rows: &Range) {
        self.replace(reread);
        // Everything after it went.
        if self.device.latest.is_none()
            && let Some((row, last)) = self.view.last_row::<Session>(&rows.to)
        {
            self.device.latest = Some(last.clone());
            self.view.delete(row);
        }
        gone.iter().for_each(|key| self.remove(key));
        self.device.events = self.device.events.saturating_sub(gone.len() as u64);
    }

    /// The subject is no more: what its first event told is taken back.
    pub(super) fn depart(&mut self) {
        let (devices, lane) = (i64::from(self.device.anonymous), Lane::of(self.subject));
        self.view.count(self.stamp.generation, lane, |counts| counts.devices -= devices);
        self.before.insert((ItemKind::Member, Hash128::default()), Body::Member);
        self.device.latest = None;
    }

    fn remove(&mut self, stale: &EntryKey) {
        let row = self.history.entry_key(stale);
        let Some(removed) = self.view.get::<Entry>(&row).cloned() else { return };
        let (stamp, history) = (self.stamp, self.history);
        Voice { view: self.view, stamp, history }.withdraw(self.device, &removed);
        self.view.delete(row);
        if !removed.in_session {
            let mut gone = Facts::new();
            self.teller().outside(&mut gone, &removed);
            self.retract(gone);
        }
    }

    /// A session grows at its end: the one in this row, or the latest.
    fn extend(&mut self, row: Option<Key>, entry: &Entry) {
        let session = match row {
            Some(row) => self.view.take::<Session>(&row),
            None => self.device.latest.take(),
        };
        let Some(mut session) = session else { return };
        let was_direct = session.is_direct();
        let before = Resolution::of(&session);
        let another_touch = session.push(entry, &self.rules.sessions);
        self.resolve_anew(&session, before, entry);
        if another_touch || entry.conversion.is_some() {
            self.say_more(&session, entry, (was_direct, another_touch));
        }
        self.keep(session, row.is_none());
    }

    fn say_more(
        &mut self,
        session: &Session,
        entry: &Entry,
        (was_direct, another_touch): (bool, bool),
    ) {
        let place = Place::within(self.subject, session);
        let mut said = Facts::new();
        if let Some(conversion) = &entry.conversion {
            self.teller().conversion(&mut said, (&entry.key, conversion), place);
        }
        if let (true, Some(touch)) = (another_touch, &entry.touch) {
            let touch = (entry.key.clone(), (**touch).clone());
            self.teller().touch(&mut said, touch, place);
        }
        if another_touch && was_direct {
            let mut gone = Facts::new();
            self.teller().touch(&mut gone, (session.first.clone(), direct()), place);
            self.retract(gone);
            self.count_origin(session, &direct(), -1);
            self.count_origin(session, &session.origin(), 1);
        }
        self.after.append(&mut said);
    }

    /// A session of one entry.
    fn begin(&mut self, entry: &Entry) {
        let begun = SessionFacts::start(entry, &self.rules.sessions);
        let mut said = Facts::new();
        self.teller().session(&mut said, &begun);
        self.after.append(&mut said);
        self.count(&begun.session, 1);
        match self.device.latest.take() {
            Some(latest) if begun.session.first < latest.first => {
                self.keep(latest, true);
                self.keep(begun.session, false);
            }
            earlier => {
                earlier.into_iter().for_each(|earlier| self.keep(earlier, false));
                self.keep(begun.session, true);
            }
        }
    }

    fn keep(&mut self, session: Session, is_latest: bool) {
        if is_latest {
            self.device.latest = Some(session);
        } else {
            self.view.put(self.history.session_key(&session), session);
        }
    }

    /// Puts corrected sessions where those they take the place of were.
    fn replace(&mut self, reread: &Rereading) {
        let latest = self.device.latest.take_if(|latest| reread.concerns(latest));
        let earlier = reread.before.iter().map(|told| &told.session);
        for session in earlier.filter(|it| latest.as_ref().is_none_or(|l| l.first != it.first)) {
            self.view.delete(self.history.session_key(session));
        }
        let mut rows: Vec<Session> = reread.after.iter().map(|told| told.session.clone()).collect();
        if latest.is_some() {
            self.device.latest = rows.pop();
        }
        rows.into_iter().for_each(|session| self.keep(session, false));
        self.note(&reread.before, &reread.after);
    }

    /// Notes what corrected sessions say. Facts that a removal made and an insertion takes back
    /// (or the other way round) cancel out.
    fn note(&mut self, before: &[SessionFacts], after: &[SessionFacts]) {
        let (mut gone, mut said) = (Facts::new(), Facts::new());
        before.iter().for_each(|told| self.teller().session(&mut gone, told));
        after.iter().for_each(|told| self.teller().session(&mut said, told));
        self.retract(gone);
        self.after.append(&mut said);
        before.iter().for_each(|told| self.count(&told.session, -1));
        after.iter().for_each(|told| self.count(&told.session, 1));
    }

    fn retract(&mut self, gone: Facts) {
        for (name, body) in gone {
            if self.after.remove(&name).is_none() {
                self.before.insert(name, body);
            }
        }
    }

    const fn teller(&self) -> Teller<'_> {
        Teller { view: self.view, generation: self.rules.generation, subject: self.subject }
    }

    fn count(&mut self, session: &Session, sign: i64) {
        let lane = Lane::of(self.subject);
        self.view.count(self.stamp.generation, lane, |counts| {
            counts.sessions += sign;
            counts.bot_sessions += sign * i64::from(session.bot);
        });
        self.count_origin(session, &session.origin(), sign);
        let facts = Resolution::of(session);
        self.tally(session, Origin::of_session(session), |sums| sums.count_session(&facts, sign));
        for name in &session.business {
            let origin = Origin::of_business(name);
            let facts = facts.of_business();
            self.tally(session, origin, |sums| sums.count_session(&facts, sign));
        }
    }

    /// A session that grew at its end is resolved otherwise than `before`.
    fn resolve_anew(&mut self, session: &Session, before: Resolution, entry: &Entry) {
        let after = Resolution::of(session);
        if before == after {
            return;
        }
        let anew = |sums: &mut Stitching| {
            sums.count_session(&before, -1);
            sums.count_session(&after, 1);
        };
        self.tally(session, Origin::of_session(session), anew);
        let added = before.business < after.business;
        let (before, after) = (before.of_business(), after.of_business());
        let anew = |sums: &mut Stitching| {
            sums.count_session(&before, -1);
            sums.count_session(&after, 1);
        };
        let added = entry.conversion.as_ref().map(|fact| &fact.name).filter(|_| added);
        for name in &session.business {
            let origin = Origin::of_business(name);
            if Some(name) == added {
                self.tally(session, origin, |sums| sums.count_session(&after, 1));
            } else {
                self.tally(session, origin, anew);
            }
        }
    }

    fn tally(&mut self, session: &Session, origin: Origin, change: impl FnOnce(&mut Stitching)) {
        let at = (session.first.time, session.bot);
        let place = StitchingPlace::of(self.stamp.generation, self.subject, at);
        self.view.tally(place.key(origin.hash()), || origin, change);
    }

    fn count_origin(&mut self, session: &Session, origin: &TouchFact, sign: i64) {
        let place = CellPlace {
            generation: self.stamp.generation,
            lane: Lane::of(self.subject),
            day: session.first.time.utc_day(),
            metric: Metric::Sessions,
            bot: session.bot,
        };
        let dimensions = Dimensions::of(origin);
        self.view.sum(cell_key(place, &dimensions), (sign, 0), || dimensions);
    }

    /// Sends what changed to the device's person.
    pub(super) fn tell(self) {
        let sender = (self.subject, self.device.person);
        facts::send(self.view, self.stamp, sender, &self.before, self.after);
    }
}
