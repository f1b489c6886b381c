//! The topology for narrow screens: hops from first to last down one column, lines beside them.

use super::layout::{HOP_HEIGHT, Layout};
use super::topology::{draw_hop, figure, lines};
use super::units::titled;
use super::view::View;
use crate::document::Markup;
use std::collections::BTreeMap;

/// Width of the drawing.
const WIDTH: f64 = 330.0;
/// Room on the left for lines that pass hops by.
const GUTTER: f64 = 92.0;
/// From one hop to the next.
const ROW: f64 = 78.0;
/// How far a line bulges for each hop it passes.
const BULGE: f64 = 14.0;

/// Draws a view.
pub fn draw(view: &View<'_>, layout: &Layout, bits_max: f64, markup: &mut Markup) {
    let height = ROW * layout.order.len() as f64 - (ROW - HOP_HEIGHT);
    let (wide, tall) = (figure(WIDTH), figure(height.max(0.0) + layout.foot()));
    let view_box = format!("0 {} {wide} {tall}", figure(0.0 - layout.foot()));
    let described = format!("Topology. {}", view.says());
    let attributes = [
        ("class", "topology ladder"),
        ("viewBox", view_box.as_str()),
        ("role", "img"),
        ("aria-label", described.as_str()),
    ];
    markup.open("svg", &attributes);
    let rows: BTreeMap<&str, usize> =
        layout.order.iter().enumerate().map(|(row, (name, _))| (name.as_str(), row)).collect();
    for ((from, to), line) in lines(view, layout) {
        if let (Some(start), Some(end)) = (rows.get(from), rows.get(to)) {
            line.stroke((from, to), &path(*start, *end), bits_max, markup);
        }
    }
    for (row, (name, plane)) in layout.order.iter().enumerate() {
        let Some(look) = view.hops.iter().find(|look| look.name == *name) else { continue };
        let top = ROW * row as f64;
        draw_hop(look, (GUTTER, top), WIDTH - GUTTER, markup);
        let (x, y) = (figure(WIDTH - 12.0), figure(top + 21.0));
        let place = [("class", "lane-name"), ("x", x.as_str()), ("y", &y), ("text-anchor", "end")];
        markup.element("text", &place, &titled(plane.name()));
    }
    // Two lines above: the drawing is narrow.
    if let Some(told) = layout.told() {
        for (line, text) in told.split_inclusive(". ").enumerate() {
            let baseline = figure(18.0 * line as f64 - layout.foot() + 10.0);
            let place = [("class", "told"), ("x", "2"), ("y", baseline.as_str())];
            markup.element("text", &place, text.trim());
        }
    }
    markup.close("svg");
}

/// Straight down to the next hop; around the left of those it passes by.
fn path(from: usize, to: usize) -> String {
    let middle = |row: usize| ROW * row as f64 + HOP_HEIGHT / 2.0;
    if to == from + 1 {
        let x = figure(GUTTER + 26.0);
        return format!("M{x} {} L{x} {}", figure(middle(from)), figure(middle(to)));
    }
    let passed = from.abs_diff(to) as f64;
    let out = figure((GUTTER - 22.0 - BULGE * passed).max(4.0));
    let (edge, start, end) = (figure(GUTTER), figure(middle(from)), figure(middle(to)));
    format!("M{edge} {start} C{out} {start} {out} {end} {edge} {end}")
}
