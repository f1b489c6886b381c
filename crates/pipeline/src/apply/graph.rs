//! The graph lane: an identity link comes or goes, and persons join or part.

use crate::item::{Body, EdgeBody, Item, ItemKind};
use crate::key::{Key, KeyKind};
use crate::rules::Rules;
use crate::view::{ApplyError, Stamp, View};
use alloc::collections::{BTreeMap, BTreeSet};
use millstream_event::{EntityId, Hash128, Lane};
use millstream_stitch::graph::components;
use millstream_stitch::{Component, Node};

/// A node says that it is, or is no longer, linked to another.
pub(super) struct Statement {
    sender: EntityId,
    target: EntityId,
    /// Set while the link lives.
    edge: Option<EdgeBody>,
    version: u64,
}

impl Statement {
    pub(super) const fn new(
        sender: EntityId,
        target: EntityId,
        edge: Option<EdgeBody>,
        version: u64,
    ) -> Self {
        Self { sender, target, edge, version }
    }
}

pub(super) fn node_key(generation: u16, node: EntityId) -> Key {
    Key::new(generation, Lane::GRAPH, KeyKind::Node, node.0)
}

fn component_key(generation: u16, person: EntityId) -> Key {
    Key::new(generation, Lane::GRAPH, KeyKind::Component, person.0)
}

pub(super) fn apply(
    view: &mut View,
    rules: &Rules<'_>,
    statement: Statement,
    stamp: Stamp,
) -> Result<(), ApplyError> {
    let generation = rules.generation;
    let ends = [statement.sender, statement.target];
    view.want(ends.map(|end| node_key(generation, end)))?;
    let before = ends.map(|end| node(view, generation, end));
    let known = before[0].stated.get(&statement.target).map(|(version, _)| *version);
    if known >= Some(statement.version) {
        return Ok(());
    }
    let after = linked(&before, &statement);
    let concerned = concerned(rules, &before, &after);
    let alive = |node: &Node| {
        i64::from(node.stated.get(&statement.target).is_some_and(|(_, alive)| *alive))
    };
    let links = alive(&after[0]) - alive(&before[0]);
    let mut nodes = surroundings(view, generation, &concerned)?;
    let hubs =
        |ends: &[Node; 2]| ends.iter().map(|end| i64::from(end.is_hub(rules.graph))).sum::<i64>();
    let hubs = hubs(&after) - hubs(&before);
    for (end, node) in ends.into_iter().zip(after) {
        nodes.insert(end, node);
    }
    regroup(view, rules, nodes, stamp);
    view.count(generation, Lane::GRAPH, |counts| {
        counts.links += links;
        counts.hubs += hubs;
    });
    Ok(())
}

fn node(view: &View, generation: u16, id: EntityId) -> Node {
    view.get::<Node>(&node_key(generation, id)).cloned().unwrap_or_else(|| Node::alone(id, false))
}

/// Both ends as they are once the statement holds.
fn linked(before: &[Node; 2], statement: &Statement) -> [Node; 2] {
    let [mut sender, mut target] = before.clone();
    sender.stated.insert(statement.target, (statement.version, statement.edge.is_some()));
    match &statement.edge {
        Some(edge) => {
            sender.user = edge.sender_is_user;
            target.user = edge.target_is_user;
            target.stated_by.insert(statement.sender);
        }
        None => {
            target.stated_by.remove(&statement.sender);
        }
    }
    [sender, target]
}

/// Persons whose members may regroup: those of both ends, and where an end becomes a hub or ceases
/// to be one, those of its neighbours.
fn concerned(rules: &Rules<'_>, before: &[Node; 2], after: &[Node; 2]) -> Concerned {
    let mut concerned = Concerned::default();
    for (old, new) in before.iter().zip(after) {
        concerned.persons.insert(old.person);
        if old.is_hub(rules.graph) != new.is_hub(rules.graph) {
            concerned.neighbours.extend(new.neighbours());
        }
    }
    concerned
}

#[derive(Default)]
struct Concerned {
    persons: BTreeSet<EntityId>,
    neighbours: BTreeSet<EntityId>,
}

/// Every node of the persons concerned.
fn surroundings(
    view: &View,
    generation: u16,
    concerned: &Concerned,
) -> Result<BTreeMap<EntityId, Node>, ApplyError> {
    view.want(concerned.neighbours.iter().map(|id| node_key(generation, *id)))?;
    let mut persons = concerned.persons.clone();
    persons.extend(concerned.neighbours.iter().map(|id| node(view, generation, *id).person));
    view.want(persons.iter().map(|person| component_key(generation, *person)))?;
    let mut members: BTreeSet<EntityId> = concerned.neighbours.clone();
    for person in &persons {
        match view.get::<Component>(&component_key(generation, *person)) {
            Some(component) => members.extend(component.members.iter().copied()),
            None => {
                members.insert(*person);
            }
        }
    }
    view.want(members.iter().map(|id| node_key(generation, *id)))?;
    Ok(members.into_iter().map(|id| (id, node(view, generation, id))).collect())
}

/// Names the person of every node anew and tells those whose person changed.
fn regroup(view: &mut View, rules: &Rules<'_>, mut nodes: BTreeMap<EntityId, Node>, stamp: Stamp) {
    let generation = rules.generation;
    let found = components(&nodes, rules.graph);
    let persons: BTreeSet<EntityId> = nodes.values().map(|node| node.person).collect();
    for gone in persons.iter().filter(|person| !found.contains_key(person)) {
        view.delete(component_key(generation, *gone));
    }
    for (person, component) in found {
        for member in &component.members {
            let Some(node) = nodes.get_mut(member) else { continue };
            if node.person != person {
                node.person = person;
                let body = Some(Body::Person(person));
                let (kind, id) = (ItemKind::Person, Hash128::default());
                view.send(stamp, Item { kind, sender: *member, target: *member, id, body });
            }
        }
        view.put(component_key(generation, person), component);
    }
    for (id, node) in nodes {
        let key = node_key(generation, id);
        if view.get::<Node>(&key) != Some(&node) {
            view.put(key, node);
        }
    }
}
