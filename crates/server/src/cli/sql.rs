//! `sql`: ad-hoc questions to the kept tables. A build without the query engine asks an instance
//! that has one, or says how to go on.

use super::failure::{Ended, Failure};
use super::output;
use super::place::{Place, Target};
use super::remote::Remote;
use crate::sql::{self, Answer, AnswerFormat, AskError, Question};
use clap::Args;
use http::Method;
use millstream_store::tables::Table;
use std::sync::Arc;

/// Asks the tables in SQL: events, sessions, touches, conversions, credits.
#[derive(Args, Clone, Debug)]
pub struct Sql {
    /// The question, such as "SELECT channel, count(*) FROM sessions GROUP BY channel".
    pub query: String,
    /// The most rows to show.
    #[arg(long, value_name = "ROWS", default_value_t = sql::ROWS_DEFAULT)]
    pub rows: usize,
    /// Bring the tables of a running instance up to date first. Without an instance they always are.
    #[arg(long)]
    pub fresh: bool,
    /// table, json or csv.
    #[arg(long, default_value = "table")]
    pub format: String,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

impl Sql {
    /// Prints the answer.
    pub fn run(&self) -> Result<Ended, Failure> {
        let format: AnswerFormat =
            self.format.parse().map_err(|error: sql::UnknownFormat| asked_wrongly(&error))?;
        let answer = match self.place.open(false)? {
            Target::Local(engine) => self.ask_engine(&Arc::from(engine))?,
            Target::Remote(mut remote) => self.ask_instance(&mut remote)?,
        };
        let text = sql::render(&answer, format, output::terminal_width())
            .map_err(|error| Failure::new("the answer cannot be written", error))?;
        output::print(&text)?;
        if format == AnswerFormat::Csv {
            eprint!("{}", sql::remarks(&answer));
        }
        Ok(Ended::Done)
    }

    fn question(&self, fresh: bool) -> Question {
        Question { query: self.query.clone(), rows: self.rows, fresh }
    }

    fn ask_engine(&self, engine: &Arc<super::engine::Engine>) -> Result<Answer, Failure> {
        if !sql::BUILT {
            return Err(self.left_out());
        }
        let failed = |error: &dyn std::fmt::Display| Failure::new(NO_ANSWER, error);
        engine.drain().map_err(|error| failed(&error))?;
        let questions = engine.admin_parts(None).questions;
        questions.ask(&self.question(true)).map_err(|error| match error {
            AskError::Question(said) => asked_wrongly(&said),
            AskError::LeftOut => self.left_out(),
            other => failed(&other),
        })
    }

    fn ask_instance(&self, remote: &mut Remote) -> Result<Answer, Failure> {
        let said = remote.send_json(Method::POST, "/api/sql", &self.question(self.fresh))?;
        serde_json::from_slice(&said).map_err(|error| Failure::new(NO_ANSWER, error))
    }

    /// How to have it answered elsewhere.
    fn left_out(&self) -> Failure {
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
            "build it with `cargo build --release --features sql`, or {} && duckdb -c \"{}{}\"",
            exports.join(" && "),
            views.concat(),
            self.query.replace('"', "\\\"")
        );
        Failure::known(
            "this build cannot answer SQL itself",
            "its query engine is left out to keep the build small",
            fix,
        )
    }
}

const NO_ANSWER: &str = "the question was not answered";

/// Usage is told as such.
fn asked_wrongly(error: &dyn std::fmt::Display) -> Failure {
    let text = error.to_string();
    let (why, fix) = text
        .split_once("; ")
        .or_else(|| text.split_once(": "))
        .unwrap_or((text.as_str(), "see `millstream sql --help` and docs/sql.md"));
    Failure::usage(NO_ANSWER, why, fix)
}
