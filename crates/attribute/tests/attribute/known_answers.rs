//! Exact and published answers, to 1e-9.

use crate::data::{Row, paths};
use millstream_attribute::removal::divide;
use millstream_attribute::shapley::exact;
use millstream_attribute::{
    Attribution, Model, Order, Paths, ReportModel, Settings, Worth, analyse,
};
use serde_json::{Map, Value};

fn read(name: &str) -> Value {
    let text = std::fs::read_to_string(format!("../../testdata/{name}")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn compare(what: &str, paths: &Paths, found: &[f64], expected: &Value, scale: f64) {
    let expected = expected.as_object().unwrap();
    for (name, expected) in expected {
        let at = crate::data::channel(paths, name);
        let (found, expected) = (found[at] * scale, expected.as_f64().unwrap());
        assert!((found - expected).abs() < 1e-9, "{what}, {name}: {found}, expected {expected}");
    }
}

fn markov(what: &str, paths: &Paths, number: u8, expected: &Map<String, Value>) {
    let model = ReportModel::Markov(Order::new(number).unwrap());
    let Attribution { earned, shares, .. } = analyse(paths, model, &Settings::default()).unwrap();
    let key = format!("exact_markov_{number}");
    compare(what, paths, &earned.conversions, &expected[&key]["attributed"], 1.0);
    compare(what, paths, &shares, &expected[&key]["share"], 1.0);
    let effects = earned.removal_effect.unwrap();
    compare(what, paths, &effects, &expected[&key]["removal_effect"], 1.0);
    if number == 1 {
        let with_loops = &expected["exact_markov_1_with_self_loops"]["share"];
        compare(what, paths, &shares, with_loops, 1.0);
    }
}

#[test]
fn small_sets_of_paths_have_their_exact_answers() {
    let known = read("attribution_small.json");
    let cases = known["cases"].as_object().unwrap();
    assert!(cases.len() >= 8);
    for (name, case) in cases {
        let row = |row: &Value| -> Row {
            let count = |at: usize| row[at].as_u64().unwrap();
            (row[0].as_str().unwrap().to_owned(), count(1), count(2), 0)
        };
        let rows: Vec<Row> = case["rows"].as_array().unwrap().iter().map(row).collect();
        let paths = paths(&rows);
        let case = case.as_object().unwrap();
        for (key, model) in [
            ("first", ReportModel::Rule(Model::First)),
            ("last", ReportModel::Rule(Model::Last)),
            ("linear", ReportModel::Rule(Model::Linear)),
            ("position_40_20_40", ReportModel::Rule(Model::Position)),
            ("shapley_subset_conversions", ReportModel::Shapley(Worth::Conversions)),
            ("linear_unique", ReportModel::Shapley(Worth::Conversions)),
        ] {
            let found = analyse(&paths, model, &Settings::default()).unwrap();
            compare(name, &paths, &found.earned.conversions, &case[key], 1.0);
        }
        (1..=3).for_each(|order| markov(name, &paths, order, case));
    }
}

/// Coalitions are written `F+O`; what is not there is worth nothing.
#[test]
fn published_games_have_their_shapley_values() {
    let known = read("attribution_published.json");
    for name in ["tds_FOL", "tds_FOL_rates_not_cumulated", "glove_game", "datascience_se_85684"] {
        let game = &known[name];
        let players: Vec<&str> =
            game["players"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
        let mut worth = vec![0.0; 1 << players.len()];
        for (coalition, value) in game["v"].as_object().unwrap() {
            let bit = |member: &str| players.iter().position(|one| *one == member).unwrap();
            let mask = coalition.split('+').fold(0, |mask, member| mask | 1 << bit(member));
            worth[mask] = value.as_f64().unwrap();
        }
        let values = exact(players.len(), &worth).unwrap();
        for (player, value) in players.iter().zip(values) {
            for source in ["computed", "published"] {
                if let Some(expected) = game[source].get(player).and_then(Value::as_f64) {
                    assert!((value - expected).abs() < 1e-9, "{name} {player}: {value}");
                }
            }
        }
    }
}

#[test]
fn published_chains_have_their_credit() {
    let known = read("attribution_published.json");
    let shop = &known["ga4_merch_store"];
    let (mut names, mut effects) = (Vec::new(), Vec::new());
    let base = shop["p_base"].as_f64().unwrap();
    for (name, without) in shop["p_without"].as_object().unwrap() {
        let effect = 1.0 - without.as_f64().unwrap() / base;
        assert!((effect - shop["removal_effect"][name].as_f64().unwrap()).abs() < 1e-9);
        names.push(name);
        effects.push(effect);
    }
    let credit = divide(&effects, shop["conversions"].as_f64().unwrap());
    for (name, credit) in names.iter().zip(credit) {
        let published = shop["published_attributed"][name.as_str()].as_f64().unwrap();
        // Published with six decimals.
        assert!((credit - published).abs() < 5e-7, "{name} {credit} {published}");
    }
    let story = &known["bryl"];
    let row = |row: &Value, value: i128| -> Row {
        let count = |at: usize| row[at].as_u64().unwrap();
        (row[0].as_str().unwrap().to_owned(), count(1), count(2), value)
    };
    let rows = story["paths"].as_array().unwrap().iter();
    let rows: Vec<Row> =
        rows.map(|one| row(one, if one[1].as_u64() == Some(1) { 1_000 } else { 0 })).collect();
    let paths = paths(&rows);
    let found = analyse(&paths, ReportModel::Markov(Order::First), &Settings::default()).unwrap();
    compare("bryl", &paths, &found.earned.conversions, &story["attributed"], 1.0);
    compare("bryl", &paths, &found.earned.value, &story["value_1000"], 1.0);
    let effects = found.earned.removal_effect.unwrap();
    compare("bryl", &paths, &effects, &story["removal"], 1.0);
}
