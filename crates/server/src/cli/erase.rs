//! `erase`: a person out of log, state, tables, checkpoints and what waits to be forwarded, with a
//! receipt and a proof.

use super::engine::Engine;
use super::erasing::{FOLLOWED_WITHIN, forget};
use super::failure::{Ended, Failure};
use super::output;
use super::place::{Place, Target};
use super::succession::SuccessionError;
use super::transfer::export_parts;
use crate::admin::parts::{Erasing, TransferError};
use crate::erasure::{
    AccessError, Asked, Erasure, ErasureError, Marks, Needles, Register, Wanted, access, scan,
    scan_rows, unfinished,
};
use crate::instance::InstanceError;
use crate::linking::LinkingError;
use crate::report::page::plain;
use crate::tables::TablesError;
use clap::Args;
use http::Method;
use millstream_event::{EntityId, Hash128, Header, Kind, Lane};
use millstream_log::Append;
use millstream_pipeline::ReadError;
use millstream_store::StoreError;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// How long the record of an erasure may take to become durable.
const LOGGED_WITHIN: Duration = Duration::from_secs(30);
/// How long what was made of the latest events is waited for before a person is told what is kept.
const FOLDED_WITHIN: Duration = Duration::from_secs(10);

/// Erases a person: its events are overwritten where they stand, and what was made of them is taken
/// back. What others did stays as it is.
#[derive(Args, Clone, Debug)]
pub struct Erase {
    /// A user id; the devices that it was seen on are erased with it. May be given again.
    #[arg(long = "user", value_name = "ID")]
    pub users: Vec<String>,
    /// A device id. May be given again.
    #[arg(long = "anonymous", value_name = "ID")]
    pub anonymous: Vec<String>,
    /// Erase nothing: look through every byte of the data directory and say what is left.
    #[arg(long)]
    pub verify: bool,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

impl Erase {
    /// Does it, and prints the receipt.
    pub fn run(&self) -> Result<Ended, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::new("nobody was erased", error);
        let wanted = Wanted { users: self.users.clone(), anonymous: self.anonymous.clone() };
        wanted.check().map_err(|error| failed(&error))?;
        let receipt = match self.place.open(false)? {
            Target::Remote(mut remote) => {
                let path = if self.verify { "/api/erase?verify=true" } else { "/api/erase" };
                let answer = remote.send_json(Method::POST, path, &wanted)?;
                serde_json::from_slice(&answer).map_err(|error| failed(&error))?
            }
            Target::Local(engine) => {
                engine.drain().map_err(|error| failed(&error))?;
                let receipt = match self.verify {
                    true => proof(&engine, &wanted, &BTreeSet::new()),
                    false => erase(&engine, &wanted),
                };
                let receipt = receipt.map_err(|error| failed(&error))?;
                engine.close();
                receipt
            }
        };
        output::print_json(&receipt)?;
        let left = receipt["left"].as_array().map_or(0, Vec::len);
        if left > 0 {
            return Err(Failure::known(
                "something is left",
                format!(
                    "{left} files or rows hold what was to be erased, the first: {}",
                    plain(receipt["left"][0]["file"].as_str().unwrap_or_default())
                ),
                "erase again; where the file is not the program's own, remove it",
            ));
        }
        Ok(Ended::Done)
    }
}

/// Why an erasure stopped.
#[derive(Debug, thiserror::Error)]
pub(super) enum EraseError {
    #[error(transparent)]
    Erasure(#[from] ErasureError),
    #[error("the log did not take the record of it: {0}")]
    Log(String),
    #[error("the state could not be read: {0}; erase again")]
    State(#[from] ReadError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}; erase again")]
    Instance(#[from] InstanceError),
    #[error(
        "the fold did not follow within {}s: look at its lag in `millstream report delivery`, then erase again",
        FOLLOWED_WITHIN.as_secs()
    )]
    Behind,
    #[error("the state could not be written anew: {0}; erase again")]
    Renewal(#[from] SuccessionError),
    #[error("the tables may still name them: {0}; erase again")]
    Tables(#[from] TablesError),
    #[error("probable links may still name them: {0}; once that is mended, erase again")]
    Links(#[from] LinkingError),
}

fn erase(engine: &Engine, wanted: &Wanted) -> Result<Value, EraseError> {
    let key = &engine.instance.keys.subject;
    let at = (engine.clock)();
    let marks = wanted.marks(key);
    let receipt = Hash128::keyed(key, "receipt", &[&at.0.to_le_bytes()]).to_hex();
    let texts: Vec<String> = wanted.users.iter().chain(&wanted.anonymous).cloned().collect();
    let erasure = Erasure { receipt, at: at.to_rfc3339(), marks: marks.clone(), done: false };
    // First remembered, so that an erasure that is broken off can be gone on with.
    let register = Register::of(&engine.instance.dir);
    let known = register.read()?;
    register.add(&erasure)?;
    let mut wider = marks;
    // What was broken off is brought to its end with it. Whom a finished one had learned of may be
    // back since, and is not asked for.
    unfinished(&known).for_each(|it| wider.add(&it.marks));
    let learned =
        |marks: &Marks| Ok(register.add(&Erasure { marks: marks.clone(), ..erasure.clone() })?);
    let done = forget(engine, (&wider, &texts), &learned)?;
    record(engine, &erasure)?;
    register.finish(unfinished(&known).chain([&erasure]))?;
    let mut told = proof(engine, wanted, &done.gone)?;
    told["receipt"] = json!(erasure.receipt);
    told["at"] = json!(erasure.at);
    told["events"] = json!(done.events);
    told["other_records"] = json!(done.others);
    told["probable_links"] = json!(done.links);
    Ok(told)
}

/// Erases everybody again who stands in a register: for a backup that was restored.
pub(super) fn again(engine: &Engine, erasures: &[Erasure]) -> Result<u64, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new("those who were erased since the backup are not erased from it", error)
    };
    let mut marks = Marks::default();
    for erasure in erasures {
        marks.add(&erasure.marks);
    }
    engine.drain().map_err(|error| failed(&error))?;
    let done = forget(engine, (&marks, &[]), &|_| Ok(())).map_err(|error| failed(&error))?;
    let register = Register::of(&engine.instance.dir);
    let known = register.read().map_err(|error| failed(&error))?;
    for erasure in erasures.iter().filter(|erasure| !known.contains(erasure)) {
        register.add(erasure).map_err(|error| failed(&error))?;
    }
    let known = register.read().map_err(|error| failed(&error))?;
    register.finish(unfinished(&known)).map_err(|error| failed(&error))?;
    Ok(done.events + done.others)
}

/// The fact that somebody was erased, logged by keyed hashes.
fn record(engine: &Engine, erasure: &Erasure) -> Result<(), EraseError> {
    let logged = |error: &dyn std::fmt::Display| EraseError::Log(error.to_string());
    let payload = serde_json::to_vec(erasure).map_err(|error| logged(&error))?;
    let lane = Lane::of(EntityId(Hash128::of("erasure", &[erasure.receipt.as_bytes()])));
    let header = Header::new(Kind::Erase, lane, (engine.clock)());
    let (done, durable) = mpsc::channel();
    let acknowledge = Box::new(move |result: Result<_, millstream_log::AppendError>| {
        if done.send(result.map(drop)).is_err() {
            tracing::warn!("the record of an erasure became durable late");
        }
    });
    let append = engine.instance.log.append(vec![Append { header, payload }], acknowledge);
    append.map_err(|error| logged(&error))?;
    let outcome = durable.recv_timeout(LOGGED_WITHIN).map_err(|error| logged(&error))?;
    outcome.map_err(|error| logged(&error))
}

/// What every file says of it.
fn proof(
    engine: &Engine,
    wanted: &Wanted,
    entities: &BTreeSet<EntityId>,
) -> Result<Value, EraseError> {
    let texts: Vec<String> = wanted.users.iter().chain(&wanted.anonymous).cloned().collect();
    let needles = Needles::of(&texts, entities, &engine.instance.keys.subject);
    let (files, bytes, mut left) = scan(&engine.instance.dir, &needles)?;
    let (rows, found) = scan_rows(&*engine.active().state.store.snapshot()?, &needles)?;
    left.extend(found);
    Ok(json!({
        "looked_for": needles.len(), "files": files, "bytes": bytes, "rows": rows, "left": left,
    }))
}

/// The same through the admin plane.
pub struct Eraser(pub Arc<Engine>);

impl Erasing for Eraser {
    fn erase(&self, wanted: &Wanted, verify: bool) -> Result<Value, TransferError> {
        wanted.check().map_err(|error| TransferError::Request(error.to_string()))?;
        let receipt = match verify {
            true => proof(&self.0, wanted, &BTreeSet::new()),
            false => erase(&self.0, wanted),
        };
        receipt.map_err(|error| TransferError::Failed(error.to_string()))
    }

    fn access(&self, id: &str, output: &mut dyn Write) -> Result<(), TransferError> {
        let engine = &self.0;
        // Under load there is always something on its way: the last line says so.
        let provisional = engine.active().consumer.drain(FOLDED_WITHIN).is_err();
        let view = engine.view().map_err(|error| TransferError::Failed(error.to_string()))?;
        let key = &engine.instance.keys.subject;
        let parts = export_parts(engine, &view);
        let asked = Asked { id, at: (engine.clock)(), provisional };
        access(parts, key, &asked, output).map_err(|error| match error {
            AccessError::Nobody(_) => TransferError::Request(error.to_string()),
            other => TransferError::Failed(other.to_string()),
        })
    }
}
