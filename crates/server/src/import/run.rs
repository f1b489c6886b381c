//! One import from beginning to end.

use super::ImportError;
use super::bounded::{Bounded, ROW_BYTES_MAX};
use super::columns::{ColumnMap, delimiter};
use super::input::Input;
use super::intake::Intake;
use super::lines::{Line, Lines};
use super::occurrences::Occurrences;
use super::options::ImportOptions;
use super::parquet::{self, Row};
use super::parse::{Chunk, Format, LandingsOf, Parsed, Parser};
use crate::capture::ConsentDefaults;
use crate::capture::clock::ReceiveClock;
use crate::links::{Editor, Registry};
use crate::places::Places;
use crate::rule::Rule;
use millstream_event::consent::AggregateKey;
use millstream_event::control::Settings;
use millstream_event::wire::combined::ReferrerHosts;
use millstream_log::EventLog;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of lines after which a chunk is full, whatever its number of lines.
const CHUNK_BYTES_MAX: usize = 1 << 20;
/// Chunks between reader and parsers.
const CHUNKS_WAITING: usize = 8;

/// What an import needs of the installation.
pub struct ImportParts {
    /// Where it goes.
    pub log: Arc<dyn EventLog>,
    /// Links and settings as folded.
    pub registry: Arc<Registry>,
    /// Writes the own domain.
    pub editor: Arc<Editor>,
    /// Hashes subjects.
    pub subject_key: [u8; 32],
    /// Verifies `ms_click`.
    pub click_key: [u8; 32],
    /// What addresses tell.
    pub places: Places,
    /// What holds where an event says nothing.
    pub consent: ConsentDefaults,
    /// Who landed with a click.
    pub landings: Arc<LandingsOf>,
    /// For streams that must be read twice.
    pub spool_dir: PathBuf,
}

/// What an import came to, before the fold tells new events from known ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportCounts {
    /// Lines read.
    pub lines: u64,
    /// Events logged, new and known ones.
    pub events: u64,
    /// Lines that broke their format, logged with their reason.
    pub quarantined: u64,
    /// Lines without anything.
    pub blank: u64,
    /// Events of which consent left a count.
    pub unconsented: u64,
}

/// Told how far an import is: bytes of the inputs as stored, of all passes.
pub type Progress<'a> = &'a (dyn Fn(u64) + Sync);

/// Imports every input, in one numbering of equal lines. Returns when everything is durable.
///
/// # Errors
/// [`ImportError`]; whatever was durable by then stays, and running the import again completes it.
pub fn run(
    parts: &ImportParts,
    options: &ImportOptions,
    inputs: Vec<Input<'_>>,
    progress: Progress<'_>,
) -> Result<ImportCounts, ImportError> {
    let mut inputs = inputs;
    if options.format == Format::Parquet {
        let spooled = inputs.into_iter().map(|input| input.rereadable(&parts.spool_dir));
        inputs = spooled.collect::<Result<_, _>>()?;
    }
    let clock = ReceiveClock::default();
    let own = match (&options.own_domain, options.format) {
        (Some(domain), _) => Some(domain.clone()),
        (None, Format::Combined) => {
            inputs = inputs
                .into_iter()
                .map(|input| input.rereadable(&parts.spool_dir))
                .collect::<Result<_, _>>()?;
            commonest_referrer(&mut inputs, progress)?
        }
        (None, Format::Segment | Format::Csv | Format::Parquet) => None,
    };
    if let Some(own) = own {
        record_own_domain(parts, &own, clock.now())?;
    }
    let settings = parts.registry.settings();
    let parser = Parser {
        parts,
        format: options.format,
        source: &options.source,
        settings: &settings,
        limits: options.limits,
        control_version: parts.registry.control_version(),
    };
    let intake = Intake::new(Arc::clone(&parts.log), options.groups_waiting);
    let mut counts = stream(&parser, options, (&intake, &clock), (&mut inputs, progress))?;
    counts.0.unconsented = counts.1.values().sum();
    let aggregates = parser.aggregates(counts.1, clock.now())?;
    intake.append(|| Ok(aggregates.clone()))?;
    intake.finish()?;
    Ok(counts.0)
}

fn commonest_referrer(
    inputs: &mut [Input<'_>],
    progress: Progress<'_>,
) -> Result<Option<String>, ImportError> {
    let mut hosts = ReferrerHosts::default();
    for input in inputs {
        let name = input.name().to_owned();
        let mut lines = Lines::new(input.open(progress)?);
        while let Some(line) = next(&mut lines, &name)? {
            if let Line::Whole(line) = line {
                hosts.add(line);
            }
        }
    }
    Ok(hosts.commonest().map(str::to_owned))
}

/// Adds a host to the own domains, unless it is there.
fn record_own_domain(
    parts: &ImportParts,
    own: &str,
    now: millstream_event::Timestamp,
) -> Result<(), ImportError> {
    let known = parts.registry.settings();
    if Rule::own_domain(own).is_disabled(&known) {
        tracing::warn!(
            own,
            "that this domain is ours was disabled: `millstream rules enable` brings it back"
        );
        return Ok(());
    }
    if known.own_domains.iter().any(|domain| domain.eq_ignore_ascii_case(own)) {
        return Ok(());
    }
    let mut settings = Settings::clone(&known);
    settings.own_domains.push(own.to_ascii_lowercase().into());
    parts.editor.set(settings, now)?;
    Ok(())
}

fn next<'a, R: std::io::BufRead>(
    lines: &'a mut Lines<R>,
    name: &str,
) -> Result<Option<Line<'a>>, ImportError> {
    lines.next_line().map_err(|source| ImportError::Read { name: name.to_owned(), source })
}

type Tally = (ImportCounts, BTreeMap<AggregateKey, u64>);

/// Reader on this thread, parsers on theirs, the log on its own.
fn stream(
    parser: &Parser<'_>,
    options: &ImportOptions,
    sinks: (&Intake, &ReceiveClock),
    source: (&mut [Input<'_>], Progress<'_>),
) -> Result<Tally, ImportError> {
    let (sender, receiver) = sync_channel::<Chunk>(CHUNKS_WAITING);
    // Shared by the parsers alone: when the last of them has failed, the reader hears of it.
    let receiver = Arc::new(Mutex::new(receiver));
    std::thread::scope(|scope| {
        let mut workers = Vec::new();
        for _ in 0..options.threads.max(1) {
            let receiver = Arc::clone(&receiver);
            workers.push(scope.spawn(move || work(parser, sinks, &receiver)));
        }
        drop(receiver);
        let read = read(options, source, &sender);
        drop(sender);
        let mut total = Tally::default();
        let mut failed = None;
        for worker in workers {
            match worker.join().unwrap_or(Err(ImportError::Worker)) {
                Ok(tally) => add(&mut total, tally),
                Err(error) => drop(failed.get_or_insert(error)),
            }
        }
        total.0.lines = read?;
        failed.map_or(Ok(total), Err)
    })
}

fn add(total: &mut Tally, part: Tally) {
    total.0.events += part.0.events;
    total.0.quarantined += part.0.quarantined;
    total.0.blank += part.0.blank;
    for (key, count) in part.1 {
        *total.1.entry(key).or_default() += count;
    }
}

/// Reads every input into chunks; ends early, without a fault of its own, when no parser is left.
fn read(
    options: &ImportOptions,
    (inputs, progress): (&mut [Input<'_>], Progress<'_>),
    chunks: &SyncSender<Chunk>,
) -> Result<u64, ImportError> {
    let mut feed = Feed { options, chunks, occurrences: Occurrences::default(), lines: 0 };
    let map = options.map.as_deref().map(ColumnMap::parse).transpose()?;
    for input in inputs {
        let go_on = match options.format {
            Format::Csv => {
                let map = map.as_ref().ok_or_else(|| {
                    ImportError::Map("there is none: name it with --map FILE".into())
                })?;
                feed.rows(map, input, progress)?
            }
            Format::Parquet => {
                let own = ColumnMap::own()?;
                feed.table(map.as_ref().unwrap_or(&own), input)?
            }
            Format::Combined | Format::Segment => feed.lines(input, progress)?,
        };
        if !go_on {
            break;
        }
    }
    Ok(feed.lines)
}

/// Fills chunks and hands them to the parsers. Methods return false when no parser is left.
struct Feed<'a> {
    options: &'a ImportOptions,
    chunks: &'a SyncSender<Chunk>,
    occurrences: Occurrences,
    lines: u64,
}

impl Feed<'_> {
    fn lines(
        &mut self,
        input: &mut Input<'_>,
        progress: Progress<'_>,
    ) -> Result<bool, ImportError> {
        let name = input.name().to_owned();
        let mut lines = Lines::new(input.open(progress)?);
        let mut chunk = Chunk::default();
        while let Some(line) = next(&mut lines, &name)? {
            self.lines += 1;
            match line {
                Line::Whole(line) if self.options.format.numbers_lines() => {
                    chunk.push(line, self.occurrences.next(&[line]));
                }
                Line::Whole(line) => chunk.push(line, 0),
                Line::Overlong { bytes, hash } => chunk.push_overlong(bytes, hash),
            }
            if self.is_full(&chunk) && self.chunks.send(std::mem::take(&mut chunk)).is_err() {
                return Ok(false);
            }
        }
        Ok(self.chunks.send(chunk).is_ok())
    }

    fn rows(
        &mut self,
        map: &ColumnMap,
        input: &mut Input<'_>,
        progress: Progress<'_>,
    ) -> Result<bool, ImportError> {
        let name = input.name().to_owned();
        let broken =
            |source: csv::Error| ImportError::Read { name: name.clone(), source: source.into() };
        let mut stream = input.open(progress)?;
        let head = stream.fill_buf().map_err(|source| broken(source.into()))?;
        let head = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let delimiter = delimiter(head);
        let allowed = Cell::new(ROW_BYTES_MAX);
        let bounded = Bounded { stream, taken: 0, allowed: &allowed };
        let mut rows =
            csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(bounded);
        let header = lossy(rows.byte_headers().map_err(broken)?);
        let header: Vec<&str> =
            header.iter().map(|name| name.trim_start_matches('\u{feff}')).collect();
        let map = Arc::new(map.resolve(&header)?);
        let mut chunk = Chunk::of_rows(Arc::clone(&map));
        let mut record = csv::ByteRecord::new();
        while rows.read_byte_record(&mut record).map_err(broken)? {
            allowed.set(rows.position().byte() + ROW_BYTES_MAX);
            self.lines += 1;
            let cells: Vec<&[u8]> = record.iter().collect();
            let occurrence = self.occurrences.next(&cells);
            chunk.push_row(lossy(&record), occurrence);
            if self.is_full(&chunk) {
                let next = Chunk::of_rows(Arc::clone(&map));
                if self.chunks.send(std::mem::replace(&mut chunk, next)).is_err() {
                    return Ok(false);
                }
            }
        }
        Ok(self.chunks.send(chunk).is_ok())
    }

    fn table(&mut self, map: &ColumnMap, input: &mut Input<'_>) -> Result<bool, ImportError> {
        let mut chunk = Chunk::default();
        let mut resolved = None;
        let whole = parquet::rows(input, &mut |row| {
            let cells = match row {
                Row::Header(names) => {
                    let names: Vec<&str> = names.iter().map(String::as_str).collect();
                    let map = Arc::clone(resolved.insert(Arc::new(map.resolve(&names)?)));
                    chunk = Chunk::of_rows(map);
                    return Ok(true);
                }
                Row::Cells(cells) => cells,
            };
            self.lines += 1;
            let bytes: Vec<&[u8]> = cells.iter().map(String::as_bytes).collect();
            chunk.push_row(cells.iter().collect(), self.occurrences.next(&bytes));
            let Some(map) = resolved.as_ref().filter(|_| self.is_full(&chunk)) else {
                return Ok(true);
            };
            let next = Chunk::of_rows(Arc::clone(map));
            Ok(self.chunks.send(std::mem::replace(&mut chunk, next)).is_ok())
        })?;
        Ok(whole && self.chunks.send(chunk).is_ok())
    }

    fn is_full(&self, chunk: &Chunk) -> bool {
        chunk.len() >= self.options.group_records || chunk.bytes() >= CHUNK_BYTES_MAX
    }
}

/// Bytes that are no UTF-8 become U+FFFD.
fn lossy(record: &csv::ByteRecord) -> csv::StringRecord {
    record.iter().map(String::from_utf8_lossy).collect()
}

fn work(
    parser: &Parser<'_>,
    (intake, clock): (&Intake, &ReceiveClock),
    chunks: &Mutex<Receiver<Chunk>>,
) -> Result<Tally, ImportError> {
    let mut tally = Tally::default();
    loop {
        let next = chunks.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(chunk) = next else { return Ok(tally) };
        let mut last = Parsed::default();
        intake.append(|| {
            last = parser.parse(&chunk, clock.now())?;
            Ok(std::mem::take(&mut last.records))
        })?;
        let counts = ImportCounts {
            events: last.events,
            quarantined: last.quarantined,
            blank: last.blank,
            ..ImportCounts::default()
        };
        add(&mut tally, (counts, last.aggregates));
    }
}
