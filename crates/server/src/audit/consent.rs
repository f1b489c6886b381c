//! What consent allowed, by day and region: the evidence, out of the log itself.

use crate::receipt::Receipt;
use crate::report::DateRange;
use crate::report::number::grouped;
use crate::report::page::{Align, Grid};
use crate::report::terminal;
use millstream_event::consent::Aggregate;
use millstream_event::{
    ConsentSource, Event, EventKind, Kind, Purpose, Record, Timestamp, envelope,
};
use millstream_log::{EventLog, LogError};
use millstream_pipeline::preferences::RESET;
use serde::Serialize;
use std::collections::BTreeMap;

const DAY_MILLIS: i64 = 86_400_000;
/// Region of what came without one.
const UNKNOWN: &str = "unknown";

/// One day in one region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ConsentRow {
    /// Events kept: measurement was allowed, or consent removed everything that identifies.
    pub events: u64,
    /// Of these, personalization was allowed.
    pub personalization: u64,
    /// Of these, advertising was allowed.
    pub advertising: u64,
    /// Events of which only a count was kept. Clients that sent again are counted again.
    pub unmeasured: u64,
    /// Events by who said what holds for them.
    pub by_source: BTreeMap<&'static str, u64>,
    /// Choices made with `POST /v1/consent`.
    pub choices: u64,
    /// Choices that allowed advertising.
    pub choices_advertising: u64,
    /// Choices that allowed personalization.
    pub choices_personalization: u64,
    /// Choices whose receipt holds.
    pub receipts: u64,
    /// Choices whose receipt does not: the log was changed, or the key.
    pub receipts_broken: u64,
    /// Choices by the text and version that the visitor was shown; those that name none are not in it.
    pub by_text: BTreeMap<String, u64>,
}

impl ConsentRow {
    fn receipt(&mut self, receipt: &Receipt, key: &[u8; 32]) {
        let holds = receipt.is_ours(key);
        self.receipts += u64::from(holds);
        self.receipts_broken += u64::from(!holds);
        if !receipt.text.is_empty() || !receipt.text_version.is_empty() {
            let shown = format!("{} {}", receipt.text, receipt.text_version);
            *self.by_text.entry(shown.trim().to_owned()).or_default() += 1;
        }
    }
}

/// The rows by (day, region), both ends of the range included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsentReport {
    rows: BTreeMap<(i32, Box<str>), ConsentRow>,
}

impl ConsentReport {
    /// Reads the log as far as it is kept. Cost: all of it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(
        log: &dyn EventLog,
        receipt_key: &[u8; 32],
        range: DateRange,
    ) -> Result<Self, LogError> {
        let mut report = Self::default();
        log.scan(&log.tails(), &log.heads(), &mut |record| {
            report.take(&record, receipt_key, range);
            true
        })?;
        Ok(report)
    }

    fn row(&mut self, day: i32, region: Option<&str>) -> &mut ConsentRow {
        self.rows.entry((day, region.unwrap_or(UNKNOWN).into())).or_default()
    }

    fn take(&mut self, record: &Record, receipt_key: &[u8; 32], range: DateRange) {
        match record.header.kind {
            // A copy that is read again by other rules is no other event.
            Kind::Event if record.header.replay_epoch == 0 => {
                let event = envelope::decode(record.header.contract_version, &record.payload);
                if let Ok(event) = event
                    && range.contains(event.event_time.utc_day())
                {
                    self.event(&event, receipt_key);
                }
            }
            Kind::Aggregate => {
                if let Ok(counted) = serde_json::from_slice::<Aggregate>(&record.payload)
                    && range.contains(counted.key.day)
                {
                    self.row(counted.key.day, counted.key.region.as_deref()).unmeasured +=
                        counted.count;
                }
            }
            _ => {}
        }
    }

    fn event(&mut self, event: &Event, receipt_key: &[u8; 32]) {
        let region = event.region.as_deref().or(event.country.as_deref());
        let row = self.row(event.event_time.utc_day(), region);
        let granted = |purpose| u64::from(event.consent.granted.allows(purpose));
        let (personal, advertising) =
            (granted(Purpose::Personalization), granted(Purpose::Advertising));
        if event.kind == EventKind::Consent && event.name.as_deref() != Some(RESET) {
            row.choices += 1;
            row.choices_personalization += personal;
            row.choices_advertising += advertising;
            if let Some(receipt) = Receipt::read(event) {
                row.receipt(&receipt, receipt_key);
            }
            return;
        }
        row.events += 1;
        row.personalization += personal;
        row.advertising += advertising;
        *row.by_source.entry(event.consent.source.as_str()).or_default() += 1;
    }

    /// For machines.
    pub fn to_json(&self) -> serde_json::Value {
        let row = |((day, region), row): (&(i32, Box<str>), &ConsentRow)| serde_json::json!({ "day": day_text(*day), "region": region, "consent": row });
        serde_json::json!({ "rows": self.rows.iter().map(row).collect::<Vec<_>>() })
    }

    /// For people.
    pub fn to_table(&self, width: u16) -> String {
        let heads = [
            "Day",
            "Region",
            "Events",
            "Personal.",
            "Advertising",
            "Not measured",
            "Said",
            "Framework",
            "GPC",
            "Default",
            "Choices",
            "Receipts",
        ];
        let mut grid = Grid::new("", &heads, "Nothing was received in that time.");
        grid.columns[1].1 = Align::Left;
        let cells = |((day, region), row): (&(i32, Box<str>), &ConsentRow)| {
            let by = |sources: &[ConsentSource]| {
                let counts = sources.iter().filter_map(|source| row.by_source.get(source.as_str()));
                grouped(counts.sum::<u64>())
            };
            vec![
                day_text(*day),
                crate::report::page::plain(region),
                grouped(row.events),
                grouped(row.personalization),
                grouped(row.advertising),
                grouped(row.unmeasured),
                by(&[ConsentSource::Explicit]),
                by(&[ConsentSource::Framework]),
                by(&[ConsentSource::GlobalPrivacyControl]),
                by(&[ConsentSource::Regional, ConsentSource::Default]),
                grouped(row.choices),
                match row.receipts_broken {
                    0 => grouped(row.receipts),
                    broken => format!("{}, {broken} broken", grouped(row.receipts)),
                },
            ]
        };
        grid.rows = self.rows.iter().map(cells).collect();
        let tells =
            "What consent allowed of the events received, by day and region, and who said so.";
        terminal::compose(&[tells], &[grid], width)
    }
}

fn day_text(day: i32) -> String {
    let text = Timestamp::from_millis(i64::from(day) * DAY_MILLIS).to_rfc3339();
    text.get(..10).unwrap_or(&text).to_owned()
}
