//! Changes of links and settings: checked, appended to the control lane, visible when folded.

use super::governance::Governance;
use super::registry::Registry;
use super::rules::{Broken, Proposal, RefusedLink};
use super::seal::{seal, sealed};
use millstream_event::control::{Configuration, Control, Link, Settings};
use millstream_event::ledger::Ledger;
use millstream_event::mending::Mending;
use millstream_event::{Hash128, Header, Kind, Lane, Position, Timestamp};
use millstream_log::{Append, AppendError, Appended, EventLog};
use millstream_pipeline::ReadError;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// Most links of one installation, disabled ones included.
pub const LINKS_MAX: usize = 1_000_000;
/// Longest configuration file that is recorded.
pub const CONFIGURATION_BYTES_MAX: usize = 256 * 1_024;
/// Most versions of one link.
pub const VERSIONS_MAX: u32 = 10_000;
/// Most rows of the ledger in one record, which has room for the longest.
const LEDGER_ROWS_MAX: usize = 250;
/// How long a change may take from the append until the fold has applied it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often the fold is asked whether it has come so far.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// It breaks rules.
    #[error(transparent)]
    Refused(#[from] RefusedLink),
    /// No such link.
    #[error("there is no link {slug:?}: list them with `millstream links list`")]
    Unknown {
        /// The slug.
        slug: String,
    },
    /// No such version.
    #[error(
        "link {slug:?} has no version {version}: see its history with `millstream links show {slug}`"
    )]
    UnknownVersion {
        /// The slug.
        slug: String,
        /// The version asked for.
        version: u32,
    },
    /// A bound is reached.
    #[error("no more {what} than {limit} are kept: {fix}")]
    Full {
        /// Of what.
        what: &'static str,
        /// The bound.
        limit: usize,
        /// What to do.
        fix: &'static str,
    },
    /// The log did not take it.
    #[error("the change could not be logged: {0}")]
    Append(#[from] AppendError),
    /// The record before it could not be read.
    #[error("the last control record cannot be read: {0}")]
    Read(#[from] ReadError),
    /// The change is not representable.
    #[error("the change could not be written as JSON: {0}; shorten it")]
    Encode(#[from] serde_json::Error),
    /// What was logged before is not folded in time.
    #[error(
        "nothing was changed, for earlier changes are not in force yet: the fold is behind, see `millstream report delivery`"
    )]
    Behind,
    /// Logged, but not folded in time.
    #[error(
        "the change is logged as control version {version} but not in force yet: the fold is behind, see `millstream report delivery`"
    )]
    NotYetApplied {
        /// Its version.
        version: u32,
    },
}

/// The one writer of the control lane: changes go through it one at a time, so that each builds on
/// the one before. Calls block until the change is in force; use a blocking thread.
pub struct Editor {
    registry: Arc<Registry>,
    journal: Box<dyn Journal>,
    governance: Governance,
    writing: Mutex<()>,
}

/// Where changes are made durable and come into force.
trait Journal: Send + Sync {
    /// Returns the control version that the change became, once it is in force.
    fn write(&self, control: &Control, now: Timestamp) -> Result<u32, EditError>;
}

/// The control lane of a log whose fold keeps the registry up to date.
struct ControlLane {
    registry: Arc<Registry>,
    log: Arc<dyn EventLog>,
    last: LastControl,
    /// The seal of what this process wrote last; none once that is in doubt.
    written: Mutex<Option<Hash128>>,
}

/// What the fold has made of the control lane.
pub struct FoldedControls {
    /// The next position that it folds. Not only control records have one: ticks do, too.
    pub next: Position,
    /// The last control record before it, as it was logged.
    pub last: Option<Vec<u8>>,
}

/// Asks the fold for [`FoldedControls`].
pub type LastControl = Box<dyn Fn() -> Result<FoldedControls, ReadError> + Send + Sync>;

impl ControlLane {
    /// The seal of the last control record, whoever wrote it. It is this process that writes them: what
    /// it did not write itself was there before, and the fold comes to it.
    fn last_seal(&self) -> Result<Option<Hash128>, EditError> {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner).take();
        if written.is_some() {
            return Ok(written);
        }
        let head = self.log.heads().get(Lane::CONTROL);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let FoldedControls { next, last } = (self.last)()?;
            if next >= head {
                return Ok(last.map(|payload| seal(&payload)));
            }
            if Instant::now() >= deadline {
                return Err(EditError::Behind);
            }
            thread::sleep(LOOK_EVERY);
        }
    }
}

impl Journal for ControlLane {
    fn write(&self, control: &Control, now: Timestamp) -> Result<u32, EditError> {
        let header = Header {
            control_version: self.registry.control_version(),
            ..Header::new(Kind::Control, Lane::CONTROL, now)
        };
        let payload = sealed(control, self.last_seal()?)?;
        let mark = seal(&payload);
        let (done, outcome) = mpsc::sync_channel::<Result<Appended, AppendError>>(1);
        // The receiver is only gone when this call has given up; nobody is left to tell then.
        let acknowledge = Box::new(move |result| drop(done.try_send(result)));
        self.log.append(vec![Append { header, payload }], acknowledge)?;
        let appended = outcome.recv_timeout(PATIENCE).map_err(|_| AppendError::Overloaded)??;
        let position = appended.places.first().map_or(Position(0), |(_, position)| *position);
        *self.written.lock().unwrap_or_else(PoisonError::into_inner) = Some(mark);
        let ordinal = position.0;
        let version = u32::try_from(ordinal + 1).unwrap_or(u32::MAX);
        if self.registry.wait_for(version, PATIENCE) {
            Ok(version)
        } else {
            Err(EditError::NotYetApplied { version })
        }
    }
}

impl Editor {
    /// An editor over a registry that the fold of `log` keeps up to date.
    pub fn new(registry: Arc<Registry>, log: Arc<dyn EventLog>, last: LastControl) -> Self {
        let written = Mutex::default();
        let journal = ControlLane { registry: Arc::clone(&registry), log, last, written };
        let governance = Governance::default();
        Self { registry, journal: Box::new(journal), governance, writing: Mutex::new(()) }
    }

    /// With these house rules.
    #[must_use]
    pub fn under(self, governance: Governance) -> Self {
        Self { governance, ..self }
    }

    /// The house rules.
    pub const fn governance(&self) -> &Governance {
        &self.governance
    }

    /// Every rule that a proposal breaks.
    pub fn broken(&self, proposal: &Proposal) -> Vec<Broken> {
        self.governance.broken(proposal, &self.registry.settings().own_domains)
    }

    /// Makes a link, or the next version of one. A proposal equal to the link in force changes
    /// nothing.
    ///
    /// # Errors
    /// See [`EditError`].
    pub fn put(&self, proposal: Proposal, now: Timestamp) -> Result<Arc<Link>, EditError> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.registry.get(&proposal.slug);
        if current.is_none() && self.registry.len() >= LINKS_MAX {
            let fix = "change an existing link instead";
            return Err(EditError::Full { what: "links", limit: LINKS_MAX, fix });
        }
        let broken = self.broken(&proposal);
        if !broken.is_empty() {
            return Err(RefusedLink { broken }.into());
        }
        let proposal = self
            .governance
            .fill(proposal)
            .map_err(|broken| RefusedLink { broken: vec![broken] })?;
        let link = proposal.into_link(next_version(current.as_deref())?, now)?;
        match current {
            Some(current) if same(&current, &link) => Ok(current),
            _ => self.write_link(link),
        }
    }

    /// Disables a link: it answers 404 from then on and keeps its history.
    ///
    /// # Errors
    /// See [`EditError`].
    pub fn disable(&self, slug: &str, now: Timestamp) -> Result<Arc<Link>, EditError> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.known(slug)?;
        if !current.enabled {
            return Ok(current);
        }
        let version = next_version(Some(&current))?;
        self.write_link(Link { version, enabled: false, changed: now, ..(*current).clone() })
    }

    /// Puts an earlier version in force again, as a new version; without one, the last that was
    /// enabled.
    ///
    /// # Errors
    /// See [`EditError`].
    pub fn restore(
        &self,
        slug: &str,
        version: Option<u32>,
        now: Timestamp,
    ) -> Result<Arc<Link>, EditError> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.known(slug)?;
        let history = self.registry.history(slug);
        let wanted = match version {
            Some(version) => history.iter().find(|link| link.version == version),
            None => history.iter().rev().find(|link| link.enabled),
        };
        let Some(wanted) = wanted else {
            let version = version.unwrap_or_default();
            return Err(EditError::UnknownVersion { slug: slug.into(), version });
        };
        let restored = Link { enabled: true, ..(**wanted).clone() };
        if same(&current, &restored) {
            return Ok(current);
        }
        let version = next_version(Some(&current))?;
        self.write_link(Link { version, changed: now, ..restored })
    }

    /// Replaces the settings, unless they already are so. Returns the control version in force.
    ///
    /// # Errors
    /// See [`EditError`].
    pub fn set(&self, settings: Settings, now: Timestamp) -> Result<u32, EditError> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if *self.registry.settings() == settings {
            return Ok(self.registry.control_version());
        }
        self.journal.write(&Control::Settings(settings), now)
    }

    /// Replaces the rules that mend what is in quarantine, unless they already are so. Returns the
    /// control version in force.
    ///
    /// # Errors
    /// See [`EditError`].
    pub fn mend(&self, mending: Mending, now: Timestamp) -> Result<u32, EditError> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if *self.registry.mending() == mending {
            return Ok(self.registry.control_version());
        }
        self.journal.write(&Control::Mending(mending), now)
    }

    /// Records the configuration file that an instance is started with, unless it is the last one
    /// recorded. Returns the control version in force.
    ///
    /// # Errors
    /// See [`EditError`].
    pub fn configure(&self, text: &str, now: Timestamp) -> Result<u32, EditError> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if &*self.registry.configuration().text == text {
            return Ok(self.registry.control_version());
        }
        if text.len() > CONFIGURATION_BYTES_MAX {
            let fix = "shorten the configuration file";
            let (what, limit) = ("bytes of a configuration", CONFIGURATION_BYTES_MAX);
            return Err(EditError::Full { what, limit, fix });
        }
        let file = Configuration { text: text.into(), changed: now };
        self.journal.write(&Control::Configuration(file), now)
    }

    /// Writes a change of the ledger. `change` sees everything written before, and is called once.
    ///
    /// # Errors
    /// See [`EditError`]; and what `change` returned.
    pub fn record<E: From<EditError>>(
        &self,
        now: Timestamp,
        change: impl FnOnce() -> Result<Ledger, E>,
    ) -> Result<(), E> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        for piece in change()?.pieces(LEDGER_ROWS_MAX) {
            self.journal.write(&Control::Ledger(piece), now)?;
        }
        Ok(())
    }

    fn known(&self, slug: &str) -> Result<Arc<Link>, EditError> {
        self.registry.get(slug).ok_or_else(|| EditError::Unknown { slug: slug.into() })
    }

    fn write_link(&self, link: Link) -> Result<Arc<Link>, EditError> {
        self.journal.write(&Control::Link(link.clone()), link.changed)?;
        Ok(Arc::new(link))
    }
}

fn next_version(current: Option<&Link>) -> Result<u32, EditError> {
    let version = current.map_or(1, |link| link.version.saturating_add(1));
    if version > VERSIONS_MAX {
        let fix = "make a new link under another slug";
        return Err(EditError::Full {
            what: "versions of one link",
            limit: VERSIONS_MAX as usize,
            fix,
        });
    }
    Ok(version)
}

/// Equal but for version and time of change.
fn same(a: &Link, b: &Link) -> bool {
    *a == Link { version: a.version, changed: a.changed, ..b.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In force at once.
    struct Applied(Arc<Registry>);

    impl Journal for Applied {
        fn write(&self, control: &Control, _now: Timestamp) -> Result<u32, EditError> {
            let version = self.0.control_version() + 1;
            self.0.apply(version, control);
            Ok(version)
        }
    }

    fn editor() -> (Arc<Registry>, Editor) {
        let registry = Arc::new(Registry::new());
        let journal = Box::new(Applied(Arc::clone(&registry)));
        (
            Arc::clone(&registry),
            Editor {
                registry,
                journal,
                governance: Governance::default(),
                writing: Mutex::new(()),
            },
        )
    }

    fn proposal(destination: &str) -> Proposal {
        Proposal {
            slug: "a".into(),
            destination: destination.into(),
            owner: "ann".into(),
            ..Proposal::default()
        }
    }

    #[test]
    fn a_link_is_made_changed_disabled_and_restored() {
        let (registry, editor) = editor();
        editor.put(proposal("https://one.example/"), Timestamp(1)).unwrap();
        editor.put(proposal("https://two.example/"), Timestamp(2)).unwrap();
        assert!(!editor.disable("a", Timestamp(3)).unwrap().enabled);
        assert_eq!(registry.get("a").unwrap().version, 3);
        let restored = editor.restore("a", None, Timestamp(4)).unwrap();
        assert_eq!((&*restored.destination, restored.enabled), ("https://two.example/", true));
        let first = editor.restore("a", Some(1), Timestamp(5)).unwrap();
        assert_eq!((&*first.destination, first.version), ("https://one.example/", 5));
        assert_eq!(registry.history("a").len(), 5);
    }

    #[test]
    fn the_same_again_makes_no_version() {
        let (registry, editor) = editor();
        for _ in 0..2 {
            editor.put(proposal("https://one.example/"), Timestamp(1)).unwrap();
            editor.disable("a", Timestamp(2)).unwrap();
            editor.disable("a", Timestamp(2)).unwrap();
            editor.restore("a", None, Timestamp(3)).unwrap();
            editor.restore("a", None, Timestamp(3)).unwrap();
        }
        assert_eq!(registry.get("a").unwrap().version, 5);
        editor.set(Settings::default(), Timestamp(4)).unwrap();
        assert_eq!(registry.control_version(), 5);
    }

    #[test]
    fn what_is_not_there_is_said() {
        let (_, editor) = editor();
        assert!(matches!(editor.disable("a", Timestamp(1)), Err(EditError::Unknown { .. })));
        editor.put(proposal("https://one.example/"), Timestamp(1)).unwrap();
        let refused = editor.restore("a", Some(9), Timestamp(2));
        assert!(matches!(refused, Err(EditError::UnknownVersion { version: 9, .. })));
        assert!(matches!(
            editor.put(proposal("nonsense"), Timestamp(3)),
            Err(EditError::Refused(_))
        ));
    }

    #[test]
    fn a_change_follows_the_last_one_whatever_ticks_stand_between() {
        use millstream_log::{SegmentLog, SegmentOptions, SystemDisk};
        let dir = tempfile::tempdir().unwrap();
        let disk = Arc::new(SystemDisk);
        let log: Arc<dyn EventLog> =
            Arc::new(SegmentLog::open(disk, dir.path(), SegmentOptions::default()).unwrap());
        let tick = || {
            let header = Header::new(Kind::Tick, Lane::CONTROL, Timestamp(1));
            let (done, outcome) = mpsc::channel();
            let group = vec![Append { header, payload: Vec::new() }];
            log.append(group, Box::new(move |result| done.send(result).unwrap())).unwrap();
            outcome.recv().unwrap().unwrap();
        };
        let registry = Arc::new(Registry::new());
        let before = sealed(&Control::Settings(Settings::default()), None).unwrap();
        let folded = before.clone();
        // The fold stands behind a tick, too; the last change of before is what it found.
        let last: LastControl =
            Box::new(move || Ok(FoldedControls { next: Position(1), last: Some(folded.clone()) }));
        let lane = |last| ControlLane {
            registry: Arc::clone(&registry),
            log: Arc::clone(&log),
            last,
            written: Mutex::default(),
        };
        tick();
        let writer = lane(last);
        assert_eq!(writer.last_seal().unwrap(), Some(seal(&before)));
        registry.apply(u32::MAX, &Control::Settings(Settings::default()));
        let version = writer.write(&Control::Settings(Settings::default()), Timestamp(2)).unwrap();
        assert_eq!(version, 2);
        tick();
        let first = writer.last_seal().unwrap();
        assert!(first.is_some() && first != Some(seal(&before)), "its own change, not an earlier");
    }
}
