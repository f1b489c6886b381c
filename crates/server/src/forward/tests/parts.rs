//! A destination's desk and worker, a vendor that a test writes, and a clock that only tests move.

use super::super::answer::Answer;
use super::super::client::SendError;
use super::super::desk::Desk;
use super::super::destination::Destination;
use super::super::item::{Item, delivery_key};
use super::super::line::Sight;
use super::super::request::Prepared;
use super::super::worker::{self, Shop, Transport};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use millstream_event::delivery::{Class, Totals};
use millstream_event::{Event, Lane, Position, Timestamp, envelope};
use millstream_log::LanePositions;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

pub(crate) const START: i64 = 1_790_000_000_000_000;

pub(crate) fn destination(text: &str) -> Destination {
    Destination::parse("shop", text, Path::new(".")).unwrap()
}

/// An event of this class, received so long after the start.
pub(crate) fn event(number: u64, class: Class, after: Duration) -> Event {
    let at = START + i64::try_from(after.as_micros()).unwrap();
    let kind = match class {
        Class::Conversion => r#""k":"track","n":"Order Completed""#,
        Class::Audience => r#""k":"identify","u":"u1""#,
        _ => r#""k":"page""#,
    };
    let text = format!(
        r#"{{"id":"{number}","src":"web","a":"d{}","t":{at},"rx":{at},"sf":"browser",
        "cs":{{"granted":7,"source":"default"}},{kind}}}"#,
        number % 50
    );
    envelope::decode(1, text.as_bytes()).unwrap()
}

/// What a vendor says to the events of one request: a status, or no answer.
pub(crate) type Says = Box<dyn FnMut(&[u64], Duration) -> Result<u16, SendError> + Send>;

/// One request as the vendor saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) at: Duration,
    pub(crate) events: Vec<u64>,
    pub(crate) taken: bool,
}

/// A desk at work.
pub(crate) struct Bench {
    pub(crate) desk: Arc<Desk>,
    pub(crate) seen: Arc<Mutex<Vec<Seen>>>,
    began: Instant,
    next: [u64; 4],
    _close: watch::Sender<bool>,
}

impl Bench {
    /// A destination whose bodies are one event's id a line, and a vendor that takes so long.
    pub(crate) fn new(more: &str, takes: Duration, mut says: Says) -> Self {
        let text = format!(
            "[request]\nurl = \"https://vendor.example/\"\nitem = \"event.id\"\nformat = \"json_lines\"\n{more}"
        );
        let heads = LanePositions::default();
        let desk = Arc::new(Desk::new(destination(&text), Vec::new(), &heads));
        let (began, seen) = (Instant::now(), Arc::new(Mutex::new(Vec::new())));
        let noted = Arc::clone(&seen);
        let says = Arc::new(Mutex::new(move |events: &[u64], at| says(events, at)));
        let transport: Transport = Arc::new(move |request: Prepared, patience| {
            let events: Vec<u64> = std::str::from_utf8(&request.plain)
                .unwrap()
                .lines()
                .map(|line| line.trim_matches('"').parse().unwrap())
                .collect();
            let (noted, said) = (Arc::clone(&noted), Arc::clone(&says));
            Box::pin(async move {
                let at = began.elapsed();
                let outcome = said.lock().unwrap()(&events, at);
                let taken = outcome == Ok(200);
                noted.lock().unwrap().push(Seen { at, events, taken });
                sleep(if outcome == Err(SendError::Timeout) { patience } else { takes }).await;
                let status = StatusCode::from_u16(outcome?).unwrap();
                Ok(Answer { status, headers: HeaderMap::new(), body: Bytes::new() })
            })
        });
        let (_close, closing) = watch::channel(false);
        let clock = Arc::new(move || {
            Timestamp(START + i64::try_from(began.elapsed().as_micros()).unwrap())
        });
        let shop = Shop { transport, clock, began, closing };
        tokio::spawn(worker::run(Arc::clone(&desk), shop));
        Self { desk, seen, began, next: [0; 4], _close }
    }

    pub(crate) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Offers an event as the dispatcher does; false while the line has no room.
    pub(crate) fn offer(&mut self, event: Event, class: Class) -> bool {
        if !self.desk.has_room(class) {
            return false;
        }
        // Each class has a lane of its own here, so that places are told apart.
        let place = (
            Lane::of(millstream_event::delivery::entity(class.as_str())),
            Position(self.next[class.index()]),
        );
        self.next[class.index()] += 1;
        assert_eq!(self.desk.see(class, place), Sight::New);
        let key = delivery_key(&[7; 32], "shop", &event);
        self.desk.take_up(Item { place, class, event: Arc::new(event), key }, Sight::New);
        true
    }

    /// The counts of all lines together, and what waits.
    pub(crate) fn totals(&self) -> (Totals, usize) {
        let (mut all, mut pending) = (Totals::default(), 0);
        for line in self.desk.standing().lines {
            all.accepted += line.totals.accepted;
            all.delivered += line.totals.delivered;
            all.dead += line.totals.dead;
            all.attempts += line.totals.attempts;
            pending += line.pending;
        }
        (all, pending)
    }

    /// Lets virtual time pass until nothing waits.
    pub(crate) async fn settled(&self, patience: Duration) {
        let until = self.now() + patience;
        while self.totals().1 > 0 {
            assert!(
                self.now() < until,
                "{:?} still wait: {:?}",
                self.totals(),
                self.desk.standing()
            );
            sleep(Duration::from_millis(50)).await;
        }
    }
}
