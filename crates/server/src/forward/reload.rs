//! Destinations' files read again while events flow.
//!
//! A changed file is a new version: what is begun from then on goes by it, requests under way end by the one
//! they began with. A file that cannot be used leaves the earlier version in force. A file that is gone
//! ends its destination; what it is owed waits, as long as the log keeps it, for the file to come back.

use super::desk::Desk;
use super::destination::{Destination, ReadFile};
use super::start::Forwarder;
use serde::Serialize;
use std::sync::{Arc, PoisonError};

/// A file that was not put in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefusedFile {
    /// The destination.
    pub name: String,
    /// Why.
    pub why: String,
    /// The version that stays in force; none where there was none.
    pub in_force: Option<String>,
}

/// A file that was put in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TakenFile {
    /// The destination.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What became of the files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reloaded {
    /// Destinations that are new, or whose file is back.
    pub added: Vec<TakenFile>,
    /// Destinations with another version of their file.
    pub changed: Vec<TakenFile>,
    /// Those whose file says the same.
    pub unchanged: Vec<String>,
    /// Those whose file is gone.
    pub withdrawn: Vec<String>,
    /// Files that cannot be used.
    pub refused: Vec<RefusedFile>,
}

impl Desk {
    /// Puts another version of the file in force, or one again after it was withdrawn. Requests under way
    /// end by the version they began with.
    pub fn replace(&self, destination: Destination) {
        let mut inner = self.lock();
        let bounds = &destination.bounds;
        inner.rate.set(bounds.events_per_second, bounds.burst);
        inner.breaker.set(destination.breaker);
        inner.withdrawn = false;
        self.current.store(Arc::new(destination));
        drop(inner);
        self.wake.notify_one();
    }

    /// Its file is gone: nothing is begun any more. What was taken up waits for the file.
    pub fn withdraw(&self) {
        self.lock().withdrawn = true;
    }

    /// True while its file is gone.
    pub fn is_withdrawn(&self) -> bool {
        self.lock().withdrawn
    }
}

impl Reloaded {
    /// Where nothing is forwarded yet and no file can be used.
    pub fn refusing(files: Vec<ReadFile>) -> Self {
        let why = |(name, read): ReadFile| Some((name, read.err()?.to_string()));
        let refused = files.into_iter().filter_map(why);
        let refused = refused.map(|(name, why)| RefusedFile { name, why, in_force: None });
        Self { refused: refused.collect(), ..Self::default() }
    }
}

impl Forwarder {
    /// True when a destination of this name was ever sent to since the start.
    pub fn knows(&self, name: &str) -> bool {
        self.desks.find(name).is_some()
    }

    /// Puts what the files now say in force.
    pub fn reload(&self, files: Vec<ReadFile>) -> Reloaded {
        let _held = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let mut done = Reloaded::default();
        for desk in self.desks.all().iter() {
            let there = files.iter().any(|(name, _)| *name == desk.name);
            if !there && !desk.is_withdrawn() {
                desk.withdraw();
                done.withdrawn.push(desk.name.clone());
            }
        }
        for (name, read) in files {
            match read {
                Ok(destination) => self.put(destination, &mut done),
                Err(error) => self.refuse(name, error.to_string(), &mut done),
            }
        }
        done
    }

    fn put(&self, destination: Destination, done: &mut Reloaded) {
        let name = destination.name.clone();
        let taken = TakenFile { name: name.clone(), version: destination.version.clone() };
        let Some((_, desk)) = self.desks.find(&name) else {
            match self.open(destination) {
                Ok(number) => {
                    if let Some(desk) = self.desks.all().get(number) {
                        self.begun.add_all(number, desk);
                    }
                    done.added.push(taken);
                }
                Err(why) => self.refuse(name, why, done),
            }
            return;
        };
        let before = desk.destination();
        if before.ordered != destination.ordered {
            let why = "`order` cannot change while its lines stand at different places; put the file \
                       under another name";
            self.refuse(name, why.to_owned(), done);
        } else if desk.is_withdrawn() {
            desk.replace(destination);
            done.added.push(taken);
        } else if before.is_same(&destination) {
            done.unchanged.push(name);
        } else {
            desk.replace(destination);
            done.changed.push(taken);
        }
    }

    fn refuse(&self, name: String, why: String, done: &mut Reloaded) {
        let standing = self.desks.find(&name).filter(|(_, desk)| !desk.is_withdrawn());
        let in_force = standing.map(|(_, desk)| desk.destination().version.clone());
        done.refused.push(RefusedFile { name, why, in_force });
    }
}
