//! Trained artefacts on disk: `models/{use case}/{version}.json`, and which version is in force.
//!
//! A file's first line is the hash of the rest: one that was cut or changed is told, and the use case
//! goes on without a model.

use bytes::Bytes;
use millstream_decide::forest::{Forest, ForestError};
use millstream_decide::lightgbm::{Model, ModelError};
use millstream_decide::neighbours::Neighbours;
use millstream_decide::train::Trained;
use millstream_decide::{Artefacts, Candidate, FirstPass, Popularity, Ranker, Routes, wasm};
use millstream_event::Hash128;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where models are, in a data directory.
pub const MODELS_DIR: &str = "models";
/// Where ways from place to place are.
pub const ROUTES_DIR: &str = "routes";
/// Names the version in force.
const CURRENT: &str = "current";

/// Why artefacts cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    /// The file system.
    #[error("cannot {doing} {path}: {source}; check the folder's rights and room")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// With what.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// The file was cut or changed.
    #[error("{0} is damaged; train again, or go back with `millstream train --rollback`")]
    Damaged(String),
    /// There is no earlier version.
    #[error("there is no earlier version to go back to; train first")]
    NoEarlier,
    /// The trees.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The trees.
    #[error(transparent)]
    Forest(#[from] ForestError),
}

/// The artefacts of one use case.
#[derive(Clone, Debug)]
pub struct Models {
    folder: PathBuf,
}

fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ModelsError {
    let path = path.display().to_string();
    move |source| ModelsError::Io { doing, path, source }
}

impl Models {
    /// Of a use case in a data directory.
    pub fn of(data_dir: &Path, use_case: &str) -> Self {
        Self { folder: data_dir.join(MODELS_DIR).join(use_case) }
    }

    /// Of ways from place to place in a data directory.
    pub fn of_routes(data_dir: &Path) -> Self {
        Self { folder: data_dir.join(ROUTES_DIR) }
    }

    fn file(&self, version: u32) -> PathBuf {
        self.folder.join(format!("{version}.json"))
    }

    /// Versions on disk, ascending.
    pub fn versions(&self) -> Vec<u32> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let version = |entry: fs::DirEntry| {
            entry.file_name().to_str()?.strip_suffix(".json")?.parse::<u32>().ok()
        };
        let mut versions: Vec<u32> = entries.filter_map(version).collect();
        versions.sort_unstable();
        versions
    }

    /// The version in force; none before the first.
    pub fn current(&self) -> Option<u32> {
        fs::read_to_string(self.folder.join(CURRENT)).ok()?.trim().parse().ok()
    }

    /// Writes a version.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn save(&self, version: u32, artefact: &impl Serialize) -> Result<(), ModelsError> {
        fs::create_dir_all(&self.folder).map_err(io("make", &self.folder))?;
        let path = self.file(version);
        let body = serde_json::to_string(artefact)
            .map_err(|error| io("write", &path)(io::Error::other(error)))?;
        let hash = Hash128::of("artefact", &[body.as_bytes()]);
        write_whole(&path, format!("{hash}\n{body}").as_bytes())
    }

    /// Reads a version.
    ///
    /// # Errors
    /// When it is not there, or damaged.
    pub fn read<T: DeserializeOwned>(&self, version: u32) -> Result<T, ModelsError> {
        let path = self.file(version);
        let damaged = || ModelsError::Damaged(path.display().to_string());
        let text = fs::read_to_string(&path).map_err(io("read", &path))?;
        let (hash, body) = text.split_once('\n').ok_or_else(damaged)?;
        if Hash128::parse_hex(hash) != Some(Hash128::of("artefact", &[body.as_bytes()])) {
            return Err(damaged());
        }
        serde_json::from_str(body).map_err(|_| damaged())
    }

    /// Puts a version in force.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn promote(&self, version: u32) -> Result<(), ModelsError> {
        write_whole(&self.folder.join(CURRENT), version.to_string().as_bytes())
    }

    /// Goes back to the version before the one in force, and returns it.
    ///
    /// # Errors
    /// When there is none.
    pub fn roll_back(&self) -> Result<u32, ModelsError> {
        let current = self.current().ok_or(ModelsError::NoEarlier)?;
        let earlier = self.versions().into_iter().rfind(|version| *version < current);
        let earlier = earlier.ok_or(ModelsError::NoEarlier)?;
        self.promote(earlier)?;
        Ok(earlier)
    }

    /// What decisions read: the version in force, or nothing before the first. Its module names
    /// `candidates`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn load(&self, candidates: &[Candidate]) -> Result<Loaded, ModelsError> {
        match self.current() {
            None => Ok(Loaded::default()),
            Some(version) => loaded(self.read(version)?, candidates),
        }
    }

    /// Where visitors go on to: the version in force, or nothing before the first.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn load_routes(&self) -> Result<Routes, ModelsError> {
        self.current().map_or_else(|| Ok(Routes::default()), |version| self.read(version))
    }

    /// Writes the module of a version beside it.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn emit(&self, version: u32, module: &WasmModule) -> Result<(), ModelsError> {
        write_whole(&self.folder.join(format!("{version}.wasm")), &module.bytes)
    }
}

/// A version as it is put in force.
#[derive(Default)]
pub struct Loaded {
    /// What decisions read.
    pub artefacts: Artefacts,
    /// The same for where the visitor is; none where there is nothing to score with.
    pub module: Option<WasmModule>,
}

/// A model compiled to WebAssembly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WasmModule {
    /// The module.
    pub bytes: Bytes,
    /// Its tag: quoted, the hash of its bytes.
    pub tag: String,
}

fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), ModelsError> {
    let new = path.with_extension("new");
    let written = fs::File::create(&new).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&new, path)).map_err(io("write", path))
}

/// The trees of a LightGBM text.
///
/// # Errors
/// When they cannot be used.
pub fn forest(text: &str) -> Result<Forest, ModelsError> {
    let model = Model::parse(text)?;
    Ok(Forest::new(model.features, &model.trees)?)
}

fn loaded(trained: Trained, candidates: &[Candidate]) -> Result<Loaded, ModelsError> {
    let rerank = trained.rerank.as_deref().map(forest).transpose()?;
    let first_pass = FirstPass::new(trained.first_pass);
    let about = about(trained.version, candidates);
    let module = wasm::module(Some(&first_pass), rerank.as_ref(), about.to_string().as_bytes());
    let useful = trained.judged.needs_neighbours();
    let neighbours =
        useful.then(|| Box::new(Neighbours::new(trained.neighbours)) as Box<dyn Ranker>);
    let artefacts = Artefacts {
        popularity: Some(Popularity { segments: trained.popularity }),
        first_pass: Some(first_pass),
        neighbours,
        neighbours_spared: !useful,
        rerank: rerank.map(|forest| Box::new(forest) as Box<dyn Ranker>),
    };
    let module = module.map(|bytes| WasmModule {
        tag: format!("\"{}\"", Hash128::of("module", &[&bytes]).to_hex()),
        bytes: bytes.into(),
    });
    Ok(Loaded { artefacts, module })
}

/// What a module says of itself: its version, and the ids of the candidates by name. Ids are 64 bits, which
/// JSON numbers cannot hold.
fn about(version: u32, candidates: &[Candidate]) -> Value {
    let named = |it: &Candidate| (it.name.to_string(), Value::from(it.item.0.to_string()));
    let items: Map<String, Value> = candidates.iter().map(named).collect();
    json!({ "version": version, "items": items })
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_decide::train::generator::{Planted, generate};
    use millstream_decide::train::train;
    use millstream_event::Timestamp;

    fn trained(version: u32) -> Trained {
        let shop = Planted { items: 50, topic: 10, ..Planted::default() };
        train(&generate(&shop, 200, 1), (version, Timestamp(1))).unwrap()
    }

    #[test]
    fn versions_are_kept_promoted_and_rolled_back() {
        let folder = tempfile::tempdir().unwrap();
        let models = Models::of(folder.path(), "shop");
        assert!(models.load(&[]).unwrap().artefacts.first_pass.is_none());
        assert!(matches!(models.roll_back(), Err(ModelsError::NoEarlier)));
        for version in [1, 2] {
            models.save(version, &trained(version)).unwrap();
            models.promote(version).unwrap();
        }
        assert_eq!((models.versions(), models.current()), (vec![1, 2], Some(2)));
        assert_eq!(models.read::<Trained>(2).unwrap(), trained(2));
        assert!(models.load(&[]).unwrap().artefacts.first_pass.is_some());
        assert_eq!(models.roll_back().unwrap(), 1);
        assert_eq!(models.current(), Some(1));
    }

    #[test]
    fn a_damaged_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let models = Models::of(folder.path(), "shop");
        models.save(1, &trained(1)).unwrap();
        models.promote(1).unwrap();
        let path = folder.path().join("models/shop/1.json");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, &text[..text.len() - 2]).unwrap();
        assert!(matches!(models.load(&[]), Err(ModelsError::Damaged(_))));
    }

    #[test]
    fn neighbours_reorder_only_where_they_did_better() {
        let mut trained = trained(1);
        trained.judged.popularity = 0.1;
        for (neighbours, first_pass, wanted) in [(0.5, 0.4, true), (0.5, 0.5, false)] {
            (trained.judged.neighbours, trained.judged.first_pass) = (neighbours, first_pass);
            let artefacts = loaded(trained.clone(), &[]).unwrap().artefacts;
            assert_eq!(
                (artefacts.neighbours.is_some(), artefacts.neighbours_spared),
                (wanted, !wanted)
            );
        }
    }
}
