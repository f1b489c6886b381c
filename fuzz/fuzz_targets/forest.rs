//! LightGBM's text models: one that is read ranks any items, by threes alike in any order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millstream_decide::forest::Forest;
use millstream_decide::lightgbm::Model;

fuzz_target!(|bytes: &[u8]| {
    let Ok(model) = Model::parse(&String::from_utf8_lossy(bytes)) else { return };
    let Ok(forest) = Forest::new(model.features, &model.trees) else { return };
    let rows: Vec<Vec<f32>> =
        [0.0, -1.5, f32::NAN, f32::INFINITY].map(|value| vec![value; forest.features()]).into();
    let once = forest.scores(rows.iter().map(Vec::as_slice));
    let mut again = forest.scores(rows.iter().rev().map(Vec::as_slice));
    again.reverse();
    assert_eq!(once, again);
});
