//! Policies, peaks, rungs and investments from a file.

use super::fields::Fields;
use super::node::Table;
use super::problem::Problems;
use crate::inventory::{Class, ForecastLine, Investment, Lift, Peak, Policies, Rung};
use crate::quantity::{Cost, PerSecond, Ratio, Seconds, Share};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Largest growth of a month believed.
const GROWTH_MAX: f64 = 1.0;

/// Reads the keys of `[policies]`.
pub(super) fn read(fields: &mut Fields<'_, '_, '_>, policies: &mut Policies) {
    let headroom = &mut policies.headroom;
    fields.inside("headroom", |inside| {
        inside.set("low", &mut headroom.low);
        inside.set("medium", &mut headroom.medium);
        inside.set("high", &mut headroom.high);
        inside.set("critical", &mut headroom.critical);
    });
    fields.set("growth_per_month", &mut policies.growth_per_month);
    policies.growth_per_month.0 = policies.growth_per_month.0.min(GROWTH_MAX);
    if let Some((currency, at)) = fields.text("currency") {
        if currency.len() == 3 && currency.chars().all(|letter| letter.is_ascii_uppercase()) {
            policies.currency = currency.to_owned();
        } else {
            fields.wrong(
                at,
                "currency",
                "not a currency code",
                "write three capitals, like \"EUR\"",
            );
        }
    }
    policies.as_of = date(fields, "as_of").or(policies.as_of.take());
    let at = fields.at();
    fields.set("mtu", &mut policies.mtu);
    if !(576.0..=65_535.0).contains(&policies.mtu.0) {
        fields.wrong(at, "mtu", "an IP packet has 576 to 65,535 bytes", "write it like \"1500 B\"");
        policies.mtu.0 = 1500.0;
    }
    if let Some((scenario, _)) = fields.text("failures_at") {
        policies.failures_at = scenario.to_owned();
    }
    fields.flag("failure_pairs", &mut policies.failure_pairs);
    lift(fields, policies);
}

fn lift(fields: &mut Fields<'_, '_, '_>, policies: &mut Policies) {
    let mut lift = None;
    let before = policies.lift;
    fields.inside("lift", |inside| {
        let mut read = before.unwrap_or(Lift {
            per_100_ms: Share(0.0),
            low: Share(0.0),
            high: Share(0.0),
            measured: false,
        });
        inside.set("per_100_ms", &mut read.per_100_ms);
        (read.low, read.high) = (read.per_100_ms, read.per_100_ms);
        inside.set("low", &mut read.low);
        inside.set("high", &mut read.high);
        inside.flag("measured", &mut read.measured);
        if read.low > read.per_100_ms || read.high < read.per_100_ms {
            let at = inside.at();
            inside.wrong(
                at,
                "low",
                "the interval does not hold the value",
                "write low <= per_100_ms <= high",
            );
            (read.low, read.high) = (read.per_100_ms, read.per_100_ms);
        }
        lift = Some(read);
    });
    policies.lift = lift.or(policies.lift);
}

fn date(fields: &mut Fields<'_, '_, '_>, key: &'static str) -> Option<String> {
    let (text, at) = fields.text(key)?;
    if text.parse::<jiff::civil::Date>().is_ok() {
        return Some(text.to_owned());
    }
    fields.wrong(at, key, "not a day of the calendar", "write it like \"2027-03-31\"");
    None
}

/// Reads one `[[peaks]]` table onto what is known of it.
pub(super) fn read_peak(fields: &mut Fields<'_, '_, '_>, peak: &mut Peak) {
    fields.option("multiplier", &mut peak.multiplier);
    if let Some(classes) = fields.named::<Ratio>("classes") {
        for (entry, ratio) in classes {
            match Class::parse(&entry.key) {
                Some(class) => {
                    peak.classes.insert(class, ratio);
                }
                None => fields.unknown(
                    entry.key_at,
                    "classes",
                    &entry.key,
                    Class::NAMES.iter().copied(),
                ),
            }
        }
    }
    if let Some(flows) = fields.named::<PerSecond>("flows") {
        peak.flows.extend(flows.into_iter().map(|(entry, rate)| (entry.key.clone(), rate)));
    }
    forecast(fields, peak);
    fields.option("duration", &mut peak.duration);
    peak.date = date(fields, "date").or(peak.date.take());
}

/// What campaigns add. A forecast takes the place of the one before.
fn forecast(fields: &mut Fields<'_, '_, '_>, peak: &mut Peak) {
    let tables = fields.tables("forecast");
    if tables.is_empty() {
        return;
    }
    peak.forecast.clear();
    for table in tables {
        let owner = format!("peak `{}`: forecast", peak.name);
        let mut inside = Fields::new(owner, table, fields.problems);
        let mut line = ForecastLine {
            campaign_type: String::new(),
            channel: String::new(),
            flow: String::new(),
            events: PerSecond(0.0),
        };
        for (key, into) in [
            ("campaign_type", &mut line.campaign_type),
            ("channel", &mut line.channel),
            ("flow", &mut line.flow),
        ] {
            if let Some((text, _)) = inside.text(key) {
                text.clone_into(into);
            }
        }
        inside.set("events_per_s", &mut line.events);
        inside.finish();
        peak.forecast.push(line);
    }
    let order = |one: &ForecastLine, two: &ForecastLine| {
        let key = |line: &ForecastLine| {
            (line.flow.clone(), line.campaign_type.clone(), line.channel.clone())
        };
        key(one).cmp(&key(two)).then(one.events.0.total_cmp(&two.events.0))
    };
    peak.forecast.sort_by(order);
}

/// How far utilisation falls under `above` before a rung is left, when nobody said.
const RUNG_GAP: f64 = 0.1;

/// Reads one `[[rungs]]` table.
pub(super) fn read_rung(name: &str, table: &Table, problems: &mut Problems<'_>) -> Rung {
    let mut rung = Rung {
        name: name.to_owned(),
        above: Share(0.85),
        below: Share(0.0),
        sheds: Vec::new(),
        payload: Ratio(1.0),
    };
    let mut fields = Fields::new(format!("rung `{name}`"), table, problems);
    fields.entry("name");
    fields.set("above", &mut rung.above);
    rung.below.0 = (rung.above.0 - RUNG_GAP).max(0.0);
    fields.set("below", &mut rung.below);
    if rung.below > rung.above {
        let at = fields.at();
        let why = "a rung is left at a lower utilisation than it is entered at";
        fields.wrong(at, "below", why, "write below <= above, or leave it out");
        rung.below = rung.above;
    }
    fields.set("payload", &mut rung.payload);
    if !(rung.payload.0 > 0.0 && rung.payload.0 <= 1.0) {
        let at = fields.at();
        fields.wrong(
            at,
            "payload",
            "a rung keeps a part of the payload",
            "write more than 0, at most 1",
        );
        rung.payload.0 = 1.0;
    }
    for item in fields.list("sheds").unwrap_or_default() {
        let Some((text, at)) = fields.text_of("sheds", item) else { continue };
        match Class::parse(text) {
            Some(class) => rung.sheds.push(class),
            None => fields.unknown(at, "sheds", text, Class::NAMES.iter().copied()),
        }
    }
    fields.finish();
    rung
}

/// Reads one `[[investments]]` table.
pub(super) fn read_investment(
    name: &str,
    table: &Table,
    problems: &mut Problems<'_>,
) -> Investment {
    let mut investment = Investment {
        name: name.to_owned(),
        cost_per_month: Cost(0.0),
        saves: Seconds(0.0),
        flows: Vec::new(),
    };
    let mut fields = Fields::new(format!("investment `{name}`"), table, problems);
    fields.entry("name");
    fields.set("cost_per_month", &mut investment.cost_per_month);
    fields.set("saves", &mut investment.saves);
    investment.flows = fields.texts("flows").unwrap_or_default();
    fields.finish();
    investment
}
