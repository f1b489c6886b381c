//! `export`: a table in a stable order.

use super::failure::{Ended, Failure};
use super::output;
use super::place::{Place, Target};
use super::remote::encoded;
use crate::admin::parts::TransferError;
use clap::{Args, ValueEnum};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Written {
    /// Comma-separated values, safe to open in a spreadsheet.
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// Apache Parquet.
    Parquet,
}

impl Written {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
        }
    }
}

/// Writes a table in a stable order.
#[derive(Args, Clone, Debug)]
pub struct Export {
    /// events, sessions, people, touches, conversions, credits, clicks, links, spend,
    /// decisions, exposures or quarantine.
    #[arg(long)]
    pub table: String,
    /// How to write it.
    #[arg(long, value_enum, default_value_t = Written::Csv)]
    pub format: Written,
    /// A file, or - for standard output.
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub output: PathBuf,
    /// Show the revision of rows that can change.
    #[arg(long)]
    pub with_revision: bool,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

impl Export {
    /// Writes it.
    pub fn run(&self) -> Result<Ended, Failure> {
        let mut parameters = vec![("format".to_owned(), self.format.as_str().to_owned())];
        if self.with_revision {
            parameters.push(("with_revision".to_owned(), "true".to_owned()));
        }
        match self.place.open(false)? {
            Target::Local(engine) => {
                let engine: Arc<super::engine::Engine> = Arc::from(engine);
                engine.drain().map_err(|error| Failure::new("the export cannot be made", error))?;
                let transfer = engine.admin_parts(None).transfer;
                transfer.check_export(&self.table, &parameters).map_err(asked_wrongly)?;
                self.write(&mut |output| {
                    transfer
                        .export(&self.table, &parameters, output)
                        .map_err(|error| Failure::new("the export did not finish", error))
                })?;
            }
            Target::Remote(mut remote) => {
                let query: Vec<_> =
                    parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
                let path = format!("/api/export/{}?{}", encoded(&self.table), query.join("&"));
                let table = remote.get(&path)?;
                self.write(&mut |output| {
                    output
                        .write_all(&table)
                        .map_err(|error| Failure::new("the export did not finish", error))
                })?;
            }
        }
        Ok(Ended::Done)
    }

    fn write(
        &self,
        fill: &mut dyn FnMut(&mut dyn Write) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        write_whole(&self.output, fill)
    }
}

/// Writes to a new name first, so that a file that is there is whole.
pub(super) fn write_whole(
    path: &Path,
    fill: &mut dyn FnMut(&mut dyn Write) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if path.as_os_str() == "-" {
        let mut whole = Vec::new();
        fill(&mut whole)?;
        return output::print_bytes(&whole);
    }
    let shown = path.display().to_string();
    let failed = |error: std::io::Error| {
        Failure::known(
            format!("cannot write {shown}"),
            error.to_string(),
            "check the folder and its free space",
        )
    };
    let mut unfinished = path.to_owned().into_os_string();
    unfinished.push(".unfinished");
    let mut file = BufWriter::new(File::create(&unfinished).map_err(failed)?);
    fill(&mut file)?;
    file.into_inner().map_err(|error| failed(error.into_error()))?.sync_all().map_err(failed)?;
    std::fs::rename(&unfinished, path).map_err(failed)
}

fn asked_wrongly(error: TransferError) -> Failure {
    let text = error.to_string();
    let (why, fix) =
        text.split_once(": ").unwrap_or((text.as_str(), "see `millstream export --help`"));
    Failure::usage("this cannot be exported", why, fix)
}
