//! A data directory at work: log, fold, registry and editor, wired in one place.

use super::figures::StoreFigures;
use crate::admin::AdminParts;
use crate::agents::AgentList;
use crate::capture::clock::ReceiveClock;
use crate::capture::plane::CountryOf;
use crate::capture::{CaptureKeys, CaptureParts, Counters, Readiness};
use crate::config::Config;
use crate::consume::{
    self, ConsumeError, ConsumeOptions, ConsumeParts, Consumer, DrainError, Parameters,
};
use crate::country::{Countries, CountryError};
use crate::instance::{Instance, InstanceError, InstanceOptions, Keeper};
use crate::links::{EditError, Editor, Registry};
use crate::report::Freshness;
use crate::report::Spans;
use crate::sql::Desk;
use crate::tables::{Tables, TablesError, TablesLimits, TablesParts};
use millstream_event::control::Settings;
use millstream_event::{Span, Timestamp};
use millstream_log::SegmentOptions;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How long a command waits for the fold to reach the log's end. A directory that was left in the
/// middle of a large import is folded to its end first.
const DRAIN_PATIENCE: Duration = Duration::from_secs(24 * 3_600);

/// The generation that is folded.
const GENERATION: u16 = 0;

/// Why a data directory could not be put to work.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The directory.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// The fold.
    #[error(transparent)]
    Consume(#[from] ConsumeError),
    /// The country database.
    #[error(transparent)]
    Country(#[from] CountryError),
    /// Configured domains could not be recorded.
    #[error(transparent)]
    Settings(#[from] EditError),
    /// The kept tables.
    #[error(transparent)]
    Tables(#[from] TablesError),
    /// The keeper.
    #[error("cannot start the thread that writes checkpoints: {0}; raise the limit on processes")]
    Keeper(std::io::Error),
}

/// An open data directory whose log is being folded.
pub struct Engine {
    /// Writes checkpoints and lets retention go. First, so that it ends before the directory is
    /// given free.
    _keeper: Keeper,
    /// What it was opened with.
    pub config: Config,
    /// The directory.
    pub instance: Arc<Instance>,
    /// Links and settings.
    pub registry: Arc<Registry>,
    /// The writer of the control lane.
    pub editor: Arc<Editor>,
    /// The fold.
    pub consumer: Arc<Consumer>,
    /// Recognises user agents.
    pub agents: Arc<AgentList>,
    /// Stamps everything this process receives.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Tables for SQL.
    pub tables: Arc<Tables>,
    /// Answers questions to them.
    pub desk: Desk,
    country: OnceLock<Arc<CountryOf>>,
}

impl Engine {
    /// Opens the directory, starts the fold and brings the configured domains into force.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub fn open(config: Config) -> Result<Self, EngineError> {
        let options = InstanceOptions {
            log: segment_options(&config),
            niceness: config.pipeline.niceness,
            ..InstanceOptions::default()
        };
        let instance = Arc::new(Instance::open(&config.data_dir, &options)?);
        if let Some(because) = &instance.rebuilt {
            tracing::warn!(because, "the state is folded again from the log");
        }
        let registry = Arc::new(Registry::new());
        let clock: Arc<dyn Fn() -> Timestamp + Send + Sync> = {
            let clock = ReceiveClock::default();
            Arc::new(move || clock.now())
        };
        let told = Arc::clone(&registry);
        let agents = Arc::new(AgentList::default());
        let parts = ConsumeParts {
            log: Arc::clone(&instance.log),
            store: Arc::clone(&instance.store),
            parameters: parameters(&config),
            agents: Arc::<AgentList>::clone(&agents),
            subject_key: instance.keys.subject,
            clock: Arc::clone(&clock),
            on_control: Arc::new(move |version, control| told.apply(version, control)),
        };
        let options = ConsumeOptions {
            owners: config.pipeline.owners,
            batch_records: config.pipeline.batch_records,
            niceness: config.pipeline.niceness,
            ..ConsumeOptions::default()
        };
        let consumer = Arc::new(consume::start(&options, parts)?);
        let editor = Arc::new(Editor::new(Arc::clone(&registry), Arc::clone(&instance.log)));
        let keeper =
            instance.keep(config.pipeline.checkpoint_every).map_err(EngineError::Keeper)?;
        let tables = Arc::new(kept_tables(&config, &instance, &consumer, (&agents, &clock))?);
        let desk = Desk::new(config.sql, &instance.dir.join("tables"));
        let engine = Self {
            _keeper: keeper,
            config,
            instance,
            registry,
            editor,
            consumer,
            agents,
            clock,
            tables,
            desk,
            country: OnceLock::new(),
        };
        engine.record_domains()?;
        Ok(engine)
    }

    /// Adds the configured domains to those in force.
    fn record_domains(&self) -> Result<(), EditError> {
        let wanted = &self.config.settings;
        if wanted.own_domains.is_empty() && wanted.excluded_referrers.is_empty() {
            return Ok(());
        }
        self.caught_up_with_controls();
        let mut settings = Settings::clone(&self.registry.settings());
        let add = |mine: &mut Vec<Box<str>>, theirs: &[Box<str>]| {
            let missing: Vec<_> =
                theirs.iter().filter(|host| !mine.contains(host)).cloned().collect();
            mine.extend(missing);
        };
        add(&mut settings.own_domains, &wanted.own_domains);
        add(&mut settings.excluded_referrers, &wanted.excluded_referrers);
        self.editor.set(settings, (self.clock)()).map(drop)
    }

    /// Waits for control records that were logged but not folded when the last process ended.
    fn caught_up_with_controls(&self) {
        let head = self.instance.log.heads().get(millstream_event::Lane::CONTROL);
        let version = u32::try_from(head.0).unwrap_or(u32::MAX);
        if !self.registry.wait_for(version, Duration::from_secs(30)) {
            tracing::warn!(version, "the control lane is not folded yet; changes build on what is");
        }
    }

    /// Waits until everything logged is folded.
    ///
    /// # Errors
    /// When folding stopped.
    pub fn drain(&self) -> Result<(), DrainError> {
        self.consumer.drain(DRAIN_PATIENCE).map(drop)
    }

    /// Looks up countries; the database is unpacked when first asked for.
    ///
    /// # Errors
    /// When the configured database cannot be read.
    pub fn country(&self) -> Result<Arc<CountryOf>, CountryError> {
        if let Some(known) = self.country.get() {
            return Ok(Arc::clone(known));
        }
        let countries = match &self.config.country_database {
            Some(path) => Countries::open(path)?,
            None => Countries::embedded()?,
        };
        let lookup: Arc<CountryOf> = Arc::new(move |address| countries.lookup(address));
        Ok(Arc::clone(self.country.get_or_init(|| lookup)))
    }

    /// What the public plane works with.
    ///
    /// # Errors
    /// When the country database cannot be read.
    pub fn capture_parts(&self) -> Result<CaptureParts, CountryError> {
        let keys = &self.instance.keys;
        let consumer = Arc::clone(&self.consumer);
        let fold = Readiness {
            stage: "stream",
            check: Box::new(move || match consumer.progress().stopped.first() {
                None => Ok(()),
                Some(stopped) => Err(stopped.reason.clone()),
            }),
        };
        Ok(CaptureParts {
            log: Arc::clone(&self.instance.log),
            registry: Arc::clone(&self.registry),
            keys: CaptureKeys { subject: keys.subject, click: keys.click, cookie: keys.cookie },
            country: self.country()?,
            readiness: vec![fold],
        })
    }

    /// What the admin plane works with; `counters` are those of the public plane, where it runs.
    pub fn admin_parts(self: &Arc<Self>, counters: Option<Arc<Counters>>) -> AdminParts {
        AdminParts {
            figures: Arc::new(StoreFigures::new(Arc::clone(self), counters)),
            progress: Arc::new(super::standing::Folding(Arc::clone(self))),
            evidence: Arc::new(super::evidence::Files(Arc::clone(self))),
            links: Arc::new(crate::admin::parts::Links {
                registry: Arc::clone(&self.registry),
                editor: Arc::clone(&self.editor),
            }),
            transfer: Arc::new(super::transfer::Gateway(Arc::clone(self))),
            questions: Arc::new(super::questions::Asking(Arc::clone(self))),
            clock: Arc::clone(&self.clock),
        }
    }

    /// The spans it is folded with.
    pub const fn spans(&self) -> Spans {
        let pipeline = &self.config.pipeline;
        Spans { timeout: pipeline.timeout, horizon: pipeline.horizon, window: pipeline.window }
    }

    /// The generation that is folded.
    pub const fn generation(&self) -> u16 {
        GENERATION
    }
}

type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The tables of a directory; nothing is brought up to date yet.
fn kept_tables(
    config: &Config,
    instance: &Instance,
    consumer: &Arc<Consumer>,
    (agents, clock): (&Arc<AgentList>, &Clock),
) -> Result<Tables, TablesError> {
    let (fold, clock) = (Arc::clone(consumer), Arc::clone(clock));
    let parts = TablesParts {
        log: Arc::clone(&instance.log),
        store: Arc::clone(&instance.store),
        agents: Arc::<AgentList>::clone(agents),
        generation: GENERATION,
        window: config.pipeline.window,
        horizon: config.pipeline.horizon,
        freshness: Arc::new(move || {
            let progress = fold.progress();
            let until = progress.complete_until;
            Freshness {
                as_of: clock(),
                complete_until: (until > Timestamp::default()).then_some(until),
                provisional: !progress.drained,
            }
        }),
        limits: TablesLimits::default(),
    };
    Tables::open(&instance.dir.join("tables"), parts)
}

fn parameters(config: &Config) -> Parameters {
    let pipeline = &config.pipeline;
    Parameters {
        timeout: pipeline.timeout,
        horizon: pipeline.horizon,
        window: pipeline.window,
        conversions: pipeline.conversions.clone(),
        ..Parameters::default()
    }
}

fn segment_options(config: &Config) -> SegmentOptions {
    let log = &config.log;
    SegmentOptions {
        segment_bytes: log.segment_bytes,
        queue_records_max: log.queue_records_max,
        queue_bytes_max: log.queue_bytes_max,
        linger_max: Duration::from_micros(log.linger_max_us),
        bytes_max: log.bytes_max,
        retain_for: log.retain_days.map(|days| Span::days(i64::from(days))),
        retain_bytes: log.retain_bytes,
        ..SegmentOptions::default()
    }
}
