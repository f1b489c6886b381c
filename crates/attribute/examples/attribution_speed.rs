//! How long models take over a table of paths in memory: reading the paths, fitting, solving.
//! `attribution_speed FILE MODEL [ORDER]` prints seconds, the best of several rounds, as JSON. The file
//! has the columns path, conversions, value, nulls, without quotes.
#![allow(clippy::expect_used, reason = "a measurement stops at the first surprise")]

use millstream_attribute::{
    Gathering, Model, Order, Outcome, ReportModel, Settings, Worth, analyse,
};
use std::time::Instant;

const ROUNDS: usize = 7;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().expect("a file");
    let model = arguments.next().expect("a model");
    let order =
        arguments.next().and_then(|text| Order::new(text.parse().ok()?)).unwrap_or_default();
    let model = match model.as_str() {
        "markov" => ReportModel::Markov(order),
        "shapley" => ReportModel::Shapley(Worth::Conversions),
        rule => ReportModel::Rule(Model::parse(rule).expect("a model that exists")),
    };
    let text = std::fs::read_to_string(file).expect("a readable file");
    let rows: Vec<(&str, Outcome)> = text.lines().skip(1).map(row).collect();
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let mut gathering = Gathering::default();
        for (path, outcome) in &rows {
            gathering.add(path.split('>').map(str::trim), *outcome).expect("a sound path");
        }
        let found = analyse(&gathering.finish(), model, &Settings::default()).expect("an answer");
        assert!(!found.shares.is_empty());
        best = best.min(started.elapsed().as_secs_f64());
    }
    println!("{{\"seconds\": {best}}}");
}

fn row(line: &str) -> (&str, Outcome) {
    let mut fields = line.split(',');
    let mut next = || fields.next().expect("four fields");
    let path = next();
    let conversions = next().parse().expect("a count");
    let value: f64 = next().parse().expect("an amount");
    let nulls = next().parse().expect("a count");
    (path, Outcome { conversions, nulls, value: (value * 1e9).round() as i128 })
}
