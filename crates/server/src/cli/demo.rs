//! `demo`: a simulated shop, to look at before there is any traffic of one's own.

use super::engine::Engine;
use super::failure::{Ended, Failure};
use super::output;
use super::routes;
use super::serve::{Planes, Serve};
use super::training::{self, TrainError, Wanted};
use crate::config::{Config, read};
use crate::decide::{DecideOptions, Models, Served};
use crate::demo::{Hero, Live, Past, Told, hero, shop};
use crate::import::{Format, ImportOptions, Input};
use crate::ledger::LedgerKind;
use crate::load::Target;
use crate::report::{Format as ReportFormat, ReportKind, ReportQuery};
use clap::Args;
use indicatif::ProgressBar;
use millstream_event::{Event, Hash128, Header, Kind, Lane, SourceId, Span, Timestamp};
use millstream_log::Append;
use std::io::IsTerminal;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The shop of `--once` opened then, whatever day it is: 2026-06-01T00:00:00Z.
const FIXED_OPENING: Timestamp = Timestamp(1_780_272_000_000_000);

/// Runs a simulated shop: campaign links, visitors on several devices, orders, late and duplicate
/// events, mixed consent.
#[derive(Args, Clone, Debug)]
pub struct Demo {
    /// Load the shop's past, print the reports and exit.
    #[arg(long)]
    pub once: bool,
    /// Names every chance: the same seed gives the same shop.
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
    /// Visitors in the past.
    #[arg(long, default_value_t = 2_000)]
    pub visitors: u64,
    /// Days of past.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=365))]
    pub days: u64,
    /// Visits begun each second.
    #[arg(long, default_value_t = 4.0)]
    pub rate: f64,
    /// The data directory.
    #[arg(long, value_name = "DIR", default_value = "millstream-demo")]
    pub data_dir: PathBuf,
    /// Public plane.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// Dashboard, API, metrics.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub admin_listen: Option<String>,
    /// Configuration file.
    #[arg(long, value_name = "FILE", env = "MILLSTREAM_CONFIG")]
    pub config: Option<PathBuf>,
}

impl Demo {
    /// Runs the shop.
    pub fn run(&self) -> Result<Ended, Failure> {
        let serve = Serve {
            data_dir: Some(self.data_dir.clone()),
            listen: self.listen.clone(),
            admin_listen: self.admin_listen.clone(),
            config: self.config.clone(),
            roles: Vec::new(),
        };
        let mut config = serve.config()?;
        if config.decide.use_cases.is_empty() {
            config.decide = own_use_case()?;
        }
        // The simulated visitors come through a simulated proxy, so that they have countries.
        config.capture.trusted_proxies.push(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let engine =
            Engine::open(config).map_err(|error| Failure::new("the demo cannot start", error))?;
        let engine = Arc::new(engine);
        self.fill(&engine)?;
        if self.once {
            print_reports(&engine)?;
            engine.close();
            return Ok(Ended::Done);
        }
        self.live(Planes::start(engine)?)
    }

    /// Makes the links and imports the past. Doing it again adds nothing.
    fn fill(&self, engine: &Engine) -> Result<(), Failure> {
        let failed =
            |error: &dyn std::fmt::Display| Failure::new("the shop cannot be filled", error);
        engine.drain().map_err(|error| failed(&error))?;
        for link in shop::LINKS {
            engine.editor.put(link.proposal(), (engine.clock)()).map_err(|error| failed(&error))?;
        }
        let past = Past {
            seed: self.seed,
            opened: self.opened(engine),
            days: self.days,
            visitors: self.visitors,
        };
        // First, so that orders keep what they sold from the beginning.
        let goods = engine.import_ledger(LedgerKind::Goods, past.goods().as_bytes(), false);
        goods.map_err(|error| failed(&error))?;
        engine.drain().map_err(|error| failed(&error))?;
        output::print(&format!(
            "A shop with {} visitors over {} days, seed {}\n",
            past.visitors, past.days, past.seed
        ))?;
        let hero = Hero(hero(engine));
        let (lines, decided) = past.lines(&engine.instance.keys.click, hero);
        let text = lines.join("\n");
        let source =
            SourceId::parse("shop").ok_or_else(|| failed(&"the source's name is wrong"))?;
        let mut options = ImportOptions::new(Format::Segment, source);
        options.own_domain = Some(shop::HOST.to_owned());
        let inputs = vec![Input::reader("the shop's past", Box::new(text.as_bytes()))];
        let outcome = engine.import(&options, inputs, &|_| {}).map_err(|error| failed(&error))?;
        engine.drain().map_err(|error| failed(&error))?;
        log_decisions(engine, decided).map_err(|error| failed(&error))?;
        engine.drain().map_err(|error| failed(&error))?;
        let spent = engine.import_ledger(LedgerKind::Spend, past.spend().as_bytes(), false);
        spent.map_err(|error| failed(&error))?;
        output::print(&format!(
            "  {} events, {} duplicates, {} only counted for want of consent\n\n",
            outcome.accepted, outcome.duplicate, outcome.unconsented
        ))?;
        learn(engine)
    }

    /// The past ends now, or is a fixed one.
    fn opened(&self, engine: &Engine) -> Timestamp {
        if self.once {
            return FIXED_OPENING;
        }
        let days = i64::try_from(self.days).unwrap_or(1);
        // Whole hours: a demo started again soon after tells the same past.
        let now = (engine.clock)();
        Timestamp(now.0 - now.0.rem_euclid(Span::hours(1).0)) - Span::days(days)
    }

    fn live(&self, planes: Planes) -> Result<Ended, Failure> {
        output::print(&planes.banner())?;
        let public = planes.addresses().public.clone().unwrap_or_default();
        let target = Target::parse(&public)
            .map_err(|error| Failure::new("visitors cannot reach the shop", error))?;
        let end = Arc::new(AtomicBool::new(false));
        let told = Arc::new(Told::default());
        let live = Live {
            target,
            seed: self.seed,
            visits_per_second: self.rate,
            decides: hero(&planes.engine).is_some(),
            end: Arc::clone(&end),
            told: Arc::clone(&told),
        };
        let visitors = std::thread::spawn(move || live.run());
        let ticker = ticker(Arc::clone(&told), Arc::clone(&planes.engine), Arc::clone(&end));
        let waited = planes.serve_until_end();
        end.store(true, Ordering::Relaxed);
        // Both threads only count and print; what they leave unsaid is lost with them.
        drop((visitors.join(), ticker.join()));
        planes.stop();
        waited.map(|()| Ended::Done)
    }
}

/// A line that shows that something happens, on terminals only.
fn ticker(
    told: Arc<Told>,
    engine: Arc<Engine>,
    end: Arc<AtomicBool>,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        if !std::io::stderr().is_terminal() {
            return;
        }
        let line = ProgressBar::new_spinner();
        while !end.load(Ordering::Relaxed) {
            let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
            line.set_message(format!(
                "{} visits, {} clicks, {} decisions, {} events, {} orders, {} failed; {} records to fold",
                count(&told.visits),
                count(&told.clicks),
                count(&told.decisions),
                count(&told.events),
                count(&told.orders),
                count(&told.failed),
                engine.active().consumer.progress().lag_records,
            ));
            line.tick();
            std::thread::sleep(Duration::from_millis(250));
        }
        line.finish_and_clear();
    })
}

/// Decisions of the past that are logged at once.
const GROUP: usize = 500;

/// The shop's own use case.
fn own_use_case() -> Result<DecideOptions, Failure> {
    let resolved = read(Some(("the shop's use case", hero::CONFIG)), &[]).and_then(Config::resolve);
    resolved
        .map(|config| config.decide)
        .map_err(|error| Failure::new("the shop's use case cannot be used", error))
}

fn hero(engine: &Engine) -> Option<&Served> {
    engine.deciding.service()?.find(hero::USE_CASE).map(|served| &**served)
}

/// Logs what the past decided; again adds nothing, for decisions have the ids that they had.
fn log_decisions(engine: &Engine, decided: Vec<Event>) -> Result<(), Box<dyn std::error::Error>> {
    let now = (engine.clock)();
    for events in decided.chunks(GROUP) {
        let record = |event: &Event| {
            let subject = event.subject();
            let key = &engine.instance.keys.subject;
            let header = Header {
                subject: Hash128::keyed(key, "subject", &[&subject.0.0]),
                ..Header::new(Kind::Event, Lane::of(subject), now)
            };
            Ok(Append { header, payload: event.encode()? })
        };
        let group: Result<Vec<Append>, serde_json::Error> = events.iter().map(record).collect();
        engine.instance.log.append_and_wait(group?)?;
    }
    Ok(())
}

/// Learns from the past what the shop decides by, once; a small past may teach nothing.
fn learn(engine: &Engine) -> Result<(), Failure> {
    let dir = &engine.instance.dir;
    if hero(engine).is_none() || !Models::of(dir, hero::USE_CASE).versions().is_empty() {
        return Ok(());
    }
    let trained = training::run(engine, hero::USE_CASE, Wanted::default()).map(drop);
    for outcome in [trained, routes::run(engine).map(drop)] {
        match outcome {
            Ok(()) | Err(TrainError::NoVisits | TrainError::NoWays) => {}
            Err(error) => return Err(Failure::new("the shop cannot learn from its past", error)),
        }
    }
    let path = dir.join("shop.toml");
    std::fs::write(&path, hero::CONFIG)
        .map_err(|error| Failure::new(format!("{} cannot be written", path.display()), error))
}

fn print_reports(engine: &Arc<Engine>) -> Result<(), Failure> {
    for kind in [
        ReportKind::Campaigns,
        ReportKind::Sessions,
        ReportKind::Delivery,
        ReportKind::Personalization,
        ReportKind::Sensitivity,
    ] {
        let text = super::report::local(engine, &ReportQuery::new(kind), ReportFormat::Table)?;
        output::print(&format!("{text}\n"))?;
    }
    Ok(())
}
