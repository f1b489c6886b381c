//! From lines to records: parse, look up the country, apply consent, encode.

use super::ImportError;
use super::run::ImportParts;
use millstream_event::consent::{self, Aggregate, AggregateKey, Outcome as Kept};
use millstream_event::control::Settings;
use millstream_event::record::{HEADER_BYTES, RECORD_BYTES_MAX};
use millstream_event::wire::csv_map::{self, CsvMap, Visitor};
use millstream_event::wire::receipt::{Fault, Limits, Outcome, Receipt};
use millstream_event::wire::{combined, segment};
use millstream_event::{
    ClickId, EntityId, Flags, Hash128, Header, Kind, Lane, Quarantine, QuarantineReason, SourceId,
    Timestamp,
};
use millstream_log::Append;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Knows who landed with a click, if anybody did.
pub type LandingsOf = dyn Fn(&ClickId) -> Option<Visitor> + Send + Sync;

/// What the lines are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A web server's access log in the combined format.
    Combined,
    /// Segment calls as JSON, one a line.
    Segment,
    /// A table with a header; a map says which column is what.
    Csv,
    /// A Parquet file: columns by a map, or by the names that the export of events gives them.
    Parquet,
}

impl Format {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Combined => "combined",
            Self::Segment => "segment",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }

    /// By its stable name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Combined, Self::Segment, Self::Csv, Self::Parquet]
            .into_iter()
            .find(|format| format.as_str() == name)
    }

    /// True when equal lines are different events.
    pub const fn numbers_lines(self) -> bool {
        matches!(self, Self::Combined | Self::Csv | Self::Parquet)
    }
}

/// Lines that travel together from the reader to a parser.
#[derive(Default)]
pub struct Chunk {
    text: Vec<u8>,
    lines: Vec<Entry>,
    map: Option<Arc<CsvMap>>,
}

enum Entry {
    Row { cells: csv::StringRecord, occurrence: u64 },
    Whole { end: usize, occurrence: u64 },
    Overlong { bytes: u64, hash: Hash128 },
}

impl Chunk {
    /// For rows under this map.
    pub fn of_rows(map: Arc<CsvMap>) -> Self {
        Self { map: Some(map), ..Self::default() }
    }

    /// Takes a row.
    pub fn push_row(&mut self, cells: csv::StringRecord, occurrence: u64) {
        self.lines.push(Entry::Row { cells, occurrence });
    }

    /// Takes a line.
    pub fn push(&mut self, line: &[u8], occurrence: u64) {
        self.text.extend_from_slice(line);
        self.lines.push(Entry::Whole { end: self.text.len(), occurrence });
    }

    /// Takes note of a line too long to be taken.
    pub fn push_overlong(&mut self, bytes: u64, hash: Hash128) {
        self.lines.push(Entry::Overlong { bytes, hash });
    }

    /// How many lines it has.
    pub const fn len(&self) -> usize {
        self.lines.len()
    }

    /// Bytes of its lines.
    pub const fn bytes(&self) -> usize {
        self.text.len()
    }
}

/// What one chunk came to.
#[derive(Default)]
pub struct Parsed {
    /// Ready to be appended.
    pub records: Vec<Append>,
    /// Events among them.
    pub events: u64,
    /// Lines that broke their format.
    pub quarantined: u64,
    /// Lines without anything.
    pub blank: u64,
    /// Events of which consent leaves a count.
    pub aggregates: BTreeMap<AggregateKey, u64>,
}

/// Everything that the lines of one import are read with.
pub struct Parser<'a> {
    /// The installation's.
    pub parts: &'a ImportParts,
    /// What the lines are.
    pub format: Format,
    /// Whose they are.
    pub source: &'a SourceId,
    /// Own domains.
    pub settings: &'a Settings,
    /// Bounds of one event.
    pub limits: Limits,
    /// What this import is stamped with in record headers.
    pub control_version: u32,
}

impl Parser<'_> {
    /// Parses every line of a chunk.
    ///
    /// # Errors
    /// When an event cannot be encoded.
    pub fn parse(&self, chunk: &Chunk, received: Timestamp) -> Result<Parsed, ImportError> {
        let receipt = Receipt {
            consent: self.parts.consent.of(None),
            flags: Flags::IMPORTED,
            keep_raw: matches!(self.format, Format::Segment),
            click_key: Some(&self.parts.click_key),
            ..Receipt::new(self.source.clone(), received, self.settings)
        };
        let mut parsed = Parsed::default();
        let mut start = 0;
        for entry in &chunk.lines {
            let outcome = match entry {
                Entry::Whole { end, occurrence } => {
                    let line = &chunk.text[start..*end];
                    start = *end;
                    self.line(line, *occurrence, &receipt)
                }
                Entry::Overlong { bytes, hash } => Some(Err(overlong(&receipt, *bytes, *hash))),
                Entry::Row { cells, occurrence } => chunk.map.as_ref().map(|map| {
                    let cells: Vec<&str> = cells.iter().collect();
                    csv_map::parse((map, &*self.parts.landings), &cells, *occurrence, &receipt)
                }),
            };
            match outcome {
                Some(outcome) => self.take(&mut parsed, outcome, received)?,
                None => parsed.blank += 1,
            }
        }
        Ok(parsed)
    }

    /// One line's outcome; nothing for a blank line where the format has such.
    fn line(&self, line: &[u8], occurrence: u64, receipt: &Receipt<'_>) -> Option<Outcome> {
        match self.format {
            Format::Combined => Some(combined::parse(line, occurrence, receipt)),
            Format::Csv | Format::Parquet => None,
            Format::Segment if line.iter().all(u8::is_ascii_whitespace) => None,
            Format::Segment => Some(match segment::Body::single(None, line) {
                Ok(body) => {
                    let outcome = body.outcomes(receipt, &self.limits).next()?;
                    outcome.map_err(|broken| Quarantine { received: time_of(line), ..broken })
                }
                Err(refusal) => {
                    let fault = Fault::new(QuarantineReason::NotAnObject, &refusal.to_string());
                    Err(receipt.quarantine(&String::from_utf8_lossy(line), 0, fault))
                }
            }),
        }
    }

    fn take(
        &self,
        parsed: &mut Parsed,
        outcome: Outcome,
        received: Timestamp,
    ) -> Result<(), ImportError> {
        let read = match outcome {
            Ok(read) => read,
            Err(quarantine) => {
                parsed.records.push(self.quarantine(&quarantine, received)?);
                parsed.quarantined += 1;
                return Ok(());
            }
        };
        let mut event = read.event;
        let address = read.address.as_deref().and_then(|text| text.parse::<IpAddr>().ok());
        self.parts.places.data_centres.mark(&mut event, || address);
        if let Some(address) = address {
            event.country = event.country.take().or_else(|| (self.parts.places.country)(address));
            if self.parts.places.country_fallback && event.country.is_some() {
                event.flags = event.flags.degraded_by(Flags::COUNTRY_FALLBACK);
            }
        }
        event.consent = self.parts.consent.of(event.country.as_deref()).overridden(read.stated);
        match consent::restrict(event) {
            Kept::AggregateOnly(key) => *parsed.aggregates.entry(key).or_default() += 1,
            Kept::Keep(event) => {
                let payload = event.encode()?;
                if payload.len() + HEADER_BYTES > RECORD_BYTES_MAX {
                    let receipt = Receipt::new(self.source.clone(), event.received, self.settings);
                    let fault =
                        Fault::new(QuarantineReason::TooLarge, "the event is larger than a record");
                    let broken = receipt.quarantine(event.id.as_str(), 0, fault);
                    parsed.records.push(self.quarantine(&broken, received)?);
                    parsed.quarantined += 1;
                    return Ok(());
                }
                parsed.records.push(self.record(Kind::Event, event.subject(), received, payload));
                parsed.events += 1;
            }
        }
        Ok(())
    }

    fn quarantine(&self, item: &Quarantine, received: Timestamp) -> Result<Append, ImportError> {
        Ok(self.record(Kind::Quarantine, item.subject(), received, serde_json::to_vec(item)?))
    }

    /// The counts that stand for events whose consent forbids storing them, in the form that
    /// capture writes.
    ///
    /// # Errors
    /// When one cannot be encoded.
    pub fn aggregates(
        &self,
        counts: BTreeMap<AggregateKey, u64>,
        received: Timestamp,
    ) -> Result<Vec<Append>, ImportError> {
        counts
            .into_iter()
            .map(|(key, count)| {
                let aggregate = Aggregate { key, count };
                let payload = serde_json::to_vec(&aggregate)?;
                Ok(self.record(Kind::Aggregate, aggregate.subject(), received, payload))
            })
            .collect()
    }

    fn record(
        &self,
        kind: Kind,
        subject: EntityId,
        received: Timestamp,
        payload: Vec<u8>,
    ) -> Append {
        let header = Header {
            subject: Hash128::keyed(&self.parts.subject_key, "subject", &[&subject.0.0]),
            control_version: self.control_version,
            ..Header::new(kind, Lane::of(subject), received)
        };
        Append { header, payload }
    }
}

/// The time of a Segment call that is broken elsewhere: when it says it was received, else made.
fn time_of(line: &[u8]) -> Option<Timestamp> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Stamps {
        received_at: Option<serde_json::Value>,
        timestamp: Option<serde_json::Value>,
    }
    let stamps: Stamps = serde_json::from_slice(line).ok()?;
    let read = |stamp: &serde_json::Value| Timestamp::parse_rfc3339(stamp.as_str()?);
    let [received, made] =
        [&stamps.received_at, &stamps.timestamp].map(|it| it.as_ref().and_then(read));
    received.or(made)
}

/// Quarantine for a line that was not kept: known by its hash.
fn overlong(receipt: &Receipt<'_>, bytes: u64, hash: Hash128) -> Quarantine {
    let fault = Fault::new(QuarantineReason::TooLarge, "the line is longer than an import reads");
    let quarantine = receipt.quarantine(&hash.to_hex(), 0, fault);
    Quarantine { bytes: u32::try_from(bytes).unwrap_or(u32::MAX), raw: None, ..quarantine }
}
