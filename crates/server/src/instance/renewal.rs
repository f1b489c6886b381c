//! The state in force written anew without what is to be forgotten: nothing of it is left in a file.

use super::checkpoints::Checkpoints;
use super::error::InstanceError;
use super::{InForce, Instance};
use crate::priority::stepped_back;
use millstream_event::{EntityId, Lane};
use millstream_pipeline::erasing::{Left, left};
use millstream_pipeline::{Key, KeyKind};
use millstream_store::{FjallStore, LaneHead, Pair, StateView, StoreError, Visit};
use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

impl Instance {
    /// Writes the state in force anew without rows that name those who are `gone`, and puts what comes of it in
    /// force; nobody may fold it meanwhile, or write checkpoints. The only checkpoint is then the new
    /// state's. The earlier state's folder stays until [`Generations::remove_others`](super::Generations::remove_others)
    /// is called with it closed. Costs reading the state and writing it twice.
    ///
    /// # Errors
    /// When something cannot be read or written: the earlier state is still in force.
    pub fn renew(&self, gone: &BTreeSet<EntityId>) -> Result<(), InstanceError> {
        let InForce { generation, store, era } = self.in_force();
        let checkpoints = Checkpoints::of(&self.dir, generation, self.options.store.layout);
        checkpoints.write(&|| {
            let view = store.snapshot()?;
            Ok(Box::new(Without { view, gone: gone.clone() }))
        })?;
        let renewed = self.generations.in_force().renewed()?;
        let folder = renewed.folder(&self.dir);
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(InstanceError::io("remove", &folder))?;
        }
        let open = || FjallStore::open(&folder, &self.options.store);
        let anew = stepped_back(self.options.niceness, open)?;
        if let Some(newest) = checkpoints.all()?.pop() {
            checkpoints.load(&newest, &anew)?;
        }
        anew.sync()?;
        self.remove_broken()?;
        self.generations.renew(renewed)?;
        self.put_in_force(InForce { generation, era, store: Arc::new(anew) });
        checkpoints.keep_newest()
    }

    /// Removes states that were set aside or not brought to their end: nobody looks at who they name.
    fn remove_broken(&self) -> Result<(), InstanceError> {
        for entry in fs::read_dir(&self.dir).map_err(InstanceError::io("list", &self.dir))? {
            let path = entry.map_err(InstanceError::io("list", &self.dir))?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let broken = name.ends_with(".damaged") || name.ends_with(".restoring");
            if name.starts_with("state") && broken {
                fs::remove_dir_all(&path).map_err(InstanceError::io("remove", &path))?;
            }
        }
        Ok(())
    }
}

/// A view of the state without those who are gone.
struct Without {
    view: Box<dyn StateView>,
    gone: BTreeSet<EntityId>,
}

impl Without {
    fn show(&self, key: &[u8], stored: &[u8], visit: Visit<'_>) -> Result<bool, StoreError> {
        let unread = |error: millstream_pipeline::value::ValueError| {
            StoreError::Visitor(error.to_string().into())
        };
        let Some(name) = Key::from_bytes(key).filter(|name| !name.is(KeyKind::Outbox)) else {
            return visit(key, stored);
        };
        match left(&name, stored, &self.gone).map_err(unread)? {
            Left::Whole => visit(key, stored),
            Left::Value(value) => visit(key, &value.encode(&mut Vec::new()).map_err(unread)?),
            Left::Nothing => Ok(true),
        }
    }
}

impl StateView for Without {
    fn head(&self, generation: u16, lane: Lane) -> Result<LaneHead, StoreError> {
        self.view.head(generation, lane)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let mut found = None;
        self.range(key, key, &mut |_, value| {
            found = Some(value.to_vec());
            Ok(false)
        })?;
        Ok(found)
    }

    fn scan(&self, prefix: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        self.view.scan(prefix, &mut |key, stored| self.show(key, stored, visit))
    }

    fn range(&self, from: &[u8], to: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        self.view.range(from, to, &mut |key, stored| self.show(key, stored, visit))
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Pair>, StoreError> {
        let mut last = None;
        self.range(from, to, &mut |key, value| {
            last = Some((key.to_vec(), value.to_vec()));
            Ok(true)
        })?;
        Ok(last)
    }
}
