//! Hybrid tracking: one action that a server told of, and a browser or an app.

use crate::agent::Agent;
use crate::entry::{ConversionFact, Entry};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use millstream_event::SourceId;
use serde::{Deserialize, Serialize};

/// Which sources see the same actions. Sources of one property give an action one event id; any
/// other source may use that id for something else. A source that is not named here is a property
/// of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Properties(BTreeMap<SourceId, Box<str>>);

impl Properties {
    /// Sources and their properties. One that is named after its source is left out.
    pub fn new(named: impl IntoIterator<Item = (SourceId, Box<str>)>) -> Self {
        let others = named.into_iter().filter(|(source, name)| source.as_str() != &**name);
        Self(others.collect())
    }

    /// The property of a source.
    pub fn of<'a>(&'a self, source: &'a SourceId) -> &'a str {
        self.0.get(source).map_or(source.as_str(), |name| name)
    }
}

/// The best copy of each side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// As the server tells it.
    pub server: Entry,
    /// As the browser or the app tells it.
    pub client: Entry,
}

impl Pair {
    /// The one event that both are. The server says who it was, when, and what it was worth, and
    /// the client fills what the server leaves open. Of where it happened the client knows better: a
    /// server has an address and an agent of its own. An unlink is never united with anything: what it
    /// takes back must not depend on what else bears its id.
    pub fn united(&self) -> Entry {
        let Self { server, client } = self;
        if server.unlinks.is_some() || client.unlinks.is_some() {
            return server.clone();
        }
        let seen = client.country.is_some() || client.region.is_some();
        let place = if seen { client } else { server };
        let known = client.agent != Agent::default();
        let mut edges = server.edges.clone();
        edges.extend(client.edges.iter().filter(|edge| !server.edges.contains(edge)));
        Entry {
            key: server.key.clone(),
            received: server.received,
            in_session: server.in_session || client.in_session,
            view: server.view || client.view,
            agent: if known { client.agent.clone() } else { server.agent.clone() },
            country: place.country.clone(),
            region: place.region.clone(),
            connection: client.connection.clone().or_else(|| server.connection.clone()),
            number: if client.number == 0 { server.number } else { client.number },
            round_trip_ms: client.round_trip_ms.or(server.round_trip_ms),
            clock_behind: client.clock_behind.or(server.clock_behind),
            url: client.url.clone().or_else(|| server.url.clone()),
            purposes: server.purposes & client.purposes,
            touch: client.touch.clone().or_else(|| server.touch.clone()),
            conversion: conversion(server, client),
            edges,
            unlinks: None,
            landing: client.landing.clone().or_else(|| server.landing.clone()),
        }
    }
}

fn conversion(server: &Entry, client: &Entry) -> Option<Box<ConversionFact>> {
    let (Some(own), Some(other)) = (&server.conversion, &client.conversion) else {
        return server.conversion.clone().or_else(|| client.conversion.clone());
    };
    let mut fact = own.clone();
    // A sale says nothing of a refund.
    if own.role == other.role {
        fact.value = own.value.or(other.value);
        fact.order = own.order.clone().or_else(|| other.order.clone());
        fact.part = own.part.clone().or_else(|| other.part.clone());
        if own.goods.is_empty() {
            fact.goods.clone_from(&other.goods);
        }
    }
    Some(fact)
}
