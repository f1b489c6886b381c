//! What the consumer needs and how it is bounded.

use super::crash::Crash;
use crate::priority::NICENESS;
use millstream_attribute::ConversionRules;
use millstream_event::control::Control;
use millstream_event::{Span, Timestamp};
use millstream_log::EventLog;
use millstream_pipeline::Rules;
use millstream_stitch::{Agents, GraphLimits, Properties, SessionRules};
use millstream_store::StateStore;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Bounds and tuning.
#[derive(Clone)]
pub struct ConsumeOptions {
    /// Threads that fold; a lane belongs to one of them.
    pub owners: usize,
    /// The most records that one commit takes in.
    pub batch_records: usize,
    /// The most records that wait before one owner; beyond it the reader waits.
    pub queue_records: usize,
    /// The most decoded values that all owners together keep between batches.
    pub values_max: usize,
    /// How far its threads step back behind those of capture; 0 for not at all.
    pub niceness: u8,
    /// Distance of ticks in a lane that sees records. `None`: no ticks.
    pub tick_every: Option<Duration>,
    /// Strikes in tests.
    pub crash: Option<Arc<dyn Crash>>,
}

impl Default for ConsumeOptions {
    fn default() -> Self {
        Self {
            owners: 2,
            batch_records: 2_000,
            queue_records: 16_000,
            values_max: 60_000,
            niceness: NICENESS,
            tick_every: Some(Duration::from_secs(1)),
            crash: None,
        }
    }
}

impl std::fmt::Debug for ConsumeOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConsumeOptions")
            .field("owners", &self.owners)
            .field("batch_records", &self.batch_records)
            .field("queue_records", &self.queue_records)
            .field("values_max", &self.values_max)
            .field("tick_every", &self.tick_every)
            .finish_non_exhaustive()
    }
}

/// The rules of a generation, apart from the list of agents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameters {
    /// The generation: not a rule itself.
    #[serde(skip)]
    pub generation: u16,
    /// When an event begins a session.
    pub sessions: SessionRules,
    /// Which sources see the same actions.
    #[serde(default)]
    pub properties: Properties,
    /// Events received later than this after they happened are labelled late.
    pub horizon: Span,
    /// How long a touch can be credited.
    pub window: Span,
    /// Which events convert.
    pub conversions: ConversionRules,
    /// True when what events tell of their visitors' preferences is kept.
    pub interests: bool,
    /// True when what orders sold is kept.
    #[serde(default)]
    pub goods: bool,
    /// When a node of the identity graph is a hub.
    pub graph: GraphLimits,
}

struct NoAgents;

impl Agents for NoAgents {
    fn classify(&self, _: &str) -> millstream_stitch::Agent {
        millstream_stitch::Agent::default()
    }
}

impl Default for Parameters {
    fn default() -> Self {
        let rules = Rules::new(&NoAgents);
        Self {
            generation: rules.generation,
            sessions: rules.sessions,
            properties: rules.properties,
            horizon: rules.horizon,
            window: rules.window,
            conversions: rules.conversions,
            interests: rules.interests,
            goods: rules.goods,
            graph: rules.graph,
        }
    }
}

impl Parameters {
    /// The rules as the fold takes them.
    pub fn rules<'a>(&self, agents: &'a dyn Agents) -> Rules<'a> {
        Rules {
            generation: self.generation,
            sessions: self.sessions.clone(),
            properties: self.properties.clone(),
            horizon: self.horizon,
            window: self.window,
            conversions: self.conversions.clone(),
            interests: self.interests,
            goods: self.goods,
            graph: self.graph,
            ..Rules::new(agents)
        }
    }
}

/// Told of every control record once it is committed, in order, with the control version it makes
/// (its ordinal + 1). Stored ones are told at start, before anything is folded.
pub type OnControl = Arc<dyn Fn(u32, &Control) + Send + Sync>;

/// Told of every key that a commit has changed, once it is committed.
pub type OnChange = Arc<dyn Fn(&mut dyn Iterator<Item = &[u8]>) + Send + Sync>;

/// What the consumer works with.
#[derive(Clone)]
pub struct ConsumeParts {
    /// Where records come from and items go.
    pub log: Arc<dyn EventLog>,
    /// Where state is.
    pub store: Arc<dyn StateStore>,
    /// The rules.
    pub parameters: Parameters,
    /// Recognises user agents.
    pub agents: Arc<dyn Agents + Send + Sync>,
    /// Keys the subject hash in the headers of items.
    pub subject_key: [u8; 32],
    /// The receive clock that capture stamps with.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Told of controls.
    pub on_control: OnControl,
    /// Told of changed keys.
    pub on_change: OnChange,
}
