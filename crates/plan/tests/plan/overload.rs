//! More than fits: retries that make load, storms with two states, rungs that hold.

use millstream_plan::report::State;
use millstream_plan::{Plan, Study};

const QUICK: Study = Study::QUICK;

fn plan(text: &str) -> Plan {
    Plan::parse("overload.toml", text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn one_queue(rate: f64, timeout: &str) -> String {
    format!(
        "[[components]]\nname = 'queue'\nkind = 'store'\nservice = '1 ms'\n\
         [[flows]]\nname = 'jobs'\npath = ['queue']\nrate = '{rate}/s'\nprotocol = 'udp'\n\
         timeout = '{timeout}'\nattempts = 3\n"
    )
}

/// The least load x = rate (1 - p^3) / (1 - p) where p = exp(-(1000 - x) timeout), by steps from below.
fn fixed_point(rate: f64, timeout: f64) -> f64 {
    let mut load = rate;
    for _ in 0..100_000 {
        let late = (-(1000.0 - load) * timeout).exp().min(1.0);
        load = rate * (1.0 + late + late * late);
    }
    load
}

#[test]
fn late_answers_are_asked_for_again_and_that_is_load() {
    let report = plan(&one_queue(900.0, "50 ms")).study(&QUICK);
    let (hop, flow) = (&report.scenarios[0].hops[0], &report.scenarios[0].flows[0]);
    let expected = fixed_point(900.0, 0.05);
    let found = hop.utilisation_with_retries.expect("retries are felt");
    assert!((found - expected / 1000.0).abs() < 1e-5, "{found} {expected}");
    assert!((flow.amplification.value - expected / 900.0).abs() < 1e-5, "{flow:?}");
    assert_eq!(hop.utilisation, 0.9);
}

#[test]
fn clients_of_the_simulator_try_as_often_as_the_fixed_point_says() {
    // Two attempts of 450 a second never fill the queue, so there is one state.
    let text = one_queue(450.0, "5 ms").replace("attempts = 3", "attempts = 2");
    let report = plan(&text).study(&QUICK);
    let (hop, flow) = (&report.scenarios[0].hops[0], &report.scenarios[0].flows[0]);
    assert!(flow.amplification.value > 1.05 && report.metastable.is_empty());
    let settled = plan(&text).study(&Study { seed: Some(1), ..QUICK }).settled;
    let simulated = settled.iter().find(|one| one.what.contains("attempts of one request"));
    let simulated = simulated.expect("simulated");
    let error = simulated.figure.value / flow.amplification.value - 1.0;
    assert!((0.0..0.3).contains(&error), "{simulated:?}");
    let formula = simulated.formula.expect("a formula");
    assert!((formula / flow.amplification.value - 1.0).abs() < 1e-6, "{formula} {hop:?}");
}

#[test]
fn retries_alone_can_fill_a_queue_and_a_storm_has_two_states() {
    let full = plan(&one_queue(980.0, "50 ms")).study(&QUICK);
    let hop = &full.scenarios[0].hops[0];
    assert_eq!(hop.state, State::Unstable);
    assert!(
        hop.verdict
            .as_ref()
            .is_some_and(|text| text
                .starts_with("unstable at 2.94 with the retries it causes, 0.98 without")),
        "{hop:?}"
    );
    assert_eq!(full.metastable[0].calm_at, None);
    let two = plan(&one_queue(600.0, "1 s")).study(&QUICK);
    let storm = &two.metastable[0];
    assert!((storm.calm_at.expect("a calm state") - 0.6).abs() < 1e-9, "{storm:?}");
    assert!((storm.load_with_retries - 1.8).abs() < 1e-9, "{storm:?}");
    assert_eq!(two.scenarios[0].hops[0].state, State::Ok);
    assert!(plan(&one_queue(300.0, "1 s")).study(&QUICK).metastable.is_empty());
}

#[test]
fn an_overloaded_flow_is_told_which_rung_holds_it_and_what_that_costs() {
    let text = "
        [[components]]
        name = 'queue'
        kind = 'store'
        service = '1 ms'
        [[flows]]
        name = 'jobs'
        path = ['queue']
        rate = '600/s'
        [[flows]]
        name = 'old'
        class = 'backfill'
        path = ['queue']
        rate = '800/s'
        value_per_event = 0.01
        [[rungs]]
        name = 'trim'
        above = '70 %'
        payload = 0.7
        [[rungs]]
        name = 'defer'
        above = '85 %'
        sheds = ['backfill']
    ";
    let report = plan(text).study(&Study::default());
    let rungs = &report.scenarios[0].rungs;
    assert_eq!(rungs.len(), 2);
    assert!(!rungs[0].holds && rungs[1].holds && rungs[1].refused == ["old"], "{rungs:?}");
    assert!((rungs[1].refused_value_per_hour - 28_800.0).abs() < 1e-6);
    assert!(
        report.warnings.iter().any(|text| text.contains("rung `defer` holds this load")),
        "{:?}",
        report.warnings
    );
    // The simulator refuses part of it: the servers are kept between the two thresholds.
    let settled = report.settled.iter().find(|one| one.what.contains("rung `defer`"));
    let refused = settled.expect("simulated").figure.value;
    assert!(refused > 0.4 && refused < 0.9, "{refused}");
}

#[test]
fn who_is_answered_early_does_not_ask_again_because_of_what_comes_later() {
    let text = |acknowledged: &str| {
        format!(
            "[[components]]\nname = 'log'\nkind = 'broker'\nservice = '0.1 ms'\n\
             [[components]]\nname = 'stream'\nkind = 'stream'\nservice = '1 ms'\n\
             [[flows]]\nname = 'events'\npath = ['log', 'stream']\nrate = '1200/s'\n\
             timeout = '1 s'\nattempts = 3\n{acknowledged}\n"
        )
    };
    let whole = plan(&text("")).study(&QUICK);
    let log = |report: &millstream_plan::PlanReport| {
        let hops = &report.scenarios[0].hops;
        hops.iter().find(|hop| hop.name == "log").and_then(|hop| hop.utilisation_with_retries)
    };
    assert!((log(&whole).expect("retries") - 0.36).abs() < 1e-9);
    let early = plan(&text("acknowledged_by = 'log'")).study(&QUICK);
    assert_eq!(log(&early), None);
    let flow = &early.scenarios[0].flows[0];
    assert!(flow.amplification.value == 1.0 && (flow.goodput_per_s.value - 1000.0).abs() < 1e-6);
    let error =
        Plan::parse("x.toml", &text("acknowledged_by = 'lag'")).expect_err("not on the path");
    assert!(error.to_string().contains("did you mean `log`"), "{error}");
}
