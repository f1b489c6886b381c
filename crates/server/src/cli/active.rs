//! The generation in force, and how any generation is folded.

use super::engine::Clock;
use crate::agents::AgentList;
use crate::config::Config;
use crate::consume::{
    self, ConsumeError, ConsumeOptions, ConsumeParts, Consumer, OnChange, Parameters,
};
use crate::forward::needed_from;
use crate::instance::{InForce, Instance, InstanceOptions, Keeper, NeededFrom};
use crate::links::Registry;
use crate::links::edit::{FoldedControls, LastControl};
use crate::report::Spans;
use arc_swap::ArcSwap;
use millstream_event::{Lane, Span};
use millstream_log::SegmentOptions;
use millstream_pipeline::{ReadError, query};
use millstream_store::{Reading, StoreOptions};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A generation that answers are read from. Dropping it ends its threads.
pub struct Active {
    /// Writes checkpoints and lets retention go. First, so that it ends before its state is closed.
    keeper: Mutex<Option<Keeper>>,
    /// Its fold.
    pub consumer: Arc<Consumer>,
    /// Its rules.
    pub parameters: Parameters,
    /// Its state.
    pub state: InForce,
}

impl Active {
    /// Of the state that `instance` has in force, folded by `consumer`.
    ///
    /// # Errors
    /// When no thread can be started for its checkpoints.
    pub fn of(
        instance: &Instance,
        (consumer, parameters): (Arc<Consumer>, Parameters),
        keeping: &KeepingOptions,
    ) -> io::Result<Self> {
        let keeper = instance.keep(keeping.checkpoint_every, keeping.needed_from.clone())?;
        let keeper = Mutex::new(Some(keeper));
        Ok(Self { keeper, consumer, parameters, state: instance.in_force() })
    }

    /// Ends every thread that changes its state or writes checkpoints of it.
    pub fn halt(&self) {
        drop(self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.consumer.shutdown();
    }

    /// The spans that its figures were folded with.
    pub fn spans(&self) -> Spans {
        Spans::of(&self.parameters)
    }
}

/// What every generation of a directory is folded with.
#[derive(Clone)]
pub struct Workshop {
    /// The directory.
    pub instance: Arc<Instance>,
    /// Told of links and settings.
    pub registry: Arc<Registry>,
    /// Recognises user agents.
    pub agents: Arc<AgentList>,
    /// The receive clock.
    pub clock: Clock,
    /// Bounds.
    pub options: ConsumeOptions,
    /// Told of what commits change.
    pub on_change: OnChange,
    /// How the generation in force is kept.
    pub keeping: KeepingOptions,
}

/// How the generation in force is checkpointed, and its log let go.
#[derive(Clone)]
pub struct KeepingOptions {
    /// How often it is checkpointed.
    pub checkpoint_every: Duration,
    /// Who still needs the log.
    pub needed_from: Option<NeededFrom>,
}

impl KeepingOptions {
    /// As configured: where events are forwarded, the log waits for the destinations.
    pub fn of(config: &Config) -> Self {
        let folder = config.forward.folder.clone();
        let conversions = config.pipeline.conversions.clone();
        let needed: NeededFrom = Arc::new(move |state, generation| {
            needed_from((&folder, &conversions), state, generation)
        });
        Self {
            checkpoint_every: config.pipeline.checkpoint_every,
            needed_from: config.roles.forward.then_some(needed),
        }
    }
}

impl Workshop {
    /// Starts to fold a generation where its state stands, stepping back as far as `niceness` says.
    ///
    /// # Errors
    /// See [`ConsumeError`].
    pub fn fold(
        &self,
        state: &InForce,
        parameters: &Parameters,
        niceness: u8,
    ) -> Result<Arc<Consumer>, ConsumeError> {
        let told = Arc::clone(&self.registry);
        let parts = ConsumeParts {
            log: Arc::clone(&self.instance.log),
            store: Arc::clone(&state.store),
            parameters: parameters.clone(),
            agents: Arc::<AgentList>::clone(&self.agents),
            subject_key: self.instance.keys.subject,
            clock: Arc::clone(&self.clock),
            on_control: Arc::new(move |version, control| told.apply(version, control)),
            on_change: Arc::clone(&self.on_change),
        };
        let options = ConsumeOptions { niceness, ..self.options.clone() };
        consume::start(&options, parts).map(Arc::new)
    }
}

/// The log's bounds as configured.
pub fn segment_options(config: &Config) -> SegmentOptions {
    let log = &config.log;
    SegmentOptions {
        segment_bytes: log.segment_bytes,
        queue_records_max: log.queue_records_max,
        queue_bytes_max: log.queue_bytes_max,
        linger_max: Duration::from_micros(log.linger_max_us),
        bytes_max: log.bytes_max,
        retain_for: log.retain_days.map(|days| Span::days(i64::from(days))),
        retain_bytes: log.retain_bytes,
        kept_bytes_max: log.kept_bytes_max,
        ..SegmentOptions::default()
    }
}

/// How the data directory is opened, as configured.
pub fn instance_options(config: &Config) -> InstanceOptions {
    let cache_bytes = config.pipeline.cache_bytes;
    InstanceOptions {
        log: segment_options(config),
        store: StoreOptions { cache_bytes, ..StoreOptions::default() },
        row_days: config.retention,
        niceness: config.pipeline.niceness,
    }
}

/// Reads the last control record off the generation in force.
pub fn last_control(active: Arc<ArcSwap<Active>>) -> LastControl {
    Box::new(move || {
        let active = active.load();
        let (store, generation) = (&active.state.store, active.state.generation);
        // The head first: what is folded meanwhile only adds to it.
        let head = store.head(generation, Lane::CONTROL);
        let next = head.map_err(|error| ReadError::Store(error.to_string()))?.next;
        let last = query::last_control(&Reading(&**store), generation)?;
        Ok(FoldedControls { next, last: last.map(|(_, payload)| payload) })
    })
}
