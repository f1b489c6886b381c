//! The figures behind every form of the report.

use crate::path_data::PathFile;
use millstream_attribute::analysis::AnalysisError;
use millstream_attribute::bootstrap::{FEW_CONVERSIONS, Intervals, affordable, intervals};
use millstream_attribute::comparison::{RankRange, rank_ranges, ranks};
use millstream_attribute::{
    Attribution, Fitted, Journeys, Order, ReportModel, Settings, Worth, apportion_real,
};

/// Which models were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// One.
    One(ReportModel),
    /// Every one, side by side.
    All,
}

/// What is asked of a file.
#[derive(Clone, Debug)]
pub struct Question {
    /// The models.
    pub asked: Asked,
    /// Order of Markov chains.
    pub order: Order,
    /// What a coalition is worth to Shapley values.
    pub worth: Worth,
    /// Resamples; none leaves their number to the size of the data, 0 goes without intervals.
    pub replicates: Option<usize>,
    /// What the models are given.
    pub settings: Settings,
}

/// One model's answer.
#[derive(Clone, Debug)]
pub struct ModelAnswer {
    /// The model.
    pub model: ReportModel,
    /// What each channel earned.
    pub attribution: Attribution,
    /// Value of each channel in billionths; they sum to the value of the file.
    pub amounts: Vec<i128>,
    /// Intervals of the shares; none where they were not asked for or would take too long.
    pub intervals: Option<Intervals>,
}

/// The answer.
#[derive(Clone, Debug)]
pub struct Answer<'a> {
    /// What was asked.
    pub question: &'a Question,
    /// The file's content.
    pub file: &'a PathFile,
    /// The models' answers.
    pub models: Vec<ModelAnswer>,
    /// Converting journeys that met each channel.
    pub converting: Vec<u64>,
    /// The ranks that each channel takes over the models.
    pub ranges: Vec<RankRange>,
}

/// Answers.
///
/// # Errors
/// When a Markov chain takes too long to solve.
pub fn answer<'a>(file: &'a PathFile, question: &'a Question) -> Result<Answer<'a>, AnalysisError> {
    let models = match question.asked {
        Asked::One(model) => vec![model],
        Asked::All => ReportModel::all(question.order, question.worth),
    };
    let models = answers(file, question, &models)?;
    let ranked: Vec<Vec<usize>> = models.iter().map(|one| ranks(&one.attribution.shares)).collect();
    let ranges = rank_ranges(&ranked);
    Ok(Answer { question, file, models, converting: file.paths.converting_with(), ranges })
}

fn answers(
    file: &PathFile,
    question: &Question,
    models: &[ReportModel],
) -> Result<Vec<ModelAnswer>, AnalysisError> {
    let paths = &file.paths;
    let fit = |model: &ReportModel| Fitted::new(paths, *model, &question.settings);
    let fitted: Vec<Fitted> = models.iter().map(fit).collect();
    let journeys = Journeys::of(paths);
    let found: Vec<Attribution> =
        fitted.iter().map(|one| one.attribution(&journeys)).collect::<Result<_, _>>()?;
    let replicates = match question.replicates {
        Some(asked) => (asked > 0).then_some(asked),
        None => affordable(paths, found.iter().map(|one| one.work).sum()),
    };
    let mut ranges = match replicates {
        Some(replicates) => intervals(paths, &fitted, replicates, question.settings.seed)?,
        None => Vec::new(),
    }
    .into_iter();
    let answer = |(model, attribution): (&ReportModel, Attribution)| ModelAnswer {
        model: *model,
        amounts: apportion_real(paths.total.value, &attribution.earned.value),
        attribution,
        intervals: ranges.next(),
    };
    Ok(models.iter().zip(found).map(answer).collect())
}

impl Answer<'_> {
    /// The channels, the greatest first: by the conversions of the first model, then by name.
    pub fn ordered(&self) -> Vec<usize> {
        let mut channels: Vec<usize> = (0..self.file.paths.channels.len()).collect();
        let Some(first) = self.models.first() else { return channels };
        let earned = &first.attribution.earned.conversions;
        channels.sort_by(|a, b| earned[*b].total_cmp(&earned[*a]).then(a.cmp(b)));
        channels
    }

    /// The channel's name.
    pub fn name(&self, channel: usize) -> &str {
        self.file.paths.channels.get(channel).map_or("", |name| name)
    }

    /// True when too few converting journeys met the channel for its figures to be relied on.
    pub fn is_few(&self, channel: usize) -> bool {
        self.converting.get(channel).is_some_and(|count| *count < FEW_CONVERSIONS)
    }
}
