//! Plan files, inventories and forecasts; what can be read is studied, and no number of the report is endless.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millstream_plan::{Plan, Study};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let base = Plan::default();
    let study = Study::QUICK;
    for read in [base.overlaid("p", &text), base.overlaid_csv("p", &text), base.overlaid_json("p", &text)] {
        match read {
            Ok(plan) => {
                let report = serde_json::to_string(&plan.study(&study)).expect("a report serialises");
                assert!(!report.contains("NaN") && !report.contains("inf,"));
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});
