//! How events arrived, computed from the whole set at once.

use crate::answers::{Arrived, arrived};
use crate::cluster::TestAgents;
use crate::oracle::{World, is_bot, is_of_server, world};
use millstream_attribute::ConversionRules;
use millstream_event::{Event, EventKind, Flags, Span};
use millstream_pipeline::lags::Lags;
use millstream_pipeline::stitching::{Origin, WITHIN};
use millstream_pipeline::{Rules, Spread};
use millstream_stitch::{Agent, Agents, Candidate, Entry, Role};
use std::collections::BTreeMap;

const HORIZON: Span = Span::hours(48);

/// Sorted lines in the shape of [`crate::answers::stitching`].
pub fn lines(events: &[Event], rules: &Rules<'_>) -> Vec<String> {
    let world = world(events, rules);
    let (mut all, mut lags) = (Arrived::new(), BTreeMap::<i32, Lags>::new());
    for event in events {
        let agent = TestAgents.classify(event.user_agent.as_deref().unwrap());
        copy(&mut all, event, &agent);
    }
    // Of copies that say the same in all that decides, one counts.
    for event in distinct(events) {
        let agent = TestAgents.classify(event.user_agent.as_deref().unwrap());
        if counts(&world, event) {
            counting(&mut all, event, &agent);
            lag(&mut lags, event, &agent);
        }
    }
    for events in world.subjects.values() {
        for run in world.runs(events) {
            session(&mut all, &run);
        }
    }
    let mut lines = arrived(&all);
    lines.extend(lags.iter().map(|(day, lags)| format!("lags {day} {lags:?}")));
    lines
}

/// True when the event ranks as the copy that counts does.
fn counts(world: &World, event: &Event) -> bool {
    let of_subject = world.subjects.get(&event.subject()).into_iter().flatten();
    let counting = of_subject.map(|(event, _)| event).chain(&world.clicks);
    let mut same = counting.filter(|other| {
        let same = other.id == event.id && other.source == event.source;
        same && other.subject() == event.subject() && is_of_server(other) == is_of_server(event)
    });
    same.any(|other| !Candidate::of(other, 0).beats(&Candidate::of(event, 0)))
}

fn distinct(events: &[Event]) -> Vec<&Event> {
    let mut found: Vec<&Event> = Vec::new();
    for event in events {
        if !found.contains(&event) {
            found.push(event);
        }
    }
    found
}

fn origins(event: &Event, agent: &Agent) -> Vec<Origin> {
    let conversion = ConversionRules::default().read(event);
    let business = conversion.filter(|_| event.kind != EventKind::Click);
    let business = business.map(|fact| Origin::of_business(&fact.name));
    [Origin::of_event(event, agent)].into_iter().chain(business).collect()
}

fn place(event: &Event, agent: &Agent) -> (i32, bool) {
    (event.event_time.utc_day(), agent.bot || event.flags.has(Flags::AUTOMATED))
}

/// Every copy is a duplicate; the one that counts is taken out again.
fn copy(all: &mut Arrived, event: &Event, agent: &Agent) {
    let (day, bot) = place(event, agent);
    for origin in origins(event, agent) {
        let sums = all.entry((day, bot, origin.clone())).or_default();
        sums.origin = origin;
        sums.duplicates += 1;
    }
}

fn counting(all: &mut Arrived, event: &Event, agent: &Agent) {
    let (day, bot) = place(event, agent);
    for origin in origins(event, agent) {
        let sums = all.entry((day, bot, origin)).or_default();
        sums.duplicates -= 1;
        sums.events += 1;
        sums.late += i64::from(event.received - event.event_time > HORIZON);
        sums.skew.add(event.received - event.event_time, 1);
    }
}

/// Conversions of people that are no refund, renewal or restatement of another.
fn lag(all: &mut BTreeMap<i32, Lags>, event: &Event, agent: &Agent) {
    let conversion = ConversionRules::default().read(event);
    let begins = conversion.is_some_and(|fact| fact.role == Role::Order);
    let (day, bot) = place(event, agent);
    if begins && !bot && event.kind != EventKind::Click {
        let lag = event.received - event.event_time;
        all.entry(day).or_default().add(event.event_time, lag, 1);
    }
}

fn session(all: &mut Arrived, run: &[&Entry]) {
    let (first, last) = (run[0], run[run.len() - 1]);
    let received = run.iter().map(|entry| entry.received).max().unwrap();
    let delay = received - last.received;
    let out_of_order = run
        .iter()
        .enumerate()
        .filter(|(at, entry)| run[*at..].iter().any(|later| later.received < entry.received))
        .count();
    let behind = run.iter().filter_map(|entry| entry.clock_behind).min();
    let (numbered, missing) = numbers(run);
    let mut names: Vec<_> =
        run.iter().filter_map(|entry| Some(entry.conversion.as_ref()?.name.clone())).collect();
    names.sort();
    names.dedup();
    let own = Origin {
        business: "".into(),
        source: first.key.source.as_str().into(),
        country: first.country.clone().unwrap_or_default(),
        region: "".into(),
        device: first.agent.device.as_str().into(),
        browser: first.agent.browser.clone(),
        connection: first.connection.clone().unwrap_or_default(),
    };
    let business = names.iter().map(|name| Origin::of_business(name));
    for origin in [own].into_iter().chain(business) {
        let place = (first.key.time.utc_day(), is_bot(run), origin.clone());
        let sums = all.entry(place).or_default();
        sums.origin = origin;
        sums.sessions += 1;
        if sums.origin.business.is_empty() {
            sums.out_of_order += out_of_order as i64;
            sums.numbered += numbered;
            sums.missing += missing;
        }
        for (sum, limit) in sums.within.iter_mut().zip(WITHIN) {
            *sum += i64::from(delay <= limit);
        }
        sums.delay.add(delay, 1);
        let mut offset = Spread::default();
        if let Some(behind) = behind {
            offset.add(Span::seconds(behind.magnitude().as_millis() / 1_000), 1);
        }
        sums.clock_offset.merge(&offset);
        if let Some(longest) = run.iter().filter_map(|entry| entry.round_trip_ms).max() {
            sums.round_trip.add(Span::millis(longest.into()), 1);
        }
    }
}

/// Entries with a number, and numbers left out between one and the next; a number that does not
/// rise, or rises by more than a thousand and one, begins a count anew.
fn numbers(run: &[&Entry]) -> (i64, i64) {
    let told: Vec<i64> = run.iter().map(|entry| entry.number as i64).filter(|n| *n > 0).collect();
    let gaps = told.windows(2).map(|pair| pair[1] - pair[0] - 1);
    (told.len() as i64, gaps.filter(|gap| (1..=1_000).contains(gap)).sum())
}
