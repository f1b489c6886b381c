//! Keys of the state: `generation | lane | kind | entity | part | suffix`, ordered as bytes.

use core::hash::{Hash, Hasher};
use millstream_event::{EntityId, Hash128, Lane, Position, Timestamp};

/// What a key's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum KeyKind {
    /// A device (or other subject of events).
    Device = 1,
    /// Which copy of an event counts.
    Dedup = 2,
    /// A person.
    Person = 3,
    /// An order.
    Order = 4,
    /// A click of ours.
    Click = 5,
    /// A node of the identity graph.
    Node = 6,
    /// The members of a person in the graph.
    Component = 7,
    /// A partial sum of a report.
    Rollup = 8,
    /// A lane's counts.
    Counts = 9,
    /// A control record.
    Control = 10,
    /// A quarantined thing.
    Quarantine = 11,
    /// An item on its way to another lane.
    Outbox = 12,
    /// An identity link that a device states, by the node it links to.
    Stated = 13,
    /// What a device knows of an order of its own.
    Verdict = 14,
    /// A device of a person.
    Member = 15,
    /// An entry of a device, by time. From here to conversions: rows that are asked for by ranges.
    Entry = 16,
    /// A session of a device before its latest one, by the time it began.
    Session = 17,
    /// A touch of a person, by time.
    Touch = 18,
    /// A conversion of a person, by time.
    Conversion = 19,
    /// A partial sum of how events arrived and sessions resolved.
    Stitching = 20,
    /// One action as a server and as a browser or app told of it.
    Pair = 21,
    /// That a device's latest session reached into an hour: finds those that may be open.
    Recent = 22,
    /// What was spent, by day. In the control lane, as budgets and rates are.
    Spend = 28,
    /// What may be spent, by first day.
    Budget = 29,
    /// What a currency was worth, by day.
    Rate = 30,
    /// Where a line of a destination stands.
    Line = 36,
    /// A delivery that was given up, by the event's place.
    DeadLetter = 37,
    /// What an event told of a device's preferences, latest first; and the device's last choice.
    Interest = 46,
    /// Sums over decisions.
    Decided = 47,
    /// That a device met an arm of an experiment.
    Exposure = 61,
    /// Sums over decisions by arm of an experiment.
    ArmDecided = 62,
    /// How long a lane's conversions of one day took to arrive.
    Lags = 51,
    /// Why the credit of a conversion changed.
    Recredit = 63,
    /// Where a choice of a device's is logged, by time.
    Chosen = 67,
    /// What a unit of a product costs, by the day from which on. In the control lane.
    UnitCost = 68,
    /// From when on a lane keeps rows, and how many it let go.
    Kept = 70,
    /// A person's conversions that were told under one event id.
    Namesakes = 75,
    /// What was measured beside decisions, by day.
    Measured = 73,
}

/// A key: 37 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key([u8; Key::BYTES]);

impl Hash for Key {
    /// Entity and suffix are hashes already: eight bytes of each are enough.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let word = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&self.0[at..at + 8]);
            u64::from_le_bytes(bytes)
        };
        let place = u64::from(self.0[2]) << 16 | u64::from(self.0[3]) << 8 | u64::from(self.0[20]);
        state.write_u64(
            word(4) ^ word(12).rotate_left(17) ^ word(21).rotate_left(31) ^ word(29) ^ place,
        );
    }
}

/// Keys are hashes already: mixing them is enough.
#[derive(Clone, Default)]
pub struct KeyHasher(u64);

impl core::hash::Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u128(&mut self, word: u128) {
        self.write_u64(word as u64);
    }

    fn write_u64(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

impl Key {
    /// Length of every key.
    pub const BYTES: usize = 37;
    /// Length of what the keys of one shelf have in common.
    pub const SHELF_BYTES: usize = 21;

    /// Puts a key together.
    pub fn new(generation: u16, lane: Lane, kind: KeyKind, entity: Hash128) -> Self {
        let mut bytes = [0; Self::BYTES];
        bytes[0..2].copy_from_slice(&generation.to_be_bytes());
        bytes[2] = lane.number();
        bytes[3] = kind as u8;
        bytes[4..20].copy_from_slice(&entity.0);
        Self(bytes)
    }

    /// With a part and a suffix.
    #[must_use]
    pub fn part(mut self, part: u8, suffix: [u8; 16]) -> Self {
        self.0[20] = part;
        self.0[21..37].copy_from_slice(&suffix);
        self
    }

    /// The key of an entity that lives in the lane its id says.
    pub fn entity(generation: u16, kind: KeyKind, entity: EntityId) -> Self {
        Self::new(generation, Lane::of(entity), kind, entity.0)
    }

    /// A row of an entity: `name` tells it from the entity's other rows and orders them.
    pub fn row(generation: u16, kind: KeyKind, entity: EntityId, name: Hash128) -> Self {
        Self::entity(generation, kind, entity).with_suffix(name)
    }

    /// The same key for a value of another kind.
    #[must_use]
    pub const fn of_kind(mut self, kind: KeyKind) -> Self {
        self.0[3] = kind as u8;
        self
    }

    /// The same key with another suffix.
    #[must_use]
    pub fn with_suffix(mut self, suffix: Hash128) -> Self {
        self.0[21..37].copy_from_slice(&suffix.0);
        self
    }

    /// The suffix.
    pub fn suffix(&self) -> Hash128 {
        let mut suffix = [0; 16];
        suffix.copy_from_slice(&self.0[21..37]);
        Hash128(suffix)
    }

    /// The key without its suffix: equal for rows of one kind under one entity.
    #[must_use]
    pub fn shelf(&self) -> Self {
        self.with_suffix(Hash128::default())
    }

    /// True when rows of its kind are asked for by ranges.
    pub const fn is_on_shelf(&self) -> bool {
        let kind = self.0[3];
        let histories = KeyKind::Entry as u8 <= kind && kind <= KeyKind::Conversion as u8;
        histories || kind == KeyKind::Interest as u8
    }

    /// Which copy of an event counts: by event id first, so that an id alone finds its copies.
    /// `whose` tells subjects and properties apart.
    pub fn dedup(generation: u16, subject: EntityId, event: Hash128, whose: Hash128) -> Self {
        Self::new(generation, Lane::of(subject), KeyKind::Dedup, event).with_suffix(whose)
    }

    /// That a subject's latest session has its last event in the hour of `last`.
    pub fn recent(generation: u16, subject: EntityId, last: Timestamp) -> Self {
        let mut hour = [0; 16];
        hour[..8].copy_from_slice(&(last.hour() ^ i64::MIN).to_be_bytes());
        let lane = Lane::of(subject);
        Self::new(generation, lane, KeyKind::Recent, Hash128(hour)).with_suffix(subject.0)
    }

    /// A control record.
    pub fn control(generation: u16, position: Position) -> Self {
        let mut ordinal = [0; 16];
        ordinal[8..].copy_from_slice(&position.0.to_be_bytes());
        Self::new(generation, Lane::CONTROL, KeyKind::Control, Hash128(ordinal))
    }

    /// A row of the ledger: by day, then by name.
    pub fn ledger(generation: u16, kind: KeyKind, day: i32, name: Hash128) -> Self {
        let mut entity = [0; 16];
        entity[..4].copy_from_slice(&Self::ledger_day(day));
        Self::new(generation, Lane::CONTROL, kind, Hash128(entity)).with_suffix(name)
    }

    /// A day such that bytes sort as days do.
    pub const fn ledger_day(day: i32) -> [u8; 4] {
        (day ^ i32::MIN).to_be_bytes()
    }

    /// The prefix of every key of one kind in one lane.
    pub fn prefix(generation: u16, lane: Lane, kind: KeyKind) -> [u8; 4] {
        let [high, low] = generation.to_be_bytes();
        [high, low, lane.number(), kind as u8]
    }

    /// Reads a key back.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.try_into().ok()?))
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// True when its value is of this kind.
    pub const fn is(&self, kind: KeyKind) -> bool {
        self.0[3] == kind as u8
    }

    /// The generation it belongs to.
    pub const fn generation(&self) -> u16 {
        u16::from_be_bytes([self.0[0], self.0[1]])
    }

    /// The lane it belongs to.
    pub const fn lane(&self) -> Option<Lane> {
        Lane::from_number(self.0[2])
    }

    /// The entity it names.
    pub fn entity_id(&self) -> EntityId {
        let mut entity = [0; 16];
        entity.copy_from_slice(&self.0[4..20]);
        EntityId(Hash128(entity))
    }
}
