//! `sql`: ad-hoc questions. This build has no query engine of its own and says how to go on.

use super::failure::{Ended, Failure};
use super::place::Place;
use clap::Args;
use millstream_store::tables::Table;

/// Asks the tables in SQL.
#[derive(Args, Clone, Debug)]
pub struct Sql {
    /// The question.
    pub query: String,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

impl Sql {
    /// Says how to have it answered.
    pub fn run(&self) -> Result<Ended, Failure> {
        let asked = |table: &&Table| self.query.to_ascii_lowercase().contains(table.name());
        let named: Vec<_> = Table::ALL.iter().filter(asked).map(|table| table.name()).collect();
        let tables = if named.is_empty() { vec!["events"] } else { named };
        let place = match (&self.place.url, &self.place.data_dir) {
            (Some(url), _) => format!(" --url {url}"),
            (None, Some(dir)) => format!(" --data-dir {}", dir.display()),
            (None, None) => String::new(),
        };
        let exports: Vec<_> = tables
            .iter()
            .map(|table| format!("millstream export{place} --table {table} --format parquet --output {table}.parquet"))
            .collect();
        let views: Vec<_> = tables
            .iter()
            .map(|table| format!("create view {table} as from '{table}.parquet'; "))
            .collect();
        let fix = format!(
            "{} && duckdb -c \"{}{}\"",
            exports.join(" && "),
            views.concat(),
            self.query.replace('"', "\\\"")
        );
        Err(Failure::known(
            "this build cannot answer SQL itself",
            "its query engine is left out to keep the build small",
            fix,
        ))
    }
}
