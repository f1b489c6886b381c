//! What the answer hangs on, what a millisecond is worth, and how far the figures can be trusted.

use super::lists::{ROWS_MAX, head, table};
use super::units::{share, significant};
use crate::document::Markup;
use crate::report::number::amount;
use millstream_plan::PlanReport;

/// Which input moves the answer.
pub fn sensitivity(report: &PlanReport, markup: &mut Markup) {
    if !report.sensitivity.is_empty() {
        markup.open("section", &[]);
        let says = report
            .sensitivity
            .iter()
            .max_by(|a, b| a.worth_measuring.total_cmp(&b.worth_measuring))
            .map_or_else(String::new, |first| {
                format!(
                    "Measuring {} would settle most: one per cent of it moves {} by {} per cent.",
                    first.input,
                    first.answer,
                    significant(first.elasticity)
                )
            });
        head("What the answer hangs on", &says, markup);
        let rows: Vec<Vec<String>> = report
            .sensitivity
            .iter()
            .take(12)
            .map(|one| {
                vec![
                    one.input.clone(),
                    one.answer.clone(),
                    significant(one.elasticity),
                    format!("± {}", share(one.uncertainty)),
                    significant(one.worth_measuring * 100.0),
                ]
            })
            .collect();
        table(
            &[
                ("Input", false),
                ("Moves", false),
                ("% for 1 %", true),
                ("Known to", true),
                ("Worth measuring", true),
            ],
            &rows,
            markup,
        );
        markup.close("section");
    }
}

/// What time is worth.
pub fn investments(report: &PlanReport, markup: &mut Markup) {
    if !report.investments.is_empty() {
        markup.open("section", &[]);
        let paying = report.investments.iter().filter(|one| one.pays).count();
        let says = format!(
            "{paying} of {} investments are worth their price at the low end of what a millisecond brings.",
            report.investments.len()
        );
        head("What a millisecond is worth", &says, markup);
        let rows: Vec<Vec<String>> = report
            .investments
            .iter()
            .map(|one| {
                vec![
                    one.name.clone(),
                    format!("{} ms", significant(one.saves_ms)),
                    amount(one.cost_per_month),
                    format!(
                        "{} ({} to {})",
                        amount(one.worth_per_month),
                        amount(one.worth_low),
                        amount(one.worth_high)
                    ),
                    one.break_even_ms
                        .map_or_else(|| "–".to_owned(), |ms| format!("{} ms", significant(ms))),
                    (if one.pays { "pays" } else { "does not pay" }).to_owned(),
                    (if one.measured { "measured" } else { "assumed" }).to_owned(),
                ]
            })
            .collect();
        table(
            &[
                ("Investment", false),
                ("Saves", true),
                ("Cost a month", true),
                ("Worth a month", true),
                ("Breaks even at", true),
                ("Verdict", false),
                ("Lift", false),
            ],
            &rows,
            markup,
        );
        markup.close("section");
    }
}

/// What the simulator settled, and what was assumed.
pub fn grounds(report: &PlanReport, markup: &mut Markup) {
    markup.open("section", &[]);
    head(
        "Grounds",
        "How far these figures can be trusted. Every figure of the JSON form carries its own confidence: exact, approximation with its known error, bound, or simulated with its interval.",
        markup,
    );
    if !report.settled.is_empty() {
        let rows: Vec<Vec<String>> = report
            .settled
            .iter()
            .take(ROWS_MAX)
            .map(|one| {
                let interval = match one.figure.confidence {
                    millstream_plan::Confidence::Simulated { low, high } => {
                        format!("{} to {}", significant(low), significant(high))
                    }
                    _ => "–".to_owned(),
                };
                vec![
                    one.what.clone(),
                    significant(one.figure.value),
                    interval,
                    one.formula.map_or_else(|| "–".to_owned(), significant),
                ]
            })
            .collect();
        table(
            &[
                ("Simulated", false),
                ("Value", true),
                ("95 % interval", true),
                ("Formula says", true),
            ],
            &rows,
            markup,
        );
    }
    if !report.assumptions.is_empty() {
        markup.element("h3", &[], "Assumed, because the plan does not say");
        markup.open("ul", &[("class", "assumed")]);
        for text in report.assumptions.iter().take(ROWS_MAX) {
            markup.sentence("li", &[], text);
        }
        markup.close("ul");
    }
    markup.close("section");
}
