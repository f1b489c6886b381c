//! Generations: state folded by one set of rules. Changing a rule that acts across events folds the
//! log anew beside the state in force and then puts the new state in its place.
//!
//! `generation.json` says which generation is in force and which one, if any, is being folded. Each
//! has a state folder of its own, so that one is removed whole when another succeeds it.

use super::error::InstanceError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Says which generation is in force.
pub(super) const FILE: &str = "generation.json";

/// One generation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// Its number: the first bytes of its keys, and part of every revision.
    pub number: u16,
    /// What it is folded by; null before that was first recorded.
    #[serde(default)]
    pub rules: Value,
    /// How often its state was written anew without those who were erased.
    #[serde(default, skip_serializing_if = "is_first")]
    pub edition: u16,
}

/// Serde hands it over like this.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "what serde calls takes a reference")]
const fn is_first(edition: &u16) -> bool {
    *edition == 0
}

impl Generation {
    /// The folder of its state in a data directory.
    pub fn folder(&self, dir: &Path) -> PathBuf {
        match (self.number, self.edition) {
            (0, 0) => dir.join("state"),
            (number, 0) => dir.join(format!("state-{number}")),
            (number, edition) => dir.join(format!("state-{number}.{edition}")),
        }
    }

    /// The same, written anew once more.
    ///
    /// # Errors
    /// When the numbers are used up.
    pub fn renewed(&self) -> Result<Self, InstanceError> {
        let edition = self.edition.checked_add(1).ok_or(InstanceError::GenerationsUsedUp)?;
        Ok(Self { edition, ..self.clone() })
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Record {
    in_force: Generation,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<Generation>,
}

/// The generations of one data directory.
pub struct Generations {
    dir: PathBuf,
    record: Mutex<Record>,
}

/// True for the name of a folder that [`Generation::folder`] gives.
fn is_state(name: &str) -> bool {
    let Some(numbers) = name.strip_prefix("state-") else { return name == "state" };
    let (number, edition) = numbers.split_once('.').unwrap_or((numbers, "0"));
    number.parse::<u16>().is_ok() && edition.parse::<u16>().is_ok()
}

impl Generations {
    /// Reads which there are; a new directory begins with generation 0. State folders of others,
    /// which a crash left behind, are removed.
    ///
    /// # Errors
    /// When the file is damaged or a folder cannot be removed.
    pub fn open(dir: &Path) -> Result<Self, InstanceError> {
        let path = dir.join(FILE);
        let record = match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|error| InstanceError::io("read", &path)(io::Error::other(error)))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Record { in_force: Generation::default(), next: None }
            }
            Err(error) => return Err(InstanceError::io("read", &path)(error)),
        };
        let generations = Self { dir: dir.to_owned(), record: Mutex::new(record) };
        generations.remove_others()?;
        Ok(generations)
    }

    /// Records the generation in force of a directory that is being restored.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn restore(dir: &Path, in_force: Generation) -> Result<(), InstanceError> {
        let generations = Self::open(dir)?;
        let mut record = generations.lock();
        generations.write(&mut record, |record| record.in_force = in_force)
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one in force.
    pub fn in_force(&self) -> Generation {
        self.lock().in_force.clone()
    }

    /// The one that was begun, if any.
    pub fn next(&self) -> Option<Generation> {
        self.lock().next.clone()
    }

    /// Records what the generation in force is folded by.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn adopt(&self, rules: Value) -> Result<(), InstanceError> {
        let mut record = self.lock();
        let in_force = Generation { rules, ..record.in_force.clone() };
        self.write(&mut record, |record| record.in_force = in_force)
    }

    /// The generation to fold next by these rules: the one that was begun, where it has the same
    /// rules, else a new one.
    ///
    /// # Errors
    /// When the file cannot be written, an earlier beginning cannot be removed, or the numbers are
    /// used up.
    pub fn begin(&self, rules: Value) -> Result<Generation, InstanceError> {
        let mut record = self.lock();
        if let Some(begun) = record.next.clone().filter(|next| next.rules == rules) {
            return Ok(begun);
        }
        let last = record.next.as_ref().map_or(record.in_force.number, |next| next.number);
        let number = last.checked_add(1).ok_or(InstanceError::GenerationsUsedUp)?;
        let next = Generation { number, rules, edition: 0 };
        self.write(&mut record, |record| record.next = Some(next.clone()))?;
        drop(record);
        self.remove_others()?;
        Ok(next)
    }

    /// Gives up the generation that was begun. Its state must be closed.
    ///
    /// # Errors
    /// When the file cannot be written or the folder not be removed.
    pub fn abandon(&self) -> Result<(), InstanceError> {
        let mut record = self.lock();
        if record.next.is_some() {
            self.write(&mut record, |record| record.next = None)?;
        }
        drop(record);
        self.remove_others()
    }

    /// Puts the generation that was begun in force. The earlier one's folder stays until
    /// [`Self::remove_others`] is called with its state closed.
    ///
    /// # Errors
    /// When the file cannot be written: the earlier one is still in force.
    pub fn succeed(&self) -> Result<(), InstanceError> {
        let mut record = self.lock();
        let Some(next) = record.next.clone() else { return Ok(()) };
        self.write(&mut record, |record| *record = Record { in_force: next, next: None })
    }

    /// Puts the state in force that the generation in force was written anew as. The earlier one's folder stays
    /// until [`Self::remove_others`] is called with its state closed.
    ///
    /// # Errors
    /// When the file cannot be written: the earlier one is still in force.
    pub fn renew(&self, renewed: Generation) -> Result<(), InstanceError> {
        let mut record = self.lock();
        self.write(&mut record, |record| record.in_force = renewed)
    }

    /// Removes the state folders of generations that are neither in force nor begun.
    ///
    /// # Errors
    /// When a folder cannot be listed or removed.
    pub fn remove_others(&self) -> Result<(), InstanceError> {
        let record = self.lock();
        let kept = [Some(&record.in_force), record.next.as_ref()].into_iter().flatten();
        let kept: Vec<PathBuf> = kept.map(|one| one.folder(&self.dir)).collect();
        for entry in fs::read_dir(&self.dir).map_err(InstanceError::io("list", &self.dir))? {
            let path = entry.map_err(InstanceError::io("list", &self.dir))?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            if name.is_some_and(is_state) && !kept.contains(&path) {
                fs::remove_dir_all(&path).map_err(InstanceError::io("remove", &path))?;
            }
        }
        Ok(())
    }

    /// Changes the record, on disk first.
    fn write(
        &self,
        record: &mut Record,
        change: impl FnOnce(&mut Record),
    ) -> Result<(), InstanceError> {
        let mut changed = record.clone();
        change(&mut changed);
        let path = self.dir.join(FILE);
        let new = self.dir.join("generation.json.new");
        let write = || -> io::Result<()> {
            let mut file = File::create(&new)?;
            file.write_all(&serde_json::to_vec_pretty(&changed).map_err(io::Error::other)?)?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            File::open(&self.dir)?.sync_all()
        };
        write().map_err(InstanceError::io("write", &path))?;
        *record = changed;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn folder(dir: &Path, number: u16) -> PathBuf {
        Generation { number, ..Generation::default() }.folder(dir)
    }

    #[test]
    fn a_generation_that_was_begun_is_gone_on_with_unless_its_rules_are_others() {
        let dir = tempfile::tempdir().unwrap();
        let generations = Generations::open(dir.path()).unwrap();
        generations.adopt(json!("a")).unwrap();
        let next = generations.begin(json!("b")).unwrap();
        fs::create_dir(folder(dir.path(), 0)).unwrap();
        fs::create_dir(next.folder(dir.path())).unwrap();
        let again = Generations::open(dir.path()).unwrap();
        assert_eq!(again.begin(json!("b")).unwrap(), next);
        assert!(folder(dir.path(), 1).exists());
        let other = again.begin(json!("c")).unwrap();
        assert_eq!(other.number, 2, "a number is not used for two sets of rules");
        assert!(!folder(dir.path(), 1).exists());
    }

    #[test]
    fn what_succeeds_is_in_force_and_the_rest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let generations = Generations::open(dir.path()).unwrap();
        generations.begin(json!("b")).unwrap();
        for number in [0, 1] {
            fs::create_dir(folder(dir.path(), number)).unwrap();
        }
        generations.succeed().unwrap();
        assert!(folder(dir.path(), 0).exists(), "somebody may still read it");
        let after = Generations::open(dir.path()).unwrap();
        assert_eq!(after.in_force(), Generation { number: 1, rules: json!("b"), edition: 0 });
        assert!(!folder(dir.path(), 0).exists());
        assert!(folder(dir.path(), 1).exists());
    }

    #[test]
    fn what_is_given_up_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let generations = Generations::open(dir.path()).unwrap();
        fs::create_dir(folder(dir.path(), 0)).unwrap();
        generations.begin(json!("b")).unwrap();
        fs::create_dir(folder(dir.path(), 1)).unwrap();
        generations.abandon().unwrap();
        assert!(!folder(dir.path(), 1).exists());
        assert_eq!(Generations::open(dir.path()).unwrap().in_force().number, 0);
    }

    #[test]
    fn what_was_written_anew_takes_the_place_of_what_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let generations = Generations::open(dir.path()).unwrap();
        let renewed = generations.in_force().renewed().unwrap();
        for folder in [folder(dir.path(), 0), renewed.folder(dir.path())] {
            fs::create_dir(folder).unwrap();
        }
        generations.renew(renewed.clone()).unwrap();
        let again = Generations::open(dir.path()).unwrap();
        assert_eq!((again.in_force().number, again.in_force().edition), (0, 1));
        assert!(!folder(dir.path(), 0).exists() && renewed.folder(dir.path()).exists());
        let last = Generation { edition: u16::MAX, ..renewed };
        assert!(last.renewed().is_err());
    }
}
