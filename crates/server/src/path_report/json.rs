//! The report as JSON.

use super::answer::{Answer, Asked, ModelAnswer};
use super::words;
use crate::path_data::UNIT_DIGITS;
use millstream_attribute::ReportModel;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// One JSON object: `{model, order, rows: [{channel, conversions, value, share, ...}], ...}`. Values
/// are decimals of at most nine digits after the point that sum to the file's value exactly.
pub fn render(answer: &Answer<'_>) -> serde_json::Result<String> {
    let all = matches!(answer.question.asked, Asked::All);
    let mut rows = Vec::new();
    for model in &answer.models {
        for channel in answer.ordered() {
            rows.push(row(answer, model, channel, all)?);
        }
    }
    let model = match answer.question.asked {
        Asked::One(model) => model.as_str(),
        Asked::All => "all",
    };
    let order = match answer.question.asked {
        Asked::One(ReportModel::Markov(order)) => order,
        _ => answer.question.order,
    };
    let total = &answer.file.paths.total;
    let intervals = answer.models.iter().filter_map(|one| one.intervals.as_ref());
    let replicates = intervals.map(|intervals| intervals.replicates).min();
    let mut out = Out::default();
    out.put("model", &model)?;
    out.put("order", &order.number())?;
    out.0.push(("rows", Entry::Many(rows)));
    let mut totals = Out::default();
    totals.put("conversions", &total.conversions)?;
    totals.put("nulls", &total.nulls)?;
    totals.put("value", &decimal(total.value)?)?;
    totals.put("paths", &answer.file.paths.rows.len())?;
    totals.put("channels", &answer.file.paths.channels.len())?;
    out.0.push(("totals", Entry::One(totals)));
    out.put(
        "intervals",
        &json!({
            "level": replicates.map(|_| 0.95),
            "replicates": replicates.unwrap_or(0),
            "seed": answer.question.settings.seed,
        }),
    )?;
    out.put("worth", &answer.question.worth.as_str())?;
    out.put("warnings", &words::warnings(answer))?;
    out.put("refused", &answer.file.refused)?;
    if all {
        out.put("ranks", &ranks(answer))?;
    }
    serde_json::to_string_pretty(&out).map(|text| text + "\n")
}

/// Fields in the order in which they are put.
#[derive(Default)]
struct Out(Vec<(&'static str, Entry)>);

#[derive(Serialize)]
#[serde(untagged)]
enum Entry {
    Value(Box<RawValue>),
    One(Out),
    Many(Vec<Out>),
}

impl Out {
    fn put(&mut self, name: &'static str, value: &impl Serialize) -> serde_json::Result<()> {
        let value = serde_json::value::to_raw_value(value)?;
        self.0.push((name, Entry::Value(value)));
        Ok(())
    }
}

impl Serialize for Out {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

fn row(
    answer: &Answer<'_>,
    model: &ModelAnswer,
    channel: usize,
    all: bool,
) -> serde_json::Result<Out> {
    let earned = &model.attribution.earned;
    let mut out = Out::default();
    if all {
        out.put("model", &model.model.as_str())?;
    }
    out.put("channel", &answer.name(channel))?;
    out.put("conversions", &earned.conversions[channel])?;
    out.put("value", &decimal(model.amounts[channel])?)?;
    out.put("share", &model.attribution.shares[channel])?;
    if let Some(effects) = &earned.removal_effect {
        out.put("removal_effect", &effects[channel])?;
    }
    if let Some(intervals) = &model.intervals {
        out.put("share_low", &intervals.shares[channel].low)?;
        out.put("share_high", &intervals.shares[channel].high)?;
    }
    if let Some(errors) = &earned.sampling_error {
        out.put("share_error", &errors[channel])?;
    }
    out.put("converting_journeys", &answer.converting[channel])?;
    out.put("few", &answer.is_few(channel))?;
    Ok(out)
}

/// The rank of each channel under each model.
fn ranks(answer: &Answer<'_>) -> Vec<Value> {
    let ranked: Vec<(&str, Vec<usize>)> = answer
        .models
        .iter()
        .map(|one| {
            let ranks = millstream_attribute::comparison::ranks(&one.attribution.shares);
            (one.model.as_str(), ranks)
        })
        .collect();
    let channel = |channel: usize| {
        let ranks: Map<String, Value> = ranked
            .iter()
            .map(|(model, ranks)| ((*model).to_owned(), json!(ranks[channel])))
            .collect();
        let flips = answer.ranges[channel].flips();
        json!({"channel": answer.name(channel), "flips": flips, "ranks": ranks})
    };
    answer.ordered().into_iter().map(channel).collect()
}

/// Billionths as a JSON number, without zeros at its end.
fn decimal(billionths: i128) -> serde_json::Result<Box<RawValue>> {
    RawValue::from_string(text(billionths))
}

/// Billionths as a decimal, without zeros at its end.
pub(super) fn text(billionths: i128) -> String {
    let one = 10_u128.pow(UNIT_DIGITS);
    let (sign, size) = (if billionths < 0 { "-" } else { "" }, billionths.unsigned_abs());
    let fraction = format!("{:09}", size % one);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{fraction}", size / one)
}
