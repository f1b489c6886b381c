//! The chains of delivery records: each tells the hash of the one before it in its line, and the state
//! knows the hash of the last.

use crate::links::seal::Verdict;
use millstream_event::delivery::{Delivery, seal};
use millstream_event::{Hash128, Kind, Position, Record};
use millstream_log::{EventLog, LanePositions, LogError};
use serde::Serialize;
use std::collections::BTreeMap;

/// What became of the chains.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DeliveryVerdict {
    /// Delivery records that the log keeps.
    pub records: u64,
    /// Of them, those from before records carried hashes.
    pub unsealed: u64,
    /// The hash of the last record of each line: note them elsewhere.
    pub heads: Vec<LineHead>,
    /// The first record that does not follow from the one before it.
    pub broken: Option<BrokenLine>,
}

/// The chains of control and of delivery records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Of control records; intact where those of deliveries are, too.
    #[serde(flatten)]
    pub controls: Verdict,
    /// Of delivery records.
    pub deliveries: DeliveryVerdict,
}

impl Verified {
    /// Of both.
    pub fn new(controls: Verdict, deliveries: DeliveryVerdict) -> Self {
        let intact = controls.intact && deliveries.broken.is_none();
        Self { controls: Verdict { intact, ..controls }, deliveries }
    }
}

/// Where a line's chain ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LineHead {
    /// The destination.
    pub destination: String,
    /// The class of events.
    pub class: &'static str,
    /// The hash of the last record.
    pub head: String,
}

/// Where a line's chain breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BrokenLine {
    /// The destination; none where the record does not tell it any more.
    pub destination: Option<String>,
    /// The record's lane.
    pub lane: u8,
    /// Its place there.
    pub position: u64,
    /// What is wrong.
    pub why: &'static str,
}

/// Destination and class.
type Name = (Box<str>, &'static str);

/// Follows the chains, record by record, in the log's order.
#[derive(Debug, Default)]
struct Verifier {
    verdict: DeliveryVerdict,
    last: BTreeMap<Name, Sealed>,
}

/// The last record of a line.
#[derive(Clone, Copy, Debug)]
struct Sealed {
    seal: Hash128,
    /// True when it told the hash of the one before it.
    chained: bool,
    place: (u8, Position),
}

impl Verifier {
    fn take(&mut self, record: &Record, first: Position) {
        self.verdict.records += 1;
        let place = (record.header.lane.number(), record.position);
        let Ok(told) = serde_json::from_slice::<Delivery>(&record.payload) else {
            return self.break_at(None, place, "it cannot be read");
        };
        let name = (told.destination, told.class.as_str());
        let before = self.last.get(&name).copied();
        let why = match (told.previous, before) {
            (None, Some(last)) if last.chained => {
                Some("it carries no hash, though a record before it does")
            }
            (None, _) => {
                self.verdict.unsealed += 1;
                None
            }
            (Some(previous), Some(last)) if previous != last.seal => {
                Some("the record before it was changed or is gone")
            }
            // What came before the log's first record is not kept any more.
            (Some(previous), None) if first.0 == 0 && previous != Hash128::default() => {
                Some("the records before it are gone")
            }
            _ => None,
        };
        if let Some(why) = why {
            self.break_at(Some(&name.0), place, why);
        }
        let chained = told.previous.is_some();
        self.last.insert(name, Sealed { seal: seal(&record.payload), chained, place });
    }

    fn break_at(&mut self, destination: Option<&str>, place: (u8, Position), why: &'static str) {
        let destination = destination.map(str::to_owned);
        let (lane, Position(position)) = place;
        let fresh = || BrokenLine { destination, lane, position, why };
        self.verdict.broken.get_or_insert_with(fresh);
    }

    /// Holds the ends of the chains against what the state says.
    fn finish(mut self, standing: &[Delivery]) -> DeliveryVerdict {
        for told in standing {
            let name = (told.destination.clone(), told.class.as_str());
            if let (Some(last), Some(known)) = (self.last.get(&name).copied(), told.seal)
                && last.seal != known
            {
                let why = "the state knows another record as the last one of its line";
                self.break_at(Some(&name.0), last.place, why);
            }
        }
        let head = |((destination, class), last): (&Name, &Sealed)| LineHead {
            destination: destination.to_string(),
            class,
            head: last.seal.to_hex(),
        };
        let heads = self.last.iter().map(head).collect();
        DeliveryVerdict { heads, ..self.verdict }
    }
}

/// Follows the chain of every line, as far as the log is kept and up to `until`, where the state
/// stands that knows `standing`. Cost: all of the log.
///
/// # Errors
/// When the log cannot be read.
pub fn verify(
    log: &dyn EventLog,
    until: &LanePositions,
    standing: &[Delivery],
) -> Result<DeliveryVerdict, LogError> {
    let (tails, mut verifier) = (log.tails(), Verifier::default());
    log.scan(&tails, until, &mut |record| {
        if record.header.kind == Kind::Delivery {
            verifier.take(&record, tails.get(record.header.lane));
        }
        true
    })?;
    Ok(verifier.finish(standing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_event::delivery::{Class, Standing, Totals};
    use millstream_event::{Header, Lane, Timestamp};

    fn told(class: Class, delivered: u64, previous: Option<Hash128>) -> Delivery {
        Delivery {
            destination: "shop".into(),
            class,
            standing: Standing::Running,
            next: vec![delivered],
            pending: Vec::new(),
            totals: Totals { delivered, ..Totals::default() },
            dead: Vec::new(),
            revived: Vec::new(),
            replay: None,
            previous,
            seal: None,
            told_at: None,
        }
    }

    /// One record from before hashes, then three with them, beside another line.
    fn payloads() -> Vec<Vec<u8>> {
        let json = |told: &Delivery| serde_json::to_vec(told).unwrap();
        let mut found = vec![json(&told(Class::Rest, 0, None))];
        for number in 1..4 {
            let previous = seal(found.last().unwrap());
            found.push(json(&told(Class::Rest, number, Some(previous))));
        }
        found.push(json(&told(Class::Conversion, 9, Some(Hash128::default()))));
        found
    }

    fn verdict(payloads: &[Vec<u8>], standing: &[Delivery]) -> DeliveryVerdict {
        let mut verifier = Verifier::default();
        for (at, payload) in payloads.iter().enumerate() {
            let header = Header::new(Kind::Delivery, Lane::CONTROL, Timestamp(0));
            let position = Position(at as u64);
            verifier.take(&Record { header, position, payload: payload.clone() }, Position(0));
        }
        verifier.finish(standing)
    }

    fn standing(payloads: &[Vec<u8>]) -> [Delivery; 1] {
        [Delivery { seal: Some(seal(&payloads[3])), ..told(Class::Rest, 3, None) }]
    }

    #[test]
    fn untouched_chains_are_intact() {
        let payloads = payloads();
        let found = verdict(&payloads, &standing(&payloads));
        assert_eq!((found.records, found.unsealed, &found.broken), (5, 1, &None));
        assert_eq!(found.heads.len(), 2);
    }

    #[test]
    fn any_flipped_byte_is_detected() {
        let payloads = payloads();
        let known = standing(&payloads);
        // The one record of the other line has none behind it, and the state here knows none.
        for at in 0..4 {
            for byte in 0..payloads[at].len() {
                let mut changed = payloads.clone();
                changed[at][byte] ^= 1;
                let found = verdict(&changed, &known);
                assert!(found.broken.is_some(), "record {at}, byte {byte}");
            }
        }
    }

    #[test]
    fn a_record_that_is_gone_or_out_of_order_is_detected() {
        let payloads = payloads();
        let known = standing(&payloads);
        for gone in 0..4 {
            let mut left = payloads.clone();
            left.remove(gone);
            assert!(verdict(&left, &known).broken.is_some(), "record {gone}");
        }
        let mut swapped = payloads.clone();
        swapped.swap(1, 2);
        assert!(verdict(&swapped, &known).broken.is_some());
        let mut verifier = Verifier::default();
        let header = Header::new(Kind::Delivery, Lane::CONTROL, Timestamp(0));
        let kept = Record { header, position: Position(7), payload: payloads[2].clone() };
        verifier.take(&kept, Position(7));
        assert_eq!(verifier.finish(&[]).broken, None, "what retention took away is no break");
    }
}
