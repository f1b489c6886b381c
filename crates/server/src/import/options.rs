//! What is imported and how.

use super::columns::ColumnMap;
use super::parse::Format;
use millstream_event::SourceId;
use millstream_event::wire::csv_map::Target;
use millstream_event::wire::receipt::Limits;

/// What is imported and how.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// What the lines are.
    pub format: Format,
    /// Whose they are.
    pub source: SourceId,
    /// For tables: the map file's text.
    pub map: Option<String>,
    /// The site's own host; for access logs the commonest referrer host when not given.
    pub own_domain: Option<String>,
    /// Records that become durable together.
    pub group_records: usize,
    /// Groups waiting for the disk at most.
    pub groups_waiting: usize,
    /// Parsing threads.
    pub threads: usize,
    /// Bounds of one event.
    pub limits: Limits,
}

impl ImportOptions {
    /// The defaults for a format.
    pub fn new(format: Format, source: SourceId) -> Self {
        Self {
            format,
            source,
            map: None,
            own_domain: None,
            group_records: 512,
            groups_waiting: 32,
            threads: 2,
            limits: Limits::default(),
        }
    }

    /// True when rows may name a click instead of whom they belong to.
    #[must_use]
    pub fn asks_for_landings(&self) -> bool {
        let map = self.map.as_deref().map(ColumnMap::parse);
        map.is_some_and(|map| map.is_ok_and(|map| map.names(Target::ClickId)))
    }
}
