//! Rules that hold across events: they belong to a generation, changing one refolds the log.

use millstream_attribute::ConversionRules;
use millstream_event::Span;
use millstream_stitch::{Agents, GraphLimits, Properties, SessionRules};

/// Everything the fold is parameterised by.
#[derive(Clone)]
pub struct Rules<'a> {
    /// The generation these rules belong to.
    pub generation: u16,
    /// When an event begins a session.
    pub sessions: SessionRules,
    /// Which sources see the same actions.
    pub properties: Properties,
    /// Events received later than this after they happened are labelled late.
    pub horizon: Span,
    /// How long a touch can be credited; kept ready in the rollups.
    pub window: Span,
    /// Which events convert.
    pub conversions: ConversionRules,
    /// True when what events tell of their visitors' preferences is kept: a row an event, so only
    /// where decisions are made by it.
    pub interests: bool,
    /// True when what orders sold is kept, so that its cost can be told.
    pub goods: bool,
    /// When a node of the identity graph is a hub.
    pub graph: GraphLimits,
    /// Recognises user agents.
    pub agents: &'a dyn Agents,
    /// Faults switched on by tests that show that the suite sees them.
    #[cfg(feature = "sabotage")]
    pub sabotage: Sabotage,
}

/// Faults that tests can switch on, to show that they would be seen.
#[cfg(feature = "sabotage")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Sabotage {
    /// Every copy of an event counts.
    pub without_dedup: bool,
    /// Sessions are extended at their end only; a late event does not correct them.
    pub without_late_repair: bool,
}

impl<'a> Rules<'a> {
    /// The default rules: sessions end after 30 min, late is over 48 h, credit reaches back 30 d.
    pub fn new(agents: &'a dyn Agents) -> Self {
        Self {
            generation: 0,
            sessions: SessionRules::default(),
            properties: Properties::default(),
            horizon: Span::hours(48),
            window: Span::days(30),
            conversions: ConversionRules::default(),
            interests: true,
            goods: false,
            graph: GraphLimits::default(),
            agents,
            #[cfg(feature = "sabotage")]
            sabotage: Sabotage::default(),
        }
    }
}
