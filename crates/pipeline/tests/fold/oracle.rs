//! The definitions, computed from the whole set at once: no lanes, no items, no order of arrival.

use crate::answers::WINDOW;
use crate::cluster::TestAgents;
use crate::orders::{Winner, orders};
use millstream_attribute::{Conversion, ConversionRules, Model, Touch, credits};
use millstream_event::{
    Campaign, Channel, EntityId, Event, EventKind, Flags, Hash128, Revision, Span, Surface,
    Timestamp,
};
use millstream_pipeline::Rules;
use millstream_pipeline::rollup::Counts;
use millstream_pipeline::rows::{
    ClickRow, ConversionRow, CreditRow, PersonRow, SessionRow, TouchRow,
};
use millstream_stitch::{
    Agent, Agents, Candidate, Entry, EntryKey, Goods, GraphLimits, SessionRules, TouchFact,
};
use std::collections::{BTreeMap, BTreeSet};

pub struct World {
    /// Counting events by subject, in event order.
    pub subjects: BTreeMap<EntityId, Vec<(Event, Entry)>>,
    persons: BTreeMap<EntityId, EntityId>,
    winners: BTreeMap<EntityId, Winner>,
    pub clicks: Vec<Event>,
    names: BTreeMap<EntityId, String>,
    rules: SessionRules,
}

/// Sorted lines in the shape of [`crate::answers::tables`].
pub fn tables(events: &[Event], rules: &Rules<'_>) -> Vec<String> {
    let world = world(events, rules);
    let mut lines = Vec::new();
    let mut touches: BTreeMap<EntityId, Vec<Touch>> = BTreeMap::new();
    let mut conversions: BTreeMap<EntityId, Vec<(Conversion, bool)>> = BTreeMap::new();
    let mut members: BTreeMap<EntityId, BTreeSet<EntityId>> = BTreeMap::new();
    for (subject, events) in &world.subjects {
        let person = world.persons[subject];
        members.entry(person).or_default().insert(*subject);
        for run in world.runs(events) {
            let session = row(&world, *subject, &run);
            let place = (Some(session.session_id), session.bot);
            let mut found = touches_of(&run, *subject, place);
            touches.entry(person).or_default().append(&mut found);
            for entry in &run {
                conversions
                    .entry(person)
                    .or_default()
                    .extend(conversion(&world, *subject, entry, place));
            }
            lines.push(format!("sessions {session:?}"));
        }
        for (_, entry) in events.iter().filter(|(_, entry)| !entry.in_session) {
            let place = (None, entry.agent.bot);
            if let Some(fact) = &entry.touch {
                touches.entry(person).or_default().push(touch(*subject, &entry.key, fact, place));
            }
            conversions
                .entry(person)
                .or_default()
                .extend(conversion(&world, *subject, entry, place));
        }
    }
    let none = Vec::new();
    for (person, subjects) in &members {
        let (touches, all) =
            (touches.entry(*person).or_default(), conversions.get(person).unwrap_or(&none));
        let conversions = one_each(all, rules);
        people(&mut lines, *person, subjects, (touches, &conversions));
    }
    clicks(&world, &mut lines);
    lines.sort();
    lines
}

pub fn world(events: &[Event], rules: &Rules<'_>) -> World {
    // The best copy of each side: a server's first.
    let mut best: BTreeMap<(String, EntityId, String), [Option<&Event>; 2]> = BTreeMap::new();
    for event in events {
        let property = rules.properties.of(&event.source).to_owned();
        let sides = best.entry((property, event.subject(), event.id.to_string())).or_default();
        let side = &mut sides[usize::from(!is_of_server(event))];
        if side.is_none_or(|best| Candidate::of(event, 0).beats(&Candidate::of(best, 0))) {
            *side = Some(event);
        }
    }
    let mut world = World {
        subjects: BTreeMap::new(),
        persons: BTreeMap::new(),
        winners: BTreeMap::new(),
        clicks: Vec::new(),
        names: BTreeMap::new(),
        rules: rules.sessions.clone(),
    };
    for [server, client] in best.into_values() {
        let event = server.or(client).unwrap();
        if event.kind == EventKind::Click {
            world.clicks.push(event.clone());
            continue;
        }
        let told = |event: &Event| {
            let agent = TestAgents.classify(event.user_agent.as_deref().unwrap());
            let mut fact = ConversionRules::default().read(event);
            if let Some(fact) = &mut fact
                && (fact.value.is_some() || fact.order.is_some())
            {
                fact.goods = Goods::of(event);
            }
            Entry::of((event, event.subject()), agent, fact)
        };
        let entry = match (server, client) {
            (Some(server), Some(client)) => both(told(server), told(client)),
            _ => told(event),
        };
        let name = match (&event.anonymous_id, &event.user_id) {
            (Some(id), _) => id.to_string(),
            (None, Some(id)) => format!("user:{id}"),
            (None, None) => format!("event:{}", event.id),
        };
        world.names.insert(event.subject(), name);
        world.subjects.entry(event.subject()).or_default().push((event.clone(), entry));
    }
    for events in world.subjects.values_mut() {
        events.sort_by(|(_, a), (_, b)| a.key.cmp(&b.key));
    }
    world.persons = persons(&world, rules.graph);
    world.winners = orders(&world.subjects);
    world
}

pub fn is_of_server(event: &Event) -> bool {
    event.surface == Surface::Server && event.kind != EventKind::Click
}

/// One action that both sides told of: who, when and what for by the server, where by the client.
fn both(server: Entry, client: Entry) -> Entry {
    if server.unlinks.is_some() || client.unlinks.is_some() {
        return server;
    }
    let mut one = server;
    one.in_session |= client.in_session;
    one.view |= client.view;
    if client.agent != Agent::default() {
        one.agent = client.agent;
    }
    if client.country.is_some() || client.region.is_some() {
        (one.country, one.region) = (client.country, client.region);
    }
    one.number = if client.number == 0 { one.number } else { client.number };
    one.round_trip_ms = client.round_trip_ms.or(one.round_trip_ms);
    one.connection = client.connection.or(one.connection);
    one.clock_behind = client.clock_behind.or(one.clock_behind);
    one.url = client.url.or(one.url);
    one.purposes &= client.purposes;
    one.touch = client.touch.or(one.touch);
    one.landing = client.landing.or(one.landing);
    let stated: BTreeSet<_> = one.edges.iter().chain(&client.edges).copied().collect();
    one.edges = stated.into_iter().collect();
    one.conversion = match (one.conversion, client.conversion) {
        (Some(mut own), Some(other)) if own.role == other.role => {
            own.value = own.value.or(other.value);
            own.order = own.order.or(other.order);
            own.part = own.part.or(other.part);
            own.goods = if own.goods.is_empty() { other.goods } else { own.goods };
            Some(own)
        }
        (own, other) => own.or(other),
    };
    one
}

/// What is counted, but for what no history of the generator has.
pub fn counts(events: &[Event], rules: &Rules<'_>) -> Counts {
    let world = world(events, rules);
    let number = |count: usize| count as i64;
    let counting: Vec<&Event> =
        world.subjects.values().flatten().map(|(event, _)| event).chain(&world.clicks).collect();
    let runs: Vec<_> = world.subjects.values().flat_map(|events| world.runs(events)).collect();
    let visible = number(counting.len());
    let is = |yes: &dyn Fn(&Event) -> bool| number(counting.iter().filter(|it| yes(it)).count());
    let members: BTreeSet<EntityId> =
        world.subjects.keys().map(|subject| world.persons[subject]).collect();
    let tables = tables(events, rules);
    Counts {
        logged: number(events.len()),
        visible,
        duplicate: number(events.len()) - visible,
        late: is(&|event| event.received - event.event_time > rules.horizon),
        bot: is(&|event| event.user_agent.as_deref() == Some("bot")),
        page_views: is(&|event| matches!(event.kind, EventKind::Page | EventKind::Screen)),
        placeholders: is(&|event| event.user_id.as_ref().is_some_and(|id| id.as_str() == "guest")),
        devices: number(
            world.subjects.values().filter(|all| all[0].0.anonymous_id.is_some()).count(),
        ),
        sessions: number(runs.len()),
        bot_sessions: number(runs.iter().filter(|run| is_bot(run)).count()),
        people: number(members.len()),
        conversions: number(tables.iter().filter(|line| line.starts_with("conversions")).count()),
        clicks_rebuilt: number(tables.iter().filter(|line| line.contains("rebuilt: true")).count()),
        ..Counts::default()
    }
}

/// Sessions whose last event happened no longer than the timeout before `now`.
pub fn open_sessions(events: &[Event], rules: &Rules<'_>, now: Timestamp) -> BTreeSet<Hash128> {
    let world = world(events, rules);
    let mut open = BTreeSet::new();
    for (subject, events) in &world.subjects {
        let last = world.runs(events).pop();
        open.extend(
            last.filter(|run| {
                let last = &run[run.len() - 1].key;
                now - last.time <= rules.sessions.of(&last.source).timeout
            })
            .map(|run| run[0].key.name("session", *subject)),
        );
    }
    open
}

/// Connected components by relabelling until nothing changes.
fn persons(world: &World, limits: GraphLimits) -> BTreeMap<EntityId, EntityId> {
    let mut edges: BTreeSet<(EntityId, EntityId)> = BTreeSet::new();
    let mut users: BTreeSet<EntityId> = BTreeSet::new();
    for (subject, events) in &world.subjects {
        for (event, entry) in events {
            if event.anonymous_id.is_none() {
                users.insert(*subject);
            }
            for edge in &entry.edges {
                if !stands(events, (&entry.key, edge.target)) {
                    continue;
                }
                edges.extend([(*subject, edge.target), (edge.target, *subject)]);
                if edge.user {
                    users.insert(edge.target);
                }
            }
        }
    }
    let degree = |node: EntityId| edges.iter().filter(|(from, _)| *from == node).count();
    let hub = |node: EntityId| {
        degree(node) > if users.contains(&node) { limits.devices_max } else { limits.users_max }
    };
    let nodes: BTreeSet<EntityId> =
        world.subjects.keys().copied().chain(edges.iter().map(|(from, _)| *from)).collect();
    let mut label: BTreeMap<EntityId, EntityId> = nodes.iter().map(|node| (*node, *node)).collect();
    let conducting: Vec<_> = edges.iter().filter(|(a, b)| !hub(*a) && !hub(*b)).collect();
    loop {
        let mut changed = false;
        for (a, b) in &conducting {
            let least = label[a].min(label[b]);
            changed |=
                label.insert(*a, least) != Some(least) || label.insert(*b, least) != Some(least);
        }
        if !changed {
            return label;
        }
    }
}

/// True when no later unlink voids what an entry states.
fn stands(events: &[(Event, Entry)], (key, target): (&EntryKey, EntityId)) -> bool {
    !events.iter().any(|(_, other)| other.unlinks == Some(target) && other.key >= *key)
}

impl World {
    pub fn runs<'a>(&self, events: &'a [(Event, Entry)]) -> Vec<Vec<&'a Entry>> {
        let mut runs: Vec<Vec<&Entry>> = Vec::new();
        for (_, entry) in events.iter().filter(|(_, entry)| entry.in_session) {
            match runs.last_mut() {
                Some(run) if !self.begins(run, entry) => run.push(entry),
                _ => runs.push(vec![entry]),
            }
        }
        runs
    }

    /// True when an entry begins another session than the one that these are of.
    fn begins(&self, run: &[&Entry], entry: &Entry) -> bool {
        let rule = self.rules.of_source.get(&entry.key.source).unwrap_or(&self.rules.usual);
        let (before, now) = (run[run.len() - 1].key.time, entry.key.time);
        let another_day = rule.by_day.as_ref().is_some_and(|zone| {
            let zone = jiff::tz::TimeZone::get(zone.name()).unwrap();
            let date = |time: Timestamp| {
                jiff::Timestamp::from_microsecond(time.0).unwrap().to_zoned(zone.clone()).date()
            };
            date(before) != date(now)
        });
        let bears = |entry: &Entry| {
            let touch = entry.touch.as_deref().cloned();
            touch.filter(|touch| touch.click.is_some() || touch.campaign != Campaign::default())
        };
        let another_campaign = rule.by_campaign
            && bears(entry).is_some_and(|new| {
                let last = run.iter().rev().find_map(|entry| bears(entry));
                last.is_none_or(|last| !last.same_visit(&new))
            });
        now - before > rule.timeout || (now > before && (another_day || another_campaign))
    }
}

pub fn is_bot(run: &[&Entry]) -> bool {
    let fast = run.iter().any(|first| {
        let within = |entry: &&&Entry| {
            entry.key >= first.key && entry.key.time - first.key.time <= Span::seconds(10)
        };
        run.iter().filter(within).count() > 20
    });
    fast || run.iter().any(|entry| entry.agent.bot)
}

fn row(world: &World, subject: EntityId, run: &[&Entry]) -> SessionRow {
    let (first, last) = (run[0], run[run.len() - 1]);
    let origin = touches_of(run, subject, (None, false)).swap_remove(0).fact;
    let received = run.iter().map(|entry| entry.received).max().unwrap();
    SessionRow {
        session_id: first.key.name("session", subject),
        anonymous_id: world.names[&subject].as_str().into(),
        person_id: world.persons[&subject],
        started_at: first.key.time,
        ended_at: last.key.time,
        events: run.len() as u64,
        page_views: run.iter().filter(|entry| entry.view).count() as u64,
        source: origin.arrival.source,
        medium: origin.arrival.medium,
        channel: origin.arrival.channel,
        campaign: origin.campaign,
        device: first.agent.device.as_str().into(),
        browser: first.agent.browser.clone(),
        os: first.agent.os.clone(),
        country: first.country.clone(),
        region: None,
        entry_url: first.url.clone(),
        exit_url: last.url.clone(),
        bot: is_bot(run),
        resolution_delay_micros: (received - last.received).0,
        revision: Revision::default(),
    }
}

fn touches_of(run: &[&Entry], subject: EntityId, place: (Option<Hash128>, bool)) -> Vec<Touch> {
    let mut found: Vec<Touch> = Vec::new();
    for entry in run {
        let Some(fact) = &entry.touch else { continue };
        if !found.last().is_some_and(|last| last.fact.same_visit(fact)) {
            found.push(touch(subject, &entry.key, fact, place));
        }
    }
    if found.is_empty() {
        let direct = TouchFact {
            arrival: millstream_event::Arrival {
                source: "(direct)".into(),
                medium: "(none)".into(),
                channel: Channel::new(Channel::DIRECT),
            },
            campaign: Default::default(),
            click: None,
        };
        found.push(touch(subject, &run[0].key, &direct, place));
    }
    found
}

fn touch(
    subject: EntityId,
    key: &EntryKey,
    fact: &TouchFact,
    (session, bot): (Option<Hash128>, bool),
) -> Touch {
    Touch { id: key.name("touch", subject), key: key.clone(), session, fact: fact.clone(), bot }
}

/// Conversions of a person, none of bots: where a server that named just the user and a device told
/// of one under the same event id, it is one.
fn one_each(all: &[(Conversion, bool)], rules: &Rules<'_>) -> Vec<Conversion> {
    type Sides = [Vec<Conversion>; 2];
    let mut named: BTreeMap<(String, String), Sides> = BTreeMap::new();
    for (one, of_user) in all.iter().filter(|(one, _)| !one.bot) {
        let name = (rules.properties.of(&one.key.source).to_owned(), one.key.id.to_string());
        named.entry(name).or_default()[usize::from(*of_user)].push(one.clone());
    }
    let mut found = Vec::new();
    for [mut devices, mut servers] in named.into_values() {
        servers.sort_by_key(|one| (one.key.clone(), one.id));
        if let Some(server) = servers.first_mut() {
            let far = |one: &Conversion| (one.key.time.0 - server.key.time.0).abs();
            devices.sort_by_key(|one| (far(one), one.key.clone(), one.id));
            if let Some(device) = devices.first_mut() {
                let value = (server.value, device.value);
                if device.order.is_some() && server.order.is_none() {
                    device.value = value.1.or(value.0);
                    if device.goods.is_empty() {
                        device.goods = server.goods.clone();
                    }
                    servers.remove(0);
                } else {
                    server.value = value.0.or(value.1);
                    server.session = server.session.or(device.session);
                    if server.goods.is_empty() {
                        server.goods = device.goods.clone();
                    }
                    devices.remove(0);
                }
            }
        }
        found.extend(servers.into_iter().chain(devices));
    }
    found
}

/// The conversion that an entry is, and whether a server told of it that named just the user.
fn conversion(
    world: &World,
    subject: EntityId,
    entry: &Entry,
    (session, bot): (Option<Hash128>, bool),
) -> Option<(Conversion, bool)> {
    let fact = entry.conversion.as_deref()?;
    let (id, value, refunded_minor, goods) = match &fact.order {
        None => (entry.key.name("conversion", subject), fact.value, 0, fact.goods.clone()),
        Some(order) => {
            let order = EntityId::order(order);
            let winner = world.winners.get(&order)?;
            if winner.subject != subject || winner.key != entry.key {
                return None;
            }
            let id = Hash128::of("order conversion", &[&order.0.0]);
            (id, winner.value, winner.refunded_minor, winner.goods.clone())
        }
    };
    let conversion = Conversion {
        id,
        key: entry.key.clone(),
        name: fact.name.clone(),
        session,
        value,
        refunded_minor,
        order: fact.order.as_ref().map(|order| order.as_str().into()),
        bot,
        goods,
    };
    Some((conversion, fact.of_user))
}

fn people(
    lines: &mut Vec<String>,
    person_id: EntityId,
    subjects: &BTreeSet<EntityId>,
    (touches, conversions): (&[Touch], &[Conversion]),
) {
    let revision = Revision::default();
    for touch in touches {
        let click = touch.fact.click.as_ref();
        let row = TouchRow {
            touch_id: touch.id,
            person_id,
            session_id: touch.session,
            time: touch.key.time,
            source: touch.fact.arrival.source.clone(),
            medium: touch.fact.arrival.medium.clone(),
            channel: touch.fact.arrival.channel.clone(),
            campaign: touch.fact.campaign.clone(),
            link_id: click.map(|click| click.link.clone()),
            click_id: click.map(|click| click.id.clone()),
            bot: touch.bot,
            revision,
        };
        lines.push(format!("touches {row:?}"));
    }
    for conversion in conversions {
        let row = ConversionRow {
            conversion_id: conversion.id,
            person_id,
            event_id: conversion.key.id.as_str().into(),
            name: conversion.name.clone(),
            time: conversion.key.time,
            session_id: conversion.session,
            value: conversion.value,
            refunded_minor: conversion.refunded_minor,
            order_id: conversion.order.clone(),
            goods: conversion.goods.clone(),
            revision,
        };
        lines.push(format!("conversions {row:?}"));
        credit_lines(lines, person_id, touches, conversion);
    }
    let devices = subjects.iter().copied().collect();
    let (touches, conversions) = (touches.len() as u64, conversions.len() as u64);
    lines.push(format!(
        "people {:?}",
        PersonRow { person_id, devices, touches, conversions, revision }
    ));
}

fn credit_lines(
    lines: &mut Vec<String>,
    person_id: EntityId,
    touches: &[Touch],
    conversion: &Conversion,
) {
    for model in Model::ALL {
        for credit in credits(touches.iter(), conversion, model, WINDOW) {
            let fact = credit.touch.map(|touch| &touch.fact);
            let row = CreditRow {
                conversion_id: conversion.id,
                person_id,
                touch_id: credit.touch.map(|touch| touch.id),
                campaign: fact.map(|fact| fact.campaign.clone()).unwrap_or_default(),
                source: fact.map(|fact| fact.arrival.source.clone()).unwrap_or_default(),
                channel: fact.map_or_else(
                    || Channel::new(Channel::UNATTRIBUTED),
                    |fact| fact.arrival.channel.clone(),
                ),
                link_id: fact.and_then(|fact| fact.click.as_ref()).map(|click| click.link.clone()),
                model: model.as_str(),
                weight_ppb: credit.weight_ppb,
                amount: credit.amount,
                revision: Revision::default(),
            };
            lines.push(format!("credits {row:?}"));
        }
    }
}

/// Clicks: their own record, else the first landing; joined to the first landing's session.
fn clicks(world: &World, lines: &mut Vec<String>) {
    let landings = world.subjects.iter().flat_map(|(subject, events)| {
        let landed = events.iter().filter(|(_, entry)| entry.landing.is_some());
        landed.map(move |(_, entry)| (*subject, entry))
    });
    let mut first: BTreeMap<EntityId, (EntityId, &Entry)> = BTreeMap::new();
    for landing in landings {
        let click = EntityId::click(&landing.1.landing.as_ref().unwrap().id);
        let best = first.entry(click).or_insert(landing);
        if landing.1.key < best.1.key {
            *best = landing;
        }
    }
    let mut logged: BTreeMap<EntityId, &Event> = BTreeMap::new();
    for event in &world.clicks {
        let best = logged.entry(event.subject()).or_insert(event);
        if event.source < best.source {
            *best = event;
        }
    }
    let all: BTreeSet<EntityId> = logged.keys().chain(first.keys()).copied().collect();
    for click in all {
        let (landing, own) = (first.get(&click), logged.get(&click));
        let reference = own
            .and_then(|event| event.click.clone())
            .or_else(|| landing?.1.landing.as_deref().cloned())
            .unwrap();
        let session_id = landing.and_then(|(subject, entry)| {
            let runs = world.runs(&world.subjects[subject]);
            let run =
                runs.into_iter().find(|run| run.iter().any(|other| other.key == entry.key))?;
            Some(run[0].key.name("session", *subject))
        });
        let bot = match (own, landing) {
            (Some(own), _) => {
                own.user_agent.as_deref() == Some("bot") || own.flags.has(Flags::AUTOMATED)
            }
            (None, Some((.., entry))) => entry.agent.bot,
            (None, None) => false,
        };
        let row = ClickRow {
            click_id: reference.id,
            link_id: reference.link,
            time: own.map_or(reference.issued, |own| own.event_time),
            landed_by: landing.map(|(subject, ..)| *subject),
            session_id,
            rebuilt: own.is_none(),
            bot,
        };
        lines.push(format!("clicks {row:?}"));
    }
}
