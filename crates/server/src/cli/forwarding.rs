//! Forwarding from one engine: what it reads there, and what the admin plane asks of it.

use super::engine::Engine;
use super::failure::Failure;
use crate::admin::parts::{Destinations, TransferError};
use crate::forward::dispatch::{IsBot, IsDuplicate};
use crate::forward::reload::Reloaded;
use crate::forward::{Destination, DispatchParts, ForwardParts, Forwarder, OrderError, Standings};
use crate::replay::instant;
use millstream_event::delivery::{Class, DeadLetter, Delivery, Standing};
use millstream_event::{EventKind, Lane, Timestamp};
use millstream_pipeline::query::{self, EventName, ReadError, deliveries};
use millstream_stitch::Agents;
use millstream_store::Reading;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two looks whether the fold has come to where destinations stood.
const PAUSE: Duration = Duration::from_millis(20);
/// How long files that are read again wait for that.
const FOLDED_WITHIN: Duration = Duration::from_secs(10);

/// Forwarding on its way up, or running. Dropping it ends it.
pub struct Forwarding {
    engine: Arc<Engine>,
    closing: Arc<AtomicBool>,
    starting: Option<JoinHandle<()>>,
}

impl Forwarding {
    /// Reads the destinations' files, and begins to send once the state tells where they stood.
    pub fn start(engine: &Arc<Engine>) -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::new("cannot start", error);
        let folder = &engine.config.forward.folder;
        let destinations = Destination::read_all(folder).map_err(|error| failed(&error))?;
        let closing: Arc<AtomicBool> = Arc::default();
        let mut starting = None;
        if !destinations.is_empty() {
            let (of, ends) = (Arc::clone(engine), Arc::clone(&closing));
            let begin = move || begin(&of, destinations, &ends);
            let thread = std::thread::Builder::new().name("forward-start".into()).spawn(begin);
            starting = Some(thread.map_err(|error| failed(&error))?);
        }
        Ok(Self { engine: Arc::clone(engine), closing, starting })
    }

    /// Ends it; what was sent is logged.
    pub fn stop(&mut self) {
        self.closing.store(true, Ordering::Release);
        if let Some(starting) = self.starting.take()
            && starting.join().is_err()
        {
            tracing::error!("the thread that begins to forward ended with a panic");
        }
        if let Some(forwarder) = self.engine.forwarder.get() {
            forwarder.shutdown();
        }
    }
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        self.stop();
    }
}

fn begin(engine: &Arc<Engine>, destinations: Vec<Destination>, closing: &AtomicBool) {
    let names = destinations.iter().map(|one| one.name.as_str());
    if !is_folded(engine, names, &|| closing.load(Ordering::Acquire)) {
        return;
    }
    let _held = engine.forwarding_begins.lock().unwrap_or_else(PoisonError::into_inner);
    start(engine, destinations);
}

/// Waits until the state tells where these destinations stood; false when that was given up.
fn is_folded<'a>(
    engine: &Engine,
    names: impl Iterator<Item = &'a str>,
    give_up: &dyn Fn() -> bool,
) -> bool {
    let heads = engine.instance.log.heads();
    let lanes: Vec<_> = names.map(deliveries::lane).collect();
    loop {
        let positions = engine.active().consumer.progress().positions;
        if lanes.iter().all(|lane| positions.get(*lane) >= heads.get(*lane)) {
            return true;
        }
        if give_up() {
            return false;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Reads the destinations' files again and puts what they say in force.
///
/// # Errors
/// When nothing is forwarded here, the folder cannot be read, or the log is still being folded.
pub fn reload(engine: &Arc<Engine>) -> Result<Reloaded, TransferError> {
    if !engine.config.roles.forward {
        let why = "this process does not forward: give it the role `forward`";
        return Err(TransferError::Request(why.to_owned()));
    }
    let files = Destination::read_each(&engine.config.forward.folder)
        .map_err(|error| TransferError::Failed(error.to_string()))?;
    let known = |name: &str| engine.forwarder.get().is_some_and(|forwarder| forwarder.knows(name));
    let new = files.iter().map(|(name, _)| name.as_str()).filter(|name| !known(name));
    let began = Instant::now();
    if !is_folded(engine, new, &|| began.elapsed() > FOLDED_WITHIN) {
        let why = "the log is still being folded, so where new destinations stood is not known: ask again";
        return Err(TransferError::Request(why.to_owned()));
    }
    let _held = engine.forwarding_begins.lock().unwrap_or_else(PoisonError::into_inner);
    if engine.forwarder.get().is_none() && files.iter().any(|(_, read)| read.is_ok()) {
        start(engine, Vec::new());
    }
    let reloaded = match engine.forwarder.get() {
        Some(forwarder) => forwarder.reload(files),
        None => Reloaded::refusing(files),
    };
    for refused in &reloaded.refused {
        tracing::error!(
            destination = refused.name,
            "its file was not put in force: {}",
            refused.why
        );
    }
    Ok(reloaded)
}

/// Begins to send, unless that was begun already.
fn start(engine: &Arc<Engine>, destinations: Vec<Destination>) {
    if engine.forwarder.get().is_some() {
        return;
    }
    match Forwarder::start(&engine.config.forward, destinations, parts(engine)) {
        Ok(forwarder) => {
            if engine.forwarder.set(forwarder).is_err() {
                tracing::error!("forwarding was begun twice");
            }
        }
        Err(error) => tracing::error!(%error, "nothing is forwarded"),
    }
}

fn parts(engine: &Arc<Engine>) -> ForwardParts {
    let active = Arc::clone(&engine.active);
    let is_duplicate: IsDuplicate = Arc::new(move |event, position| {
        if event.kind == EventKind::Click {
            return Some(false);
        }
        let active = active.load();
        let (subject, id) = (event.subject(), event.id.as_str());
        let generation = active.state.generation;
        let key = EventName { subject, id, source: &event.source }
            .key((generation, &active.parameters.properties));
        let state = Reading(&*active.state.store);
        let known = || {
            let counting = query::counting_at(&state, generation, &key, false)?;
            Ok::<_, ReadError>(counting.map(|counting| counting.position < position))
        };
        let lane = Lane::of(subject);
        let folded =
            || active.state.store.head(generation, lane).is_ok_and(|head| head.next > position);
        match known() {
            // What is folded and not known any more was let go of: nothing will tell its copies.
            Ok(None) if folded() => known().unwrap_or_default().or(Some(false)),
            Ok(known) => known,
            // The destination tells copies apart by their key.
            Err(error) => {
                tracing::error!(%error, "an event is forwarded without knowing its copies");
                Some(false)
            }
        }
    });
    let agents = Arc::clone(&engine.agents);
    let is_bot: IsBot = Arc::new(move |agent| agents.classify(agent).bot);
    let of = Arc::clone(&engine.active);
    ForwardParts {
        dispatch: DispatchParts {
            log: Arc::clone(&engine.instance.log),
            is_duplicate,
            is_bot,
            conversions: engine.config.pipeline.conversions.clone(),
            secret: engine.instance.keys.subject,
        },
        clock: Arc::clone(&engine.clock),
        told: Box::new(move |name| {
            let active = of.load();
            let state = Reading(&*active.state.store);
            let mut lines: Vec<Delivery> = Vec::new();
            for class in Class::ALL {
                let line = deliveries::line(&state, active.state.generation, (name, class));
                lines.extend(line.map_err(|error| error.to_string())?);
            }
            Ok(lines)
        }),
    }
}

/// Forwarding as the admin plane asks for it.
pub struct Forwards(pub Arc<Engine>);

impl Forwards {
    fn forwarder(&self) -> Result<&Forwarder, TransferError> {
        self.0.forwarder.get().ok_or_else(|| {
            let folder = self.0.config.forward.folder.display();
            TransferError::Request(format!(
                "nothing is forwarded: no destination is in {folder}, the role `forward` is missing, or \
                 the log is still being folded"
            ))
        })
    }

    /// The dead letters of a destination, at most so many.
    pub fn letters(&self, name: &str, limit: usize) -> Result<Vec<DeadLetter>, TransferError> {
        let failed = |error: &dyn std::fmt::Display| TransferError::Failed(error.to_string());
        let view = self.0.view().map_err(|error| failed(&error))?;
        let mut letters = Vec::new();
        let state = Reading(&*view.state);
        deliveries::dead_letters(&state, view.generation(), name, &mut |letter| {
            letters.push(letter);
            Ok(letters.len() < limit)
        })
        .map_err(|error| failed(&error))?;
        Ok(letters)
    }

    fn resend(&self, name: &str, given: &[(String, String)]) -> Result<Value, TransferError> {
        let reason = given.iter().find(|(name, _)| name == "reason").map(|(_, reason)| reason);
        let mut letters = self.letters(name, crate::forward::orders::RESEND_MAX)?;
        letters.retain(|letter| reason.is_none_or(|reason| letter.reason.as_str() == reason));
        let sent = self.forwarder()?.resend(name, &letters).map_err(refused)?;
        Ok(json!({ "name": name, "taken_up": sent }))
    }

    fn replay(&self, name: &str, given: &[(String, String)]) -> Result<Value, TransferError> {
        let bound = |wanted: &str, otherwise: Timestamp| match given
            .iter()
            .find(|(name, _)| name == wanted)
        {
            None => Ok(otherwise),
            Some((_, text)) => {
                instant(text).map_err(|error| TransferError::Request(error.to_string()))
            }
        };
        let from = bound("from", Timestamp::default())?;
        let to = bound("to", (self.0.clock)())?;
        self.forwarder()?.replay(name, from, to).map_err(refused)?;
        Ok(json!({ "name": name, "from": from.to_rfc3339(), "to": to.to_rfc3339() }))
    }
}

fn refused(error: OrderError) -> TransferError {
    match error {
        OrderError::Log(why) => TransferError::Failed(why),
        other => TransferError::Request(other.to_string()),
    }
}

impl Destinations for Forwards {
    fn standings(&self) -> Standings {
        self.0.forwarder.get().map(Forwarder::standings).unwrap_or_default()
    }

    fn order(
        &self,
        name: &str,
        action: &str,
        given: &[(String, String)],
    ) -> Result<Value, TransferError> {
        let standing = match action {
            "pause" => Standing::Paused,
            "resume" => Standing::Running,
            "drain" => Standing::Draining,
            "disable" => Standing::Disabled,
            "replay" => return self.replay(name, given),
            "resend" => return self.resend(name, given),
            other => {
                return Err(TransferError::Request(format!(
                    "{other:?} cannot be done: use pause, resume, drain, disable, replay, resend"
                )));
            }
        };
        self.forwarder()?.set(name, standing).map_err(refused)?;
        Ok(json!({ "name": name, "standing": standing.as_str() }))
    }

    fn reload(&self) -> Result<Value, TransferError> {
        let reloaded = reload(&self.0)?;
        serde_json::to_value(reloaded).map_err(|error| TransferError::Failed(error.to_string()))
    }

    fn dead(&self, name: &str, limit: usize) -> Result<Vec<DeadLetter>, TransferError> {
        self.letters(name, limit)
    }
}
