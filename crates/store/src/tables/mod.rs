//! Tables: the rows that people and warehouses read, as Parquet, CSV and JSON lines.
//!
//! Every table is a list of [`Column`]s and of rows that fill them with [`Cell`]s; the writers know
//! nothing else. The order of rows is stable: the table's time, then ids.

pub mod cell;
pub mod csv;
pub mod decisions;
pub mod events;
pub mod jsonl;
pub mod order;
pub mod parquet;
mod parquet_reader;
pub mod part;
pub mod people;
pub mod rows;
pub mod spend;
pub mod writer;

pub use cell::{Cell, Column, ColumnKind, Row};
pub use decisions::{DecisionRow, ExposureRow};
pub use events::EventRow;
pub use order::{Sorter, SorterOptions};
pub use parquet::ParquetWriter;
pub use parquet_reader::ParquetReader;
pub use part::{PartSize, PartWriter, read_part};
pub use rows::{LinkRow, QuarantineRow};
pub use spend::SpendRow;
pub use writer::{Format, TableWriter, write_rows};

use crate::error::StoreError;
use millstream_pipeline::rows::{
    ClickRow, ConversionRow, CreditRow, PersonRow, SessionRow, TouchRow,
};
use std::fmt;
use std::str::FromStr;

/// A table that can be exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// One row per distinct event.
    Events,
    /// One row per session.
    Sessions,
    /// One row per person.
    People,
    /// One row per touch.
    Touches,
    /// One row per conversion.
    Conversions,
    /// One row per conversion, model and credited touch.
    Credits,
    /// One row per click of ours.
    Clicks,
    /// One row per version of a link.
    Links,
    /// One row per day, placement and currency of spend.
    Spend,
    /// One row per answered decision.
    Decisions,
    /// One row per device and arm of an experiment that it met.
    Exposures,
    /// One row per quarantined thing.
    Quarantine,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 12] = [
        Self::Events,
        Self::Sessions,
        Self::People,
        Self::Touches,
        Self::Conversions,
        Self::Credits,
        Self::Clicks,
        Self::Links,
        Self::Spend,
        Self::Decisions,
        Self::Exposures,
        Self::Quarantine,
    ];

    /// Those that are kept as Parquet files beside the state, and that SQL reads.
    pub const KEPT: [Self; 5] =
        [Self::Events, Self::Sessions, Self::Touches, Self::Conversions, Self::Credits];

    /// Its columns as kept: rows that can change have a revision.
    pub fn kept_columns(self) -> Vec<Column> {
        match self {
            Self::Events => writer::columns::<EventRow>(false),
            Self::Sessions => writer::columns::<SessionRow>(true),
            Self::People => writer::columns::<PersonRow>(true),
            Self::Touches => writer::columns::<TouchRow>(true),
            Self::Conversions => writer::columns::<ConversionRow>(true),
            Self::Credits => writer::columns::<CreditRow>(true),
            Self::Clicks => writer::columns::<ClickRow>(false),
            Self::Links => writer::columns::<LinkRow>(true),
            Self::Spend => writer::columns::<SpendRow>(false),
            Self::Decisions => writer::columns::<DecisionRow>(false),
            Self::Exposures => writer::columns::<ExposureRow>(false),
            Self::Quarantine => writer::columns::<QuarantineRow>(false),
        }
    }

    /// The name in commands, SQL and file names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Sessions => "sessions",
            Self::People => "people",
            Self::Touches => "touches",
            Self::Conversions => "conversions",
            Self::Credits => "credits",
            Self::Clicks => "clicks",
            Self::Links => "links",
            Self::Spend => "spend",
            Self::Decisions => "decisions",
            Self::Exposures => "exposures",
            Self::Quarantine => "quarantine",
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No table has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no table {0:?}: take one of events, sessions, people, touches, conversions, credits, clicks, links, spend, decisions, exposures, quarantine"
)]
pub struct UnknownTable(String);

impl FromStr for Table {
    type Err = UnknownTable;

    fn from_str(text: &str) -> Result<Self, UnknownTable> {
        let found = Self::ALL.into_iter().find(|table| table.name() == text);
        found.ok_or_else(|| UnknownTable(text.to_owned()))
    }
}

/// Why a table could not be written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The output refused bytes.
    #[error("cannot write the table: {0}; check the output's space and rights")]
    Output(#[from] std::io::Error),
    /// The Parquet writer failed.
    #[error("cannot write the table as Parquet: {0}")]
    Parquet(#[from] ::parquet::errors::ParquetError),
    /// A file cannot be read as Parquet.
    #[error("cannot read the table as Parquet: {0}")]
    Read(String),
    /// Columns and cells do not fit.
    #[error("cannot build the table's columns: {0}")]
    Columns(#[from] arrow_schema::ArrowError),
    /// State could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A spilled row could not be read back.
    #[error("a row set aside while sorting is damaged: check the disk that holds temporary files")]
    Spill,
}
