//! Which flows share which hop.

use super::lists::head;
use super::units::{listed, share};
use crate::document::Markup;
use millstream_plan::PlanReport;
use millstream_plan::report::SharedHop;

/// Most shared hops that are drawn.
const SHARED_MAX: usize = 12;
/// Classes of the parts of a bar.
const FILLS: [&str; 5] = ["f1", "f2", "f3", "f4", "f5"];

/// Which flows share which hop.
pub fn draw(report: &PlanReport, markup: &mut Markup) {
    if report.shared_hops.is_empty() {
        return;
    }
    markup.open("section", &[]);
    let mixed: Vec<&str> = report
        .shared_hops
        .iter()
        .filter(|hop| hop.mixed_classes)
        .map(|hop| hop.hop.as_str())
        .collect();
    let says = if mixed.is_empty() {
        "Several flows share these hops, each class apart.".to_owned()
    } else {
        format!(
            "Different classes of traffic meet without separation on {}: one can slow the other.",
            listed(&mixed)
        )
    };
    head("Shared hops", &says, markup);
    markup.open("div", &[("class", "shared")]);
    for hop in report.shared_hops.iter().take(SHARED_MAX) {
        shared(hop, markup);
    }
    markup.close("div");
    markup.close("section");
}

fn shared(hop: &SharedHop, markup: &mut Markup) {
    let sum: f64 = hop.flows.iter().map(|(_, part)| part).sum();
    markup.open("div", &[]);
    markup.open("p", &[]);
    markup.element("b", &[], &hop.hop);
    markup.element("small", &[], &format!(" {} taken", share(sum)));
    markup.close("p");
    markup.open("svg", &[("class", "gauge"), ("height", "10"), ("aria-hidden", "true")]);
    markup.shape("rect", &[("class", "track"), ("width", "100%"), ("height", "10"), ("rx", "3")]);
    let whole = sum.max(1.0);
    let mut from = 0.0;
    for (index, (_, part)) in hop.flows.iter().enumerate() {
        let fill = FILLS[index.min(FILLS.len() - 1)];
        let (x, width) =
            (format!("{:.2}%", from / whole * 100.0), format!("{:.2}%", part / whole * 100.0));
        markup.shape("rect", &[("class", fill), ("x", &x), ("width", &width), ("height", "10")]);
        from += part;
    }
    markup.close("svg");
    markup.open("ul", &[("class", "legend")]);
    for (index, (flow, part)) in hop.flows.iter().enumerate().take(FILLS.len() + 2) {
        markup.fixed("<li><svg viewBox=\"0 0 1 1\" aria-hidden=\"true\">");
        let fill = FILLS[index.min(FILLS.len() - 1)];
        markup.shape("rect", &[("class", fill), ("width", "1"), ("height", "1")]);
        markup.fixed("</svg>");
        markup.text(&format!("{flow} {}", share(*part)));
        markup.close("li");
    }
    markup.close("ul");
    markup.close("div");
}
