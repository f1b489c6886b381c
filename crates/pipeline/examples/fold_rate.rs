//! How many events a second one core folds, beside how many it decodes: the fold cannot be faster
//! than reading its input. Run with `cargo run --release -p millstream-pipeline --example fold_rate`.

use millstream_event::envelope::{Correction, Page, decode};
use millstream_event::{
    AnonymousId, Arrival, Campaign, Channel, Consent, Event, EventId, EventKind, Flags, Header,
    Hops, Kind, Lane, Position, RawJson, Record, SourceId, Surface, Timestamp,
};
use millstream_pipeline::query::{Pair, ReadError, StateRead, Visit};
use millstream_pipeline::{ApplyError, Decoded, Item, Key, Rules, View, apply};
use millstream_stitch::{Agent, Agents};
use std::collections::BTreeMap;
use std::time::Instant;

const EVENTS: u64 = 300_000;
const DEVICES: u64 = 30_000;
const BATCH: usize = 1_000;

struct NoAgents;

impl Agents for NoAgents {
    fn classify(&self, _: &str) -> Agent {
        Agent::default()
    }
}

#[derive(Default)]
struct Store(BTreeMap<Key, Vec<u8>>);

fn key(bytes: &[u8]) -> Result<Key, ReadError> {
    Key::from_bytes(bytes).ok_or_else(|| ReadError::Store("a key of another length".into()))
}

impl StateRead for Store {
    fn get(&self, bytes: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.0.get(&key(bytes)?).cloned())
    }

    fn scan(&self, prefix: &[u8], visit: Visit<'_>) -> Result<(), ReadError> {
        let mut from = [0; Key::BYTES];
        from[..prefix.len()].copy_from_slice(prefix);
        for (key, value) in self.0.range(key(&from)?..) {
            if !key.as_bytes().starts_with(prefix) || !visit(key.as_bytes(), value)? {
                break;
            }
        }
        Ok(())
    }

    fn range(&self, from: &[u8], to: &[u8], visit: Visit<'_>) -> Result<(), ReadError> {
        for (key, value) in self.0.range(key(from)?..=key(to)?) {
            if !visit(key.as_bytes(), value)? {
                break;
            }
        }
        Ok(())
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Pair>, ReadError> {
        let found = self.0.range(key(from)?..=key(to)?).next_back();
        Ok(found.map(|(key, value)| (key.as_bytes().to_vec(), value.clone())))
    }
}

fn event(number: u64) -> Option<Event> {
    // A hundred visitors at a time, each with a session of eight events 200 s apart.
    let visit = number / 800 * 100 + number % 100;
    let device = visit.wrapping_mul(6_364_136_223_846_793_005) >> 33;
    let time = Timestamp(1_790_000_000_000_000 + number as i64 * 2_000_000);
    let arrived = (number / 100).is_multiple_of(8) && visit.is_multiple_of(2);
    let ordered = number.is_multiple_of(40);
    Some(Event {
        id: EventId::parse(&format!("node-next-{number:016}"))?,
        kind: if ordered { EventKind::Track } else { EventKind::Page },
        name: ordered.then(|| "Order Completed".into()),
        source: SourceId::parse("web")?,
        anonymous_id: AnonymousId::parse(&format!(
            "840d5f20-403e-404b-98f2-{:012}",
            device % DEVICES
        )),
        user_id: None,
        previous_id: None,
        group_id: None,
        sequence: 0,
        round_trip_ms: None,
        event_time: time,
        received: time,
        correction: Correction::default(),
        surface: Surface::Browser,
        page: Page {
            url: Some("https://shop.example/products/blue-shoes?size=42".into()),
            ..Page::default()
        },
        campaign: Campaign::default(),
        arrival: arrived.then(|| Arrival {
            source: "google".into(),
            medium: "cpc".into(),
            channel: Channel::new("paid_search"),
        }),
        click: None,
        user_agent: Some(
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0"
                .into(),
        ),
        country: Some("DE".into()),
        region: None,
        device_hints: None,
        consent: Consent::DEFAULT_ALL,
        flags: Flags(0),
        value: None,
        order_id: None,
        properties: RawJson::parse(
            r#"{"product_id":"507f1f77bcf86cd799439011","category":"shoes","price":79.9}"#,
        ),
        traits: None,
        context: None,
        integrations: None,
        hops: Hops::default(),
    })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut lanes: Vec<u64> = vec![0; Lane::COUNT];
    let mut records: Vec<Record> = Vec::new();
    for event in (0..EVENTS).filter_map(event) {
        let header = Header::new(Kind::Event, Lane::of(event.subject()), event.received);
        push(&mut records, &mut lanes, header, event.encode()?);
    }
    let start = Instant::now();
    let decoded = records.iter().filter(|record| decode(1, &record.payload).is_ok()).count();
    let decoding = decoded as f64 / start.elapsed().as_secs_f64();
    let start = Instant::now();
    let (values, items) = fold(records, &mut lanes)?;
    let folding = EVENTS as f64 / start.elapsed().as_secs_f64();
    println!("decode {decoding:>10.0} events/s");
    println!(
        "fold   {folding:>10.0} events/s  ratio {:.2}  ({values} values, {items} items)",
        folding / decoding
    );
    Ok(())
}

fn push(records: &mut Vec<Record>, lanes: &mut [u64], header: Header, payload: Vec<u8>) {
    let next = &mut lanes[header.lane.index()];
    records.push(Record { header, position: Position(*next), payload });
    *next += 1;
}

/// Folds everything, items included, with an ordered map for a store.
fn fold(
    mut records: Vec<Record>,
    lanes: &mut [u64],
) -> Result<(usize, usize), Box<dyn std::error::Error>> {
    let rules = Rules::new(&NoAgents);
    let mut store = Store::default();
    let mut view = View::default();
    let mut items = 0;
    while !records.is_empty() {
        let mut sent = Vec::new();
        for batch in records.chunks(BATCH) {
            for record in batch {
                let decoded = Decoded::of(record);
                retry(&mut view, &store, |view| apply(view, &rules, &decoded))?;
            }
            let changes = retry(&mut view, &store, |view| view.take_changes(0))?;
            for (_, lane) in changes {
                store.0.extend(lane.puts);
                for item in &lane.items {
                    store.0.remove(&item.key);
                    Item::decode(&item.payload)?;
                    sent.push((item.header, item.payload.clone()));
                }
            }
            view.trim(100_000);
        }
        items += sent.len();
        records.clear();
        for (header, payload) in sent {
            push(&mut records, lanes, header, payload);
        }
    }
    Ok((store.0.len(), items))
}

fn retry<T>(
    view: &mut View,
    store: &Store,
    mut act: impl FnMut(&mut View) -> Result<T, ApplyError>,
) -> Result<T, Box<dyn std::error::Error>> {
    loop {
        match act(view) {
            Err(ApplyError::Miss(miss)) => view.fetch(&miss, store)?,
            other => return Ok(other?),
        }
    }
}
