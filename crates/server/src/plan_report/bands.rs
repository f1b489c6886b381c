//! How long each flow takes: the band from its median to its 99th percentile against its deadline, all on
//! one logarithmic scale.

use super::topology::figure;
use super::units::{rate, seconds, share};
use super::view::View;
use crate::document::Markup;
use crate::report::number::amount;
use millstream_plan::report::{Fate, FlowReport};

/// Most flows that are drawn; beyond that those nearest to their deadlines are.
pub const FLOWS_MAX: usize = 40;

/// Most labels of the scale that fit on a narrow screen; with more, every other one is left out there.
const LABELS_MAX: usize = 5;

/// A logarithmic scale in seconds over whole decades.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    low: i32,
    high: i32,
}

impl Scale {
    /// The decades that hold every time of these views.
    pub fn over(views: &[View<'_>]) -> Self {
        let times = views.iter().flat_map(|view| &view.scenario.flows).flat_map(|flow| {
            let figures = [flow.p50_s, flow.mean_s, flow.p99_s];
            let known = figures.into_iter().flatten().map(|figure| figure.value);
            known.chain(flow.deadline_s).collect::<Vec<f64>>()
        });
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for time in times.filter(|time| *time > 0.0) {
            low = low.min(time);
            high = high.max(time);
        }
        if low > high {
            return Self { low: -3, high: 0 };
        }
        let (low, high) = (low.log10().floor() as i32, high.log10().ceil() as i32);
        Self { low, high: high.max(low + 1) }
    }

    /// Where a time stands, in percent of the width.
    fn place(self, time: f64) -> f64 {
        if time <= 0.0 {
            return 0.0;
        }
        let part = (time.log10() - f64::from(self.low)) / f64::from(self.high - self.low);
        part.clamp(0.0, 1.0) * 100.0
    }

    fn decades(self) -> impl Iterator<Item = f64> {
        (self.low..=self.high).map(|power| 10_f64.powi(power))
    }
}

/// The bands of one load.
pub fn draw(view: &View<'_>, scale: Scale, markup: &mut Markup) {
    let mut flows: Vec<&FlowReport> = view.scenario.flows.iter().collect();
    flows.sort_by(|a, b| urgency(b).total_cmp(&urgency(a)).then_with(|| a.name.cmp(&b.name)));
    let left_out = flows.len().saturating_sub(FLOWS_MAX);
    flows.truncate(FLOWS_MAX);
    markup.open("div", &[("class", "bands")]);
    axis(scale, markup);
    for flow in flows {
        band(flow, scale, markup);
    }
    markup.close("div");
    if left_out > 0 {
        let told = format!("{left_out} more flows have more room than these.");
        markup.element("p", &[("class", "note")], &told);
    }
}

/// How near a flow is to its deadline; those without an answer come first.
fn urgency(flow: &FlowReport) -> f64 {
    match (flow.fate, flow.p99_s, flow.deadline_s) {
        (Fate::Lost | Fate::Throttled, ..) | (_, None, _) => f64::MAX,
        (_, Some(p99), Some(deadline)) if deadline > 0.0 => p99.value / deadline,
        _ => 0.0,
    }
}

fn percent(value: f64) -> String {
    format!("{}%", figure(value))
}

fn axis(scale: Scale, markup: &mut Markup) {
    markup.fixed("<div class=\"band axis\" aria-hidden=\"true\"><span></span><svg height=\"16\">");
    let decades: Vec<f64> = scale.decades().collect();
    let crowded = decades.len() > LABELS_MAX;
    for (index, time) in decades.iter().enumerate() {
        let anchor = match index {
            0 => "start",
            last if last + 1 == decades.len() => "end",
            _ => "middle",
        };
        let x = percent(scale.place(*time));
        let class = if crowded && index % 2 == 1 { "between" } else { "label" };
        let place = [("class", class), ("x", x.as_str()), ("y", "11"), ("text-anchor", anchor)];
        markup.element("text", &place, &decade(*time));
    }
    markup.fixed("</svg><span></span></div>\n");
}

/// `1 ms`, `100 s`, `1,000 s`: decades stay seconds.
fn decade(time: f64) -> String {
    if time > 500.0 { format!("{} s", amount(time)) } else { seconds(time) }
}

fn band(flow: &FlowReport, scale: Scale, markup: &mut Markup) {
    let class = format!("band {}", flow.fate.name());
    markup.open("div", &[("class", &class)]);
    markup.open("div", &[("class", "flow")]);
    markup.element("b", &[], &flow.name);
    markup.element("small", &[], &carried(flow));
    markup.close("div");
    markup.open("svg", &[("height", "30"), ("role", "img"), ("aria-label", &told(flow))]);
    for time in scale.decades() {
        let x = percent(scale.place(time));
        markup.shape(
            "line",
            &[("class", "decade"), ("x1", &x), ("x2", &x), ("y1", "0"), ("y2", "30")],
        );
    }
    if let (Some(low), Some(high)) = (flow.p50_s, flow.p99_s) {
        let (from, to) = (scale.place(low.value), scale.place(high.value));
        let (x, width) = (percent(from), percent((to - from).max(0.4)));
        markup.shape(
            "rect",
            &[
                ("class", "spread"),
                ("x", &x),
                ("width", &width),
                ("y", "10"),
                ("height", "10"),
                ("rx", "3"),
            ],
        );
        if let Some(p95) = flow.p95_s {
            let x = percent(scale.place(p95.value));
            markup.shape(
                "line",
                &[("class", "p95"), ("x1", &x), ("x2", &x), ("y1", "10"), ("y2", "20")],
            );
        }
        if let Some(mean) = flow.mean_s {
            let x = percent(scale.place(mean.value));
            markup.shape("circle", &[("class", "mean"), ("cx", &x), ("cy", "15"), ("r", "3.5")]);
        }
    }
    if let Some(deadline) = flow.deadline_s {
        let x = percent(scale.place(deadline));
        markup.shape(
            "line",
            &[("class", "deadline"), ("x1", &x), ("x2", &x), ("y1", "3"), ("y2", "27")],
        );
    }
    markup.close("svg");
    markup.open("div", &[("class", "tail")]);
    markup.element("b", &[], &tail(flow));
    markup.element("small", &[], &against(flow));
    markup.close("div");
    markup.close("div");
}

/// What arrives, and what limits it.
fn carried(flow: &FlowReport) -> String {
    let goodput = flow.goodput_per_s.value;
    let mut text = if goodput < flow.offered_per_s * 0.999 {
        format!("{} of {} arrive", rate(goodput), rate(flow.offered_per_s))
    } else {
        rate(flow.offered_per_s)
    };
    if let Some(limit) = &flow.limited_by {
        text.push_str(&format!(", limited by {limit}"));
    }
    text
}

fn tail(flow: &FlowReport) -> String {
    match (flow.fate, flow.p99_s) {
        (Fate::Lost, _) => "lost".to_owned(),
        (_, Some(p99)) => format!("p99 {}", seconds(p99.value)),
        (_, None) => "no limit".to_owned(),
    }
}

fn against(flow: &FlowReport) -> String {
    let Some(deadline) = flow.deadline_s else { return "no deadline".to_owned() };
    let deadline = seconds(deadline);
    match flow.miss {
        Some(miss) if miss.value > 0.0 => format!("of {deadline}, {} miss it", share(miss.value)),
        _ => format!("of {deadline}"),
    }
}

fn told(flow: &FlowReport) -> String {
    let figure = |name: &str, value: Option<millstream_plan::Figure>| {
        value.map(|figure| format!("{name} {}", seconds(figure.value)))
    };
    let times = [
        figure("median", flow.p50_s),
        figure("mean", flow.mean_s),
        figure("95th percentile", flow.p95_s),
        figure("99th percentile", flow.p99_s),
    ];
    let known: Vec<String> = times.into_iter().flatten().collect();
    let known = if known.is_empty() { "no finite time".to_owned() } else { known.join(", ") };
    let deadline =
        flow.deadline_s.map_or_else(String::new, |time| format!(", deadline {}", seconds(time)));
    format!("{}: {known}{deadline}", flow.name)
}
