//! What moves from one plan to another, on a terminal.

use super::options::HOURS_A_MONTH;
use super::units::{rate, seconds, share};
use crate::report::number::amount;
use crate::report::page::{Align, Grid, plain};
use crate::report::terminal::compose;
use millstream_plan::diff::PlanDiff;

/// Width used where there is no terminal to ask.
const WIDTH_DEFAULT: u16 = 80;
/// Most rows of a table.
const ROWS_MAX: usize = 30;

/// Loads, hops, flows and warnings that changed.
pub fn render(found: &PlanDiff, width: Option<u16>) -> String {
    let moved = !found.hops.is_empty() || !found.flows.is_empty();
    let warned = !found.new_warnings.is_empty() || !found.gone_warnings.is_empty();
    if !moved && !warned {
        return "Nothing moves: both plans give the same figures.\n".to_owned();
    }
    let mut grids = vec![loads(found), hops(found), flows(found)];
    grids.push(warnings(found));
    grids.retain(|grid| !grid.rows.is_empty());
    compose(&["What moves, before and after."], &grids, width.unwrap_or(WIDTH_DEFAULT))
}

fn grid(title: &str, columns: &[&str], words: &[usize]) -> Grid {
    let mut grid = Grid::new(title, columns, "");
    for index in words {
        grid.columns[*index].1 = Align::Left;
    }
    grid
}

/// The first rows; the title says of how many.
fn cut(mut grid: Grid) -> Grid {
    if grid.rows.len() > ROWS_MAX {
        grid.title = format!("{} ({ROWS_MAX} of {})", grid.title, grid.rows.len());
        grid.rows.truncate(ROWS_MAX);
    }
    grid
}

fn word(value: &Option<String>) -> String {
    value.as_deref().map_or_else(|| "–".to_owned(), plain)
}

fn loads(found: &PlanDiff) -> Grid {
    let columns = ["", "bottleneck", "then", "delay costs an hour", "then"];
    let mut grid = grid("Loads", &columns, &[1, 2]);
    let money = |value: Option<f64>| {
        value.map_or_else(|| "–".to_owned(), |value| amount(value / HOURS_A_MONTH))
    };
    for one in &found.scenarios {
        grid.rows.push(vec![
            plain(&one.scenario),
            word(&one.bottleneck_before),
            word(&one.bottleneck_after),
            money(one.cost_before),
            money(one.cost_after),
        ]);
    }
    cut(grid)
}

fn hops(found: &PlanDiff) -> Grid {
    let mut grid = grid("Hops", &["", "load", "use", "then"], &[1]);
    let used = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), share);
    for one in &found.hops {
        let (before, after) = (used(one.utilisation_before), used(one.utilisation_after));
        if before != after {
            grid.rows.push(vec![plain(&one.hop), plain(&one.scenario), before, after]);
        }
    }
    cut(grid)
}

fn flows(found: &PlanDiff) -> Grid {
    let columns = ["", "load", "p99", "then", "arrive", "then"];
    let mut grid = grid("Flows", &columns, &[1]);
    let time = |value: Option<f64>| value.map_or_else(|| "no limit".to_owned(), seconds);
    let events = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), rate);
    for one in &found.flows {
        let (before, after) = (time(one.p99_before_s), time(one.p99_after_s));
        let (arrived, arrive) = (events(one.goodput_before), events(one.goodput_after));
        if before == after && arrived == arrive {
            continue;
        }
        grid.rows.push(vec![
            plain(&one.flow),
            plain(&one.scenario),
            before,
            after,
            arrived,
            arrive,
        ]);
    }
    cut(grid)
}

fn warnings(found: &PlanDiff) -> Grid {
    let mut grid = Grid::new("Warnings", &["", ""], "");
    grid.columns[1].1 = Align::Prose;
    for (what, warnings) in [("gone", &found.gone_warnings), ("new", &found.new_warnings)] {
        for warning in warnings.iter().take(ROWS_MAX) {
            let letters: Vec<char> = warning.chars().collect();
            let shown =
                letters.chunks(100).map(|piece| plain(&piece.iter().collect::<String>())).collect();
            grid.rows.push(vec![what.to_owned(), shown]);
        }
    }
    grid
}
