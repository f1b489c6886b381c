//! Formulas against the simulator over random systems. Each comparison is made at the 99.9 % level with many
//! replications, and a small share of misses is allowed: an interval that never misses is too wide.

use millstream_plan::queue::finite::Finite;
use millstream_plan::queue::general::{Service, poisson_wait_mean};
use millstream_plan::queue::markovian::Markovian;
use millstream_plan::queue::priority::{WorkClass, non_preemptive_waits, preemptive_sojourns};
use millstream_plan::simulate::random::Random;
use millstream_plan::simulate::{
    Discipline, Distribution, Interval, JobClass, Length, Model, Outcome, Stage, Station,
};
use millstream_plan::{Confidence, Plan, Study};

const REPLICATIONS: u64 = 20;
const JOBS: f64 = 30_000.0;

fn station(servers: u32) -> Station {
    Station { servers, discipline: Discipline::Fifo, room: None }
}

fn poisson(rate: f64, route: Vec<Stage>) -> JobClass {
    JobClass::new(Distribution::Exponential(1.0 / rate), route)
}

fn outcomes(model: &Model, rate: f64, seed: u64) -> Vec<Outcome> {
    let until = JOBS / rate;
    let length = Length { warm_up: 0.2 * until, until };
    (0..REPLICATIONS).map(|number| model.run(length, seed * 1000 + number)).collect()
}

fn replicate(model: &Model, rate: f64, seed: u64, figure: impl Fn(&Outcome) -> f64) -> Interval {
    Interval::of(&outcomes(model, rate, seed).iter().map(figure).collect::<Vec<_>>())
}

/// How many of several 95 % intervals hold their value; nearly all must, and the mean error must be small.
struct Tally {
    tried: u32,
    held: u32,
    bias: f64,
}

impl Tally {
    fn new() -> Self {
        Self { tried: 0, held: 0, bias: 0.0 }
    }

    fn add(&mut self, interval: Interval, value: f64) {
        self.tried += 1;
        self.held += u32::from(interval.holds(value, 1.0));
        self.bias += interval.mean / value - 1.0;
        assert!(interval.holds(value, 2.6), "{interval:?} is far from {value}");
    }

    /// Of `tried` intervals 95 % hold on average; fewer than 75 % would be chance less than once in 10^4.
    fn check(&self) {
        assert!(
            f64::from(self.held) >= 0.75 * f64::from(self.tried),
            "{} of {}",
            self.held,
            self.tried
        );
        assert!(
            (self.bias / f64::from(self.tried)).abs() < 0.03,
            "bias {}",
            self.bias / f64::from(self.tried)
        );
    }
}

fn between(random: &mut Random, low: f64, high: f64) -> f64 {
    low + (high - low) * random.uniform()
}

#[test]
fn queues_of_several_servers() {
    let (mut random, mut tally) = (Random::new(11, 0), Tally::new());
    for seed in 0..24 {
        let servers = 1 + (random.uniform() * 6.0) as u32;
        let rate = between(&mut random, 0.3, 0.85) * f64::from(servers);
        let exact = Markovian::new(rate, 1.0, servers).expect("stable");
        let model = Model {
            stations: vec![station(servers)],
            classes: vec![poisson(rate, vec![Stage::at(0, Distribution::Exponential(1.0))])],
        };
        tally.add(
            replicate(&model, rate, seed, |outcome| outcome.classes[0].sojourn_mean()),
            exact.sojourn_mean(),
        );
    }
    tally.check();
}

#[test]
fn general_service() {
    let (mut random, mut tally) = (Random::new(12, 0), Tally::new());
    for seed in 0..20 {
        let (rate, scv) = (between(&mut random, 0.3, 0.8), between(&mut random, 0.0, 3.0));
        let exact = poisson_wait_mean(rate, Service::new(1.0, scv)).expect("stable");
        let model = Model {
            stations: vec![station(1)],
            classes: vec![poisson(rate, vec![Stage::at(0, Distribution::gamma(1.0, scv))])],
        };
        tally.add(
            replicate(&model, rate, 100 + seed, |outcome| outcome.classes[0].wait_mean()),
            exact,
        );
    }
    tally.check();
}

#[test]
fn priorities_of_both_kinds() {
    let (mut random, mut tally) = (Random::new(13, 0), Tally::new());
    for seed in 0..14 {
        let rates = [
            between(&mut random, 0.1, 0.3),
            between(&mut random, 0.1, 0.25),
            between(&mut random, 0.1, 0.25),
        ];
        let scv = between(&mut random, 0.5, 2.0);
        let classes = rates.map(|arrivals| WorkClass { arrivals, service: Service::new(1.0, scv) });
        for discipline in [Discipline::NonPreemptive, Discipline::PreemptiveResume] {
            let exact: Vec<f64> = match discipline {
                Discipline::NonPreemptive => {
                    non_preemptive_waits(&classes).iter().map(|wait| wait.unwrap() + 1.0).collect()
                }
                _ => preemptive_sojourns(&classes).iter().map(|sojourn| sojourn.unwrap()).collect(),
            };
            let class = |(priority, rate): (usize, &f64)| {
                let stage = Stage::at(0, Distribution::gamma(1.0, scv));
                JobClass { priority, ..poisson(*rate, vec![stage]) }
            };
            let model = Model {
                stations: vec![Station { discipline, ..station(1) }],
                classes: rates.iter().enumerate().map(class).collect(),
            };
            let outcomes = outcomes(&model, rates.iter().sum(), 200 + seed);
            for (at, exact) in exact.iter().enumerate() {
                let means: Vec<f64> =
                    outcomes.iter().map(|outcome| outcome.classes[at].sojourn_mean()).collect();
                tally.add(Interval::of(&means), *exact);
            }
        }
    }
    tally.check();
}

#[test]
fn tandems() {
    let (mut random, mut tally) = (Random::new(14, 0), Tally::new());
    for seed in 0..14 {
        let rates: Vec<f64> = (0..4).map(|_| between(&mut random, 1.3, 3.0)).collect();
        let exact: f64 = rates.iter().map(|rate| 1.0 / (rate - 1.0)).sum();
        let stage =
            |(at, rate): (usize, &f64)| Stage::at(at, Distribution::Exponential(1.0 / rate));
        let model = Model {
            stations: vec![station(1); 4],
            classes: vec![poisson(1.0, rates.iter().enumerate().map(stage).collect())],
        };
        tally.add(
            replicate(&model, 1.0, 300 + seed, |outcome| outcome.classes[0].sojourn_mean()),
            exact,
        );
    }
    tally.check();
}

#[test]
fn finite_buffers_lose_what_the_formula_says_and_nothing_vanishes() {
    let (mut random, mut tally) = (Random::new(15, 0), Tally::new());
    for seed in 0..20 {
        let servers = 1 + (random.uniform() * 4.0) as u32;
        let room = servers + (random.uniform() * 8.0) as u32;
        let rate = between(&mut random, 0.6, 1.5) * f64::from(servers);
        let exact = Finite::new(rate, 1.0, servers, room).expect("sane");
        let model = Model {
            stations: vec![Station { room: Some(room), ..station(servers) }],
            classes: vec![poisson(rate, vec![Stage::at(0, Distribution::Exponential(1.0))])],
        };
        let outcome = model.run(Length { warm_up: 0.0, until: JOBS / rate }, seed);
        let class = &outcome.classes[0];
        assert_eq!(class.arrived, class.finished + class.lost, "in = out + lost");
        tally.add(
            replicate(&model, rate, 400 + seed, |outcome| outcome.classes[0].loss()),
            exact.loss(),
        );
    }
    tally.check();
}

#[test]
fn the_same_seed_gives_the_same_figures() {
    let model = Model {
        stations: vec![
            Station {
                discipline: Discipline::PreemptiveResume,
                room: Some(20),
                ..station(2)
            };
            3
        ],
        classes: vec![
            poisson(
                1.0,
                vec![Stage {
                    stations: vec![0, 1, 2],
                    quorum: 2,
                    service: Distribution::gamma(0.8, 2.0),
                }],
            ),
            JobClass {
                priority: 1,
                batch: 3,
                ..poisson(0.2, vec![Stage::at(1, Distribution::Constant(0.5))])
            },
        ],
    };
    let run = |seed| {
        let outcome = model.run(Length { warm_up: 10.0, until: 5000.0 }, seed);
        let class = &outcome.classes[0];
        (
            outcome.events,
            class.sojourn_sum.to_bits(),
            class.sojourns.quantile(0.99).to_bits(),
            class.lost,
        )
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

/// A tandem of general queues as a plan and as a model: relative error of the plan's mean time, and the error
/// that it states.
fn tandem(random: &mut Random, seed: u64) -> (f64, f64) {
    let (source, stages) = (between(random, 0.2, 4.0), 2 + (random.uniform() * 3.0) as usize);
    let mut text = String::new();
    let mut route = Vec::new();
    for stage in 0..stages {
        let (mean, scv) = (between(random, 0.5, 0.9), between(random, 0.0, 3.0));
        text.push_str(&format!(
            "[[components]]\nname = \"s{stage}\"\nkind = \"store\"\nservice = \"{mean} s\"\nservice_scv = {scv}\n"
        ));
        route.push(Stage::at(stage, Distribution::gamma(mean, scv)));
    }
    let path: Vec<String> = (0..stages).map(|stage| format!("\"s{stage}\"")).collect();
    let flow = format!(
        "[[flows]]\nname = \"f\"\nrate = \"1/s\"\narrival_scv = {source}\nprotocol = \"udp\"\npath = [{}]\n",
        path.join(", ")
    );
    let plan = Plan::parse("tandem.toml", &format!("{text}{flow}")).expect("a plan");
    let study = Study::QUICK;
    let figure = plan.study(&study).scenarios[0].flows[0].mean_s.expect("stable");
    let Confidence::Approximation { error } = figure.confidence else { panic!("{figure:?}") };
    let class = JobClass::new(Distribution::gamma(1.0, source), route);
    let model = Model { stations: vec![station(1); stages], classes: vec![class] };
    let simulated = replicate(&model, 1.0, seed, |outcome| outcome.classes[0].sojourn_mean());
    (figure.value / simulated.mean - 1.0, error)
}

#[test]
fn variability_goes_down_the_path() {
    let mut random = Random::new(16, 0);
    let (mut outside, mut sum, mut most) = (0, 0.0, 0.0f64);
    let tries = 30;
    for seed in 0..tries {
        let (error, stated) = tandem(&mut random, 500 + seed);
        outside += u32::from(error.abs() > stated);
        sum += error.abs();
        most = most.max(error.abs());
    }
    assert!(outside <= 2 && sum / (tries as f64) < 0.1, "{outside} {sum} {most}");
}

/// Two flows that cross at a hop behind hops of their own.
#[test]
fn variability_parts_and_joins() {
    let (mut random, mut sum, tries) = (Random::new(17, 0), 0.0, 16);
    for seed in 0..tries {
        let scv = |random: &mut Random| between(random, 0.2, 3.0);
        let (sources, services) =
            ([scv(&mut random), scv(&mut random)], [0; 4].map(|_| scv(&mut random)));
        let means = [0.8, 0.7, 0.42, 0.75].map(|most| most * between(&mut random, 0.8, 1.1));
        let mut text = String::new();
        for stage in 0..4 {
            text.push_str(&format!(
                "[[components]]\nname = \"s{stage}\"\nkind = \"store\"\nservice = \"{} s\"\nservice_scv = {}\n",
                means[stage], services[stage]
            ));
        }
        // One flow goes on to a hop of its own behind the one they share.
        let routes: [&[usize]; 2] = [&[0, 2, 3], &[1, 2]];
        for (flow, route) in routes.iter().enumerate() {
            let path: Vec<String> = route.iter().map(|stage| format!("\"s{stage}\"")).collect();
            text.push_str(&format!(
                "[[flows]]\nname = \"f{flow}\"\nrate = \"1/s\"\narrival_scv = {}\nprotocol = \"udp\"\npath = [{}]\n",
                sources[flow],
                path.join(", ")
            ));
        }
        let plan = Plan::parse("joined.toml", &text).expect("a plan");
        let report = plan.study(&Study::QUICK);
        let class = |(route, source): (&&[usize], f64)| {
            let stage = |at: &usize| Stage::at(*at, Distribution::gamma(means[*at], services[*at]));
            JobClass::new(Distribution::gamma(1.0, source), route.iter().map(stage).collect())
        };
        let classes = routes.iter().zip(sources).map(class).collect();
        let outcomes = outcomes(&Model { stations: vec![station(1); 4], classes }, 1.0, 600 + seed);
        for (at, flow) in report.scenarios[0].flows.iter().enumerate() {
            let means: Vec<f64> =
                outcomes.iter().map(|outcome| outcome.classes[at].sojourn_mean()).collect();
            let error = flow.mean_s.expect("stable").value / Interval::of(&means).mean - 1.0;
            assert!(error.abs() < 0.3, "{seed} {at}: {error}");
            sum += error.abs();
        }
    }
    assert!(sum / (2 * tries) as f64 <= 0.1, "{sum}");
}
