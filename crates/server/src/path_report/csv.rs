//! The report as comma-separated values, safe to open in a spreadsheet.

use super::answer::Answer;
use super::json::text;
use crate::report::csv::inert;
use millstream_attribute::ReportModel;

/// A row for each model and channel, with a line of names before them.
pub fn render(answer: &Answer<'_>) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "model",
        "order",
        "channel",
        "conversions",
        "value",
        "share",
        "share_low",
        "share_high",
        "removal_effect",
        "few",
    ])?;
    for model in &answer.models {
        let order = match model.model {
            ReportModel::Markov(order) => order.to_string(),
            _ => String::new(),
        };
        for channel in answer.ordered() {
            let earned = &model.attribution.earned;
            let interval = model.intervals.as_ref().map(|intervals| intervals.shares[channel]);
            let known = |value: Option<f64>| value.map_or_else(String::new, |one| one.to_string());
            writer.write_record([
                model.model.as_str(),
                &order,
                &inert(answer.name(channel)),
                &earned.conversions[channel].to_string(),
                &text(model.amounts[channel]),
                &model.attribution.shares[channel].to_string(),
                &known(interval.map(|one| one.low)),
                &known(interval.map(|one| one.high)),
                &known(earned.removal_effect.as_ref().map(|effects| effects[channel])),
                if answer.is_few(channel) { "true" } else { "false" },
            ])?;
        }
    }
    writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}
