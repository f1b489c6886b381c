//! The kept tables and the questions asked of them, as configured.

use super::error::ConfigError;
use super::raw;
use super::resolved::wrong;
use crate::sql::Bounds;
use crate::tables::TablesOptions;
use std::time::Duration;

/// The kept tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptTables {
    /// Whether they are kept up to date.
    pub keep: bool,
    /// How often, and at what cost.
    pub options: TablesOptions,
}

pub(super) fn tables(raw: &raw::Tables) -> Result<KeptTables, ConfigError> {
    if !(1..=86_400).contains(&raw.every_seconds) {
        return Err(wrong("tables.every_seconds", raw.every_seconds, "use 1 to 86400"));
    }
    if !(1..=100).contains(&raw.share_percent) {
        return Err(wrong("tables.share_percent", raw.share_percent, "use 1 to 100"));
    }
    let every = Duration::from_secs(raw.every_seconds.into());
    let options = TablesOptions { every, share_percent: raw.share_percent };
    Ok(KeptTables { keep: raw.keep, options })
}

pub(super) fn sql(raw: &raw::Sql) -> Result<Bounds, ConfigError> {
    let bounds = [
        ("sql.memory_mb", raw.memory_mb, 16, 1 << 20),
        ("sql.seconds_max", raw.seconds_max as usize, 1, 86_400),
        ("sql.rows_max", raw.rows_max, 1, 1_000_000),
        ("sql.answer_mb", raw.answer_mb, 1, 1_024),
        ("sql.threads", raw.threads, 1, 256),
    ];
    for (key, value, least, most) in bounds {
        if !(least..=most).contains(&value) {
            return Err(wrong(key, value, &format!("use {least} to {most}")));
        }
    }
    if raw.spill_mb > 1 << 20 {
        return Err(wrong("sql.spill_mb", raw.spill_mb, "use 0 to 1048576"));
    }
    Ok(Bounds {
        memory_bytes: raw.memory_mb << 20,
        spill_bytes: raw.spill_mb << 20,
        time_max: Duration::from_secs(raw.seconds_max.into()),
        rows_max: raw.rows_max,
        answer_bytes_max: raw.answer_mb << 20,
        threads: raw.threads,
    })
}
