//! `audit`: the whole chain behind one thing.

use super::export::write_whole;
use super::failure::{Ended, Failure};
use super::output;
use super::place::{Place, Target};
use super::remote::encoded;
use crate::audit::Subject;
use crate::audit::consent::ConsentReport;
use crate::receipt::RECEIPT_BYTES_MAX;
use crate::report::DateRange;
use clap::{Args, ValueEnum};
use serde_json::Value;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

/// Instead of a subject: the control history itself.
const VERIFY: &str = "verify";
/// Instead of a file: standard input.
const STANDARD_INPUT: &str = "-";
/// Instead of a subject: what retention removed from the log.
const RETENTION: &str = "retention";
/// Instead of a subject: what consent allowed.
const CONSENT: &str = "consent";

/// How a chain is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shown {
    /// A tree for a person.
    Tree,
    /// JSON.
    Json,
}

/// Prints what stands behind a conversion, click, event, decision, link or person, or whether a receipt of consent holds.
#[derive(Args, Clone, Debug)]
pub struct Audit {
    /// conversion, click, event, decision, link, person or receipt; or verify: follows the chain of control records; or
    /// consent: what it allowed, by day and region; or retention: what it removed from the log, when, by which rule.
    pub subject: String,
    /// Its id; for a conversion also its order number or event id; for a decision the decision_id of its
    /// answer; for a link its slug; for a person also a device's or user's id; for a receipt a file that holds it, or - for standard input.
    pub id: Option<String>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Shown::Tree, alias = "as")]
    pub format: Shown,
    /// With consent: the first day, YYYY-MM-DD.
    #[arg(long, value_name = "DAY")]
    pub from: Option<String>,
    /// With consent: the last day.
    #[arg(long, value_name = "DAY")]
    pub to: Option<String>,
    /// With a person, named by a user's or device's id: everything that is kept, one JSON object a line.
    #[arg(long)]
    pub export: bool,
    /// A file for that, or - for standard output.
    #[arg(long, value_name = "FILE", default_value = "-", requires = "export")]
    pub output: PathBuf,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

impl Audit {
    /// Prints it.
    pub fn run(&self) -> Result<Ended, Failure> {
        if self.subject == VERIFY {
            return self.verify();
        }
        if self.subject == RETENTION {
            return self.retention();
        }
        if self.subject == CONSENT {
            return self.consent();
        }
        let subject: Subject =
            self.subject.parse().map_err(|error| super::report::asked_wrongly(&error))?;
        let Some(id) = &self.id else {
            let fix = format!("millstream audit {subject} ID", subject = self.subject);
            return Err(Failure::usage("nothing says what to audit", "the id is missing", fix));
        };
        if self.export {
            return self.everything(subject, id);
        }
        let shown = if subject == Subject::Receipt { receipt(id)? } else { id.clone() };
        let id = shown.as_str();
        let engine = match self.place.open(false)? {
            Target::Local(engine) => Arc::from(engine),
            Target::Remote(mut remote) => {
                let format = if self.format == Shown::Json { "json" } else { "tree" };
                let path =
                    format!("/api/audit/{}/{}?format={format}", subject.as_str(), encoded(id));
                output::print_bytes(&remote.get(&path)?)?;
                return Ok(Ended::Done);
            }
        };
        let engine: Arc<super::engine::Engine> = engine;
        let failed =
            |error: &dyn std::fmt::Display| Failure::new("the audit cannot be made", error);
        engine.drain().map_err(|error| failed(&error))?;
        let chain =
            engine.admin_parts(None).evidence.chain(subject, id).map_err(|error| failed(&error))?;
        let Some(chain) = chain else {
            return Err(Failure::known(
                format!("there is no {} {}", subject.as_str(), id),
                "nothing with this id is kept: it never came, or it was let go",
                "list what there is with `millstream export`, and what went with `millstream audit retention`",
            ));
        };
        match self.format {
            Shown::Tree => output::print(&chain.to_tree())?,
            Shown::Json => output::print_json(&chain)?,
        }
        Ok(Ended::Done)
    }

    /// What retention removed.
    fn retention(&self) -> Result<Ended, Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new("what retention removed cannot be told", error)
        };
        let told = match self.place.open(false)? {
            Target::Local(engine) => {
                // What the lines tell is logged; a state that was cut short has yet to fold it.
                engine.drain().map_err(|error| failed(&error))?;
                serde_json::to_value(engine.instance.removed().map_err(|error| failed(&error))?)
            }
            Target::Remote(mut remote) => {
                serde_json::from_slice(&remote.get("/api/audit/retention")?)
            }
        };
        let told: Value = told.map_err(|error| failed(&error))?;
        let width = output::terminal_width().unwrap_or(120);
        match self.format {
            Shown::Tree => output::print(&super::retention::table(&told, width))?,
            Shown::Json => output::print_json(&told)?,
        }
        match told["broken"].as_str() {
            None => Ok(Ended::Done),
            Some(why) => Err(Failure::known(
                "what is missing is not what retention removed",
                why.to_owned(),
                "after a restore, ask again once `millstream serve` ran for a minute; else compare with a backup",
            )),
        }
    }

    /// What consent allowed.
    fn consent(&self) -> Result<Ended, Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new("what consent allowed cannot be told", error)
        };
        let day = |text: &Option<String>| {
            text.as_deref()
                .map(DateRange::parse_day)
                .transpose()
                .map_err(|error| super::report::asked_wrongly(&error))
        };
        let range = DateRange { from: day(&self.from)?, to: day(&self.to)? };
        let width = output::terminal_width().unwrap_or(120);
        match self.place.open(false)? {
            Target::Local(engine) => {
                let (log, key) = (&*engine.instance.log, &engine.instance.keys.cookie);
                let report = ConsentReport::read(log, key, range);
                let report = report.map_err(|error| failed(&error))?;
                match self.format {
                    Shown::Tree => output::print(&report.to_table(width))?,
                    Shown::Json => output::print_json(&report.to_json())?,
                }
            }
            Target::Remote(mut remote) => {
                let format = if self.format == Shown::Json { "json" } else { "tree" };
                let ends = [("from", &self.from), ("to", &self.to)];
                let ends = ends
                    .into_iter()
                    .filter_map(|(name, day)| Some(format!("&{name}={}", day.as_ref()?)));
                let path = format!(
                    "/api/audit/consent?format={format}&width={width}{}",
                    ends.collect::<String>()
                );
                output::print_bytes(&remote.get(&path)?)?;
            }
        }
        Ok(Ended::Done)
    }

    /// Subject access.
    fn everything(&self, subject: Subject, id: &str) -> Result<Ended, Failure> {
        if subject != Subject::Person {
            let why = format!(
                "everything that is kept can be told of a person, not of a {}",
                subject.as_str()
            );
            return Err(Failure::usage(
                "this cannot be exported",
                why,
                "millstream audit person ID --export",
            ));
        }
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new("what is kept of this person cannot be told", error)
        };
        match self.place.open(false)? {
            Target::Local(engine) => {
                let engine: Arc<super::engine::Engine> = Arc::from(engine);
                engine.drain().map_err(|error| failed(&error))?;
                let erasing = engine.admin_parts(None).erasing;
                write_whole(&self.output, &mut |out| {
                    erasing.access(id, out).map_err(|error| failed(&error))
                })?;
            }
            Target::Remote(mut remote) => {
                let told = remote.get(&format!("/api/audit/person/{}/export", encoded(id)))?;
                write_whole(&self.output, &mut |out| {
                    out.write_all(&told).map_err(|error| failed(&error))
                })?;
            }
        }
        Ok(Ended::Done)
    }

    /// Follows the chain of control records.
    fn verify(&self) -> Result<Ended, Failure> {
        let failed =
            |error: &dyn std::fmt::Display| Failure::new("the chain cannot be followed", error);
        let verdict = match self.place.open(false)? {
            Target::Local(engine) => {
                let engine: Arc<super::engine::Engine> = Arc::from(engine);
                engine.drain().map_err(|error| failed(&error))?;
                let verdict = engine.admin_parts(None).evidence.verify();
                serde_json::to_value(verdict.map_err(|error| failed(&error))?)
            }
            Target::Remote(mut remote) => serde_json::from_slice(&remote.get("/api/audit/verify")?),
        };
        let verdict: Value = verdict.map_err(|error| failed(&error))?;
        if self.format == Shown::Json {
            output::print_json(&verdict)?;
        }
        let said = |name: &str| verdict[name].as_str().unwrap_or_default();
        let told = &verdict["deliveries"];
        if !told["broken"].is_null() {
            let broken = &told["broken"];
            let (lane, position) = (&broken["lane"], &broken["position"]);
            let of = broken["destination"].as_str().unwrap_or("an unknown destination");
            return Err(Failure::known(
                format!("the deliveries of {of} are broken in lane {lane} at position {position}"),
                broken["why"].as_str().unwrap_or_default().to_owned(),
                "restore a backup from before the change, and compare",
            ));
        }
        if verdict["intact"] != true {
            let why = verdict["broken"]["why"].as_str().unwrap_or_default();
            return Err(Failure::known(
                format!(
                    "the control history is broken at position {}",
                    verdict["broken"]["position"]
                ),
                why.to_owned(),
                "restore a backup from before the change, and compare",
            ));
        }
        if self.format == Shown::Tree {
            let records = &verdict["records"];
            output::print(&format!(
                "{records} control record(s), each follows from the one before\n"
            ))?;
            output::print(&format!("head {}\n", said("head")))?;
            let heads = told["heads"].as_array().map(Vec::as_slice).unwrap_or_default();
            if !heads.is_empty() {
                let records = &told["records"];
                output::print(&format!("{records} delivery record(s), in order by destination\n"))?;
            }
            for line in heads {
                let text = |name: &str| line[name].as_str().unwrap_or_default();
                let (destination, class) = (text("destination"), text("class"));
                output::print(&format!("head {} {destination} {class}\n", text("head")))?;
            }
        }
        Ok(Ended::Done)
    }
}

/// The text of a receipt, out of a file or standard input.
fn receipt(file: &str) -> Result<String, Failure> {
    let bound = u64::try_from(RECEIPT_BYTES_MAX).unwrap_or(u64::MAX) + 1;
    let mut text = String::new();
    let read = match file {
        STANDARD_INPUT => std::io::stdin().take(bound).read_to_string(&mut text),
        path => File::open(path).and_then(|file| file.take(bound).read_to_string(&mut text)),
    };
    let fix = "millstream audit receipt FILE, with what stood under `receipt` in the answer to the choice";
    read.map_err(|error| Failure::known("the receipt cannot be read", error.to_string(), fix))?;
    Ok(text.trim().to_owned())
}
