//! The scorecard as one HTML file.

use super::words::{self, COST_PARTS, cost_parts, score};
use crate::document::{self, Markup};
use crate::report::number::{amount, percent};
use millstream_plan::score::{AssessedOption, Scorecard, Standing, WeightRange};

/// Classes of the parts of a cost, in the order of [`COST_PARTS`].
const FILLS: [&str; 5] = ["f1", "f2", "f3", "f4", "f5"];

/// The whole page.
pub fn render(card: &Scorecard) -> String {
    let mut body = Markup::default();
    body.open("main", &[]);
    body.open("header", &[]);
    body.element("p", &[("class", "kicker")], &card.title);
    body.element("h1", &[], &words::verdict(card));
    body.element("p", &[("class", "lede")], &words::cost(card));
    body.element("p", &[("class", "lede")], &words::firmness(card));
    body.close("header");
    options(card, &mut body);
    scores(card, &mut body);
    costs(card, &mut body);
    firmness(card, &mut body);
    evidence(card, &mut body);
    body.close("main");
    body.open("footer", &[]);
    body.element("p", &[], "Scores are weighted means of 0 to 5 and flips are exact: a weighted score is linear in each weight and each score. Costs are estimates from the sheet, without discounting. Only the shares of weightings are simulated, from a fixed seed.");
    body.close("footer");
    document::render(&card.title, include_str!("score.css"), body)
}

fn head(title: &str, says: &str, body: &mut Markup) {
    body.element("h2", &[], title);
    if !says.is_empty() {
        body.element("p", &[("class", "says")], says);
    }
}

/// A bar of full width, filled in parts.
fn bar(parts: &[(f64, &'static str)], class: &str, body: &mut Markup) {
    let attributes = [
        ("class", class),
        ("viewBox", "0 0 1000 10"),
        ("preserveAspectRatio", "none"),
        ("aria-hidden", "true"),
    ];
    body.open("svg", &attributes);
    body.shape("rect", &[("class", "track"), ("width", "1000"), ("height", "10")]);
    let mut from = 0.0;
    for (share, fill) in parts {
        let (x, width) = (format!("{:.1}", from * 1_000.0), format!("{:.1}", share * 1_000.0));
        body.shape("rect", &[("class", fill), ("x", &x), ("width", &width), ("height", "10")]);
        from += share;
    }
    body.close("svg");
}

fn options(card: &Scorecard, body: &mut Markup) {
    body.open("section", &[("class", "plain options")]);
    body.element("h2", &[("class", "hidden")], "The options");
    for option in &card.options {
        let first = option.standing == Standing::Winner;
        body.open("div", &[("class", if first { "card first" } else { "card" })]);
        body.element(
            "p",
            &[("class", "kicker")],
            &format!("{} · {}", place(option), option.kind.as_str()),
        );
        body.element("h3", &[], &option.name);
        body.open("p", &[("class", "big")]);
        body.text(&format!("{:.2}", option.score));
        body.element("span", &[], " of 5");
        body.close("p");
        bar(&[(option.score / 5.0, "f1")], "bar", body);
        let total =
            format!("{} {} over {}", amount(option.cost.total), card.currency, words::years(card));
        body.element("p", &[("class", "total")], &total);
        if let Some(remark) = words::remark(card, option) {
            body.element("p", &[("class", "small")], &remark);
        }
        body.close("div");
    }
    body.close("section");
}

fn place(option: &AssessedOption) -> String {
    match option.standing {
        Standing::RuledOut => "Ruled out".to_owned(),
        Standing::Winner => "First".to_owned(),
        Standing::Tied => "Tied".to_owned(),
        Standing::Behind => format!("Place {}", option.rank),
    }
}

fn scores(card: &Scorecard, body: &mut Markup) {
    body.open("section", &[]);
    let strongest = card.options.first().and_then(|first| {
        let gap = |index: usize| {
            let others = card.options.iter().skip(1);
            let best = others.map(|option| option.marks[index].score).fold(0.0, f64::max);
            (first.marks[index].score - best) * card.criteria[index].share
        };
        let rows = 0..card.criteria.len();
        let best = rows.clone().max_by(|a, b| gap(*a).total_cmp(&gap(*b)))?;
        let worst = rows.min_by(|a, b| gap(*a).total_cmp(&gap(*b)))?;
        Some((first, best, worst, gap(best), gap(worst)))
    });
    let says = match strongest {
        Some((first, best, worst, ahead, behind)) if ahead > 0.0 && behind < 0.0 => format!(
            "{} leads most on {} and gives most away on {}.",
            first.name,
            words::inside(&card.criteria[best].name),
            words::inside(&card.criteria[worst].name)
        ),
        Some((first, best, _, ahead, _)) if ahead > 0.0 => {
            format!("{} leads most on {}.", first.name, words::inside(&card.criteria[best].name))
        }
        _ => String::new(),
    };
    head("Scores by row", &says, body);
    body.scroll("Scores");
    body.open("table", &[("class", "scores")]);
    body.fixed(
        "<thead><tr><th scope=\"col\">Row</th><th scope=\"col\" class=\"number\">Weight</th>",
    );
    for option in &card.options {
        body.element("th", &[("scope", "col")], &option.name);
    }
    body.fixed("</tr></thead>\n<tbody>\n");
    for (index, row) in card.criteria.iter().enumerate() {
        body.open("tr", &[]);
        body.open("th", &[("scope", "row")]);
        body.text(&row.name);
        if let Some(must) = row.must {
            body.element("small", &[], &format!(" must be {}", score(must)));
        }
        body.element("p", &[("class", "small question")], &row.question);
        body.close("th");
        body.element("td", &[("class", "number")], &percent(row.share));
        for option in &card.options {
            let Some(mark) = option.marks.get(index) else { continue };
            body.open("td", &[("class", "score")]);
            body.element("b", &[], &score(mark.score));
            bar(&[(mark.score / 5.0, "f1")], "bar", body);
            body.element("small", &[("class", mark.basis.as_str())], mark.basis.as_str());
            body.close("td");
        }
        body.close("tr");
    }
    body.fixed("</tbody></table></div>\n");
    body.close("section");
}

fn costs(card: &Scorecard, body: &mut Markup) {
    body.open("section", &[]);
    let title = format!("Cost over {}, {}", words::years(card), card.currency);
    head(&title, &words::beside_the_licence(card), body);
    let most = card.options.iter().map(|option| option.cost.total).fold(1.0, f64::max);
    body.open("figure", &[("class", "stack")]);
    for option in &card.options {
        body.element("p", &[], &option.name);
        let parts: Vec<(f64, &'static str)> =
            cost_parts(option).iter().zip(FILLS).map(|(part, fill)| (part / most, fill)).collect();
        bar(&parts, "bar wide", body);
    }
    body.close("figure");
    body.open("ul", &[("class", "legend"), ("aria-hidden", "true")]);
    for (part, fill) in COST_PARTS.iter().zip(FILLS) {
        body.fixed("<li><svg viewBox=\"0 0 1 1\">");
        body.shape("rect", &[("class", fill), ("width", "1"), ("height", "1")]);
        body.fixed("</svg>");
        body.text(part);
        body.close("li");
    }
    body.close("ul");
    body.scroll("Costs");
    body.fixed("<table class=\"costs\"><thead><tr><th scope=\"col\">Part</th>");
    for option in &card.options {
        body.element("th", &[("scope", "col"), ("class", "number")], &option.name);
    }
    body.fixed("</tr></thead>\n<tbody>\n");
    for (index, part) in COST_PARTS.iter().enumerate() {
        body.open("tr", &[]);
        body.element("th", &[("scope", "row")], part);
        for option in &card.options {
            body.element("td", &[("class", "number")], &amount(cost_parts(option)[index]));
        }
        body.close("tr");
    }
    body.fixed("</tbody><tfoot><tr><th scope=\"row\">Total</th>");
    for option in &card.options {
        body.element("td", &[("class", "number")], &amount(option.cost.total));
    }
    body.fixed("</tr></tfoot></table></div>\n");
    for sentence in words::rates(card) {
        body.element("p", &[("class", "note")], &sentence);
    }
    body.close("section");
}

fn firmness(card: &Scorecard, body: &mut Markup) {
    if card.lead.is_none() {
        return;
    }
    body.open("section", &[]);
    head("How firmly the ranking stands", &words::other_weights(card), body);
    body.scroll("Weights");
    body.fixed("<table class=\"firm\"><thead><tr><th scope=\"col\">Row</th><th scope=\"col\" class=\"number\">Weight now</th><th scope=\"col\">Where the winner stays</th><th scope=\"col\">Below</th><th scope=\"col\">Above</th></tr></thead>\n<tbody>\n");
    for range in &card.sensitivity.weights {
        body.open("tr", &[]);
        body.element("th", &[("scope", "row")], words::row(card, &range.criterion));
        body.element("td", &[("class", "number")], &percent(range.share));
        body.open("td", &[("class", "band")]);
        band(range, body);
        body.close("td");
        for flip in [&range.lowered, &range.raised] {
            let (share, name) = words::flip(flip.as_ref());
            let text = if name.is_empty() { share } else { format!("{share} {name}") };
            body.element("td", &[], &text);
        }
        body.close("tr");
    }
    body.fixed("</tbody></table></div>\n");
    if let Some(claims) = words::claims(card) {
        body.element("p", &[("class", "note")], &claims);
    }
    for flip in card.sensitivity.scores.iter().take(3) {
        body.element(
            "p",
            &[("class", "note")],
            &format!(
                "{} comes first once {} of {} goes from {} past {}.",
                flip.becomes,
                words::inside(words::row(card, &flip.criterion)),
                flip.option,
                score(flip.score),
                score(flip.flips_at)
            ),
        );
    }
    body.close("section");
}

/// The shares of weight in which the winner stays, and where the weight is now.
fn band(range: &WeightRange, body: &mut Markup) {
    let from = range.lowered.as_ref().map_or(0.0, |flip| flip.share);
    let to = range.raised.as_ref().map_or(1.0, |flip| flip.share);
    let place = |share: f64| format!("{:.1}", share.clamp(0.0, 1.0) * 1_000.0);
    let (x, width, now) = (place(from), place(to - from), place(range.share.min(0.994)));
    body.open(
        "svg",
        &[
            ("class", "bar wide"),
            ("viewBox", "0 0 1000 10"),
            ("preserveAspectRatio", "none"),
            ("aria-hidden", "true"),
        ],
    );
    body.shape("rect", &[("class", "track"), ("width", "1000"), ("height", "10")]);
    body.shape("rect", &[("class", "stays"), ("x", &x), ("width", &width), ("height", "10")]);
    body.shape("rect", &[("class", "now"), ("x", &now), ("width", "6"), ("height", "10")]);
    body.close("svg");
}

fn evidence(card: &Scorecard, body: &mut Markup) {
    body.open("section", &[]);
    head(
        "Evidence",
        "What each score rests on, from firm to soft: measured, tested, documented, claimed.",
        body,
    );
    for (index, row) in card.criteria.iter().enumerate() {
        body.element("h3", &[], &row.name);
        body.open("ul", &[("class", "evidence")]);
        for option in &card.options {
            let Some(mark) = option.marks.get(index) else { continue };
            body.open("li", &[]);
            body.element("b", &[], &option.name);
            body.element("span", &[], &score(mark.score));
            body.element("small", &[("class", mark.basis.as_str())], mark.basis.as_str());
            body.element("p", &[], &mark.evidence);
            body.close("li");
        }
        body.close("ul");
    }
    body.close("section");
}
