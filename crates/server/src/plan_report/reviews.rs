//! Reviews on a terminal and on the page.

use super::units::{bits, capital, rate, seconds, share, significant, times};
use crate::document::Markup;
use crate::report::number::amount;
use crate::report::page::{Align, Grid, plain};
use crate::report::terminal::compose;
use millstream_plan::review::{Period, Question, Review, Standing, Unit};

/// Width used where there is no terminal to ask.
const WIDTH_DEFAULT: u16 = 80;
/// Most baselines beside a figure on a terminal.
const BASELINES_MAX: usize = 3;

/// The review as tables.
pub fn table(review: &Review, width: Option<u16>) -> String {
    let width = width.unwrap_or(WIDTH_DEFAULT);
    let dated = review.as_of.as_ref().map_or_else(String::new, |day| format!(", figures of {day}"));
    let named = if review.title.is_empty() { "Plan" } else { &review.title };
    let head = plain(&format!("{named}: {}{dated}", name(review.period).to_lowercase()));
    let mut out = compose(&[&head, &summary(review)], &[], width);
    for question in &review.questions {
        out.push('\n');
        let answer = shown(&format!("{}: {}", capital(question.standing.name()), question.answer));
        let grid = grid(question, &review.currency);
        out.push_str(&compose(&[question.question, &answer], &[], width));
        if !grid.rows.is_empty() {
            out.push_str(&compose(&[], &[grid], width));
        }
    }
    out
}

/// Text of the plan, fit for a terminal at any length.
fn shown(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(100).map(|piece| plain(&piece.iter().collect::<String>())).collect()
}

/// `Weekly review`
pub fn name(period: Period) -> &'static str {
    match period {
        Period::Week => "Weekly review",
        Period::Month => "Monthly review",
        Period::Quarter => "Quarterly review",
    }
}

/// How many questions ask for something.
pub fn summary(review: &Review) -> String {
    let count = |standing| review.questions.iter().filter(|one| one.standing == standing).count();
    format!(
        "{} questions: {} to act on, {} to watch, {} fine, {} that the plan cannot answer.",
        review.questions.len(),
        count(Standing::Act),
        count(Standing::Watch),
        count(Standing::Fine),
        count(Standing::Unknown)
    )
}

fn value(value: Option<f64>, unit: Unit, currency: &str) -> String {
    let Some(value) = value else {
        return (if unit == Unit::Seconds { "no limit" } else { "–" }).to_owned();
    };
    match unit {
        Unit::Share => share(value),
        Unit::Seconds => seconds(value),
        Unit::Bits => bits(value),
        Unit::Rate => rate(value),
        Unit::Count => significant(value),
        Unit::Money => format!("{} {currency}", amount(value)),
        Unit::Times => times(value),
        Unit::Months => format!("{} months", significant(value)),
    }
}

/// The names of the baselines, in their order; every figure of a question has the same ones.
fn baselines(question: &Question) -> Vec<&str> {
    let longest = question.figures.iter().max_by_key(|figure| figure.baselines.len());
    longest.into_iter().flat_map(|figure| &figure.baselines).map(|base| base.of.as_str()).collect()
}

fn grid(question: &Question, currency: &str) -> Grid {
    let mut names: Vec<String> = baselines(question).into_iter().map(plain).collect();
    names.truncate(BASELINES_MAX);
    let mut columns = vec!["", "now"];
    columns.extend(names.iter().map(String::as_str));
    let mut grid = Grid::new("", &columns, "");
    grid.columns[0].1 = if names.is_empty() { Align::Prose } else { Align::Left };
    for figure in &question.figures {
        let mut cells = vec![plain(&figure.what), value(figure.value, figure.unit, currency)];
        cells.extend(names.iter().map(|name| {
            let base = figure.baselines.iter().find(|base| plain(&base.of) == *name);
            base.map_or_else(|| "–".to_owned(), |base| value(base.value, figure.unit, currency))
        }));
        grid.rows.push(cells);
    }
    grid
}

/// All reviews as a section of the page, or as the page's only one.
pub fn section(reviews: &[Review], markup: &mut Markup) {
    if reviews.is_empty() {
        return;
    }
    markup.open("section", &[("class", "reviews")]);
    markup.element("h2", &[], "Reviews");
    markup.element("p", &[("class", "says")], "What to ask every week, month and quarter, with this plan's figures filled in beside its peaks.");
    for review in reviews {
        let act = review.questions.iter().any(|question| question.standing == Standing::Act);
        markup.open("details", &[]);
        markup.open("summary", &[]);
        markup.element("b", &[("class", if act { "act" } else { "fine" })], name(review.period));
        markup.text(&summary(review));
        markup.close("summary");
        for question in &review.questions {
            asked("h3", question, &review.currency, markup);
        }
        markup.close("details");
    }
    markup.close("section");
}

/// One review, a section for each question.
pub fn sheet(review: &Review, markup: &mut Markup) {
    for question in &review.questions {
        markup.open("section", &[("class", "reviews")]);
        asked("h2", question, &review.currency, markup);
        markup.close("section");
    }
}

fn asked(heading: &'static str, question: &Question, currency: &str, markup: &mut Markup) {
    markup.element(heading, &[], question.question);
    markup.open("p", &[("class", "says")]);
    markup.element("b", &[("class", question.standing.name())], &capital(question.standing.name()));
    markup.prose(&format!(" {}", question.answer));
    markup.close("p");
    if question.figures.is_empty() {
        return;
    }
    let names = baselines(question);
    markup.scroll(question.question);
    markup.fixed("<table><thead><tr><td></td><th scope=\"col\" class=\"number\">Now</th>");
    for name in &names {
        markup.element("th", &[("scope", "col"), ("class", "number")], &capital(name));
    }
    markup.fixed("</tr></thead>\n<tbody>\n");
    for figure in &question.figures {
        markup.open("tr", &[]);
        markup.element("th", &[("scope", "row")], &figure.what);
        let shown = value(figure.value, figure.unit, currency);
        markup.element("td", &[("class", "number")], &shown);
        for name in &names {
            let base = figure.baselines.iter().find(|base| base.of == *name);
            let shown = base
                .map_or_else(|| "–".to_owned(), |base| value(base.value, figure.unit, currency));
            markup.element("td", &[("class", "number")], &shown);
        }
        markup.close("tr");
    }
    markup.fixed("</tbody></table></div>\n");
}
