//! The report on a terminal.

use super::answer::{Answer, Asked, ModelAnswer};
use super::words;
use crate::path_data::UNIT_DIGITS;
use crate::report::number::{grouped, percent};
use crate::report::page::{Grid, NOT_KNOWN, plain};
use crate::report::terminal::compose;
use millstream_attribute::apportion_real;

/// Width used where there is no terminal to ask.
const WIDTH_DEFAULT: u16 = 100;

/// Sentences, then one table: of one model with its intervals, or of all models side by side.
pub fn render(answer: &Answer<'_>, width: Option<u16>) -> String {
    let mut sentences = vec![words::extent(answer)];
    let grid = match (answer.question.asked, answer.models.first()) {
        (Asked::One(model), Some(only)) => {
            sentences.push(words::meaning(answer, model));
            one(answer, only)
        }
        _ => {
            sentences.extend(words::flips(answer));
            side_by_side(answer)
        }
    };
    sentences.extend(words::intervals(answer));
    sentences.extend(words::warnings(answer));
    let sentences: Vec<&str> = sentences.iter().map(String::as_str).collect();
    compose(&sentences, &[grid], width.unwrap_or(WIDTH_DEFAULT))
}

fn one(answer: &Answer<'_>, model: &ModelAnswer) -> Grid {
    let earned = &model.attribution.earned;
    let mut columns = vec!["Channel", "Conversions", "Share"];
    let (ranges, errors) = (model.intervals.as_ref(), earned.sampling_error.as_ref());
    let (effects, total) = (earned.removal_effect.as_ref(), &answer.file.paths.total);
    for (name, shown) in [
        ("95 % range", ranges.is_some()),
        ("Sampling error", errors.is_some()),
        ("Value", total.value > 0),
        ("Removal effect", effects.is_some()),
    ] {
        columns.extend(shown.then_some(name));
    }
    let mut grid = Grid::new("", &columns, "The file has no channels.");
    let hundredths = apportion_real(i128::from(total.conversions) * 100, &earned.conversions);
    let amounts = rounded(answer, &model.amounts);
    for channel in answer.ordered() {
        let mut cells = vec![
            name(answer, channel),
            conversions(hundredths[channel]),
            share(answer, model.attribution.shares[channel]),
        ];
        cells.extend(
            ranges.map(|ranges| range(ranges.shares[channel].low, ranges.shares[channel].high)),
        );
        cells.extend(errors.map(|errors| format!("±{}", percent(errors[channel]))));
        cells.extend((total.value > 0).then(|| amount(answer, amounts[channel])));
        cells.extend(effects.map(|effects| percent(effects[channel])));
        grid.rows.push(cells);
    }
    let mut cells = vec!["Total".to_owned(), grouped(total.conversions), String::new()];
    cells.extend(ranges.map(|_| String::new()));
    cells.extend(errors.map(|_| String::new()));
    if total.value > 0 {
        cells.push(amount(answer, amounts.iter().sum()));
    }
    cells.extend(effects.map(|_| String::new()));
    grid.total = Some(cells);
    grid
}

fn side_by_side(answer: &Answer<'_>) -> Grid {
    let titles: Vec<String> = answer.models.iter().map(|one| words::title(one.model)).collect();
    let mut columns = vec!["Share of conversions"];
    columns.extend(titles.iter().map(String::as_str));
    columns.push("Rank");
    let mut grid = Grid::new("", &columns, "The file has no channels.");
    for channel in answer.ordered() {
        let mut cells = vec![name(answer, channel)];
        for model in &answer.models {
            let own = share(answer, model.attribution.shares[channel]);
            let interval = model.intervals.as_ref().filter(|_| model.model.is_data_driven());
            cells.push(match interval.map(|intervals| intervals.shares[channel]) {
                Some(one) => format!("{own}\n{}", range(one.low, one.high)),
                None => own,
            });
        }
        let ranks = answer.ranges[channel];
        cells.push(if ranks.flips() {
            format!("{}–{}", ranks.best, ranks.worst)
        } else {
            ranks.best.to_string()
        });
        grid.rows.push(cells);
    }
    grid
}

fn name(answer: &Answer<'_>, channel: usize) -> String {
    let few = if answer.is_few(channel) { " *" } else { "" };
    format!("{}{few}", plain(answer.name(channel)))
}

fn share(answer: &Answer<'_>, share: f64) -> String {
    if answer.file.paths.total.conversions == 0 { NOT_KNOWN.to_owned() } else { signed(share) }
}

fn range(low: f64, high: f64) -> String {
    let text = |share: f64| signed(share).trim_end_matches(" %").to_owned();
    format!("{}–{}", text(low), text(high))
}

/// Values of games may be negative.
fn signed(share: f64) -> String {
    if share < 0.0 { format!("−{}", percent(-share)) } else { percent(share) }
}

fn conversions(hundredths: i128) -> String {
    decimal(hundredths, 2).trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Amounts in the unit that the file is written in, so that the column sums.
fn rounded(answer: &Answer<'_>, amounts: &[i128]) -> Vec<i128> {
    let unit = 10_i128.pow(UNIT_DIGITS - digits(answer));
    let weights: Vec<f64> = amounts.iter().map(|amount| *amount as f64).collect();
    apportion_real((answer.file.paths.total.value + unit / 2) / unit, &weights)
}

/// Digits after the point: two, where the file has any.
fn digits(answer: &Answer<'_>) -> u32 {
    if answer.file.value_digits == 0 { 0 } else { 2 }
}

fn amount(answer: &Answer<'_>, units: i128) -> String {
    decimal(units, digits(answer))
}

fn decimal(units: i128, digits: u32) -> String {
    let one = 10_u128.pow(digits);
    let size = units.unsigned_abs();
    let whole = grouped(u64::try_from(size / one).unwrap_or(u64::MAX));
    let sign = if units < 0 { "−" } else { "" };
    if digits == 0 {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{:0>width$}", size % one, width = digits as usize)
    }
}
