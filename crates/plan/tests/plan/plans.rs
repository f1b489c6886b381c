//! Properties of whole plans.

use crate::random_plan::{Size, tables, text};
use millstream_plan::inventory::Component;
use millstream_plan::report::{
    FailureReport, Fault, HopReport, PlanReport, RemedyKind, ScenarioReport, State,
};
use millstream_plan::simulate::random::Random;
use millstream_plan::{Plan, Study};
use proptest::prelude::*;
use std::collections::BTreeMap;

const SMALL: Size = Size { components: 12, flows: 25, hops: 5 };
const QUICK: Study = Study::QUICK;

fn plan(text: &str) -> Plan {
    Plan::parse("random.toml", text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn hop<'r>(scenario: &'r ScenarioReport, name: &str) -> &'r HopReport {
    scenario.hops.iter().find(|hop| hop.name == name).expect("a hop")
}

fn bytes(report: &PlanReport) -> String {
    serde_json::to_string(report).expect("serialisable")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_lines_changes_nothing(seed in 0..10_000u64) {
        let mut shuffled = tables(seed, SMALL);
        let before = plan(&shuffled.join("\n"));
        let mut random = Random::new(seed, 5);
        for at in (1..shuffled.len()).rev() {
            shuffled.swap(at, (random.uniform() * (at + 1) as f64) as usize);
        }
        let after = plan(&shuffled.join("\n"));
        prop_assert_eq!(bytes(&before.study(&QUICK)), bytes(&after.study(&QUICK)));
    }

    #[test]
    fn the_same_plan_and_seed_give_the_same_bytes(seed in 0..10_000u64) {
        let plan = plan(&text(seed, Size { components: 5, flows: 6, hops: 3 }));
        let study = Study { seed: Some(seed), ..Study::default() };
        prop_assert_eq!(bytes(&plan.study(&study)), bytes(&plan.study(&study)));
    }

    #[test]
    fn more_load_never_helps(seed in 0..10_000u64, times in 1.01..4.0f64) {
        let before = plan(&text(seed, SMALL));
        let mut after = before.clone();
        // Without batches: fuller batches are the one way in which more load costs less.
        let mut before = before;
        for plan in [&mut before, &mut after] {
            plan.flows.values_mut().for_each(|flow| flow.batch.0 = 1);
        }
        after.flows.values_mut().for_each(|flow| flow.rate.0 *= times);
        let (before, after) = (before.study(&QUICK), after.study(&QUICK));
        for (one, two) in before.scenarios[0].hops.iter().zip(&after.scenarios[0].hops) {
            prop_assert!(two.utilisation >= one.utilisation * (1.0 - 1e-12), "{}", one.name);
            if let (Some(less), Some(more)) = (one.wait_mean_s, two.wait_mean_s) {
                prop_assert!(more.value >= less.value * (1.0 - 1e-9), "{}: {} {}", one.name, less.value, more.value);
            } else {
                prop_assert!(two.wait_mean_s.is_none() || one.wait_mean_s.is_some());
            }
        }
        for (one, two) in before.scenarios[0].flows.iter().zip(&after.scenarios[0].flows) {
            let (less, more) = (one.mean_s.map_or(f64::INFINITY, |m| m.value), two.mean_s.map_or(f64::INFINITY, |m| m.value));
            prop_assert!(more >= less * (1.0 - 1e-9), "{}: {less} {more}", one.name);
        }
    }

    #[test]
    fn what_comes_in_goes_on_or_is_lost(seed in 0..10_000u64) {
        let report = plan(&text(seed, SMALL)).study(&QUICK);
        for scenario in &report.scenarios {
            for flow in &scenario.flows {
                prop_assert!(flow.goodput_per_s.value <= flow.offered_per_s * (1.0 + 1e-9), "{}", flow.name);
                prop_assert!(flow.goodput_per_s.value >= 0.0 && (0.0..=1.0).contains(&flow.success.value));
                prop_assert!(flow.miss.is_none_or(|miss| (0.0..=1.0).contains(&miss.value)));
                let ordered = [flow.p50_s, flow.p95_s, flow.p99_s].map(|p| p.map_or(0.0, |p| p.value));
                prop_assert!(ordered[0] <= ordered[1] && ordered[1] <= ordered[2], "{} {ordered:?}", flow.name);
            }
            // No resource carries more goodput than it has: what is throttled fits.
            for hop in scenario.hops.iter().filter(|hop| hop.utilisation > 1.0) {
                let on_it = scenario.flows.iter().filter(|flow| flow.path.contains(&hop.name));
                let throttled = on_it.clone().any(|flow| flow.goodput_per_s.value < flow.offered_per_s * flow.success.value * (1.0 - 1e-9));
                prop_assert!(throttled || on_it.count() == 0, "{} is full and nobody is throttled", hop.name);
                prop_assert!(hop.state == State::Unstable && hop.verdict.as_ref().is_some_and(|text| text.starts_with("unstable at ")));
            }
        }
    }

    #[test]
    fn no_number_is_without_end(seed in 0..10_000u64, squeeze in 0.001..2.0f64) {
        let mut plan = plan(&text(seed, SMALL));
        plan.components.values_mut().for_each(|one| one.bandwidth.iter_mut().for_each(|rate| rate.0 *= squeeze));
        let json = bytes(&plan.study(&QUICK));
        prop_assert!(!json.contains("NaN") && !json.contains("inf\""));
    }
}

#[test]
fn each_remedy_has_the_effect_it_claims_and_the_bottleneck_moves() {
    let (mut applied, mut moved) = (0, 0);
    for seed in 0..12 {
        let plan = plan(&text(seed, SMALL));
        let report = plan.study(&Study { options: true, ..QUICK });
        for option in report.options.iter().filter(|option| option.kind != RemedyKind::Tolerate) {
            let patched =
                plan.overlaid("option", &option.overlay).unwrap_or_else(|error| panic!("{error}"));
            let after = patched.study(&QUICK);
            let scenario = after.scenario(&option.effect.scenario).expect("the same load");
            let found = hop(scenario, &option.hop).utilisation;
            assert_eq!(found, option.effect.utilisation_after, "{seed}: {}", option.what);
            let bottleneck = scenario.bottleneck.as_ref().map(|one| one.hop.clone());
            assert_eq!(bottleneck, option.effect.bottleneck_after, "{seed}: {}", option.what);
            if let Some(flow) = &option.effect.flow {
                let flow = scenario.flows.iter().find(|one| one.name == *flow).expect("a flow");
                assert_eq!(
                    flow.p99_s.map(|p99| p99.value),
                    option.effect.p99_after_s,
                    "{seed}: {}",
                    option.what
                );
            }
            applied += 1;
        }
        // With the named bottleneck gone, another one is named.
        let worst = report.scenarios.iter().find(|one| one.name == "sale").expect("sale");
        let named = worst.bottleneck.as_ref().expect("a bottleneck").hop.clone();
        let mut free = plan.clone();
        let one = free.components.get_mut(&named).expect("it exists");
        (one.bandwidth, one.service, one.packets, one.events) = (None, None, None, None);
        let after = free.study(&QUICK);
        let next = after.scenario("sale").and_then(|one| one.bottleneck.clone()).expect("another");
        assert_ne!(next.hop, named);
        moved += 1;
    }
    assert!(applied > 30 && moved == 12, "{applied}");
}

/// Instances that a domain takes from a component: its even part.
fn taken(component: &Component, fault: &Fault) -> u32 {
    let (place, places) = match fault {
        Fault::Rack { name } => (name, &component.domains.racks),
        Fault::Zone { name } => (name, &component.domains.zones),
        Fault::Region { name } => (name, &component.domains.regions),
        Fault::Instance { name } => return u32::from(component.name == *name),
        _ => return 0,
    };
    if !places.contains(place) {
        return 0;
    }
    component.instances.0.div_ceil(places.len() as u32)
}

/// The plan as it is with a fault: detours are paths, what ends is gone, instances are fewer. A component of
/// which nothing is left carries nothing, so it may stay.
fn with_fault(plan: &Plan, failure: &FailureReport) -> Plan {
    let mut failed = plan.clone();
    for name in &failure.lost {
        failed.flows.remove(name);
    }
    for shift in &failure.rerouted {
        failed.flows.get_mut(&shift.flow).expect("a flow").path.clone_from(&shift.path);
    }
    for component in failed.components.values_mut() {
        let left = component.instances.0.saturating_sub(taken(component, &failure.fault));
        component.instances.0 = left.max(1);
    }
    failed
}

/// What is gone with a fault.
fn is_down(plan: &Plan, fault: &Fault, name: &str) -> bool {
    let component = &plan.components[name];
    match fault {
        Fault::Component { name: gone } => gone == name,
        Fault::Pair { name: one, other } => one == name || other == name,
        _ => taken(component, fault) >= component.instances.0,
    }
}

#[test]
fn what_a_failure_changes_is_what_a_full_computation_finds() {
    let (mut hops, mut detours, mut kinds) = (0, 0, BTreeMap::new());
    for seed in 0..10 {
        let mut plan = plan(&text(seed, Size { components: 15, flows: 40, hops: 5 }));
        // Pairs are many: two small plans of them are enough.
        plan.policies.failure_pairs = seed < 2;
        // What a failure does is told without the retries that it causes.
        let plain = Study { retries: false, ..QUICK };
        let report = plan.study(&plain);
        let before = &report.scenarios[0];
        for failure in &report.failures {
            let full = with_fault(&plan, failure).study(&plain);
            let after = &full.scenarios[0];
            let kind = format!("{:?}", failure.fault);
            let kind = kind.split(' ').next().unwrap_or_default().to_owned();
            *kinds.entry(kind).or_insert(0) += 1;
            for one in after.hops.iter().filter(|one| !is_down(&plan, &failure.fault, &one.name)) {
                let shift = failure.hops.iter().find(|shift| shift.hop == one.name);
                let expected = shift
                    .map_or_else(|| Some(hop(before, &one.name).utilisation), |shift| shift.after);
                assert_eq!(
                    expected,
                    Some(one.utilisation),
                    "{seed} {:?} {}",
                    failure.fault,
                    one.name
                );
                hops += 1;
            }
            for shift in &failure.rerouted {
                let flow = after.flows.iter().find(|flow| flow.name == shift.flow).expect("a flow");
                let found = [flow.mean_s, flow.p99_s].map(|time| time.map(|time| time.value));
                assert_eq!(found, [shift.mean_s, shift.p99_s], "{seed} {:?}", failure.fault);
                detours += 1;
            }
        }
    }
    for kind in ["Component", "Instance", "Rack", "Zone", "Region", "Pair"] {
        assert!(kinds.get(kind).is_some_and(|count| *count > 5), "{kind}: {kinds:?}");
    }
    assert!(hops > 5000 && detours > 300, "{hops} hops, {detours} detours");
}

#[test]
fn a_plan_of_one_queue_is_the_textbook() {
    let text = "
        [[components]]
        name = 'queue'
        kind = 'store'
        service = '1 ms'
        [[flows]]
        name = 'jobs'
        path = ['queue']
        rate = '800/s'
        protocol = 'udp'
    ";
    let report = plan(text).study(&QUICK);
    let flow = &report.scenarios[0].flows[0];
    let close = |figure: Option<millstream_plan::Figure>, value: f64| {
        let figure = figure.expect("a figure");
        assert!((figure.value / value - 1.0).abs() < 1e-9, "{figure:?} {value}");
        assert_eq!(figure.confidence, millstream_plan::Confidence::Exact);
    };
    close(flow.mean_s, 0.005);
    close(flow.p50_s, 0.003_465_735_902_799_727);
    close(flow.p95_s, 0.014_978_661_367_769_956);
    close(flow.p99_s, 0.023_025_850_929_940_46);
    assert_eq!(report.scenarios[0].hops[0].utilisation, 0.8);
}

#[test]
fn an_overload_says_how_much_and_what_would_help() {
    let text = "
        [[components]]
        name = 'queue'
        kind = 'store'
        service = '1 ms'
        [[flows]]
        name = 'jobs'
        path = ['queue']
        rate = '1070/s'
        deadline = '1 s'
    ";
    let report = plan(text).study(&Study::default());
    let hop = &report.scenarios[0].hops[0];
    assert_eq!(hop.state, State::Unstable);
    let verdict = hop.verdict.as_ref().expect("a verdict");
    assert!(verdict.starts_with("unstable at 1.07") && verdict.contains("2 servers"), "{verdict}");
    assert!(hop.wait_mean_s.is_none() && report.scenarios[0].flows[0].mean_s.is_none());
    let best = &report.options[0];
    assert!(best.cures && best.effect.utilisation_after < 0.7, "{best:?}");
}

#[test]
fn a_worst_case_holds_a_message_on_every_line_and_grows_with_bursts() {
    let text = |burst: &str| {
        format!(
            "[[components]]\nname = 'a'\nkind = 'link'\nbandwidth = '100 Mbit/s'\npropagation = '2 ms'\n\
             [[components]]\nname = 'b'\nkind = 'link'\nbandwidth = '100 Mbit/s'\ninstances = 8\n\
             [[flows]]\nname = 'f'\npath = ['a', 'b']\nrate = '100/s'\npayload = '50 kB'\n{burst}\n"
        )
    };
    let bound = |burst: &str| {
        let report = plan(&text(burst)).study(&QUICK);
        report.scenarios[0].flows[0].bound_s.expect("lines have worst cases").value
    };
    // 50 kB on 100 Mbit/s take a little over 4 ms, on each of two lines, and the first adds 2 ms.
    let calm = bound("");
    assert!(calm > 0.010 && calm < 0.030, "{calm}");
    // 400 events a second for a second are 160 Mbit/s: 60 Mbit too many, 0.6 s of the first line.
    let bursting = bound("peak = '400/s'\nburst = '1 s'");
    assert!(bursting > 0.5 && bursting < 3.0, "{bursting}");
}
