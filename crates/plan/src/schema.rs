//! The JSON Schema of a plan file, for editors: every key with its kind and its meaning.

use crate::inventory::{Archetype, Class, Duplex, Kind, Plane, Protocol, Risk, Scheduling};
use alloc::string::String;
use alloc::vec::Vec;
use serde_json::{Map, Value, json};

/// How the value of a key is written.
#[derive(Clone, Copy)]
enum Form {
    BitRate,
    Size,
    Rate,
    Time,
    Share,
    Count,
    Money,
    Number,
    Text,
    Flag,
    Names,
    Paths,
    Times,
    Rates,
    Numbers,
    Buffer,
    Steps,
    DelayCost,
    FanOut,
    Headroom,
    Lift,
    Forecast,
    Date,
    OneOf(&'static [&'static str]),
    SomeOf(&'static [&'static str]),
}

type Key = (&'static str, Form, &'static str);

const COMPONENT: &[Key] = &[
    ("name", Form::Text, "Unique name"),
    ("remove", Form::Flag, "In an overlay: take it away"),
    ("kind", Form::OneOf(Kind::NAMES), "What it is"),
    (
        "plane",
        Form::OneOf(Plane::NAMES),
        "Which network it belongs to; usual for the kind where absent",
    ),
    ("rack", Form::Names, "Failure domain; several spread the instances evenly"),
    ("zone", Form::Names, "Failure domain"),
    ("region", Form::Names, "Failure domain"),
    ("failover", Form::Names, "Components that take its traffic when it fails, in order"),
    ("failover_time", Form::Time, "Time until they have taken over"),
    (
        "instances",
        Form::Count,
        "Equal parts that share the work and fail one at a time; capacities are of one",
    ),
    ("bandwidth", Form::BitRate, "Bits per second of one instance in each direction"),
    ("packets", Form::Rate, "Packets per second of one instance, both directions"),
    ("events", Form::Rate, "A ceiling of events per second of one instance"),
    ("servers", Form::Count, "Parallel servers (threads, cores) of one instance"),
    ("service", Form::Time, "Mean service time of one event on one server"),
    ("service_per_request", Form::Time, "Service time of a request apart from its events"),
    (
        "service_scv",
        Form::Number,
        "Variance over mean squared of service: 1 exponential, 0 constant",
    ),
    ("service_max", Form::Time, "Longest service time of an event, for worst cases"),
    ("buffer", Form::Buffer, "Room for waiting work: requests, or bytes; unlimited where absent"),
    ("duplex", Form::OneOf(Duplex::NAMES), "Directions apart or together"),
    ("oversubscription", Form::Number, "Capacity offered over capacity behind it"),
    ("vendor_limit", Form::Rate, "Events per second that no money buys more of"),
    ("mtu", Form::Size, "Largest IP packet"),
    ("propagation", Form::Time, "One-way delay of passing it"),
    ("scheduling", Form::OneOf(Scheduling::NAMES), "Order of service"),
    ("failure", Form::Share, "Chance that a request fails here for reasons other than load"),
    ("attempts", Form::Count, "Times it calls the next component; 1 is no retry"),
    ("drops_expired", Form::Flag, "Work whose sender has given up is dropped"),
    ("cost_per_month", Form::Money, "Cost of all instances"),
    ("egress_cost_per_gb", Form::Money, "Cost of 10^9 bytes that leave it"),
    ("price_steps", Form::Steps, "Capacity that can be bought"),
];

const FLOW: &[Key] = &[
    ("name", Form::Text, "Unique name"),
    ("remove", Form::Flag, "In an overlay: take it away"),
    (
        "archetype",
        Form::OneOf(Archetype::NAMES),
        "Shape over time; fills in class, priority, risk, burst",
    ),
    ("class", Form::OneOf(Class::NAMES), "What it is for"),
    ("path", Form::Names, "Components in the order in which events pass them"),
    ("alternates", Form::Paths, "Other paths, used in order when a component of the first fails"),
    ("priority", Form::Count, "Under strict priority; 1 goes first"),
    ("weight", Form::Number, "Part under weighted sharing"),
    ("rate", Form::Rate, "Mean events per second"),
    ("peak", Form::Rate, "Events per second while it bursts"),
    ("burst", Form::Time, "How long a burst lasts"),
    (
        "arrival_scv",
        Form::Number,
        "Variance over mean squared of times between requests; 1 is Poisson",
    ),
    ("senders", Form::Count, "Independent senders; each fills its own batches"),
    ("concurrency", Form::Count, "Connections in parallel"),
    ("payload", Form::Size, "Bytes of one event"),
    ("response", Form::Size, "Bytes of one answer"),
    ("head", Form::Size, "Bytes of a request's head; usual for the protocol where absent"),
    ("batch", Form::Count, "Most events in one request"),
    ("linger", Form::Time, "Longest wait for a batch to fill"),
    ("compression", Form::Number, "Bytes before over bytes after"),
    ("protocol", Form::OneOf(Protocol::NAMES), "What runs on the wire"),
    ("window", Form::Size, "Bytes in flight of one connection"),
    ("loss", Form::Share, "Share of packets lost on the way"),
    ("fan_out", Form::FanOut, "Copies of each event and how many are waited for"),
    ("timeout", Form::Time, "How long a sender waits for an answer"),
    ("attempts", Form::Count, "Times a request is sent; 1 is no retry"),
    ("acknowledged_by", Form::Text, "Component that answers the sender; the last where absent"),
    ("round_trip", Form::Flag, "Time counts to the answer"),
    ("deadline", Form::Time, "End-to-end budget"),
    ("recovery_margin", Form::Time, "Part of the budget kept free"),
    ("budget", Form::Times, "Part of the budget that each component may use"),
    ("jitter_tolerance", Form::Time, "Longest tolerable p99 over the median"),
    ("tolerance", Form::Time, "How long it may be away"),
    ("failure_impact", Form::Text, "What happens when it fails"),
    ("value_per_event", Form::Money, "Worth of an event that arrives"),
    ("cost_of_delay", Form::DelayCost, "What lateness costs"),
    ("risk", Form::OneOf(Risk::NAMES), "How bad it is when late or lost"),
];

const POLICIES: &[Key] = &[
    ("headroom", Form::Headroom, "Free capacity that a hop keeps, by the riskiest flow on it"),
    ("growth_per_month", Form::Share, "Growth of all flows"),
    ("currency", Form::Text, "Three letters of the currency of all costs"),
    ("as_of", Form::Date, "The day the figures are of"),
    ("mtu", Form::Size, "Largest IP packet"),
    ("failures_at", Form::Text, "The load under which failures are tried"),
    ("failure_pairs", Form::Flag, "Every pair of failures is tried, too"),
    ("lift", Form::Lift, "What 100 ms saved do to the value of flows"),
];

const PEAK: &[Key] = &[
    ("name", Form::Text, "Unique name"),
    ("remove", Form::Flag, "In an overlay: take it away"),
    ("multiplier", Form::Number, "Times the mean rate, for flows nothing below names"),
    ("classes", Form::Numbers, "Times the mean rate, by class"),
    ("flows", Form::Rates, "Events per second, by flow"),
    ("forecast", Form::Forecast, "What campaigns add"),
    ("duration", Form::Time, "How long it lasts"),
    ("date", Form::Date, "When it comes"),
];

const RUNG: &[Key] = &[
    ("name", Form::Text, "Name"),
    ("above", Form::Share, "Entered above this utilisation"),
    (
        "below",
        Form::Share,
        "Left when utilisation has fallen to this; ten points under `above` where absent",
    ),
    ("payload", Form::Number, "Part of the payload that is left"),
    ("sheds", Form::SomeOf(Class::NAMES), "Classes refused"),
];

const INVESTMENT: &[Key] = &[
    ("name", Form::Text, "Name"),
    ("cost_per_month", Form::Money, "Cost"),
    ("saves", Form::Time, "Time saved on each event"),
    ("flows", Form::Names, "Flows it helps; all where absent"),
];

fn quantity(example: &str) -> Value {
    json!({ "type": "string", "examples": [example] })
}

fn number_or(example: &str) -> Value {
    json!({ "anyOf": [{ "type": "number" }, { "type": "string", "examples": [example] }] })
}

fn by_name(value: Value) -> Value {
    json!({ "type": "object", "additionalProperties": value })
}

fn fixed(keys: &[(&str, Value)]) -> Value {
    let properties: Map<String, Value> =
        keys.iter().map(|(key, value)| ((*key).into(), value.clone())).collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn form(form: Form) -> Value {
    let names = json!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] });
    match form {
        Form::BitRate => quantity("25 Gbit/s"),
        Form::Size => quantity("4 KiB"),
        Form::Rate => quantity("50k/s"),
        Form::Time => quantity("150 ms"),
        Form::Share => number_or("0.1 %"),
        Form::Count => number_or("3 regions"),
        Form::Money => number_or("1,200 EUR"),
        Form::Number => number_or("4x"),
        Form::Text => json!({ "type": "string", "maxLength": crate::read::NAME_LETTERS_MAX }),
        Form::Date => json!({ "type": "string", "format": "date" }),
        Form::Flag => json!({ "type": "boolean" }),
        Form::Names => names,
        Form::Paths => {
            json!({ "type": "array", "items": { "type": "array", "items": { "type": "string" } } })
        }
        Form::Times => by_name(quantity("20 ms")),
        Form::Rates => by_name(quantity("50k/s")),
        Form::Numbers => by_name(number_or("3x")),
        Form::Buffer => number_or("16 MiB"),
        Form::Steps => json!({ "type": "array", "items": fixed(&[
            ("bandwidth", quantity("50 Gbit/s")), ("servers", number_or("8")), ("events", quantity("50k/s")),
            ("cost_per_month", number_or("2,000 EUR")),
        ]) }),
        Form::DelayCost => {
            fixed(&[("per_event_second", number_or("0.001")), ("at_deadline", number_or("0.01"))])
        }
        Form::FanOut => fixed(&[
            ("copies", number_or("3")),
            ("quorum", number_or("2")),
            ("from", json!({ "type": "string" })),
        ]),
        Form::Headroom => {
            let levels: Vec<(&str, Value)> =
                Risk::NAMES.iter().map(|risk| (*risk, number_or("30 %"))).collect();
            fixed(&levels)
        }
        Form::Lift => fixed(&[
            ("per_100_ms", number_or("0.6 %")),
            ("low", number_or("0.2 %")),
            ("high", number_or("1 %")),
            ("measured", json!({ "type": "boolean" })),
        ]),
        Form::Forecast => json!({ "type": "array", "items": fixed(&[
            ("campaign_type", json!({ "type": "string" })), ("channel", json!({ "type": "string" })),
            ("flow", json!({ "type": "string" })), ("events_per_s", quantity("800/s")),
        ]) }),
        Form::OneOf(names) => json!({ "enum": names }),
        Form::SomeOf(names) => json!({ "type": "array", "items": { "enum": names } }),
    }
}

fn object(keys: &[Key], required: &[&str]) -> Value {
    let property = |(key, kind, about): &Key| {
        let mut value = form(*kind);
        if let Some(fields) = value.as_object_mut() {
            fields.insert("description".into(), json!(about));
        }
        (String::from(*key), value)
    };
    let properties: Map<String, Value> = keys.iter().map(property).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// The schema (JSON Schema 2020-12).
pub fn schema() -> Value {
    let list = |keys: &[Key], required: &[&str]| json!({ "type": "array", "items": object(keys, required) });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Millstream plan",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "title": { "type": "string" },
            "policies": object(POLICIES, &[]),
            "components": list(COMPONENT, &["name"]),
            "flows": list(FLOW, &["name"]),
            "peaks": list(PEAK, &["name"]),
            "rungs": list(RUNG, &["name"]),
            "investments": list(INVESTMENT, &["name"]),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Plan;
    use alloc::collections::BTreeSet;
    use alloc::format;
    use alloc::string::ToString;

    /// The keys that the reader knows in a section: it names the known ones when it meets one it does not know.
    fn known(section: &str, key: &str) -> bool {
        let text = format!("[[{section}]]\nname = \"x\"\n{key} = []\n");
        let text = if section == "policies" { format!("[policies]\n{key} = []\n") } else { text };
        match Plan::default().overlaid("schema", &text) {
            Ok(_) => true,
            Err(error) => !error.to_string().contains(&format!("`{key}` is not known")),
        }
    }

    #[test]
    fn the_reader_knows_every_key_of_the_schema() {
        for (section, keys) in [
            ("components", COMPONENT),
            ("flows", FLOW),
            ("policies", POLICIES),
            ("peaks", PEAK),
            ("rungs", RUNG),
            ("investments", INVESTMENT),
        ] {
            for (key, _, about) in keys {
                assert!(known(section, key), "{section}.{key}");
                assert!(
                    !about.is_empty() && !known(section, &format!("{key}_")),
                    "{section}.{key}_"
                );
            }
            let names: BTreeSet<&str> = keys.iter().map(|(key, ..)| *key).collect();
            assert_eq!(names.len(), keys.len(), "{section}");
        }
    }
}
