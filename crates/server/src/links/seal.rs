//! The chain of control records: each carries the hash of the one before it, so that whoever changes
//! one of them has to change every later one, and whoever noted the last hash sees that.

use millstream_event::control::Control;
use millstream_event::{Hash128, Position};
use serde::Serialize;
use serde_json::Value;

/// The member of a control record that holds the hash of the one before it.
const PREVIOUS: &str = "previous";

/// The hash that the next control record carries.
pub fn seal(payload: &[u8]) -> Hash128 {
    Hash128::of("control record", &[payload])
}

/// The payload of a control record that follows `previous`; none before the first.
///
/// # Errors
/// When the change cannot be written as JSON.
pub fn sealed(control: &Control, previous: Option<Hash128>) -> Result<Vec<u8>, serde_json::Error> {
    let mut value = serde_json::to_value(control)?;
    if let Value::Object(members) = &mut value {
        members.insert(PREVIOUS.to_owned(), previous.unwrap_or_default().to_hex().into());
    }
    serde_json::to_vec(&value)
}

/// What became of the chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Control records.
    pub records: u64,
    /// Of them, those from before records carried hashes.
    pub unsealed: u64,
    /// The hash of the last record: note it elsewhere, and nobody can change what was before it.
    pub head: Option<String>,
    /// True when every record follows from the one before it.
    pub intact: bool,
    /// The first that does not.
    pub broken: Option<Broken>,
}

/// Where the chain breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// Place in the control lane.
    pub position: u64,
    /// What is wrong.
    pub why: &'static str,
}

/// Follows a chain, record by record, in order.
#[derive(Debug, Default)]
pub struct Verifier {
    verdict: Verdict,
    last: Option<(Position, Hash128)>,
}

impl Verifier {
    /// Takes the next record as the state holds it, and as the log does where it still keeps it.
    pub fn take(&mut self, position: Position, payload: &[u8], logged: Option<&[u8]>) {
        self.verdict.records += 1;
        let why = self.fault(position, payload, logged);
        if let (Some(why), None) = (why, &self.verdict.broken) {
            self.verdict.broken = Some(Broken { position: position.0, why });
        }
        self.last = Some((position, seal(payload)));
    }

    fn fault(
        &mut self,
        position: Position,
        payload: &[u8],
        logged: Option<&[u8]>,
    ) -> Option<&'static str> {
        if logged.is_some_and(|logged| logged != payload) {
            return Some("the log and the state hold different records");
        }
        if self.last.is_some_and(|(last, _)| position <= last) {
            return Some("it does not stand behind the record before it");
        }
        let Ok(value) = serde_json::from_slice::<Value>(payload) else {
            return Some("it cannot be read");
        };
        let sealed_before = self.verdict.records - 1 > self.verdict.unsealed;
        match value.get(PREVIOUS).map(|previous| previous.as_str().and_then(Hash128::parse_hex)) {
            None if sealed_before => Some("it carries no hash, though records before it do"),
            None => {
                self.verdict.unsealed += 1;
                None
            }
            Some(found) => {
                let expected = self.last.map_or_else(Hash128::default, |(_, seal)| seal);
                (found != Some(expected)).then_some("the record before it was changed")
            }
        }
    }

    /// What became of it.
    pub fn finish(self) -> Verdict {
        let intact = self.verdict.broken.is_none();
        Verdict { head: self.last.map(|(_, seal)| seal.to_hex()), intact, ..self.verdict }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_event::control::Settings;

    fn control(host: &str) -> Control {
        Control::Settings(Settings { own_domains: vec![host.into()], ..Settings::default() })
    }

    /// One record from before hashes, then three with them.
    fn chain() -> Vec<Vec<u8>> {
        let mut records = vec![serde_json::to_vec(&control("a.example")).unwrap()];
        for host in ["b.example", "c.example", "d.example"] {
            let previous = records.last().map(|payload| seal(payload));
            records.push(sealed(&control(host), previous).unwrap());
        }
        records
    }

    fn verdict(records: &[Vec<u8>], logged: &[Vec<u8>]) -> Verdict {
        let mut verifier = Verifier::default();
        for (at, (record, logged)) in records.iter().zip(logged).enumerate() {
            verifier.take(Position(at as u64), record, Some(logged));
        }
        verifier.finish()
    }

    #[test]
    fn an_untouched_chain_is_intact_and_still_reads_as_controls() {
        let records = chain();
        let found = verdict(&records, &records);
        assert!(found.intact, "{found:?}");
        assert_eq!((found.records, found.unsealed), (4, 1));
        for record in &records {
            serde_json::from_slice::<Control>(record).unwrap();
        }
        let alone = sealed(&control("a.example"), None).unwrap();
        assert!(verdict(std::slice::from_ref(&alone), std::slice::from_ref(&alone)).intact);
    }

    #[test]
    fn any_flipped_byte_is_detected() {
        let records = chain();
        for at in 0..records.len() {
            for byte in 0..records[at].len() {
                let mut changed = records.clone();
                changed[at][byte] ^= 1;
                assert!(!verdict(&changed, &records).intact, "state, record {at}, byte {byte}");
                assert!(!verdict(&records, &changed).intact, "log, record {at}, byte {byte}");
                // Changed in both places alike: the record behind it tells.
                let last = at + 1 == records.len();
                assert!(last || !verdict(&changed, &changed).intact, "both, record {at}");
            }
        }
    }

    #[test]
    fn a_record_that_is_gone_or_put_between_is_detected() {
        let records = chain();
        let mut gone = records.clone();
        gone.remove(1);
        assert!(!verdict(&gone, &gone).intact);
        let mut between = records.clone();
        between.insert(2, serde_json::to_vec(&control("x.example")).unwrap());
        assert!(!verdict(&between, &between).intact);
        let mut verifier = Verifier::default();
        verifier.take(Position(1), &records[1], None);
        assert_eq!(verifier.finish().broken.unwrap().position, 1);
    }

    #[test]
    fn ticks_between_records_are_no_gap_and_the_order_counts() {
        let records = chain();
        let judged = |places: [u64; 4]| {
            let mut verifier = Verifier::default();
            let placed = places.into_iter().zip(&records);
            placed.for_each(|(place, record)| verifier.take(Position(place), record, Some(record)));
            verifier.finish().intact
        };
        assert!(judged([0, 3, 4, 90]));
        assert!(!judged([0, 3, 3, 4]));
    }
}
