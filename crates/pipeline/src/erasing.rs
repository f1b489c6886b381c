//! Who is erased, what is kept of them, and what other rows are left with once they are gone.

use crate::item::{Item, ItemKind};
use crate::key::{Key, KeyKind};
use crate::query::{ReadError, StateRead, read};
use crate::retention::Forget;
use crate::state::{Click, Device, KnownConversion, KnownTouch, Member, Order};
use crate::value::{Stored, Value, ValueError};
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use millstream_event::{AnonymousId, EntityId, Lane};
use millstream_stitch::{EntryKey, Node};

/// The nodes of the identity graph that somebody was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// As users.
    pub users: BTreeSet<EntityId>,
    /// As devices.
    pub devices: BTreeSet<EntityId>,
    /// Users who said that they are one of these users, too. They stay; what says so goes.
    pub others: BTreeSet<EntityId>,
}

impl Erased {
    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        self.users.extend(&other.users);
        self.devices.extend(&other.devices);
        self.others.extend(&other.others);
    }

    /// All of them, without those who stay.
    pub fn nodes(&self) -> impl Iterator<Item = EntityId> {
        self.users.iter().chain(&self.devices).copied()
    }

    /// Adds the devices that users were ever linked to, and those that these devices say they are, too: the
    /// cookies of their browsers. Costs a look at every node of the graph.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn follow(&mut self, state: &dyn StateRead, generation: u16) -> Result<(), ReadError> {
        let mut cookies: BTreeSet<EntityId> = BTreeSet::new();
        for _ in 0..2 {
            nodes(state, generation, &mut |id, node| {
                let mut links = node.stated.keys().chain(&node.stated_by);
                if links.any(|other| self.users.contains(other)) && !self.users.contains(&id) {
                    let kind = if node.user { &mut self.others } else { &mut self.devices };
                    kind.insert(id);
                }
                if self.devices.contains(&id) {
                    let living = node.stated.iter().filter(|(_, (_, alive))| *alive);
                    cookies.extend(living.map(|(other, _)| *other));
                }
            })?;
        }
        nodes(state, generation, &mut |id, node| {
            if !node.user && cookies.contains(&id) {
                self.devices.insert(id);
            }
        })?;
        // A user who only ever took links back does not look like one in the graph.
        for id in self.devices.clone() {
            let known = read::<Device>(state, &Key::entity(generation, KeyKind::Device, id))?;
            if known.is_some_and(|known| known.events > 0 && !known.anonymous) {
                self.devices.remove(&id);
                self.others.insert(id);
            }
        }
        Ok(())
    }

    /// Those of them of whom nothing is left and to whom nobody else is linked: no row need name them.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn gone(
        &self,
        state: &dyn StateRead,
        generation: u16,
    ) -> Result<BTreeSet<EntityId>, ReadError> {
        let mut gone = BTreeSet::new();
        for id in self.nodes() {
            let key = Key::new(generation, Lane::GRAPH, KeyKind::Node, id.0);
            let linked = read::<Node>(state, &key)?.is_some_and(|it| !it.neighbours().is_empty());
            if !linked && events(state, generation, id)? == 0 {
                gone.insert(id);
            }
        }
        Ok(gone)
    }
}

/// How many events count as a subject's.
fn events(state: &dyn StateRead, generation: u16, subject: EntityId) -> Result<u64, ReadError> {
    let device = read::<Device>(state, &Key::entity(generation, KeyKind::Device, subject))?;
    Ok(device.map_or(0, |device| device.events))
}

fn nodes(
    state: &dyn StateRead,
    generation: u16,
    visit: &mut dyn FnMut(EntityId, &Node),
) -> Result<(), ReadError> {
    each(state, &Key::prefix(generation, Lane::GRAPH, KeyKind::Node), &mut |key, node| {
        visit(key.entity_id(), node);
    })
}

fn each<T: Stored>(
    state: &dyn StateRead,
    prefix: &[u8],
    visit: &mut dyn FnMut(Key, &T),
) -> Result<(), ReadError> {
    state.scan(prefix, &mut |key, stored| {
        let value = Value::decode(stored)?;
        if let (Some(key), Some(value)) = (Key::from_bytes(key), T::read(&value)) {
            visit(key, value);
        }
        Ok(true)
    })
}

/// Every subject of events that there is, with its name where it is a device.
///
/// # Errors
/// When the state cannot be read.
pub fn subjects(
    state: &dyn StateRead,
    generation: u16,
    visit: &mut dyn FnMut(EntityId, Option<&str>),
) -> Result<(), ReadError> {
    for lane in Lane::all() {
        each(state, &Key::prefix(generation, lane, KeyKind::Device), &mut |key, one: &Device| {
            visit(key.entity_id(), Some(&*one.name).filter(|_| one.anonymous));
        })?;
    }
    nodes(state, generation, &mut |id, _| visit(id, None))
}

/// The clicks of browsers that are theirs. Costs a look at every click.
///
/// # Errors
/// When the state cannot be read.
pub fn clicks(
    state: &dyn StateRead,
    generation: u16,
    is_theirs: &dyn Fn(&AnonymousId) -> bool,
) -> Result<Vec<EntityId>, ReadError> {
    let mut found = Vec::new();
    for lane in Lane::all() {
        each(state, &Key::prefix(generation, lane, KeyKind::Click), &mut |key, one: &Click| {
            let clicks = one.logged.values().filter_map(|fact| fact.touch.click.as_ref());
            if clicks.filter_map(|click| click.ms_id.as_ref()).any(is_theirs) {
                found.push(key.entity_id());
            }
        })?;
    }
    Ok(found)
}

/// What is kept of a subject that is to be erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// What its lane is told.
    pub forget: Forget,
    person: EntityId,
    orders: Vec<EntityId>,
}

impl Subject {
    /// Reads it.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn read(
        state: &dyn StateRead,
        generation: u16,
        (id, erased): (EntityId, &Erased),
    ) -> Result<Self, ReadError> {
        let key = Key::entity(generation, KeyKind::Device, id);
        let named = |kind| {
            let mut names = BTreeSet::new();
            let rows = key.of_kind(kind);
            state.scan(&rows.as_bytes()[..Key::SHELF_BYTES], &mut |key, _| {
                names.extend(Key::from_bytes(key).map(|key| EntityId(key.suffix())));
                Ok(true)
            })?;
            Ok::<_, ReadError>(names)
        };
        let links = named(KeyKind::Stated)?;
        let users = erased.users.iter().filter(|user| **user == id || links.contains(user));
        let users = users.copied().collect();
        let person = read::<Device>(state, &key)?.map_or(id, |device| device.person);
        let orders = named(KeyKind::Verdict)?.into_iter().collect();
        let own = erased.devices.contains(&id);
        Ok(Self { forget: Forget { subject: id, users, own, links }, person, orders })
    }

    /// What others were told by it and still hold once its lane has followed: of events that were let go
    /// before. Each is to be told that it is withdrawn, in this version. Nothing while it did something
    /// that stays.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn withdrawals(
        &self,
        state: &dyn StateRead,
        generation: u16,
    ) -> Result<Vec<(Item, u64)>, ReadError> {
        let (sender, target) = (self.forget.subject, self.person);
        let mut found = Vec::new();
        if events(state, generation, sender)? > 0 {
            return Ok(found);
        }
        let mut withdraw = |kind, target, id, version| {
            found.push((Item { kind, sender, target, id, body: None }, version + 1));
        };
        let own = |key: &Key, fact: &EntryKey, what| key.suffix() == fact.timed_name(what, sender);
        let rows = |kind| Key::entity(generation, kind, target);
        let shelf = |key: &Key| key.as_bytes()[..Key::SHELF_BYTES].to_vec();
        each(state, &shelf(&rows(KeyKind::Touch)), &mut |key, row: &KnownTouch| {
            if row.body.as_ref().is_some_and(|touch| own(&key, &touch.key, "touch")) {
                withdraw(ItemKind::Touch, target, key.suffix(), row.version);
            }
        })?;
        each(state, &shelf(&rows(KeyKind::Conversion)), &mut |key, row: &KnownConversion| {
            if row.as_told().is_some_and(|told| own(&key, &told.conversion.key, "conversion")) {
                withdraw(ItemKind::Conversion, target, key.suffix(), row.version);
            }
        })?;
        let member = rows(KeyKind::Member).with_suffix(sender.0);
        if let Some(row) = read::<Member>(state, &member)?.filter(|row| row.body.is_some()) {
            withdraw(ItemKind::Member, target, Default::default(), row.version);
        }
        for order in &self.orders {
            let known = read::<Order>(state, &Key::entity(generation, KeyKind::Order, *order))?;
            for ((from, id), claim) in known.iter().flat_map(|order| &order.claims) {
                if *from == sender && claim.body.is_some() {
                    withdraw(ItemKind::Claim, *order, *id, claim.version);
                }
            }
        }
        Ok(found)
    }
}

/// What becomes of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Left {
    /// It stays as it is.
    Whole,
    /// It says less.
    Value(Box<Value>),
    /// It goes.
    Nothing,
}

/// What is left of a stored row without those who are gone. Most rows name their own entity only, in their
/// key, and are not read.
///
/// # Errors
/// When it is no row.
pub fn left(key: &Key, stored: &[u8], gone: &BTreeSet<EntityId>) -> Result<Left, ValueError> {
    if gone.contains(&key.entity_id()) || gone.contains(&EntityId(key.suffix())) {
        return Ok(Left::Nothing);
    }
    let others = [KeyKind::Dedup, KeyKind::Recredit, KeyKind::Order, KeyKind::Click, KeyKind::Node];
    if !others.into_iter().any(|kind| key.is(kind)) {
        return Ok(Left::Whole);
    }
    Ok(match Value::decode(stored)? {
        Value::Dedup(dedup) if gone.contains(&dedup.subject) => Left::Nothing,
        Value::Recredit(change) if gone.contains(&change.person) => Left::Nothing,
        Value::Order(mut order) => {
            let claims = order.claims.len();
            order.claims.retain(|(sender, _), _| !gone.contains(sender));
            less(claims > order.claims.len(), *order)
        }
        Value::Click(mut click) => {
            let landings = click.landings.len();
            click.landings.retain(|(sender, _), _| !gone.contains(sender));
            match click.logged.is_empty() && click.landings.is_empty() {
                true => Left::Nothing,
                false => less(landings > click.landings.len(), *click),
            }
        }
        Value::Node(mut node) => {
            let links = node.stated.len() + node.stated_by.len();
            node.stated.retain(|other, _| !gone.contains(other));
            node.stated_by.retain(|other| !gone.contains(other));
            less(links > node.stated.len() + node.stated_by.len(), *node)
        }
        _ => Left::Whole,
    })
}

fn less(changed: bool, value: impl Into<Value>) -> Left {
    if changed { Left::Value(Box::new(value.into())) } else { Left::Whole }
}
