//! Trees on integers rank as the float model does.

use millstream_decide::forest::Forest;
use millstream_decide::lightgbm::{Missing, Model, ModelError, Split, Tree, to_text};
use proptest::prelude::*;

/// A tree grown from a list of draws: each split takes the oldest open place.
pub fn grown(
    leaves: usize,
    features: usize,
    draws: &[(usize, i32, bool)],
    missing: &[Missing],
) -> Tree {
    let mut splits: Vec<Split> = Vec::new();
    let mut open: Vec<Option<(usize, bool)>> = vec![None];
    for (feature, threshold, missing_left) in draws.iter().take(leaves - 1) {
        let parent = open.remove(0);
        let place = splits.len();
        if let Some((parent, left)) = parent {
            let child = i32::try_from(place).unwrap();
            if left { splits[parent].left = child } else { splits[parent].right = child }
        }
        let feature = feature % features;
        splits.push(Split {
            feature,
            threshold: f64::from(*threshold) / 4.0,
            missing: missing[feature],
            missing_left: *missing_left,
            left: 0,
            right: 0,
        });
        open.extend([Some((place, true)), Some((place, false))]);
    }
    let mut values = Vec::new();
    for (leaf, place) in open.iter().enumerate() {
        let child = !i32::try_from(leaf).unwrap();
        if let Some((parent, left)) = place {
            if *left { splits[*parent].left = child } else { splits[*parent].right = child }
        }
        values.push((leaf as f64 * 0.37 + splits.len() as f64).sin());
    }
    Tree { splits, leaves: values }
}

pub fn kinds() -> impl Strategy<Value = Missing> {
    prop_oneof![Just(Missing::None), Just(Missing::Zero), Just(Missing::Nan)]
}

pub fn values() -> impl Strategy<Value = f32> {
    prop_oneof![
        (-12_i32..12).prop_map(|value| value as f32 / 4.0),
        -4.0_f32..4.0,
        Just(f32::NAN),
        Just(0.0),
    ]
}

proptest! {
    #[test]
    fn integers_rank_as_floats_do(
        leaves in 1_usize..60,
        trees in prop::collection::vec(
            prop::collection::vec((0_usize..5, -12_i32..12, any::<bool>()), 60), 1..12),
        missing in prop::collection::vec(kinds(), 5),
        items in prop::collection::vec(prop::collection::vec(values(), 5), 2..30),
    ) {
        let trees = trees.iter().map(|draws| grown(leaves, 5, draws, &missing)).collect();
        let model = Model { features: 5, trees };
        let read = Model::parse(&to_text(&model)).unwrap();
        prop_assert_eq!(&read, &model);
        let forest = Forest::new(read.features, &read.trees).unwrap();
        let scores = forest.scores(items.iter().map(Vec::as_slice));
        for (item, score) in items.iter().zip(&scores) {
            prop_assert_eq!(forest.walk(&forest.ranks(item)), *score);
            let exact = model.predict(item);
            prop_assert!((*score as f64 / 4_294_967_296.0 - exact).abs() < 1e-8);
        }
        for a in 0..items.len() {
            for b in 0..items.len() {
                let gap = model.predict(&items[a]) - model.predict(&items[b]);
                if gap > 1e-7 {
                    prop_assert!(scores[a] > scores[b]);
                }
            }
        }
    }

    #[test]
    fn any_text_is_a_model_or_an_error(text in "(tree\n)?[a-zA-Z_= \n0-9.-]{0,200}") {
        if let Ok(model) = Model::parse(&text) {
            let _ = Forest::new(model.features, &model.trees);
        }
    }
}

#[test]
fn what_integers_cannot_say_is_refused() {
    let one = Tree { splits: Vec::new(), leaves: vec![1.0] };
    let text = to_text(&Model { features: 1, trees: vec![one] });
    assert_eq!(Model::parse("hello"), Err(ModelError::Unknown));
    let classes = text.replace("num_class=1", "num_class=3");
    assert!(matches!(Model::parse(&classes), Err(ModelError::Unsupported(_))));
    let many = text.replace("max_feature_idx=0", "max_feature_idx=5000");
    assert!(matches!(Model::parse(&many), Err(ModelError::TooLarge { .. })));
    let endless = text.replace("leaf_value=1.0", "leaf_value=inf");
    assert!(matches!(Model::parse(&endless), Err(ModelError::Field { .. })));
}
