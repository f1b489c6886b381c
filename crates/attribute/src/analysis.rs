//! Report-level attribution: what each channel earned over all paths, under any model.

use crate::chain::{Chain, Order};
use crate::model::Model;
use crate::paths::Paths;
use crate::removal::{self, EXACT, WORK_MAX};
use crate::shape::Shape;
use crate::shapley::{RateGame, Worth};
use crate::split::{Earned, Journeys, Reading, Split};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use millstream_event::Span;

/// A model of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportModel {
    /// Each conversion is credited on its own.
    Rule(Model),
    /// Removal effects in a Markov chain.
    Markov(Order),
    /// Shapley values.
    Shapley(Worth),
}

impl ReportModel {
    /// Every model, of this order and worth.
    pub fn all(order: Order, worth: Worth) -> Vec<Self> {
        let rules = Model::ALL.into_iter().map(Self::Rule);
        rules.chain([Self::Markov(order), Self::Shapley(worth)]).collect()
    }

    /// The name users type and read.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rule(model) => model.as_str(),
            Self::Markov(_) => "markov",
            Self::Shapley(_) => "shapley",
        }
    }

    /// True when the shares are estimated from all paths together, so that they have an error.
    pub const fn is_data_driven(self) -> bool {
        matches!(self, Self::Markov(_) | Self::Shapley(_))
    }
}

impl fmt::Display for ReportModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an analysis is given beside the paths and the model.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Figures of single models.
    pub shape: Shape,
    /// Time between two touches of a path, for `time_decay`.
    pub gap: Span,
    /// Further names of the channel that stands for "nothing led here", for `last_non_direct`.
    pub direct: Vec<Box<str>>,
    /// Seed of everything that is drawn.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { shape: Shape::default(), gap: Span::days(1), direct: Vec::new(), seed: 1 }
    }
}

/// Names that stand for "nothing led here", in lower case.
pub const DIRECT_NAMES: [&str; 4] = ["direct", "(direct)", "(direct) / (none)", "direct / none"];

impl Settings {
    fn is_direct(&self, channel: &str) -> bool {
        let known = DIRECT_NAMES.into_iter().chain(self.direct.iter().map(|name| &**name));
        known.into_iter().any(|name| name.to_lowercase() == channel.to_lowercase())
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnalysisError {
    /// The chain takes too long to solve.
    #[error(
        "the Markov chain of {states} states and {channels} channels takes more than {WORK_MAX} multiplications; lower the order, or group channels"
    )]
    Work {
        /// States of the chain.
        states: usize,
        /// Channels.
        channels: usize,
    },
}

/// What a model says of the paths.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribution {
    /// What each channel earned, by its number.
    pub earned: Earned,
    /// Each channel's part of the conversions.
    pub shares: Vec<f64>,
    /// Operations that it took.
    pub work: u64,
}

/// A model made ready for a set of paths; it answers for the data's own counts or for a resample.
#[derive(Clone, Debug)]
pub struct Fitted(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Split(Split),
    Rate(RateGame),
    Chain(Chain),
}

impl Fitted {
    /// Makes the model ready.
    pub fn new(paths: &Paths, model: ReportModel, settings: &Settings) -> Self {
        Self(match model {
            ReportModel::Rule(model) => {
                let direct: Vec<bool> =
                    paths.channels.iter().map(|name| settings.is_direct(name)).collect();
                let reading = Reading { direct: &direct, gap: settings.gap };
                Kind::Split(Split::by_model(paths, model, &settings.shape, &reading))
            }
            ReportModel::Markov(order) => Kind::Chain(Chain::new(paths, order)),
            ReportModel::Shapley(Worth::Conversions) => Kind::Split(Split::by_coalition(paths)),
            ReportModel::Shapley(Worth::Rate) => Kind::Rate(RateGame::new(paths, settings.seed)),
        })
    }

    /// The exact answer.
    ///
    /// # Errors
    /// When a Markov chain takes too long to solve.
    pub fn attribution(&self, journeys: &Journeys) -> Result<Attribution, AnalysisError> {
        self.answer(journeys, EXACT, WORK_MAX)
    }

    /// An answer that may leave this part of the conversions of a chain open, at this cost.
    pub(crate) fn answer(
        &self,
        journeys: &Journeys,
        open: f64,
        work_max: u64,
    ) -> Result<Attribution, AnalysisError> {
        let (earned, work) = match &self.0 {
            Kind::Split(split) => (split.earned(journeys), split.work()),
            Kind::Rate(game) => (game.earned(journeys), game.work()),
            Kind::Chain(chain) => removals(chain, journeys, open, work_max)?,
        };
        let all: f64 = journeys.conversions.iter().sum();
        let share = |part: &f64| if all > 0.0 { part / all } else { 0.0 };
        let shares = earned.conversions.iter().map(share).collect();
        Ok(Attribution { earned, shares, work })
    }
}

fn removals(
    chain: &Chain,
    journeys: &Journeys,
    open: f64,
    work_max: u64,
) -> Result<(Earned, u64), AnalysisError> {
    let flow = chain.flow(journeys);
    let conversions: f64 = journeys.conversions.iter().sum();
    let value: f64 = journeys.value.iter().sum();
    let all = conversions + journeys.nulls.iter().sum::<f64>();
    // The chain converts as often as the data does: observed visits solve its balance equations.
    let (rate, worth) = if all > 0.0 { (conversions / all, value / all) } else { (0.0, 0.0) };
    if conversions == 0.0 {
        let zero = alloc::vec![0.0; chain.channels];
        let removal_effect = Some(zero.clone());
        let earned =
            Earned { conversions: zero.clone(), value: zero, removal_effect, sampling_error: None };
        return Ok((earned, chain.work()));
    }
    let left = removal::remaining(chain, &flow, open * rate, work_max)
        .ok_or(AnalysisError::Work { states: chain.len(), channels: chain.channels })?;
    let effects = removal::effects(rate, &left.conversions);
    let earned = Earned {
        conversions: removal::divide(&effects, conversions),
        value: removal::divide(&removal::effects(worth, &left.value), value),
        removal_effect: Some(effects),
        sampling_error: None,
    };
    Ok((earned, left.work + chain.work()))
}

/// What each channel earned.
///
/// # Errors
/// When a Markov chain takes too long to solve.
pub fn analyse(
    paths: &Paths,
    model: ReportModel,
    settings: &Settings,
) -> Result<Attribution, AnalysisError> {
    Fitted::new(paths, model, settings).attribution(&Journeys::of(paths))
}
