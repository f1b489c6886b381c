//! `import`: real files into the log.

use super::engine::Engine;
use super::failure::{Ended, Failure};
use super::output::{self, Shown};
use super::place::{Place, Target};
use super::remote::{Remote, encoded};
use super::transfer::{IMPORT_SOURCE, ImportOutcome};
use crate::import::{Format, ImportOptions, Input};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use millstream_event::SourceId;
use std::io::{IsTerminal, Read};
use std::path::PathBuf;

/// Imports files; the same import again adds nothing.
#[derive(Args, Clone, Debug)]
pub struct Import {
    /// Files to import, `.gz` accepted; `-` is standard input.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// What the files are.
    #[arg(long, value_enum)]
    pub format: Format,
    /// For csv and parquet: a TOML file that says which column is which field.
    #[arg(long, value_name = "FILE")]
    pub map: Option<PathBuf>,
    /// The site's own host; for access logs the commonest referrer host when not given.
    #[arg(long, value_name = "HOST")]
    pub own_domain: Option<String>,
    /// The source that the events are kept under.
    #[arg(long, value_name = "NAME", default_value = IMPORT_SOURCE)]
    pub source: String,
    /// How to print the outcome.
    #[arg(long = "output", value_enum, default_value_t = Shown::Table)]
    pub shown: Shown,
    /// Records that become durable together.
    #[arg(long, value_name = "RECORDS", default_value_t = 512, hide = true)]
    pub group_records: usize,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

impl Import {
    /// Imports everything and prints what came of it.
    pub fn run(&self) -> Result<Ended, Failure> {
        let map = self.map_text()?;
        for file in self.files.iter().filter(|file| file.as_os_str() != "-") {
            std::fs::File::open(file).map_err(|error| {
                Failure::known(
                    format!("cannot read {}", file.display()),
                    error.to_string(),
                    "check the path; nothing was imported",
                )
            })?;
        }
        let outcome = match self.place.open(true)? {
            Target::Local(engine) => self.local(&engine, map)?,
            Target::Remote(mut remote) => self.remote(&mut remote, map.as_deref())?,
        };
        match self.shown {
            Shown::Json => output::print_json(&outcome)?,
            Shown::Table => output::print(&summary(&outcome))?,
        }
        let clean = outcome.quarantined == 0 && outcome.refused == 0;
        Ok(if clean { Ended::Done } else { Ended::DoneWithRefusals })
    }

    fn map_text(&self) -> Result<Option<String>, Failure> {
        let needs = self.format == Format::Csv;
        match &self.map {
            None if needs => Err(Failure::usage(
                "import --format csv needs a map",
                "columns have no meaning of their own",
                "write a TOML file such as `time = \"date\"` and name it with --map FILE",
            )),
            None => Ok(None),
            Some(path) => std::fs::read_to_string(path).map(Some).map_err(|error| {
                Failure::known(
                    format!("cannot read the map {}", path.display()),
                    error.to_string(),
                    "check the path given with --map",
                )
            }),
        }
    }

    fn local(&self, engine: &Engine, map: Option<String>) -> Result<ImportOutcome, Failure> {
        let source = SourceId::parse(&self.source).ok_or_else(|| {
            Failure::usage(
                "the source's name cannot be used",
                "it is empty, too long or holds control characters",
                "use 1 to 64 bytes",
            )
        })?;
        let mut options = ImportOptions::new(self.format, source);
        options.map = map;
        options.own_domain.clone_from(&self.own_domain);
        options.group_records = self.group_records.max(1);
        let inputs: Vec<_> = self.files.iter().map(|file| Input::path(file)).collect();
        let bar = bar(&inputs, self.passes());
        let outcome = engine.import(&options, inputs, &|bytes| bar.inc(bytes));
        bar.finish_and_clear();
        outcome.map_err(|error| Failure::new("the import did not finish", error))
    }

    /// Access logs are read twice when the own domain has to be found first.
    const fn passes(&self) -> u64 {
        if matches!(self.format, Format::Combined) && self.own_domain.is_none() { 2 } else { 1 }
    }

    fn remote(&self, remote: &mut Remote, map: Option<&str>) -> Result<ImportOutcome, Failure> {
        let mut path =
            format!("/api/import?format={}&source={}", self.format.as_str(), encoded(&self.source));
        if let Some(domain) = &self.own_domain {
            path.push_str(&format!("&own_domain={}", encoded(domain)));
        }
        if let Some(map) = map {
            path.push_str(&format!("&map={}", encoded(map)));
        }
        let table = matches!(self.format, Format::Csv | Format::Parquet);
        if table && self.files.len() > 1 {
            return Err(Failure::usage(
                "a running instance takes one table at a time",
                "each file has a header of its own",
                "import the files one by one",
            ));
        }
        let answer = remote.stream(&path, super::upload::body(self.files.clone(), self.format))?;
        serde_json::from_slice(&answer)
            .map_err(|error| Failure::new("the instance's answer cannot be read", error))
    }
}

fn bar(inputs: &[Input<'_>], passes: u64) -> ProgressBar {
    let bytes: Option<u64> = inputs.iter().map(Input::bytes).sum();
    let hidden = !std::io::stderr().is_terminal();
    let bar = match bytes {
        _ if hidden => ProgressBar::hidden(),
        Some(bytes) => ProgressBar::new(bytes * passes),
        None => ProgressBar::new_spinner(),
    };
    let style =
        ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    match style {
        Ok(style) if bytes.is_some() => bar.with_style(style),
        _ => bar,
    }
}

fn summary(outcome: &ImportOutcome) -> String {
    let rows = [
        ("accepted", outcome.accepted),
        ("duplicate", outcome.duplicate),
        ("quarantined", outcome.quarantined),
        ("refused", outcome.refused),
    ];
    let width = rows.iter().map(|(_, count)| count.to_string().len()).max().unwrap_or(1);
    let mut text = String::new();
    for (name, count) in rows {
        text.push_str(&format!("{name:<12} {count:>width$}\n"));
    }
    if outcome.unconsented > 0 {
        text.push_str(&format!("{:<12} {:>width$}\n", "only counted", outcome.unconsented));
    }
    text
}

/// Files one behind the other, each ended by a line feed, so that no two lines run together.
pub struct Joined<R> {
    parts: std::vec::IntoIter<R>,
    current: Option<R>,
    last: u8,
}

impl<R: Read> Joined<R> {
    /// Joins readers in their order.
    pub fn new(parts: Vec<R>) -> Self {
        Self { parts: parts.into_iter(), current: None, last: b'\n' }
    }
}

impl<R: Read> Read for Joined<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let Some(reader) = &mut self.current else {
                self.current = self.parts.next();
                if self.current.is_none() {
                    return Ok(0);
                }
                continue;
            };
            let read = reader.read(buffer)?;
            if read > 0 {
                self.last = buffer[read - 1];
                return Ok(read);
            }
            self.current = None;
            if self.last != b'\n' {
                self.last = b'\n';
                buffer[0] = b'\n';
                return Ok(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_files_never_run_their_lines_together() {
        let mut joined = Joined::new(vec![&b"a\n"[..], b"b", b"", b"c\n\n", b"d"]);
        let mut text = String::new();
        joined.read_to_string(&mut text).unwrap();
        assert_eq!(text, "a\nb\nc\n\nd\n");
    }
}
