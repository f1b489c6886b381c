//! What a generation is folded by, as it is recorded beside the state.

use crate::agents::AgentList;
use crate::config::Config;
use crate::consume::Parameters;
use crate::rule::{Rule, RuleKind};
use millstream_event::control::Settings;
use millstream_stitch::Zone;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Version of the fold itself: raised when it makes something else of the same records.
const FOLD_VERSION: u32 = 3;

/// Everything that changes answers to events already folded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoldRules {
    fold: u32,
    /// Fingerprint of the lists that recognise user agents.
    agents: String,
    /// Edition of the time zones that days are drawn by; empty where no day begins a session.
    #[serde(default)]
    zones: String,
    /// Spans, conversions, limits.
    pub parameters: Parameters,
}

impl FoldRules {
    /// Those that the configuration and this program ask for, without what was disabled; with what costs
    /// of goods need where some are known.
    pub fn wanted(
        config: &Config,
        agents: &AgentList,
        (costs_known, settings): (bool, &Settings),
    ) -> Self {
        let disabled: Vec<Rule> = Rule::disabled(settings).collect();
        let disabled = disabled.iter().filter(|rule| rule.kind == RuleKind::Conversion);
        let pipeline = &config.pipeline;
        let parameters = Parameters {
            sessions: pipeline.sessions.clone(),
            properties: pipeline.properties.clone(),
            horizon: pipeline.horizon,
            window: pipeline.window,
            conversions: pipeline.conversions.clone().without(disabled.map(|rule| &*rule.about)),
            interests: !config.decide.use_cases.is_empty(),
            goods: pipeline.keep_goods.unwrap_or(costs_known),
            ..Parameters::default()
        };
        let zones = match parameters.sessions.by_day() {
            true => Zone::database_version().to_owned(),
            false => String::new(),
        };
        Self { fold: FOLD_VERSION, agents: agents.fingerprint(), zones, parameters }
    }

    /// The same, and preferences go on being kept where they are: a command that is given no configuration
    /// must not have the log folded anew, and again after it.
    #[must_use]
    pub fn keeping(mut self, in_force: &Parameters) -> Self {
        self.parameters.interests |= in_force.interests;
        self
    }

    /// Those that were recorded; none before any were.
    pub fn recorded(rules: &Value) -> Option<Self> {
        serde_json::from_value(rules.clone()).ok()
    }

    /// As they are recorded.
    pub fn record(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The parameters of a generation that is folded by them.
    pub fn of(&self, generation: u16) -> Parameters {
        Parameters { generation, ..self.parameters.clone() }
    }
}
