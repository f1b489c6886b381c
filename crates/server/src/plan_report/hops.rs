//! The hops of a view as a table, grouped by plane.

use super::topology::{short, told};
use super::units::{bits, grouped, rate, seconds, share, titled};
use super::view::View;
use crate::document::Markup;
use millstream_plan::inventory::Plane;
use millstream_plan::report::{FailureReport, HopReport, State};

/// Most rows of the table, fullest first.
pub const ROWS_MAX: usize = 100;
/// Most hops that are folded away below it, in each view.
pub const REST_MAX: usize = 2_000;

/// The table of one load.
pub fn draw(view: &View<'_>, markup: &mut Markup) {
    let mut hops: Vec<&HopReport> = view.scenario.hops.iter().collect();
    hops.sort_by(|a, b| b.utilisation.total_cmp(&a.utilisation).then_with(|| a.name.cmp(&b.name)));
    let rest = hops.split_off(hops.len().min(ROWS_MAX));
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
    let rest: Vec<(&str, String)> =
        rest.iter().map(|hop| (hop.name.as_str(), share(hop.utilisation))).collect();
    draw_rest("less full than these", &rest, markup);
}

/// The hops that no large table has room for, folded away: name and use.
fn draw_rest(what: &str, rest: &[(&str, String)], markup: &mut Markup) {
    if rest.is_empty() {
        return;
    }
    markup.open("details", &[("class", "rest")]);
    markup.element("summary", &[], &format!("{} more hops, {what}", grouped(rest.len())));
    markup.open("ul", &[("class", "rest")]);
    for (name, used) in rest.iter().take(REST_MAX) {
        markup.open("li", &[]);
        markup.element("span", &[], name);
        markup.element("b", &[], used);
        markup.close("li");
    }
    markup.close("ul");
    if rest.len() > REST_MAX {
        let told = format!("{} further hops are in the JSON.", rest.len() - REST_MAX);
        markup.element("p", &[("class", "note")], &told);
    }
    markup.close("details");
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

/// Every hop with a failure beside the load without it: those that change first, fullest first.
pub fn draw_shifts(failure: &FailureReport, view: &View<'_>, markup: &mut Markup) {
    markup.scroll("Hops with the failure");
    markup.fixed("<table><thead><tr><th scope=\"col\">Hop</th><th scope=\"col\" class=\"number\">Before</th><th scope=\"col\" class=\"number\">With the failure</th><th scope=\"col\">Fullest resource</th></tr></thead>\n<tbody>\n");
    let mut shifts: Vec<_> = failure.hops.iter().collect();
    let order = |after: Option<f64>| after.unwrap_or(f64::MAX);
    shifts
        .sort_by(|a, b| order(b.after).total_cmp(&order(a.after)).then_with(|| a.hop.cmp(&b.hop)));
    for shift in shifts.iter().take(ROWS_MAX) {
        let state = view.hops.iter().find(|look| look.name == shift.hop);
        markup.open("tr", &[("class", state.map_or("ok", |look| look.state.name()))]);
        markup.element("th", &[("scope", "row")], &shift.hop);
        markup.element("td", &[("class", "number")], &share(shift.before));
        let after = shift.after.map_or_else(|| "down".to_owned(), share);
        markup.element("td", &[("class", "number")], &after);
        let limit = shift.limit.map_or_else(|| "–".to_owned(), |limit| short(limit.name()));
        markup.element("td", &[], &limit);
        markup.close("tr");
    }
    markup.fixed("</tbody></table></div>\n");
    let mut as_before: Vec<&HopReport> = view
        .scenario
        .hops
        .iter()
        .filter(|hop| !failure.hops.iter().take(ROWS_MAX).any(|shift| shift.hop == hop.name))
        .collect();
    as_before
        .sort_by(|a, b| b.utilisation.total_cmp(&a.utilisation).then_with(|| a.name.cmp(&b.name)));
    let used = |hop: &&HopReport| {
        let look = view.hops.iter().find(|look| look.name == hop.name);
        look.and_then(|look| look.utilisation).map_or_else(|| "down".to_owned(), share)
    };
    let rest: Vec<(&str, String)> =
        as_before.iter().map(|hop| (hop.name.as_str(), used(hop))).collect();
    let what =
        if failure.hops.len() > ROWS_MAX { "that change less or not" } else { "as full as before" };
    draw_rest(what, &rest, markup);
}
