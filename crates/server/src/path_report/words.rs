//! What the report says in sentences.

use super::answer::{Answer, Asked};
use crate::report::number::grouped;
use crate::report::page::plain;
use millstream_attribute::bootstrap::FEW_CONVERSIONS;
use millstream_attribute::{Model, ReportModel, Worth};
use millstream_event::Span;

/// Channels that a sentence names before it counts the others.
const NAMED: usize = 5;

/// The model's name over a column.
pub fn title(model: ReportModel) -> String {
    match model {
        ReportModel::Rule(Model::First) => "First".to_owned(),
        ReportModel::Rule(Model::Last) => "Last".to_owned(),
        ReportModel::Rule(Model::LastNonDirect) => "Non-direct".to_owned(),
        ReportModel::Rule(Model::Linear) => "Linear".to_owned(),
        ReportModel::Rule(Model::Position) => "Position".to_owned(),
        ReportModel::Rule(Model::TimeDecay) => "Time decay".to_owned(),
        ReportModel::Markov(order) => format!("Markov {order}"),
        ReportModel::Shapley(_) => "Shapley".to_owned(),
    }
}

/// What a model does, in a sentence.
pub fn meaning(answer: &Answer<'_>, model: ReportModel) -> String {
    let settings = &answer.question.settings;
    match model {
        ReportModel::Rule(Model::First) => "The first touch earns each conversion.".to_owned(),
        ReportModel::Rule(Model::Last) => "The last touch earns each conversion.".to_owned(),
        ReportModel::Rule(Model::LastNonDirect) => {
            "The last touch that is not direct earns each conversion; the last where all are direct."
                .to_owned()
        }
        ReportModel::Rule(Model::Linear) => {
            "All touches of a path share its conversions equally.".to_owned()
        }
        ReportModel::Rule(Model::Position) => format!(
            "First touch, touches between and last touch share each conversion {}.",
            settings.shape.position
        ),
        ReportModel::Rule(Model::TimeDecay) => format!(
            "A touch earns half as much for every {} between it and the last one. The file has no times: touches are taken to lie {} apart.",
            span(settings.shape.half_life),
            span(settings.gap)
        ),
        ReportModel::Markov(order) => format!(
            "Markov chain of order {order}: a channel earns in proportion to the conversions that are lost when its touches lead nowhere."
        ),
        ReportModel::Shapley(Worth::Conversions) => {
            "Shapley values; a set of channels is worth the conversions of the paths inside it."
                .to_owned()
        }
        ReportModel::Shapley(Worth::Rate) => {
            "Shapley values; a set of channels is worth the conversion rate of the paths inside it."
                .to_owned()
        }
    }
}

/// `7 d`, `36 h`, `5 min`.
fn span(span: Span) -> String {
    let (day, hour, minute) = (Span::days(1).0, Span::hours(1).0, Span::minutes(1).0);
    match span.0 {
        micros if micros % day == 0 => format!("{} d", micros / day),
        micros if micros % hour == 0 => format!("{} h", micros / hour),
        micros => format!("{} min", micros / minute),
    }
}

/// How much there is.
pub fn extent(answer: &Answer<'_>) -> String {
    let paths = &answer.file.paths;
    let counted = |count: u64, one: &str, more: &str| {
        format!("{} {}", grouped(count), if count == 1 { one } else { more })
    };
    format!(
        "{} and {} without one, along {}, through {}.",
        counted(paths.total.conversions, "conversion", "conversions"),
        counted(paths.total.nulls, "journey", "journeys"),
        counted(paths.rows.len() as u64, "path", "different paths"),
        counted(paths.channels.len() as u64, "channel", "channels"),
    )
}

/// What the reader has to know before relying on the figures.
pub fn warnings(answer: &Answer<'_>) -> Vec<String> {
    let mut said = Vec::new();
    let refused = &answer.file.refused;
    if refused.count > 0 {
        let rows = if refused.count == 1 { "row was" } else { "rows were" };
        said.push(format!("{} {rows} refused and are not in these figures.", refused.count));
    }
    if answer.file.paths.total.conversions == 0 {
        said.push("There are no conversions: nothing can be credited.".to_owned());
        return said;
    }
    let few: Vec<usize> =
        answer.ordered().into_iter().filter(|channel| answer.is_few(*channel)).collect();
    if !few.is_empty() {
        let named: Vec<String> = few
            .iter()
            .take(NAMED)
            .map(|one| format!("{} ({})", plain(answer.name(*one)), answer.converting[*one]))
            .collect();
        said.push(format!(
            "Fewer than {FEW_CONVERSIONS} converting journeys met {}{}: treat their figures, intervals included, as hints.",
            named.join(", "),
            others(few.len())
        ));
    }
    let data_driven = answer.models.iter().filter(|one| one.model.is_data_driven());
    let bare = data_driven.filter(|one| one.intervals.is_none()).count();
    if bare > 0 && answer.question.replicates.is_none() {
        said.push(
            "The data are too large for intervals in a few seconds: --replicates 200 takes the time."
                .to_owned(),
        );
    }
    if answer.file.paths.total.nulls == 0 && data_driven_chain(answer) {
        said.push(
            "No journeys without a conversion are given: removal effects then tell only how often a channel is met on the way, not whether it persuades."
                .to_owned(),
        );
    }
    said
}

fn data_driven_chain(answer: &Answer<'_>) -> bool {
    answer.models.iter().any(|one| matches!(one.model, ReportModel::Markov(_)))
}

fn others(count: usize) -> String {
    match count.saturating_sub(NAMED) {
        0 => String::new(),
        1 => " and one other".to_owned(),
        more => format!(" and {more} others"),
    }
}

/// How the intervals were made.
pub fn intervals(answer: &Answer<'_>) -> Option<String> {
    let made = answer.models.iter().filter_map(|one| one.intervals.as_ref());
    let replicates = made.map(|intervals| intervals.replicates).min()?;
    Some(format!(
        "Ranges are 95 % bootstrap intervals of {} resamples, seed {}.",
        grouped(replicates as u64),
        answer.question.settings.seed
    ))
}

/// Which channels stand elsewhere when the model changes.
pub fn flips(answer: &Answer<'_>) -> Option<String> {
    if !matches!(answer.question.asked, Asked::All) {
        return None;
    }
    let channels = answer.ranges.len();
    let flipped: Vec<usize> = answer
        .ordered()
        .into_iter()
        .filter(|channel| answer.ranges.get(*channel).is_some_and(|range| range.flips()))
        .collect();
    if flipped.is_empty() {
        return Some("No channel changes its rank when the model changes.".to_owned());
    }
    let named: Vec<String> = flipped
        .iter()
        .take(NAMED)
        .map(|one| {
            let range = answer.ranges[*one];
            format!("{} ({} to {})", plain(answer.name(*one)), range.best, range.worst)
        })
        .collect();
    Some(format!(
        "The rank depends on the model for {} of {}: {}{}.",
        flipped.len(),
        if channels == 1 { "1 channel".to_owned() } else { format!("{channels} channels") },
        named.join(", "),
        others(flipped.len())
    ))
}
