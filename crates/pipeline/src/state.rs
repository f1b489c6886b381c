//! The entities' states: what the fold keeps between records.

use crate::item::{Claim, Landing, OrderVerdict};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use millstream_attribute::hybrid::Told;
use millstream_attribute::{Conversion, Touch};
use millstream_event::{
    ClickId, EntityId, Flags, Hash128, Position, QuarantineReason, Revision, SourceId, Timestamp,
};
use millstream_stitch::{Candidate, Edge, EntryKey, Session, TouchFact, Verdict as CopyVerdict};
use serde::{Deserialize, Serialize};

/// What a receiver holds of one item: the highest version seen, tombstones included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versioned<T> {
    /// The sender's revision.
    pub version: u64,
    /// What it says; none once withdrawn.
    pub body: Option<T>,
}

/// Items by (sender, item id).
pub type Items<T> = BTreeMap<(EntityId, Hash128), Versioned<T>>;

/// The living bodies of items, in their order.
pub fn living<T>(items: &Items<T>) -> impl Iterator<Item = &T> {
    items.values().filter_map(|item| item.body.as_ref())
}

/// A device, or another subject of events. Its entries, its sessions before the latest one, its
/// identity links and the verdicts on its orders are rows of their own, so that what is rewritten
/// for an event does not grow with the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its id as sent, empty until its first event.
    pub name: Box<str>,
    /// True for devices, false for users and lone events.
    pub anonymous: bool,
    /// Visible events.
    pub events: u64,
    /// Its latest session.
    pub latest: Option<Session>,
    /// The person it belongs to; itself until the graph says otherwise.
    pub person: EntityId,
    /// Version of that word of the graph; none until it came.
    pub person_version: Option<u64>,
    /// Version of its last change.
    pub revision: Revision,
}

/// An identity link of a device. It lives while an entry after the last unlink states it, kept or
/// let go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stated {
    /// The link; none while only an unlink tells of it.
    pub edge: Option<Edge>,
    /// How many entries that are kept state it after the last unlink.
    pub entries: u64,
    /// The last unlink.
    pub unlinked: Option<EntryKey>,
    /// The last entry that states it among those that were let go.
    pub let_go: Option<EntryKey>,
    /// The last unlink among them.
    pub unlink_let_go: Option<EntryKey>,
}

impl Stated {
    /// True when the link lives.
    pub fn lives(&self) -> bool {
        self.entries > 0 || self.let_go > self.unlinked
    }
}

/// What a device knows of an order.
pub type Verdict = Versioned<OrderVerdict>;
/// What a person knows of one of its devices.
pub type Member = Versioned<()>;
/// What a person knows of a touch.
pub type KnownTouch = Versioned<Touch>;

/// What a person knows of a conversion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownConversion {
    /// The sender's revision.
    pub version: u64,
    /// As it counts; none once withdrawn, and where another stands for it.
    pub body: Option<Conversion>,
    /// As it was told, where that differs.
    pub told: Option<Box<Conversion>>,
    /// True when a server told of it that named the user and no device.
    pub of_user: bool,
}

impl KnownConversion {
    /// What was told, as `body` counts.
    pub fn of(version: u64, told: Option<Told>, body: Option<Conversion>) -> Self {
        let of_user = told.as_ref().is_some_and(|told| told.of_user);
        let told = told.map(|told| told.conversion).filter(|told| body.as_ref() != Some(told));
        Self { version, body, told: told.map(Box::new), of_user }
    }

    /// What was told; none once withdrawn.
    pub fn as_told(&self) -> Option<Told> {
        let conversion = self.told.as_deref().or(self.body.as_ref())?.clone();
        Some(Told { conversion, of_user: self.of_user })
    }
}

/// The conversions of a person that were told under one event id of one property, by their rows'
/// names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namesakes(pub BTreeSet<Hash128>);

impl Device {
    /// A subject of which nothing is known yet.
    pub fn unknown(id: EntityId) -> Self {
        Self {
            name: Box::default(),
            anonymous: false,
            events: 0,
            latest: None,
            person: id,
            person_version: None,
            revision: Revision::default(),
        }
    }
}

/// Which copy of an event counts, and what must be taken back should a better one come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dedup {
    /// Whose event it is.
    pub subject: EntityId,
    /// True when a server told of it: its copies count before those of browsers and apps.
    pub server: bool,
    /// What decides between copies of its side.
    pub candidate: Candidate,
    /// The counting copy's record.
    pub position: Position,
    /// The counting copy's place in time.
    pub key: EntryKey,
    /// What it added to the counts "of which".
    pub traits: Traits,
    /// Where it was tallied.
    pub tallied: Tallied,
    /// All copies of its side seen.
    pub copies: Copies,
    /// Where a server's copy counts: what a browser or an app told of the same action.
    pub other: Option<Box<Counterpart>>,
}

/// The best copy that a browser or an app sent of an action that a server told of, too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counterpart {
    /// What decides between copies of this side.
    pub candidate: Candidate,
    /// Its record.
    pub position: Position,
    /// All copies of this side seen.
    pub copies: Copies,
    /// True when the one event that both sides tell of is part of a session.
    pub in_session: bool,
}

impl Dedup {
    /// What a further copy means to the one that counts.
    pub fn met_by(&self, candidate: &Candidate, server: bool) -> CopyVerdict {
        match (self.server, server) {
            (true, false) => CopyVerdict::Loses,
            (false, true) => CopyVerdict::Replaces,
            _ => candidate.against(Some(&self.candidate)),
        }
    }

    /// True when a further copy is the best of its side.
    pub fn is_led_by(&self, candidate: &Candidate, server: bool) -> bool {
        let best = match &self.other {
            _ if self.server == server => Some(&self.candidate),
            other => other.as_ref().map(|other| &other.candidate),
        };
        best.is_none_or(|best| candidate.beats(best))
    }

    /// What is kept once a further copy has come. Does not depend on which came first.
    #[must_use]
    pub fn joined_by(mut self, mut copy: Self) -> Self {
        match (self.server, copy.server) {
            (true, false) => {
                let fresh = || Box::new(Counterpart::of(&copy, Copies::default()));
                let other = self.other.get_or_insert_with(fresh);
                other.copies.add(copy.candidate.content, other.candidate.content);
                if copy.candidate.beats(&other.candidate) {
                    (other.candidate, other.position) = (copy.candidate, copy.position);
                }
                self
            }
            (false, true) => {
                copy.copies.add(copy.candidate.content, copy.candidate.content);
                let copies = core::mem::take(&mut self.copies);
                Self { other: Some(Box::new(Counterpart::of(&self, copies))), ..copy }
            }
            _ => {
                let mut copies = core::mem::take(&mut self.copies);
                copies.add(copy.candidate.content, self.candidate.content);
                match copy.candidate.beats(&self.candidate) {
                    true => Self { copies, other: self.other, ..copy },
                    false => Self { copies, ..self },
                }
            }
        }
    }

    /// How many copies there were, those of both sides.
    pub fn copies_total(&self) -> u64 {
        self.copies.total + self.other.as_ref().map_or(0, |other| other.copies.total)
    }

    /// Copies that say something else than the best of their side.
    pub fn conflicts(&self) -> u64 {
        let other = self.other.as_ref();
        let of_other = other.map_or(0, |other| other.copies.conflicts(other.candidate.content));
        self.copies.conflicts(self.candidate.content) + of_other
    }
}

impl Counterpart {
    fn of(copy: &Dedup, copies: Copies) -> Self {
        let Dedup { candidate, position, .. } = *copy;
        Self { candidate, position, copies, in_session: false }
    }
}

/// Under which sums of [`Stitching`](crate::stitching::Stitching) an event was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tallied {
    /// Its origin.
    pub origin: Hash128,
    /// The business event it is, where it is one.
    pub business: Option<Hash128>,
    /// True when it begins an order, or is a conversion without one.
    pub converts: bool,
}

/// Copies of one event, by what they say. Which contents are kept does not depend on the order in
/// which copies came: the least hashes stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copies {
    /// How many copies there were, the counting one included.
    pub total: u64,
    /// How many said the same, by content; empty while there is one copy.
    contents: BTreeMap<Hash128, u64>,
}

impl Copies {
    /// Different contents told apart at most.
    pub const CONTENTS_MAX: usize = 16;

    /// A further copy. `standing` is the content of the first, needed when the second comes.
    pub fn add(&mut self, content: Hash128, standing: Hash128) {
        self.total += 1;
        match self.total {
            1 => return,
            2 => {
                self.contents.insert(standing, 1);
            }
            _ => {}
        }
        *self.contents.entry(content).or_default() += 1;
        if self.contents.len() > Self::CONTENTS_MAX {
            self.contents.pop_last();
        }
    }

    /// Copies that say something else than the counting one.
    pub fn conflicts(&self, counting: Hash128) -> u64 {
        match self.total {
            0 | 1 => 0,
            total => total - self.contents.get(&counting).copied().unwrap_or(1),
        }
    }
}

/// Counts "of which" that one visible event adds to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traits {
    /// The event's own flags.
    pub flags: Flags,
    /// Received later than the horizon.
    pub late: bool,
    /// A known bot's.
    pub bot: bool,
    /// A page or screen view.
    pub view: bool,
    /// Its user id is a placeholder.
    pub placeholder: bool,
}

/// A click of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Click {
    /// From its own record, where that was logged, by the source that logged it.
    pub logged: BTreeMap<SourceId, ClickFact>,
    /// Landings with it.
    pub landings: Items<Landing>,
}

/// What counts of a click.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClickFact {
    /// The click.
    pub id: ClickId,
    /// When it was redirected.
    pub time: Timestamp,
    /// Where it came from and which link it was.
    pub touch: TouchFact,
    /// True for known agents, previews and scanners.
    pub bot: bool,
}

/// An order and who claims to be its conversion.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Claims.
    pub claims: Items<Claim>,
}

/// A person. Their devices, touches and conversions are rows of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Devices and other subjects that belong to them.
    pub members: u64,
    /// Touches.
    pub touches: u64,
    /// Conversions, bots' excluded.
    pub conversions: u64,
    /// No conversion they were ever told of is later.
    pub converted_until: Option<Timestamp>,
    /// Version of the last change.
    pub revision: Revision,
}

/// A quarantined thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// Why.
    pub reason: QuarantineReason,
    /// From where.
    pub source: SourceId,
    /// When.
    pub received: Timestamp,
    /// Its record; the replay's, where only that came.
    pub position: Position,
    /// True once its record came.
    pub seen: bool,
    /// True once a replay could read it.
    pub resolved: bool,
}

impl Quarantined {
    /// True while it is in quarantine.
    pub const fn stands(&self) -> bool {
        self.seen && !self.resolved
    }
}
