//! Random histories: few devices, users, campaigns and orders, so that everything meets.

use millstream_event::{Event, Header, Kind, Lane, Surface, Timestamp, envelope};
use millstream_log::Append;

/// A small deterministic generator (xorshift64*).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            let other = self.below(at as u64 + 1) as usize;
            items.swap(at, other);
        }
    }
}

const START: i64 = 1_790_000_000_000_000;

fn event(number: u64, random: &mut Random) -> Event {
    let device = random.below(12);
    let at = START + (random.below(72 * 60) * 60_000_000) as i64;
    let extra = match random.below(10) {
        0..5 => r#""k":"page""#.to_owned(),
        5 | 6 => format!(
            r#""k":"page","cp":{{"s":"s{0}","m":"cpc","n":"c{0}"}},
            "ar":{{"s":"s{0}","m":"cpc","ch":"paid_search"}}"#,
            random.below(3)
        ),
        7 => format!(r#""k":"identify","u":"u{}""#, random.below(5)),
        8 => format!(
            r#""k":"track","n":"Order Completed","o":"o{}","v":{{"minor":{},"currency":"EUR"}}"#,
            random.below(8),
            100 + random.below(900)
        ),
        _ => r#""k":"track","n":"Lead Submitted""#.to_owned(),
    };
    let text = format!(
        r#"{{"id":"e{number}","src":"web","a":"d{device}","t":{at},"rx":{},"sf":"browser",
        "cs":{{"granted":7,"source":"default"}},{extra}}}"#,
        at + 1_000_000
    );
    envelope::decode(1, text.as_bytes()).unwrap()
}

/// The record that capture would append for an event.
pub(crate) fn record(event: &Event) -> Append {
    let header = Header::new(Kind::Event, Lane::of(event.subject()), event.received);
    Append { header, payload: event.encode().unwrap() }
}

/// `count` events, a third of them twice, a fifth told by a server, too, in random order.
pub(crate) fn history(seed: u64, count: u64) -> Vec<Append> {
    let mut random = Random(seed | 1);
    let mut records = Vec::new();
    for number in 0..count {
        let event = event(number, &mut random);
        let append = record(&event);
        if random.below(5) == 0 {
            let (surface, sequence) = (Surface::Server, event.sequence);
            let event_time = Timestamp(event.event_time.0 - 90_000_000);
            records.push(record(&Event { surface, sequence, event_time, ..event }));
        }
        if random.below(3) == 0 {
            records.push(append.clone());
        }
        records.push(append);
    }
    random.shuffle(&mut records);
    records
}

/// A tick, to be told apart from events.
pub(crate) fn tick(lane: Lane) -> Append {
    Append { header: Header::new(Kind::Tick, lane, Timestamp(START)), payload: Vec::new() }
}
