//! The configurations that instances were started with, out of the control history.

use millstream_event::control::Control;
use millstream_event::{Position, Timestamp};
use millstream_pipeline::query::{self, ReadError, StateRead};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use toml::{Table, Value};

/// Most keys that are named as changed.
const CHANGED_MAX: usize = 6;

/// One version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigurationVersion {
    /// The control version that it is.
    pub version: u32,
    /// When an instance was first started with it.
    pub changed: Timestamp,
    /// The file; empty where there was none.
    pub text: String,
    /// Keys that are other than in the version before, or in the defaults for the first.
    pub keys: Vec<String>,
}

impl ConfigurationVersion {
    /// Every one that the state knows, oldest first.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn all(state: &dyn StateRead, generation: u16) -> Result<Vec<Self>, ReadError> {
        let mut found: Vec<Self> = Vec::new();
        query::controls(state, generation, &mut |(position, control)| {
            Self::follow(&mut found, position, control);
            Ok(true)
        })?;
        Ok(found)
    }

    /// Takes the next control record.
    pub fn follow(found: &mut Vec<Self>, position: Position, control: Control) {
        if let Control::Configuration(file) = control {
            let version = u32::try_from(position.0 + 1).unwrap_or(u32::MAX);
            let text = file.text.into_string();
            let before = found.last().map_or("", |last| &last.text);
            let keys = changed(before, &text);
            found.push(Self { version, changed: file.changed, text, keys });
        }
    }

    /// The changed keys in a few words.
    pub fn summary(&self) -> String {
        match self.keys.len() {
            0 => "comments only".to_owned(),
            count if count > CHANGED_MAX => {
                let named = self.keys.get(..CHANGED_MAX).unwrap_or_default().join(", ");
                format!("{named} and {} more", count - CHANGED_MAX)
            }
            _ => self.keys.join(", "),
        }
    }
}

/// The keys, with their tables, whose values two files give differently.
fn changed(before: &str, after: &str) -> Vec<String> {
    let (before, after) = (flat(before), flat(after));
    let mut keys: Vec<String> = before
        .keys()
        .chain(after.keys())
        .filter(|key| before.get(*key) != after.get(*key))
        .cloned()
        .collect();
    keys.sort();
    keys.dedup();
    keys
}

fn flat(text: &str) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    // What was started with could be read; nothing is changed in what cannot.
    flatten("", text.parse::<Table>().unwrap_or_default(), &mut found);
    found
}

fn flatten(place: &str, table: Table, found: &mut BTreeMap<String, Value>) {
    for (key, value) in table {
        let name = if place.is_empty() { key } else { format!("{place}.{key}") };
        match value {
            Value::Table(below) => flatten(&name, below, found),
            value => drop(found.insert(name, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_keys_are_named_with_their_tables() {
        let before = "[server]\nlisten = \"a:1\"\nthreads = 2\n[log]\nretain_days = 3\n";
        let after =
            "# a word\n[server]\nthreads = 4\nlisten = \"a:1\"\n[links]\nhttps_only = true\n";
        assert_eq!(
            changed(before, after),
            ["links.https_only", "log.retain_days", "server.threads"]
        );
        assert_eq!(changed(before, &format!("# other\n{before}")), Vec::<String>::new());
    }
}
