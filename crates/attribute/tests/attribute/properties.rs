//! What must hold for every set of paths and every model.

use crate::data::{Row, paths, rows};
use millstream_attribute::rounding::apportion_real;
use millstream_attribute::shapley::exact;
use millstream_attribute::{Order, ReportModel, Settings, Worth, analyse};
use proptest::prelude::*;

fn models() -> Vec<ReportModel> {
    let mut models = ReportModel::all(Order::First, Worth::Conversions);
    models.extend([Order::Second, Order::Third].map(ReportModel::Markov));
    models.push(ReportModel::Shapley(Worth::Rate));
    models
}

proptest! {
    #[test]
    fn credit_sums_to_the_conversions_and_amounts_to_the_value(data in rows()) {
        let paths = paths(&data);
        for model in models() {
            let found = analyse(&paths, model, &Settings::default()).unwrap();
            let sum: f64 = found.earned.conversions.iter().sum();
            prop_assert!((sum - paths.total.conversions as f64).abs() < 1e-9, "{model:?} {sum}");
            let amounts = apportion_real(paths.total.value, &found.earned.value);
            prop_assert_eq!(amounts.iter().sum::<i128>(), paths.total.value, "{:?}", model);
            for (amount, exact) in amounts.iter().zip(&found.earned.value) {
                prop_assert!((*amount as f64 - exact).abs() <= 1.0, "{amount} {exact}");
            }
        }
    }

    #[test]
    fn the_order_of_rows_and_their_division_leave_no_trace(
        (data, shuffled) in rows().prop_flat_map(|data| {
            let halves = data.iter().flat_map(|(path, conversions, nulls, value)| {
                let (first, second) = (conversions / 2, conversions - conversions / 2);
                let earned = if first == 0 { 0 } else { value / 3 };
                [
                    (path.clone(), first, nulls / 2, earned),
                    (path.clone(), second, nulls - nulls / 2, value - earned),
                ]
            });
            let halves: Vec<Row> = halves.collect();
            (Just(data), Just(halves).prop_shuffle())
        }),
    ) {
        let (whole, divided) = (paths(&data), paths(&shuffled));
        prop_assert_eq!(&whole, &divided);
        for model in models() {
            let settings = Settings::default();
            prop_assert_eq!(analyse(&whole, model, &settings), analyse(&divided, model, &settings));
        }
    }

    #[test]
    fn removal_effects_are_parts_of_the_whole(data in rows()) {
        let paths = paths(&data);
        for order in [Order::First, Order::Second, Order::Third] {
            let found = analyse(&paths, ReportModel::Markov(order), &Settings::default()).unwrap();
            let effects = found.earned.removal_effect.unwrap();
            prop_assert!(effects.iter().all(|effect| (0.0..=1.0).contains(effect)), "{effects:?}");
        }
    }

    /// A channel that no converting path meets gets nothing; channels that the paths do not tell
    /// apart get the same.
    #[test]
    fn shapley_is_efficient_symmetric_and_fair_to_null_players(
        worth in prop::collection::vec(-10.0..10.0, 32),
        data in rows(),
    ) {
        let values = exact(5, &with_empty_zero(&worth)).unwrap();
        prop_assert!((values.iter().sum::<f64>() - worth[31]).abs() < 1e-9, "efficiency");
        let symmetric: Vec<f64> = (0..32_usize)
            .map(|mask| if mask == 0 { 0.0 } else { worth[mask & !3 | (mask & 3).count_ones() as usize] })
            .collect();
        let values = exact(5, &symmetric).unwrap();
        prop_assert!((values[0] - values[1]).abs() < 1e-9, "symmetry");
        let null: Vec<f64> = (0..32_usize).map(|mask| with_empty_zero(&worth)[mask & !4]).collect();
        prop_assert!(exact(5, &null).unwrap()[2].abs() < 1e-9, "null player");

        let mut data = data;
        data.push(("null".into(), 0, 5, 0));
        let twins: Vec<Row> = data
            .iter()
            .map(|(path, conversions, nulls, value)| (path.replace('a', "a>twin"), *conversions, *nulls, *value))
            .collect();
        let paths = paths(&twins);
        let shapley = ReportModel::Shapley(Worth::Conversions);
        let shares = analyse(&paths, shapley, &Settings::default()).unwrap().shares;
        prop_assert_eq!(shares[crate::data::channel(&paths, "null")], 0.0);
        if let Some(one) = paths.channels.iter().position(|name| &**name == "a") {
            let twin = crate::data::channel(&paths, "twin");
            prop_assert!((shares[one] - shares[twin]).abs() < 1e-12);
        }
    }

    /// The closed form of the game of conversions, held against the definition.
    #[test]
    fn the_closed_form_is_the_shapley_value(data in rows()) {
        let paths = paths(&data);
        let worth: Vec<f64> = (0..1_usize << paths.channels.len())
            .map(|mask| {
                let inside = paths.rows.iter().filter(|row| row.touches.iter().all(|one| mask >> one & 1 == 1));
                inside.map(|row| row.outcome.conversions as f64).sum()
            })
            .collect();
        let expected = exact(paths.channels.len(), &worth).unwrap();
        let found = analyse(&paths, ReportModel::Shapley(Worth::Conversions), &Settings::default()).unwrap();
        for (found, expected) in found.earned.conversions.iter().zip(expected) {
            prop_assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
    }
}

fn with_empty_zero(worth: &[f64]) -> Vec<f64> {
    let mut worth = worth.to_vec();
    worth[0] = 0.0;
    worth
}
