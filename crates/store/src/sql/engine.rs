//! The query engine over table files: bounds, read-only checks, answers.

use super::answer::{Answer, Gathering};
use super::error::{SqlError, nearest};
use super::yielding::Yielding;
use crate::tables::Column;
use crate::tables::cell::ColumnKind;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::TableProvider;
use datafusion::common::config::Dialect;
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::StreamExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

/// Longest question that is read.
const QUESTION_BYTES_MAX: usize = 16 << 10;
/// Stack of a thread that answers: plans nest as deep as questions do.
const STACK_BYTES: usize = 64 << 20;

/// Questions that may be at work at once, those included that were stopped and have not ended yet.
const RUNNING_MAX: usize = 4;

/// Bounds of answering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlOptions {
    /// Memory of all questions together; what does not fit goes to temporary files.
    pub memory_bytes: usize,
    /// Temporary files of all questions together.
    pub spill_bytes: u64,
    /// Where temporary files go.
    pub spill_dir: PathBuf,
    /// Time of one question.
    pub time_max: Duration,
    /// Bytes of one answer.
    pub answer_bytes_max: usize,
    /// Threads that answer.
    pub threads: usize,
}

/// A table: its columns and the files that hold its rows.
#[derive(Clone, Debug)]
pub struct SqlTable {
    /// Its name.
    pub name: &'static str,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// Parquet files with these columns; absolute paths.
    pub files: Vec<PathBuf>,
}

/// Answers questions over tables. Calls block.
pub struct SqlEngine {
    options: SqlOptions,
    environment: Arc<RuntimeEnv>,
    running: Arc<Semaphore>,
    /// Always there until drop, which must not wait for a question that does not stop.
    runtime: Option<Runtime>,
}

impl SqlEngine {
    /// An engine with these bounds. Threads sleep until there is a question.
    ///
    /// # Errors
    /// When threads or temporary space cannot be had.
    pub fn new(options: SqlOptions) -> Result<Self, SqlError> {
        let failed = |error: &dyn std::fmt::Display| SqlError::Engine(error.to_string());
        let spill = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::Directories(vec![options.spill_dir.clone()]))
            .with_max_temp_directory_size(options.spill_bytes);
        let environment = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(options.memory_bytes)))
            .with_disk_manager_builder(spill)
            .build_arc()
            .map_err(|error| failed(&error))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(options.threads.max(1))
            .thread_name("sql")
            .thread_stack_size(STACK_BYTES)
            .build()
            .map_err(|error| failed(&error))?;
        let running = Arc::new(Semaphore::new(RUNNING_MAX));
        Ok(Self { options, environment, running, runtime: Some(runtime) })
    }

    /// Answers one question with at most `rows_max` rows.
    ///
    /// # Errors
    /// See [`SqlError`].
    pub fn ask(
        &self,
        tables: &[SqlTable],
        question: &str,
        rows_max: usize,
    ) -> Result<Answer, SqlError> {
        if question.len() > QUESTION_BYTES_MAX {
            return Err(SqlError::Long { bytes: question.len(), max: QUESTION_BYTES_MAX });
        }
        let Some(runtime) = &self.runtime else {
            return Err(SqlError::Engine("it has ended".into()));
        };
        let Ok(place) = Arc::clone(&self.running).try_acquire_owned() else {
            return Err(SqlError::Busy { running: RUNNING_MAX });
        };
        let context = self.context(tables)?;
        let bounds = (rows_max, self.options.answer_bytes_max, self.options.memory_bytes);
        let question = question.to_owned();
        let (told, waiting) = mpsc::sync_channel(1);
        let answering = runtime.spawn(async move {
            let _held_until_it_ends = place;
            // Whoever asked may have stopped waiting.
            drop(told.send(answer(&context, &question, bounds).await));
        });
        // The runtime's own clock stands still while all its threads are busy.
        match waiting.recv_timeout(self.options.time_max) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => {
                answering.abort();
                Err(SqlError::Time { seconds: self.options.time_max.as_secs() })
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(SqlError::Engine("it stopped in the middle of an answer".into()))
            }
        }
    }

    /// Questions at work, those included that were stopped and have not ended yet.
    pub fn running(&self) -> usize {
        RUNNING_MAX - self.running.available_permits()
    }

    /// A session that knows these tables and nothing else.
    fn context(&self, tables: &[SqlTable]) -> Result<SessionContext, SqlError> {
        let failed = |error: DataFusionError| SqlError::Engine(error.to_string());
        let mut config = SessionConfig::new()
            .with_information_schema(true)
            .with_target_partitions(self.options.threads.max(1));
        config.options_mut().execution.parquet.pushdown_filters = true;
        config.options_mut().execution.time_zone = Some("UTC".into());
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(Arc::clone(&self.environment))
            .with_default_features()
            .with_physical_optimizer_rule(Arc::new(Yielding))
            // Without factories there is no way to name a file of the machine.
            .with_table_factories(Default::default())
            .with_file_formats(Vec::new())
            .build();
        let context = SessionContext::new_with_state(state);
        for table in tables {
            let provider = provider(table).map_err(failed)?;
            context.register_table(table.name, provider).map_err(failed)?;
        }
        Ok(context)
    }
}

impl Drop for SqlEngine {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn provider(table: &SqlTable) -> Result<Arc<dyn TableProvider>, DataFusionError> {
    let schema = schema(&table.columns);
    if table.files.is_empty() {
        return Ok(Arc::new(EmptyTable::new(schema)));
    }
    let place = |path: &PathBuf| {
        // The engine would answer without a file that is not there.
        std::fs::metadata(path)?;
        let url = url::Url::from_file_path(path).map_err(|()| {
            DataFusionError::Internal(format!("{} is no whole path", path.display()))
        })?;
        ListingTableUrl::try_new(url, None)
    };
    let places = table.files.iter().map(place).collect::<Result<Vec<_>, _>>()?;
    let options = ListingOptions::new(Arc::new(ParquetFormat::default()));
    let config = ListingTableConfig::new_with_multi_paths(places)
        .with_listing_options(options)
        .with_schema(schema);
    Ok(Arc::new(ListingTable::try_new(config)?))
}

/// The engine's own view of text avoids copies of it.
fn schema(columns: &[Column]) -> SchemaRef {
    let field = |column: &Column| {
        let kind = match column.kind {
            ColumnKind::Text | ColumnKind::Json => DataType::Utf8View,
            ColumnKind::Integer => DataType::Int64,
            ColumnKind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            ColumnKind::Flag => DataType::Boolean,
        };
        Field::new(column.name, kind, true)
    };
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

async fn answer(
    context: &SessionContext,
    question: &str,
    (rows_max, bytes_max, memory_bytes): (usize, usize, usize),
) -> Result<Answer, SqlError> {
    let plan = plan(context, question).await?;
    let running = |error: DataFusionError| SqlError::running(&error, memory_bytes);
    let frame = context.execute_logical_plan(plan).await.map_err(running)?;
    let mut batches = frame.execute_stream().await.map_err(running)?;
    let mut gathering = Gathering::new(&batches.schema(), rows_max, bytes_max);
    while let Some(batch) = batches.next().await {
        if !gathering.take(&batch.map_err(running)?)? {
            break;
        }
    }
    Ok(gathering.finish())
}

/// Reads a question and refuses what is not reading.
async fn plan(context: &SessionContext, question: &str) -> Result<LogicalPlan, SqlError> {
    let state = context.state();
    let statement = state
        .sql_to_statement(question, &Dialect::Generic)
        .map_err(|error| SqlError::planning(&error))?;
    let named = state.resolve_table_references(&statement);
    let plan = match state.statement_to_plan(statement).await {
        Ok(plan) => plan,
        Err(error) => {
            let unknown = named.iter().flatten().find_map(|table| unknown(context, table));
            return Err(unknown.unwrap_or_else(|| SqlError::planning(&error)));
        }
    };
    let reading =
        SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    match reading.verify_plan(&plan) {
        Ok(()) => Ok(plan),
        Err(error) => {
            let words = error.strip_backtrace();
            let what = words.rsplit(": ").next().unwrap_or_default();
            Err(SqlError::ReadOnly { what: what.to_owned() })
        }
    }
}

/// Says which table was meant, when there is none of this name.
fn unknown(
    context: &SessionContext,
    table: &datafusion::common::TableReference,
) -> Option<SqlError> {
    let schema = context.catalog("datafusion")?.schema("public")?;
    let known = schema.table_names();
    let name = table.table();
    if table.schema().is_some() || known.iter().any(|known| known == name) {
        return None;
    }
    let nearest = nearest(name, known.iter().map(String::as_str))?.to_owned();
    Some(SqlError::Table { name: name.to_owned(), nearest, known: known.join(", ") })
}
