//! The report in every form, from a fixed file.

use super::{Answer, Asked, Question, answer, csv, json, table};
use crate::import::Input;
use crate::path_data::{FILE_BYTES_MAX, Names, PathFile, read};
use millstream_attribute::{Model, Order, ReportModel, Settings, Worth};

const FILE: &str = "path;conversions;value;nulls
search > email > direct;120;9120,50;880
social > search;61;4212,05;1240
social > social > email;33;1999,99;902
email;75;6000;410
direct;140;11200;2600
=affiliate > direct;9;700,10;31
";

fn file(text: &str) -> PathFile {
    let bytes = text.as_bytes().to_vec();
    let mut input = Input::reader("test", Box::new(std::io::Cursor::new(bytes)));
    read(&mut input, &Names::default(), FILE_BYTES_MAX).unwrap()
}

fn question(asked: Asked) -> Question {
    let replicates = Some(100);
    let (order, worth) = (Order::First, Worth::Conversions);
    Question { asked, order, worth, replicates, settings: Settings::default() }
}

fn with<T>(asked: Asked, show: impl Fn(&Answer<'_>) -> T) -> T {
    let (file, question) = (file(FILE), question(asked));
    show(&answer(&file, &question).unwrap())
}

#[test]
fn models_stand_side_by_side() {
    insta::assert_snapshot!(with(Asked::All, |answer| table(answer, None)));
}

#[test]
fn one_model_stands_with_its_intervals() {
    let markov = Asked::One(ReportModel::Markov(Order::Second));
    insta::assert_snapshot!(with(markov, |answer| table(answer, None)));
}

#[test]
fn values_sum_in_the_unit_of_the_file() {
    let linear = Asked::One(ReportModel::Rule(Model::Linear));
    insta::assert_snapshot!(with(linear, |answer| table(answer, None)));
}

#[test]
fn every_model_says_what_it_does_on_narrow_terminals_too() {
    for model in ReportModel::all(Order::Third, Worth::Rate) {
        let shown = with(Asked::One(model), |answer| table(answer, Some(60)));
        assert!(shown.lines().all(|line| line.chars().count() <= 60), "{shown}");
    }
}

#[test]
fn machines_read_json_and_csv() {
    let markov = Asked::One(ReportModel::Markov(Order::First));
    insta::assert_snapshot!(with(markov, |answer| json(answer).unwrap()));
    let shown = with(Asked::All, |answer| String::from_utf8(csv(answer).unwrap()).unwrap());
    assert_eq!(shown.lines().count(), 1 + 8 * 5);
    assert!(shown.contains(",'=affiliate,"), "{shown}");
}

#[test]
fn values_in_json_sum_exactly() {
    for model in ReportModel::all(Order::First, Worth::Rate) {
        let (file, question) = (file(FILE), question(Asked::One(model)));
        let found = answer(&file, &question).unwrap();
        assert_eq!(found.models[0].amounts.iter().sum::<i128>(), 33_232_640_000_000, "{model}");
    }
}

#[test]
fn many_channels_are_sampled_with_their_error() {
    let mut text = "path,conversions,nulls\n".to_owned();
    for number in 0..17 {
        text.push_str(&format!("c{number} > c{},{},90\n", (number * 5) % 17, 40 + number));
    }
    let (file, question) = (file(&text), question(Asked::One(ReportModel::Shapley(Worth::Rate))));
    let question = Question { replicates: Some(0), ..question };
    let found = answer(&file, &question).unwrap();
    assert!(table(&found, None).contains("Sampling error"));
    assert!(json(&found).unwrap().contains("share_error"));
}

#[test]
fn without_conversions_nothing_is_claimed() {
    let (file, question) = (file("path,conversions,nulls\na > b,0,9\n"), question(Asked::All));
    let shown = table(&answer(&file, &question).unwrap(), None);
    assert!(shown.contains("nothing can be credited"), "{shown}");
    assert!(!shown.contains('%') || shown.contains("95 %"), "{shown}");
}
