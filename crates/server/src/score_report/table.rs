//! The scorecard on a terminal.

use super::words::{self, COST_PARTS, cost_parts, score};
use crate::report::number::{amount, percent};
use crate::report::page::{Align, Grid, plain};
use crate::report::terminal::compose;
use millstream_plan::score::{Basis, Scorecard};

/// Width used where there is no terminal to ask.
const WIDTH_DEFAULT: u16 = 80;

/// Sentences, scores, costs, sensitivity, evidence.
pub fn render(card: &Scorecard, width: Option<u16>) -> String {
    let mut sentences = vec![
        words::verdict(card),
        words::cost(card),
        words::firmness(card),
        words::other_weights(card),
    ];
    sentences.extend(words::claims(card));
    sentences.extend(card.options.iter().filter_map(|option| {
        words::remark(card, option)
            .map(|remark| format!("{} {}", option.name, words::inside(&remark)))
    }));
    sentences.extend(words::rates(card));
    sentences.retain(|sentence| !sentence.is_empty());
    let sentences: Vec<String> = sentences.iter().map(|text| shown(text)).collect();
    let title = shown(&card.title);
    let lines: Vec<&str> =
        [title.as_str(), ""].into_iter().chain(sentences.iter().map(String::as_str)).collect();
    let grids = [scores(card), costs(card), weights(card), evidence(card)];
    compose(&lines, &grids, width.unwrap_or(WIDTH_DEFAULT))
}

/// Text of the sheet, fit for a terminal at any length.
fn shown(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(100).map(|piece| plain(&piece.iter().collect::<String>())).collect()
}

fn grid(title: &str, first: &[&str], card: &Scorecard) -> Grid {
    let options: Vec<String> = card.options.iter().map(|option| shown(&option.name)).collect();
    let mut columns: Vec<&str> = first.to_vec();
    columns.extend(options.iter().map(String::as_str));
    Grid::new(title, &columns, "")
}

fn scores(card: &Scorecard) -> Grid {
    let claimed = !card.claims.is_empty();
    let title =
        if claimed { "Scores, 0 to 5 (* rests on a claim alone)" } else { "Scores, 0 to 5" };
    let mut grid = grid(title, &["", "weight"], card);
    for (index, row) in card.criteria.iter().enumerate() {
        let must = row.must.map_or_else(String::new, |must| format!(" (must be {})", score(must)));
        let mut cells = vec![format!("{}{must}", shown(&row.name)), percent(row.share)];
        cells.extend(card.options.iter().map(|option| {
            option.marks.get(index).map_or_else(String::new, |mark| {
                let star = if mark.basis == Basis::Claimed { "*" } else { " " };
                format!("{}{}", score(mark.score), if claimed { star } else { "" })
            })
        }));
        grid.rows.push(cells);
    }
    let pad = if claimed { " " } else { "" };
    let means = card.options.iter().map(|option| format!("{:.2}{pad}", option.score));
    grid.total =
        Some([String::from("Weighted score"), String::new()].into_iter().chain(means).collect());
    grid
}

fn costs(card: &Scorecard) -> Grid {
    let title = format!("Cost over {}, {}", words::years(card), shown(&card.currency));
    let mut grid = grid(&title, &[""], card);
    for (index, part) in COST_PARTS.iter().enumerate() {
        let amounts = card.options.iter().map(|option| amount(cost_parts(option)[index]));
        grid.rows.push([(*part).to_owned()].into_iter().chain(amounts).collect());
    }
    let totals = card.options.iter().map(|option| amount(option.cost.total));
    grid.total = Some([String::from("Total")].into_iter().chain(totals).collect());
    grid
}

fn weights(card: &Scorecard) -> Grid {
    let title = "Share of all weight below or above which another option comes first";
    let columns = ["", "now", "below", "first is", "above", "first is"];
    let mut grid = Grid::new(title, &columns, "There is one admissible option: nothing can turn.");
    for (index, (_, align)) in grid.columns.iter_mut().enumerate() {
        if index == 3 || index == 5 {
            *align = Align::Left;
        }
    }
    if card.options.len() < 2 || card.lead.is_none() {
        return grid;
    }
    for range in &card.sensitivity.weights {
        let (below, below_name) = words::flip(range.lowered.as_ref());
        let (above, above_name) = words::flip(range.raised.as_ref());
        let name = shown(words::row(card, &range.criterion));
        let (below_name, above_name) = (shown(&below_name), shown(&above_name));
        grid.rows.push(vec![name, percent(range.share), below, below_name, above, above_name]);
    }
    grid
}

fn evidence(card: &Scorecard) -> Grid {
    let mut grid = Grid::new("Evidence", &["", "", "score", "basis", "what was seen"], "");
    for (index, align) in [(1, Align::Left), (3, Align::Left), (4, Align::Prose)] {
        grid.columns[index].1 = align;
    }
    for (index, row) in card.criteria.iter().enumerate() {
        for (place, option) in card.options.iter().enumerate() {
            let Some(mark) = option.marks.get(index) else { continue };
            grid.rows.push(vec![
                if place == 0 { shown(&row.name) } else { String::new() },
                shown(&option.name),
                score(mark.score),
                mark.basis.as_str().to_owned(),
                shown(&mark.evidence),
            ]);
        }
    }
    grid
}
