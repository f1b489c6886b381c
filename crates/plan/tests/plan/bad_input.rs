//! Whatever is wrong with a file is said with line, column, cause and remedy.

use millstream_plan::read::{PLAN_BYTES_MAX, PROBLEMS_MAX};
use millstream_plan::simulate::random::Random;
use millstream_plan::template::Template;
use millstream_plan::{Plan, PlanError, Study};

const BASE: &str = "[[components]]\nname = \"edge\"\nkind = \"edge\"\nbandwidth = \"1 Gbit/s\"\n";

fn problems(text: &str) -> Vec<millstream_plan::Problem> {
    match Plan::parse("plan.toml", text) {
        Err(PlanError::Invalid { problems, .. }) => problems,
        other => panic!("{other:?}"),
    }
}

/// The first problem: place, and words that its text must hold.
fn refused(text: &str, (line, column): (u32, u32), words: &[&str]) {
    let found = problems(text);
    let first = &found[0];
    assert_eq!((first.line, first.column), (line, column), "{first}");
    for word in words {
        assert!(first.to_string().contains(word), "{first} lacks `{word}`");
    }
    assert!(!first.why.is_empty() && !first.fix.is_empty());
}

fn component(line: &str) -> String {
    format!("[[components]]\nname = \"edge\"\nkind = \"edge\"\n{line}\n")
}

fn flow(line: &str) -> String {
    format!("{BASE}[[flows]]\nname = \"clicks\"\npath = [\"edge\"]\nrate = \"10/s\"\n{line}\n")
}

#[test]
fn capacities_that_cannot_be() {
    refused(
        &component("bandwidth = \"0 Gbit/s\""),
        (4, 13),
        &["`edge`", "more than zero", "Gbit/s"],
    );
    refused(&component("bandwidth = \"-3 Gbit/s\""), (4, 13), &["more than zero"]);
    refused(&component("bandwidth = \"1e30 Gbit/s\""), (4, 13), &["more than anything real"]);
    refused(&component("bandwidth = nan"), (4, 13), &["needs one"]);
    refused(
        &component("bandwidth = \"25 GB\""),
        (4, 13),
        &["is a size", "a bit rate belongs here"],
    );
    refused(&component("bandwidth = 25"), (4, 13), &["no unit"]);
    refused(&component("events = \"0/s\""), (4, 10), &["carries nothing"]);
    refused(&component("servers = 0"), (4, 11), &["one or more"]);
    refused(&component("service_scv = nan"), (4, 15), &["finite"]);
    refused(&component("service_scv = inf"), (4, 15), &["finite"]);
    refused(&component("oversubscription = 0.5"), (1, 1), &["less than 1"]);
    refused(&component("buffer = [1]"), (4, 10), &["a list"]);
    refused(
        &component("servers = 1000\ninstances = 1001"),
        (1, 1),
        &["1001000 servers", "at most 1000000"],
    );
    refused(&component("mtu = \"10 B\""), (1, 1), &["576"]);
}

#[test]
fn names_that_lead_nowhere_have_a_nearest() {
    refused(
        &component("bandwith = \"1 Gbit/s\""),
        (4, 1),
        &["`bandwith`", "did you mean `bandwidth`?"],
    );
    refused(&component("plane = \"frontend\""), (4, 9), &["did you mean `front_end`?"]);
    let text = format!("{BASE}[[flows]]\nname = \"f\"\npath = [\"edgy\"]\nrate = \"1/s\"\n");
    refused(&text, (7, 9), &["no component `edgy`", "did you mean `edge`?"]);
    refused(&flow("budget = { egde = \"1 ms\" }"), (9, 12), &["did you mean `edge`?"]);
    let text =
        format!("{}[policies]\nfailures_at = \"launhc\"\n[[peaks]]\nname = \"launch\"\n", flow(""));
    refused(&text, (11, 15), &["did you mean `launch`?"]);
}

#[test]
fn cycles_and_twins() {
    let text = "[[components]]\nname = \"a\"\nkind = \"link\"\n[[components]]\nname = \"b\"\nkind = \"link\"\n";
    let round =
        format!("{text}[[flows]]\nname = \"f\"\nrate = \"1/s\"\npath = [\"a\", \"b\", \"a\"]\n");
    refused(&round, (10, 19), &["`a` comes twice", "cycle"]);
    let twins = format!("{text}[[components]]\nname = \"a\"\nkind = \"link\"\n");
    refused(&twins, (8, 8), &["described twice"]);
    refused(&component("failover = [\"edge\"]"), (4, 13), &["itself"]);
    refused("[[components]]\nname = \"a\"\nname = \"b\"\n", (3, 1), &["not TOML"]);
}

#[test]
fn flows_that_contradict_themselves() {
    refused(&flow("peak = \"5/s\""), (5, 1), &["below the mean"]);
    refused(&flow("loss = \"100 %\""), (5, 1), &["all packets"]);
    refused(&flow("compression = 0.5"), (5, 1), &["larger"]);
    refused(
        &flow("deadline = \"10 ms\"\nrecovery_margin = \"10 ms\""),
        (5, 1),
        &["nothing of the deadline"],
    );
    refused(&flow("fan_out = { copies = 2, quorum = 3 }"), (9, 11), &["more than can ever come"]);
    refused(&flow("attempts = 1000"), (5, 1), &["a loop"]);
    refused(&flow("rate2 = \"1/s\""), (9, 1), &["did you mean `rate`?"]);
    let empty = format!("{BASE}[[flows]]\nname = \"f\"\npath = []\nrate = \"1/s\"\n");
    refused(&empty, (5, 1), &["passes nothing"]);
}

#[test]
fn files_that_are_no_plans() {
    assert!(matches!(Plan::parse("p", ""), Err(PlanError::Empty { .. })));
    assert!(matches!(Plan::parse("p", "# nothing\n"), Err(PlanError::Empty { .. })));
    refused("title = \n", (1, 9), &["not TOML"]);
    refused("[[components]]\nkind = \"edge\"\n", (1, 1), &["no name"]);
    refused("components = 3\n", (1, 14), &["[[components]]"]);
    assert!(Plan::parse("p", &"[".repeat(100_000)).is_err());
    assert!(Plan::parse("p", &format!("a = {}", "[".repeat(10_000))).is_err());
}

#[test]
fn limits_are_met_and_exceeded() {
    let padding = |bytes: usize| format!("{BASE}#{}", "x".repeat(bytes - BASE.len() - 1));
    assert!(Plan::parse("p", &padding(PLAN_BYTES_MAX)).is_ok());
    let error = Plan::parse("p", &padding(PLAN_BYTES_MAX + 1)).unwrap_err();
    assert!(matches!(error, PlanError::TooLarge { limit: PLAN_BYTES_MAX, .. }), "{error}");
    let many: String = (0..PROBLEMS_MAX + 5).map(|number| format!("x{number} = 1\n")).collect();
    match Plan::parse("p", &many) {
        Err(PlanError::Invalid { problems, more }) => {
            assert_eq!((problems.len(), more), (PROBLEMS_MAX, 5))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn tables_become_plans() {
    let components =
        "name,kind,bandwidth,zone,price_steps\nedge,edge,1 Gbit/s,a|b,\n\"log, main\",broker,,,\n";
    let flows = "name,path,rate,payload,cost_of_delay.at_deadline,round_trip\nclicks,edge > \"x\",10/s,1 kB,0.5,true\n";
    let flows = flows.replace("edge > \"x\"", "\"edge > log, main\"");
    let plan = Plan::default()
        .overlaid_csv("components.csv", components)
        .unwrap_or_else(|error| panic!("{error}"));
    let plan = plan.overlaid_csv("flows.csv", &flows).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(plan.components["edge"].domains.zones, ["a", "b"]);
    assert_eq!(plan.flows["clicks"].path, ["edge", "log, main"]);
    assert!(
        plan.flows["clicks"].round_trip && plan.flows["clicks"].cost_of_delay.at_deadline.is_some()
    );

    let forecast = "peak,flow,events_per_s,campaign_type,channel\nlaunch,clicks,30,newsletter,email\nlaunch,clicks,1k/s,launch,search\n";
    let peaked =
        plan.overlaid_csv("forecast.csv", forecast).unwrap_or_else(|error| panic!("{error}"));
    let lines = &peaked.policies.peaks["launch"].forecast;
    assert_eq!(lines.iter().map(|line| line.events.0).sum::<f64>(), 1030.0);
    let json = r#"[{"peak":"launch","flow":"clicks","events_per_s":30,"campaign_type":"newsletter","channel":"email"},
        {"peak":"launch","flow":"clicks","events_per_s":"1k/s","campaign_type":"launch","channel":"search"}]"#;
    assert_eq!(
        plan.overlaid_json("forecast.json", json).unwrap_or_else(|error| panic!("{error}")),
        peaked
    );

    for (wrong, word) in [
        ("peak,flow,events_per_s\nlaunch,clikcs,3\n", "did you mean `clicks`?"),
        ("peak,flow,events_per_s\n,clicks,3\n", "names no peak"),
        ("name,path,rate\nx,\"edge,1/s\n", "does not end"),
    ] {
        let error = plan.overlaid_csv("wrong.csv", wrong).unwrap_err().to_string();
        assert!(error.contains(word) && error.starts_with("wrong.csv:"), "{error}");
    }
}

#[test]
fn damaged_files_are_refused_or_planned_but_never_panic() {
    let pieces = [
        "\"",
        "]",
        "[[flows]]",
        "= nan",
        "1e999",
        "\n",
        "-1",
        "0",
        "/s",
        " Gbit/s",
        "\u{7f}",
        "é",
        ",",
        "999999999",
    ];
    let study = Study { seed: None, ..Study::default() };
    let (mut planned, mut random) = (0, Random::new(3, 3));
    for round in 0..1500 {
        let mut text = Template::ALL[round % Template::ALL.len()].text().to_owned();
        for _ in 0..1 + (random.uniform() * 3.0) as usize {
            let mut at = (random.uniform() * text.len() as f64) as usize;
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            match (random.uniform() * 3.0) as usize {
                0 => text.insert_str(at, pieces[(random.uniform() * pieces.len() as f64) as usize]),
                1 => text.truncate(at),
                _ if at < text.len() => drop(text.remove(at)),
                _ => {}
            }
            if text.is_empty() {
                break;
            }
        }
        for read in [
            Plan::parse("p", &text),
            Plan::default().overlaid_csv("p", &text),
            Plan::default().overlaid_json("p", &text),
        ] {
            match read {
                Ok(plan) if plan.flows.len() < 50 => {
                    planned += 1;
                    let json = serde_json::to_string(&plan.study(&study)).expect("a report");
                    assert!(!json.contains("NaN"));
                }
                Ok(_) => {}
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    }
    assert!(planned > 50, "{planned}");
}
