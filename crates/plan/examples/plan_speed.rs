//! How fast plans are studied and models are simulated: figures as JSON, for `scripts/bench plan`.
//!
//! `plan_speed study HOPS FLOWS`, `plan_speed simulate CUSTOMERS`.
#![allow(clippy::expect_used, reason = "a measurement that cannot run should stop at once")]

use millstream_plan::simulate::{
    Discipline, Distribution, Interval, JobClass, Length, Model, Stage, Station,
};
use millstream_plan::{Plan, Study};
use serde_json::json;
use std::fmt::Write;
use std::time::Instant;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, usual: usize| {
        arguments.get(at).and_then(|text| text.parse().ok()).unwrap_or(usual)
    };
    let figures = match arguments.first().map(String::as_str) {
        Some("simulate") => simulate(number(1, 1_000_000) as f64),
        _ => study(number(1, 1000), number(2, 10_000)),
    };
    println!("{figures}");
}

/// A plan of hops in tiers, each flow through five of them, a quarter of the flows with another way.
fn plan_text(hops: usize, flows: usize) -> String {
    let mut text = String::new();
    for hop in 0..hops {
        let _ = writeln!(
            text,
            "[[components]]\nname = \"hop {hop:04}\"\nkind = \"switch\"\nbandwidth = \"10 Gbit/s\"\nservice = \"20 us\"\n\
             servers = 4\nzone = \"z{}\"\npropagation = \"200 us\"\nbuffer = {}\n",
            hop % 20,
            500 + hop % 7 * 100
        );
    }
    let hop = |flow: usize, stage: usize| {
        format!("\"hop {:04}\"", (flow * 7919 + stage * (hops / 5 + 1) + flow / hops * 13) % hops)
    };
    for flow in 0..flows {
        let path: Vec<String> = (0..5).map(|stage| hop(flow, stage)).collect();
        let _ = writeln!(
            text,
            "[[flows]]\nname = \"flow {flow:05}\"\npath = [{}]\nrate = \"{}/s\"\npayload = \"1 KiB\"\nprotocol = \"tls\"\n\
             deadline = \"50 ms\"\nattempts = 2\ntimeout = \"1 s\"",
            path.join(", "),
            200 + flow % 900
        );
        if flow % 4 == 0 {
            let other: Vec<String> = (0..5).map(|stage| hop(flow + 1, stage)).collect();
            let _ = writeln!(text, "alternates = [[{}]]", other.join(", "));
        }
        text.push('\n');
    }
    text
}

fn study(hops: usize, flows: usize) -> serde_json::Value {
    let text = plan_text(hops, flows);
    let started = Instant::now();
    let plan = Plan::parse("generated", &text).expect("a plan");
    let read = started.elapsed().as_secs_f64();
    let started = Instant::now();
    let report = plan.study(&Study::QUICK);
    let studied = started.elapsed().as_secs_f64();
    let rerouted: usize = report.failures.iter().map(|failure| failure.rerouted.len()).sum();
    json!({
        "hops": hops, "flows": flows, "read_s": read, "study_s": studied, "failures": report.failures.len(),
        "rerouted": rerouted, "utilisation_max": report.scenarios[0].bottleneck.as_ref().map(|one| one.utilisation),
    })
}

fn simulate(customers: f64) -> serde_json::Value {
    let exponential = Distribution::Exponential;
    let station = |servers: u32, discipline| Station { servers, discipline, room: None };
    let class = |rate: f64, route| JobClass::new(exponential(1.0 / rate), route);
    let fifo = Discipline::Fifo;
    let several = Model {
        stations: vec![station(4, fifo)],
        classes: vec![class(3.4, vec![Stage::at(0, exponential(1.0))])],
    };
    let priority = Model {
        stations: vec![station(1, Discipline::NonPreemptive)],
        classes: vec![
            class(0.3, vec![Stage::at(0, exponential(1.0))]),
            JobClass { priority: 1, ..class(0.5, vec![Stage::at(0, exponential(1.0))]) },
        ],
    };
    let tandem = Model {
        stations: vec![station(1, fifo); 5],
        classes: vec![class(
            0.7,
            (0..5).map(|at| Stage::at(at, exponential([0.5, 1.0, 0.67, 1.1, 0.83][at]))).collect(),
        )],
    };
    let mut figures = serde_json::Map::new();
    for (name, model, rate) in
        [("mmc", several, 3.4), ("priority", priority, 0.8), ("tandem", tandem, 0.7)]
    {
        let until = customers / rate;
        let started = Instant::now();
        let outcome = model.run(Length { warm_up: 0.0, until }, 1);
        let seconds = started.elapsed().as_secs_f64();
        let served: u64 = outcome.classes.iter().map(|class| class.finished).sum();
        // Means are taken from short replications, so that both simulators have intervals to compare.
        let length = Length { warm_up: 0.1 * 20_000.0 / rate, until: 20_000.0 / rate };
        let means: Vec<f64> = (10..30)
            .map(|seed| {
                let outcome = model.run(length, seed);
                let (sum, count) = outcome.classes.iter().fold((0.0, 0), |(sum, count), class| {
                    (sum + class.sojourn_sum, count + class.finished)
                });
                sum / count as f64
            })
            .collect();
        let interval = Interval::of(&means);
        figures.insert(
            name.to_owned(),
            json!({ "customers": served, "events": outcome.events, "seconds": seconds, "mean": interval.mean, "low": interval.low, "high": interval.high }),
        );
    }
    figures.into()
}
