//! Random plans as text.

use millstream_plan::simulate::random::Random;
use std::fmt::Write;

/// What a random plan is made of.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub components: usize,
    pub flows: usize,
    pub hops: usize,
}

fn below(random: &mut Random, limit: usize) -> usize {
    (random.uniform() * limit as f64) as usize
}

/// The tables of a random plan, one text each, so that tests may shuffle them.
pub fn tables(seed: u64, size: Size) -> Vec<String> {
    let mut random = Random::new(seed, 99);
    let mut tables = Vec::new();
    for component in 0..size.components {
        let mut text = format!("[[components]]\nname = \"c{component:04}\"\n");
        let kind = ["link", "broker", "store", "stream", "switch"][below(&mut random, 5)];
        let _ = writeln!(text, "kind = \"{kind}\"");
        let _ = writeln!(text, "bandwidth = \"{} Mbit/s\"", 200 + below(&mut random, 5000));
        let _ = writeln!(text, "propagation = \"{} us\"", below(&mut random, 3000));
        if below(&mut random, 3) > 0 {
            let _ = writeln!(text, "service = \"{} us\"", 5 + below(&mut random, 60));
            let _ = writeln!(text, "servers = {}", 1 + below(&mut random, 8));
            let _ =
                writeln!(text, "service_scv = {}", ["0", "0.5", "1", "2"][below(&mut random, 4)]);
        }
        if below(&mut random, 4) == 0 {
            let _ = writeln!(text, "buffer = {}", 1 + below(&mut random, 200));
        }
        if below(&mut random, 3) == 0 {
            let _ = writeln!(text, "instances = {}", 2 + below(&mut random, 3));
        }
        if below(&mut random, 3) == 0 {
            let other = below(&mut random, size.components);
            if other != component {
                let _ = writeln!(text, "failover = [\"c{other:04}\"]");
            }
        }
        let scheduling =
            ["fifo", "fifo", "strict_priority", "weighted_fair"][below(&mut random, 4)];
        let zone = below(&mut random, 6);
        let zones = match below(&mut random, 3) {
            0 => format!("[\"z{zone}\", \"z{}\"]", (zone + 1) % 6),
            _ => format!("\"z{zone}\""),
        };
        let _ = writeln!(text, "scheduling = \"{scheduling}\"\nzone = {zones}");
        let _ = writeln!(text, "region = \"r{}\"\nrack = \"k{}\"", zone / 3, below(&mut random, 4));
        let _ = writeln!(text, "failure = \"{} %\"", below(&mut random, 3));
        let _ = writeln!(text, "cost_per_month = {}", below(&mut random, 900));
        tables.push(text);
    }
    for flow in 0..size.flows {
        tables.push(random_flow(&mut random, flow, size));
    }
    tables.push("[[peaks]]\nname = \"sale\"\nmultiplier = 3\nduration = \"10 min\"\n".to_owned());
    tables
}

fn path(random: &mut Random, size: Size) -> Vec<String> {
    let mut path: Vec<String> = Vec::new();
    for _ in 0..1 + below(random, size.hops) {
        let name = format!("\"c{:04}\"", below(random, size.components));
        if !path.contains(&name) {
            path.push(name);
        }
    }
    path
}

fn random_flow(random: &mut Random, flow: usize, size: Size) -> String {
    let mut text = format!("[[flows]]\nname = \"f{flow:05}\"\n");
    let class = ["ingest", "replication", "query", "backfill"][below(random, 4)];
    let _ = writeln!(text, "class = \"{class}\"\npath = [{}]", path(random, size).join(", "));
    if below(random, 3) == 0 {
        let _ = writeln!(text, "alternates = [[{}]]", path(random, size).join(", "));
    }
    let _ = writeln!(text, "rate = \"{}/s\"", 1 + below(random, 400));
    let _ = writeln!(text, "payload = \"{} B\"", 50 + below(random, 4000));
    let _ = writeln!(text, "batch = {}\nlinger = \"20 ms\"", 1 + below(random, 20));
    if below(random, 3) == 0 {
        let _ = writeln!(text, "arrival_scv = {}", ["0", "0.5", "2", "4"][below(random, 4)]);
    }
    let _ =
        writeln!(text, "priority = {}\nattempts = {}", 1 + below(random, 4), 1 + below(random, 3));
    let _ = writeln!(text, "deadline = \"{} ms\"\ntimeout = \"1 s\"", 5 + below(random, 200));
    let _ =
        writeln!(text, "value_per_event = 0.001\ncost_of_delay = {{ per_event_second = 0.0001 }}");
    let _ =
        writeln!(text, "risk = \"{}\"", ["low", "medium", "high", "critical"][below(random, 4)]);
    text
}

/// A whole random plan.
pub fn text(seed: u64, size: Size) -> String {
    tables(seed, size).join("\n")
}
