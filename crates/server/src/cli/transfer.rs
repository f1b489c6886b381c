//! Files in and tables out of one engine, for the command line and the admin plane alike.

use super::engine::{Engine, View};
use crate::admin::Transfer;
use crate::admin::parts::TransferError;
use crate::export::{self, ExportParts, ExportRequest};
use crate::import::{
    self, Format, ImportError, ImportOptions, ImportParts, Input, LandingsOf, Progress,
};
use crate::instance::{self, InstanceError};
use crate::replay::Selection;
use millstream_event::wire::csv_map::Visitor;
use millstream_event::{AnonymousId, SourceId, UserId};
use millstream_pipeline::query;
use millstream_store::Reading;
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

/// The source of imported events where none is named.
pub const IMPORT_SOURCE: &str = "import";

/// What an import came to, once the fold has told new events from known ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportOutcome {
    /// Lines or rows read.
    pub lines: u64,
    /// Events that are new.
    pub accepted: u64,
    /// Events that were there already.
    pub duplicate: u64,
    /// Lines that broke their format; kept with their reason.
    pub quarantined: u64,
    /// Lines that were not kept at all.
    pub refused: u64,
    /// Events of which consent left a count.
    pub unconsented: u64,
}

/// Why an import or export failed.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The import.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The engine.
    #[error(transparent)]
    Country(#[from] crate::country::CountryError),
    /// The fold did not get to the end.
    #[error(transparent)]
    Drain(#[from] crate::consume::DrainError),
    /// State could not be read.
    #[error(transparent)]
    State(#[from] query::ReadError),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] millstream_store::StoreError),
}

impl Engine {
    /// Imports, waits for the fold, and tells new events from known ones. Exact where nothing else
    /// arrives meanwhile.
    ///
    /// # Errors
    /// See `GatewayError`.
    pub fn import(
        &self,
        options: &ImportOptions,
        inputs: Vec<Input<'_>>,
        progress: Progress<'_>,
    ) -> Result<ImportOutcome, GatewayError> {
        self.drain()?;
        let parts = ImportParts {
            log: Arc::clone(&self.instance.log),
            registry: Arc::clone(&self.registry),
            editor: Arc::clone(&self.editor),
            subject_key: self.instance.keys.subject,
            click_key: self.instance.keys.click,
            places: self.places()?,
            consent: self.config.capture.consent.clone(),
            landings: self.landings(options)?,
            spool_dir: self.instance.dir.clone(),
        };
        let before = self.visible()?;
        let counts = import::run(&parts, options, inputs, progress)?;
        self.drain()?;
        let accepted = self.visible()?.saturating_sub(before).min(counts.events);
        let told = counts.events + counts.quarantined + counts.unconsented;
        Ok(ImportOutcome {
            lines: counts.lines,
            accepted,
            duplicate: counts.events - accepted,
            quarantined: counts.quarantined,
            refused: counts.lines.saturating_sub(told + counts.blank),
            unconsented: counts.unconsented,
        })
    }

    /// Who landed with a click, as of now. Only where it will be asked: while a view is open, the
    /// store gives back nothing of what is written meanwhile, neither memory nor disk.
    fn landings(&self, options: &ImportOptions) -> Result<Arc<LandingsOf>, GatewayError> {
        if !options.asks_for_landings() {
            return Ok(Arc::new(|_| None));
        }
        let view = self.view()?;
        Ok(Arc::new(move |click| {
            let state = Reading(&*view.state);
            let found = query::landed_by(&state, view.generation(), click);
            let name = found.unwrap_or_else(|error| {
                tracing::error!(%error, "who landed with a click cannot be read");
                None
            })?;
            match name.strip_prefix("user:") {
                Some(user) => UserId::parse(user).map(Visitor::User),
                None => AnonymousId::parse(&name).map(Visitor::Device),
            }
        }))
    }

    fn visible(&self) -> Result<u64, GatewayError> {
        let view = self.view()?;
        let counts = query::counts(&Reading(&*view.state), view.generation())?;
        Ok(u64::try_from(counts.visible).unwrap_or(0))
    }
}

/// The admin plane's way in and out.
pub struct Gateway(pub Arc<Engine>);

impl Transfer for Gateway {
    fn import(
        &self,
        parameters: &[(String, String)],
        input: &mut dyn Read,
    ) -> Result<serde_json::Value, TransferError> {
        let options = import_options(parameters).map_err(TransferError::Request)?;
        let inputs = vec![Input::reader("the request's body", Box::new(input))];
        let failed = |error: String| TransferError::Failed(error);
        let outcome = self.0.import(&options, inputs, &|_| {}).map_err(|error| match &error {
            GatewayError::Import(ImportError::Map(_)) => TransferError::Request(error.to_string()),
            _ => failed(error.to_string()),
        })?;
        serde_json::to_value(outcome).map_err(|error| failed(error.to_string()))
    }

    fn replay(&self, parameters: &[(String, String)]) -> Result<serde_json::Value, TransferError> {
        let selection = Selection::parse(parameters)
            .map_err(|error| TransferError::Request(error.to_string()))?;
        let failed = |error: &dyn std::fmt::Display| TransferError::Failed(error.to_string());
        let replayed = self.0.replay(&selection, &|_, _| {}).map_err(|error| failed(&error))?;
        self.0.drain().map_err(|error| failed(&error))?;
        serde_json::to_value(replayed).map_err(|error| failed(&error))
    }

    fn backup(&self, to: &Path) -> Result<serde_json::Value, TransferError> {
        let engine = &self.0;
        let report = instance::backup(&engine.instance, to);
        let report = report.map_err(|error| match error {
            InstanceError::NotEmpty { .. } => TransferError::Request(error.to_string()),
            other => TransferError::Failed(other.to_string()),
        })?;
        serde_json::to_value(report).map_err(|error| TransferError::Failed(error.to_string()))
    }

    fn check_export(
        &self,
        table: &str,
        parameters: &[(String, String)],
    ) -> Result<(), TransferError> {
        ExportRequest::parse(table, parameters)
            .map(drop)
            .map_err(|error| TransferError::Request(error.to_string()))
    }

    fn export(
        &self,
        table: &str,
        parameters: &[(String, String)],
        output: &mut dyn Write,
    ) -> Result<(), TransferError> {
        let request = ExportRequest::parse(table, parameters)
            .map_err(|error| TransferError::Request(error.to_string()))?;
        let failed = |error: &dyn std::fmt::Display| TransferError::Failed(error.to_string());
        let view = self.0.view().map_err(|error| failed(&error))?;
        let parts = export_parts(&self.0, &view);
        export::export(parts, &request, output).map(drop).map_err(|error| failed(&error))
    }
}

/// What exports read.
pub(super) fn export_parts<'a>(engine: &'a Engine, view: &'a View) -> ExportParts<'a> {
    let spans = view.active.spans();
    ExportParts {
        log: &*engine.instance.log,
        state: &*view.state,
        generation: view.generation(),
        properties: &view.active.parameters.properties,
        window: spans.window,
        horizon: spans.horizon,
        agents: &*engine.agents,
    }
}

/// Options from the parameters of a query string; both ends of the wire use them.
fn import_options(parameters: &[(String, String)]) -> Result<ImportOptions, String> {
    let find = |wanted: &str| {
        parameters.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    };
    let known = ["format", "own_domain", "source", "map"];
    if let Some((name, _)) = parameters.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        return Err(format!("there is no parameter {name}; use {}", known.join(", ")));
    }
    let format = find("format").unwrap_or("combined");
    let format = Format::parse(format).ok_or_else(|| {
        format!("there is no format {format}; use combined, segment, csv or parquet")
    })?;
    let source = find("source").unwrap_or(IMPORT_SOURCE);
    let source =
        SourceId::parse(source).ok_or("a source is 1 to 64 bytes without control characters")?;
    let mut options = ImportOptions::new(format, source);
    options.own_domain = find("own_domain").map(str::to_owned);
    options.map = find("map").map(str::to_owned);
    Ok(options)
}
