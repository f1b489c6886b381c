//! The topology of one view as SVG: lanes by plane, hops coloured and labelled by utilisation, lines
//! as thick as the bits that take them.

use super::layout::{HOP_HEIGHT, HOP_WIDTH, Layout};
use super::units::{bits, listed, share, spoken, titled};
use super::view::{HopLook, View};
use crate::document::Markup;
use millstream_plan::report::{Fate, State};
use std::collections::BTreeMap;

/// Thickest line.
const LINE_MAX: f64 = 14.0;
/// Thinnest line.
const LINE_MIN: f64 = 1.5;
/// Letters of a name that fit into a box.
const NAME_LETTERS: usize = 18;

/// What runs between two hops.
#[derive(Default)]
pub struct Line<'v> {
    pub bits_per_s: f64,
    flows: Vec<&'v str>,
    worst: u8,
}

/// Draws a view. `bits_max` is the thickest line of all views, so that they can be compared.
pub fn draw(view: &View<'_>, layout: &Layout, bits_max: f64, markup: &mut Markup) {
    let (width, height) = (figure(layout.width), figure(layout.height));
    let described = format!("Topology. {}", view.says());
    let view_box = format!("0 0 {width} {height}");
    let wide = if layout.width > 1_320.0 { "topology wide" } else { "topology" };
    let attributes = [
        ("class", wide),
        ("viewBox", view_box.as_str()),
        ("width", width.as_str()),
        ("height", height.as_str()),
        ("role", "img"),
        ("aria-label", described.as_str()),
    ];
    markup.open("svg", &attributes);
    for lane in &layout.lanes {
        let (y, tall) = (figure(lane.top), figure(lane.height));
        let area =
            [("class", "lane"), ("y", &y), ("width", &width), ("height", &tall), ("rx", "10")];
        markup.shape("rect", &area.map(|(name, value): (&'static str, &str)| (name, value)));
        let baseline = figure(lane.top + 21.0);
        let place = [("class", "lane-name"), ("x", "16"), ("y", baseline.as_str())];
        markup.element("text", &place, &titled(lane.plane.name()));
    }
    for ((from, to), line) in lines(view, layout) {
        if let (Some(start), Some(end)) = (layout.hops.get(from), layout.hops.get(to)) {
            line.stroke((from, to), &curve(*start, *end), bits_max, markup);
        }
    }
    for look in &view.hops {
        if let Some(place) = layout.hops.get(&look.name) {
            draw_hop(look, *place, HOP_WIDTH, markup);
        }
    }
    if let Some(told) = layout.told() {
        let edge = figure(layout.width - 16.0);
        let place = [("class", "told"), ("x", edge.as_str()), ("y", "21"), ("text-anchor", "end")];
        markup.element("text", &place, &told);
    }
    markup.close("svg");
}

/// The largest sum of bits that any line of a view carries.
pub fn most_bits(view: &View<'_>, layout: &Layout) -> f64 {
    lines(view, layout).values().map(|line| line.bits_per_s).fold(0.0, f64::max)
}

/// What runs between which hops.
pub fn lines<'v>(view: &'v View<'_>, layout: &Layout) -> BTreeMap<(&'v str, &'v str), Line<'v>> {
    let mut lines: BTreeMap<(&str, &str), Line<'_>> = BTreeMap::new();
    for flow in &view.flows {
        let drawn: Vec<&str> = flow
            .path
            .iter()
            .map(String::as_str)
            .filter(|hop| layout.hops.contains_key(*hop))
            .collect();
        for step in drawn.windows(2).filter(|step| step[0] != step[1]) {
            let line = lines.entry((step[0], step[1])).or_default();
            line.bits_per_s += flow.bits_per_s;
            line.flows.push(&flow.name);
            line.worst = line.worst.max(severity(flow.fate));
        }
    }
    lines
}

const fn severity(fate: Fate) -> u8 {
    match fate {
        Fate::Ok => 0,
        Fate::Rerouted => 1,
        Fate::Late => 2,
        Fate::Throttled => 3,
        Fate::Lost => 4,
    }
}

impl Line<'_> {
    /// Draws it along a path.
    pub fn stroke(&self, ends: (&str, &str), path: &str, bits_max: f64, markup: &mut Markup) {
        let part = if bits_max > 0.0 { self.bits_per_s / bits_max } else { 0.0 };
        let thickness = figure((LINE_MAX * part.sqrt()).max(LINE_MIN));
        let class = match self.worst {
            0 => "line",
            1 => "line rerouted",
            2 => "line late",
            3 => "line throttled",
            _ => "line lost",
        };
        markup.open("path", &[("class", class), ("d", path), ("stroke-width", &thickness)]);
        let (from, to) = ends;
        let told = format!("{from} to {to}: {}, {}", bits(self.bits_per_s), listed(&self.flows));
        markup.element("title", &[], &told);
        markup.close("path");
    }
}

/// From the right edge of one box to the left edge of another; out of the bottom and into the left
/// edge where the other stands lower and a little to the right; else from one over to the other.
fn curve((x, y): (f64, f64), (to_x, to_y): (f64, f64)) -> String {
    let (half, middle) = (HOP_WIDTH / 2.0, HOP_HEIGHT / 2.0);
    let points = if to_x >= x + HOP_WIDTH {
        let (start, end) = ((x + HOP_WIDTH, y + middle), (to_x, to_y + middle));
        let bend = (end.0 - start.0) / 2.0;
        [start.0, start.1, start.0 + bend, start.1, end.0 - bend, end.1, end.0, end.1]
    } else {
        let (out, into) = if to_y > y { (HOP_HEIGHT, 0.0) } else { (0.0, HOP_HEIGHT) };
        let start = (x + half, y + out);
        if to_x > start.0 {
            let end = (to_x, to_y + middle);
            [start.0, start.1, start.0, (start.1 + end.1) / 2.0, start.0, end.1, end.0, end.1]
        } else {
            let end = (to_x + half, to_y + into);
            let bend = (end.1 - start.1) / 2.0;
            [start.0, start.1, start.0, start.1 + bend, end.0, end.1 - bend, end.0, end.1]
        }
    };
    let [a, b, c, d, e, f, g, h] = points.map(figure);
    format!("M{a} {b} C{c} {d} {e} {f} {g} {h}")
}

/// One hop's box, as wide as given.
pub fn draw_hop(look: &HopLook, (x, y): (f64, f64), width: f64, markup: &mut Markup) {
    let move_to = format!("translate({} {})", figure(x), figure(y));
    let class = format!("hop {}", look.state.name());
    markup.open("g", &[("class", &class), ("transform", &move_to)]);
    markup.element("title", &[], &format!("{}: {}", look.name, told(look)));
    let (across, height) = (figure(width), figure(HOP_HEIGHT));
    markup.shape("rect", &[("class", "box"), ("width", &across), ("height", &height), ("rx", "8")]);
    markup.element("text", &[("class", "hop-name"), ("x", "12"), ("y", "21")], &cut(&look.name));
    markup.element("text", &[("class", "hop-use"), ("x", "12"), ("y", "38")], &told(look));
    let inner = width - 24.0;
    let filled = figure(inner * look.utilisation.unwrap_or(0.0).clamp(0.0, 1.0));
    let whole = figure(inner);
    markup.shape(
        "rect",
        &[
            ("class", "track"),
            ("x", "12"),
            ("y", "45"),
            ("width", &whole),
            ("height", "4"),
            ("rx", "2"),
        ],
    );
    markup.shape(
        "rect",
        &[
            ("class", "fill"),
            ("x", "12"),
            ("y", "45"),
            ("width", &filled),
            ("height", "4"),
            ("rx", "2"),
        ],
    );
    markup.close("g");
}

/// `62 % service`, `84 % bits, tight`, `107 % packets`, `down`
pub fn told(look: &HopLook) -> String {
    let Some(utilisation) = look.utilisation else { return "down".to_owned() };
    let resource = look.limit.map_or_else(String::new, |limit| format!(" {}", short(limit.name())));
    match look.state {
        State::Failed => "down".to_owned(),
        State::Idle => "idle".to_owned(),
        State::Ok if look.limit.is_none() => "no limit given".to_owned(),
        State::Ok => format!("{}{resource}", share(utilisation)),
        State::Tight => format!("{}{resource}, tight", share(utilisation)),
        State::Unstable => format!("{}{resource}", share(utilisation)),
    }
}

/// A resource in a word or two.
pub fn short(resource: &str) -> String {
    match resource {
        "forward_bits" => "bits".to_owned(),
        "reverse_bits" => "bits back".to_owned(),
        other => spoken(other),
    }
}

fn cut(name: &str) -> String {
    if name.chars().count() <= NAME_LETTERS {
        return name.to_owned();
    }
    let kept: String = name.chars().take(NAME_LETTERS - 1).collect();
    format!("{kept}…")
}

/// A coordinate with one decimal at most.
pub fn figure(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}
