//! A data directory at work: log, fold, registry and editor, wired in one place.

use super::active::{Active, KeepingOptions, Workshop, instance_options, last_control};
use super::deciding::Deciding;
use super::figures::StoreFigures;
use super::goods::costs_known;
use super::past::{self, PastError, Pasts};
use super::rules::FoldRules;
use super::succession::{Purpose, Succession, SuccessionError};
use crate::admin::AdminParts;
use crate::agents::AgentList;
use crate::capture::clock::ReceiveClock;
use crate::capture::{CaptureKeys, CaptureParts, Counters, Readiness};
use crate::config::Config;
use crate::consume::{ConsumeError, ConsumeOptions, DrainError, MergedView};
use crate::country::CountryError;
use crate::decide::ServiceError;
use crate::forward::Forwarder;
use crate::instance::{Instance, InstanceError};
use crate::linking::Shelf;
use crate::links::{EditError, Editor, Registry};
use crate::places::Places;
use crate::report::Freshness;
use crate::rule::Rule;
use crate::sql::Desk;
use crate::tables::{Tables, TablesError, TablesLimits, TablesParts};
use arc_swap::ArcSwap;
use millstream_event::control::Settings;
use millstream_event::{Lane, Timestamp};
use millstream_store::{LaneHead, StoreError};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

/// How long a command waits for the fold to reach the log's end. A directory that was left in the
/// middle of a large import is folded to its end first.
const DRAIN_PATIENCE: Duration = Duration::from_secs(24 * 3_600);

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
    /// Decisions.
    #[error(transparent)]
    Decide(#[from] ServiceError),
    /// What is left of an earlier state.
    #[error(transparent)]
    Past(#[from] PastError),
    /// The keeper.
    #[error("cannot start the thread that writes checkpoints: {0}; raise the limit on processes")]
    Keeper(std::io::Error),
}

/// An open data directory whose log is being folded.
pub struct Engine {
    /// Folds the log anew when a rule was changed. First, so that it ends before the directory is
    /// given free.
    succession: Arc<Succession>,
    pub(super) active: Arc<ArcSwap<Active>>,
    /// What it was opened with.
    pub config: Config,
    /// The directory.
    pub instance: Arc<Instance>,
    /// Links and settings.
    pub registry: Arc<Registry>,
    /// The writer of the control lane.
    pub editor: Arc<Editor>,
    /// Recognises user agents.
    pub agents: Arc<AgentList>,
    /// Stamps everything this process receives.
    pub clock: Clock,
    /// Tables for SQL.
    pub tables: Arc<Tables>,
    /// Answers questions to them.
    pub desk: Desk,
    /// Probable links.
    pub probable: Shelf,
    /// Decisions.
    pub deciding: Arc<Deciding>,
    places: OnceLock<Places>,
    /// Folds earlier states.
    pub pasts: Pasts,
    /// Forwards events, once it has begun.
    pub forwarder: Arc<OnceLock<Forwarder>>,
    /// Held while forwarding begins.
    pub forwarding_begins: Mutex<()>,
}

/// A clock that stamps what is received.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A consistent view of the generation in force. Holds space: drop it soon.
pub struct View {
    /// The state as it is now, and sums that belong to it.
    pub state: MergedView,
    /// What it is of; held, so that nobody removes it.
    pub active: Arc<Active>,
}

impl View {
    /// The generation of the state.
    pub fn generation(&self) -> u16 {
        self.active.state.generation
    }
}

impl Engine {
    /// Opens the directory, starts the fold and brings the configured domains into force.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub fn open(config: Config) -> Result<Self, EngineError> {
        let options = instance_options(&config);
        let instance = Arc::new(Instance::open(&config.data_dir, &options)?);
        past::clean(&instance.dir)?;
        if let Some(because) = &instance.rebuilt {
            tracing::warn!(because, "the state is folded again from the log");
        }
        let registry = Arc::new(Registry::new());
        let clock = ReceiveClock::default();
        let clock: Clock = Arc::new(move || clock.now());
        let agents = Arc::new(AgentList::default());
        let options = ConsumeOptions {
            owners: config.pipeline.owners,
            batch_records: config.pipeline.batch_records,
            niceness: config.pipeline.niceness,
            ..ConsumeOptions::default()
        };
        let deciding = Arc::new(Deciding::default());
        let workshop = Workshop {
            on_change: deciding.on_change(),
            instance: Arc::clone(&instance),
            registry: Arc::clone(&registry),
            agents: Arc::clone(&agents),
            clock: Arc::clone(&clock),
            options,
            keeping: KeepingOptions::of(&config),
        };
        let state = instance.in_force();
        let known = costs_known(&state)?;
        let wanted = FoldRules::wanted(&config, &agents, (known, &Settings::default()));
        let rules = rules_in_force(&instance, &wanted)?;
        let parameters = rules.of(state.generation);
        let consumer = workshop.fold(&state, &parameters, config.pipeline.niceness)?;
        let active = Active::of(&instance, (consumer, parameters), &workshop.keeping);
        let active = Arc::new(ArcSwap::from_pointee(active.map_err(EngineError::Keeper)?));
        let last = last_control(Arc::clone(&active));
        let editor = Editor::new(Arc::clone(&registry), Arc::clone(&instance.log), last);
        let editor = Arc::new(editor.under(config.governance.clone()));
        deciding.start(&config.decide, &workshop, &active)?;
        let parts = tables_parts(&workshop, &active.load());
        let tables = Arc::new(Tables::open(&instance.dir.join("tables"), parts)?);
        let (made, following) = (workshop.clone(), Arc::clone(&tables));
        let on_succession = Box::new(move |active: &Active| {
            following.follow(tables_parts(&made, active));
        });
        let succession = Succession::new(workshop, Arc::clone(&active), on_succession);
        let desk = Desk::new(config.sql, &instance.dir.join("tables"));
        let engine = Self {
            probable: Shelf::open(&instance.dir),
            succession,
            active,
            config,
            instance,
            registry,
            editor,
            agents,
            clock,
            tables,
            desk,
            deciding,
            places: OnceLock::new(),
            pasts: Pasts::default(),
            forwarder: Arc::default(),
            forwarding_begins: Mutex::default(),
        };
        engine.record_domains()?;
        engine.follow_rules(&rules, &engine.wanted()?)?;
        Ok(engine)
    }

    /// Folds the log anew where the rules in force are not those that are wanted.
    fn follow_rules(&self, rules: &FoldRules, wanted: &FoldRules) -> Result<(), EngineError> {
        let generations = &self.instance.generations;
        if rules == wanted {
            // A backfill that was broken off is gone on with when it is asked for again.
            let begun = generations.next().is_some_and(|next| next.rules == wanted.record());
            return if begun { Ok(()) } else { Ok(generations.abandon()?) };
        }
        tracing::warn!(
            "a rule was changed: the log is folded anew; until that is done the earlier rule holds"
        );
        if let Err(error) = self.succession.begin(wanted, Purpose::Rules) {
            // It told so; figures stay provisional, and the earlier rule in force.
            tracing::error!(%error, "the earlier rule stays in force: put it back, or raise what the log keeps");
        }
        Ok(())
    }

    /// The generation in force.
    pub fn active(&self) -> Arc<Active> {
        self.active.load_full()
    }

    /// A consistent view of the generation in force.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn view(&self) -> Result<View, StoreError> {
        let active = self.active();
        let state = active.consumer.merged.view(&active.state.store)?;
        Ok(View { state, active })
    }

    /// Folds the log anew by the same rules, to take its place or, with `dry_run`, to be compared.
    ///
    /// # Errors
    /// See `SuccessionError`.
    pub fn backfill(&self, dry_run: bool) -> Result<(), SuccessionError> {
        let purpose = if dry_run { Purpose::DryRun } else { Purpose::Backfill };
        self.succession.begin(&self.wanted()?, purpose)
    }

    /// The log being folded anew.
    pub fn succession(&self) -> &Arc<Succession> {
        &self.succession
    }

    /// Adds the configured domains to those in force.
    fn record_domains(&self) -> Result<(), EditError> {
        let wanted = &self.config.settings;
        if wanted.own_domains.is_empty() && wanted.excluded_referrers.is_empty() {
            return Ok(());
        }
        self.caught_up_with_controls();
        let mut settings = Settings::clone(&self.registry.settings());
        let disabled: Vec<Rule> = Rule::disabled(&settings).collect();
        let add = |mine: &mut Vec<Box<str>>, theirs: &[Box<str>], rule: fn(&str) -> Rule| {
            for host in theirs.iter().filter(|host| !disabled.contains(&rule(host))) {
                if !mine.contains(host) {
                    mine.push(host.clone());
                }
            }
        };
        add(&mut settings.own_domains, &wanted.own_domains, Rule::own_domain);
        let excluded = &wanted.excluded_referrers;
        add(&mut settings.excluded_referrers, excluded, Rule::excluded_referrer);
        self.editor.set(settings, (self.clock)()).map(drop)
    }

    /// Waits until everything logged is folded.
    ///
    /// # Errors
    /// When folding stopped.
    pub fn drain(&self) -> Result<(), DrainError> {
        let refolded = super::progress::refolding(&self.succession);
        if let Err(error) = refolded {
            tracing::error!(%error, "figures follow the earlier rules");
        }
        self.active().consumer.drain(DRAIN_PATIENCE).map(drop)
    }

    /// Ends every thread that folds.
    pub fn close(&self) {
        self.succession.close();
        self.active().consumer.shutdown();
    }

    /// Looks up what addresses tell; the files are read when first asked for.
    ///
    /// # Errors
    /// See [`Places::configured`].
    pub fn places(&self) -> Result<Places, CountryError> {
        if let Some(known) = self.places.get() {
            return Ok(known.clone());
        }
        let (countries, data_centres) = (&self.config.country_database, &self.config.data_centres);
        let places = Places::configured(countries.as_deref(), data_centres.as_deref())?;
        Ok(self.places.get_or_init(|| places).clone())
    }

    /// What the public plane works with.
    ///
    /// # Errors
    /// When the country database cannot be read.
    pub fn capture_parts(&self) -> Result<CaptureParts, CountryError> {
        let keys = &self.instance.keys;
        let active = Arc::clone(&self.active);
        let fold = Readiness {
            stage: "stream",
            check: Box::new(move || match active.load().consumer.progress().stopped.first() {
                None => Ok(()),
                Some(stopped) => Err(stopped.reason.clone()),
            }),
        };
        Ok(CaptureParts {
            log: Arc::clone(&self.instance.log),
            registry: Arc::clone(&self.registry),
            keys: CaptureKeys { subject: keys.subject, click: keys.click, cookie: keys.cookie },
            places: self.places()?,
            decide: self.deciding.service().cloned(),
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
            ledger: Arc::new(super::ledger::Books(Arc::clone(self))),
            transfer: Arc::new(super::transfer::Gateway(Arc::clone(self))),
            mending: Arc::new(super::mending::Bench(Arc::clone(self))),
            questions: Arc::new(super::questions::Asking(Arc::clone(self))),
            linking: Arc::new(super::link::Guessing(Arc::clone(self))),
            decisions: Arc::new(super::training::Desk(Arc::clone(self))),
            rules: Arc::new(super::recovery::Switchboard(Arc::clone(self))),
            refolding: Arc::new(super::backfill::Anew(Arc::clone(self))),
            destinations: Arc::new(super::forwarding::Forwards(Arc::clone(self))),
            erasing: Arc::new(super::erase::Eraser(Arc::clone(self))),
            clock: Arc::clone(&self.clock),
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.succession.close();
    }
}

/// The rules that the state in force was folded by. A state of which nothing is recorded, or that
/// holds nothing yet, takes on those that are wanted.
fn rules_in_force(instance: &Instance, wanted: &FoldRules) -> Result<FoldRules, EngineError> {
    let state = instance.in_force();
    let recorded = FoldRules::recorded(&instance.generations.in_force().rules);
    let mut empty = true;
    for lane in Lane::all() {
        let head = state.store.head(state.generation, lane).map_err(InstanceError::from)?;
        empty &= head == LaneHead::default();
    }
    match recorded {
        Some(rules) if !empty || rules == *wanted => Ok(rules),
        _ => {
            instance.generations.adopt(wanted.record())?;
            Ok(wanted.clone())
        }
    }
}

/// What the kept tables of a generation are made of.
fn tables_parts(workshop: &Workshop, active: &Active) -> TablesParts {
    let (fold, clock) = (Arc::clone(&active.consumer), Arc::clone(&workshop.clock));
    TablesParts {
        log: Arc::clone(&workshop.instance.log),
        store: Arc::clone(&active.state.store),
        agents: Arc::<AgentList>::clone(&workshop.agents),
        generation: active.state.generation,
        properties: active.parameters.properties.clone(),
        window: active.parameters.window,
        horizon: active.parameters.horizon,
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
    }
}
