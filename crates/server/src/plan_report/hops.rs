//! The hops of a view as a table, grouped by plane.

use super::topology::{short, told};
use super::units::{bits, rate, seconds, share, titled};
use super::view::View;
use crate::document::Markup;
use millstream_plan::inventory::Plane;
use millstream_plan::report::{FailureReport, HopReport, State};

/// Most rows of the table, fullest first.
pub const ROWS_MAX: usize = 100;

/// The table of one load.
pub fn draw(view: &View<'_>, markup: &mut Markup) {
    let mut hops: Vec<&HopReport> = view.scenario.hops.iter().collect();
    hops.sort_by(|a, b| b.utilisation.total_cmp(&a.utilisation).then_with(|| a.name.cmp(&b.name)));
    let left_out = hops.len().saturating_sub(ROWS_MAX);
    hops.truncate(ROWS_MAX);
    markup.scroll("Hops");
    markup.fixed("<table class=\"hops\"><thead><tr><th scope=\"col\">Hop</th><th scope=\"col\">Fullest resource</th><th scope=\"col\" class=\"number\">Events</th><th scope=\"col\" class=\"number\">Bits</th><th scope=\"col\" class=\"number\">Packets</th><th scope=\"col\" class=\"number\">Wait, mean</th><th scope=\"col\" class=\"number\">Wait, p99</th><th scope=\"col\" class=\"number\">Loss</th></tr></thead>\n<tbody>\n");
    for plane in Plane::ALL {
        let members: Vec<&&HopReport> = hops.iter().filter(|hop| hop.plane == *plane).collect();
        if members.is_empty() {
            continue;
        }
        markup.open("tr", &[("class", "group")]);
        markup.element("th", &[("colspan", "8"), ("scope", "rowgroup")], &titled(plane.name()));
        markup.close("tr");
        for hop in members {
            row(hop, view, markup);
        }
    }
    markup.fixed("</tbody></table></div>\n");
    if left_out > 0 {
        markup.element(
            "p",
            &[("class", "note")],
            &format!("{left_out} more hops are less full than these."),
        );
    }
}

fn row(hop: &HopReport, view: &View<'_>, markup: &mut Markup) {
    markup.open("tr", &[("class", hop.state.name())]);
    markup.open("th", &[("scope", "row")]);
    markup.text(&hop.name);
    if let Some(verdict) = &hop.verdict {
        markup.element("small", &[("class", "verdict")], verdict);
    }
    markup.close("th");
    markup.open("td", &[("class", "use")]);
    let look = view.hops.iter().find(|look| look.name == hop.name);
    markup.text(&look.map_or_else(String::new, told));
    gauge(hop, markup);
    markup.close("td");
    let wait = |figure: Option<millstream_plan::Figure>| match (figure, hop.state) {
        (Some(figure), _) => seconds(figure.value),
        (None, State::Unstable) => "no limit".to_owned(),
        (None, _) => "–".to_owned(),
    };
    let both = |one: f64, other: f64, unit: fn(f64) -> String| {
        if one + other == 0.0 { "–".to_owned() } else { unit(one + other) }
    };
    let cells = [
        if hop.events_per_s == 0.0 { "–".to_owned() } else { rate(hop.events_per_s) },
        both(hop.forward_bits_per_s, hop.reverse_bits_per_s, bits),
        both(hop.forward_packets_per_s, hop.reverse_packets_per_s, rate),
        wait(hop.wait_mean_s),
        wait(hop.wait_p99_s),
        hop.loss.map_or_else(|| "–".to_owned(), |loss| share(loss.value)),
    ];
    for cell in cells {
        markup.element("td", &[("class", "number")], &cell);
    }
    markup.close("tr");
}

/// How full it is, and where its headroom policy begins.
fn gauge(hop: &HopReport, markup: &mut Markup) {
    let place = |part: f64| format!("{:.1}%", part.clamp(0.0, 1.0) * 100.0);
    let (filled, policy) = (place(hop.utilisation), place(1.0 - hop.headroom_policy));
    markup.open("svg", &[("class", "gauge"), ("height", "6"), ("aria-hidden", "true")]);
    markup.shape("rect", &[("class", "track"), ("width", "100%"), ("height", "6"), ("rx", "3")]);
    markup.shape("rect", &[("class", "fill"), ("width", &filled), ("height", "6"), ("rx", "3")]);
    markup.shape(
        "line",
        &[("class", "policy"), ("x1", &policy), ("x2", &policy), ("y1", "0"), ("y2", "6")],
    );
    markup.close("svg");
}

/// What a failure changes, hop by hop.
pub fn draw_shifts(failure: &FailureReport, markup: &mut Markup) {
    markup.scroll("Hops that change");
    markup.fixed("<table><thead><tr><th scope=\"col\">Hop</th><th scope=\"col\" class=\"number\">Before</th><th scope=\"col\" class=\"number\">With the failure</th><th scope=\"col\">Fullest resource</th></tr></thead>\n<tbody>\n");
    let mut shifts: Vec<_> = failure.hops.iter().collect();
    let order = |after: Option<f64>| after.unwrap_or(f64::MAX);
    shifts
        .sort_by(|a, b| order(b.after).total_cmp(&order(a.after)).then_with(|| a.hop.cmp(&b.hop)));
    for shift in shifts.into_iter().take(ROWS_MAX) {
        markup.open("tr", &[]);
        markup.element("th", &[("scope", "row")], &shift.hop);
        markup.element("td", &[("class", "number")], &share(shift.before));
        let after = shift.after.map_or_else(|| "down".to_owned(), share);
        markup.element("td", &[("class", "number")], &after);
        let limit = shift.limit.map_or_else(|| "–".to_owned(), |limit| short(limit.name()));
        markup.element("td", &[], &limit);
        markup.close("tr");
    }
    markup.fixed("</tbody></table></div>\n");
}
