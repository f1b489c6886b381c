//! A small shop: one link, one visitor who comes twice and buys once, told twice.

use crate::audit::{Sources, Subject, audit};
use crate::consume::{ConsumeOptions, ConsumeParts, Parameters, start};
use crate::links::Registry;
use crate::report::{
    By, CampaignSum, DeliveryCounts, Figures, Model, ReportKind, ReportQuery, Spans, StateFigures,
};
use millstream_event::control::{Control, Link};
use millstream_event::envelope::decode;
use millstream_event::{Campaign, Header, Kind, Lane, Money, Span, Timestamp};
use millstream_log::{Append, EventLog, SegmentLog, SegmentOptions, SystemDisk};
use millstream_pipeline::sums::Scan;
use millstream_stitch::{Agent, Agents};
use millstream_store::{MemoryStore, Reading, StateStore};
use std::sync::{Arc, mpsc};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(120);
const NOON: i64 = 1_795_262_400_000_000;
const DAY: i64 = 86_400_000_000;
const CLICK: &str = r#""ck":{"i":"c-1","t":1795262400000000,"l":"autumn","v":1},"cp":{"s":"news","m":"email","n":"autumn_sale"},"ar":{"s":"news","m":"email","ch":"email"}"#;

struct NoBots;

impl Agents for NoBots {
    fn classify(&self, _: &str) -> Agent {
        Agent::default()
    }
}

struct Shop {
    _dir: tempfile::TempDir,
    log: Arc<SegmentLog>,
    store: Arc<MemoryStore>,
    registry: Arc<Registry>,
}

fn event(id: &str, kind: &str, at: i64, more: &str) -> Append {
    told((id, "browser"), kind, at, more)
}

fn told((id, surface): (&str, &str), kind: &str, at: i64, more: &str) -> Append {
    let json = format!(
        r#"{{"id":"{id}","k":"{kind}","src":"shop","t":{at},"rx":{at},"sf":"{surface}","cs":{{"granted":7,"source":"explicit"}},{more}}}"#
    );
    let event = decode(1, json.as_bytes()).unwrap();
    let header = Header::new(Kind::Event, Lane::of(event.subject()), event.received);
    Append { header, payload: event.encode().unwrap() }
}

fn link(version: u32, destination: &str) -> Append {
    let link = Link {
        slug: "autumn".into(),
        version,
        destination: destination.into(),
        campaign: Campaign { source: Some("news".into()), ..Campaign::default() },
        status: 302,
        owner: "ann".into(),
        expires: None,
        consent_text: None,
        enabled: true,
        changed: Timestamp(NOON - DAY + i64::from(version)),
    };
    let header = Header::new(Kind::Control, Lane::CONTROL, link.changed);
    Append { header, payload: serde_json::to_vec(&Control::Link(link)).unwrap() }
}

fn history() -> Vec<Append> {
    let order = || {
        let value =
            r#""a":"d-1","n":"Order Completed","v":{"minor":1251,"currency":"USD"},"o":"o-1""#;
        event("e-3", "track", NOON + 2 * DAY + 60_000_000, value)
    };
    let back = r#""a":"d-1","pg":{"u":"https://shop.example/"},"ar":{"s":"search","m":"organic","ch":"organic_search"}"#;
    vec![
        link(1, "https://shop.example/one"),
        link(2, "https://shop.example/two"),
        event("c-1", "click", NOON, CLICK),
        event("e-1", "page", NOON + 1_000_000, &format!(r#""a":"d-1",{CLICK}"#)),
        event("e-2", "page", NOON + 2 * DAY, back),
        order(),
        order(),
        event("e-4", "track", NOON + 3 * DAY, r#""a":"d-1","n":"Look""#),
        told(("e-4", "server"), "track", NOON + 3 * DAY + 700_000, r#""a":"d-1","n":"Look""#),
    ]
}

impl Shop {
    fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = SegmentOptions::default();
        let log = Arc::new(SegmentLog::open(Arc::new(SystemDisk), dir.path(), options).unwrap());
        let shop = Self {
            _dir: dir,
            log,
            store: Arc::new(MemoryStore::new()),
            registry: Arc::new(Registry::new()),
        };
        let (done, wait) = mpsc::channel();
        shop.log.append(history(), Box::new(move |result| done.send(result).unwrap())).unwrap();
        wait.recv().unwrap().unwrap();
        let registry = Arc::clone(&shop.registry);
        let parts = ConsumeParts {
            log: Arc::clone(&shop.log) as Arc<dyn EventLog>,
            store: Arc::clone(&shop.store) as Arc<dyn StateStore>,
            parameters: Parameters::default(),
            agents: Arc::new(NoBots),
            subject_key: [7; 32],
            clock: Arc::new(|| Timestamp(NOON + 3 * DAY)),
            on_control: Arc::new(move |version, control| registry.apply(version, control)),
            on_change: Arc::new(|_| {}),
        };
        let options = ConsumeOptions { owners: 1, tick_every: None, ..ConsumeOptions::default() };
        start(&options, parts).unwrap().drain(PATIENCE).unwrap();
        shop
    }

    /// The tree, without revisions: they depend on the order in which lanes were folded.
    fn tree(&self, subject: Subject, id: &str) -> Option<String> {
        let sources = Sources {
            state: &Reading(&*self.store),
            sums: &Scan { state: &Reading(&*self.store), generation: 0 },
            log: &*self.log,
            registry: &self.registry,
            generation: 0,
            probable: None,
            receipt_key: &[9; 32],
            window: Span::days(30),
        };
        let tree = audit(&sources, subject, id).unwrap()?.to_tree();
        let lines = tree.lines().filter(|line| !line.contains("revision"));
        Some(lines.map(|line| format!("{line}\n")).collect())
    }

    fn campaigns(&self, by: By, model: Model, window: &str) -> Vec<CampaignSum> {
        let figures = StateFigures {
            state: &Reading(&*self.store),
            sums: &Scan { state: &Reading(&*self.store), generation: 0 },
            generation: 0,
            spans: Spans::default(),
            delivery: DeliveryCounts::default(),
            probable: None,
            plans: &[],
            unlogged: Vec::new(),
        };
        let window = window.parse().unwrap();
        let query = ReportQuery { by, model, window, ..ReportQuery::new(ReportKind::Campaigns) };
        figures.campaigns(&query).unwrap().sums
    }
}

#[test]
fn chains_reach_from_the_figure_down_to_the_log() {
    let shop = Shop::open();
    for (subject, id) in [
        (Subject::Conversion, "o-1"),
        (Subject::Click, "c-1"),
        (Subject::Event, "e-3"),
        (Subject::Link, "autumn"),
    ] {
        let name = format!("shop_{}", subject.as_str());
        insta::assert_snapshot!(name, shop.tree(subject, id).unwrap());
    }
    assert_eq!(shop.tree(Subject::Conversion, "o-1"), shop.tree(Subject::Conversion, "e-3"));
    // A receipt is read before it is looked for.
    for subject in Subject::ALL.into_iter().filter(|subject| *subject != Subject::Receipt) {
        assert_eq!(shop.tree(subject, "nothing"), None);
    }
}

#[test]
fn an_event_that_both_sides_told_of_shows_both_arrivals() {
    let tree = Shop::open().tree(Subject::Event, "e-4").unwrap();
    for line in ["told by", "server and client", "client_side e-4", "received apart ms", "-700"] {
        assert!(tree.contains(line), "{line} in\n{tree}");
    }
    assert_eq!(tree.matches("\n│   received  ").count() + tree.matches(" received  ").count(), 2);
}

#[test]
fn a_window_that_no_sum_is_kept_for_is_computed_and_agrees() {
    let shop = Shop::open();
    for by in By::ALL {
        for model in Model::ALL {
            let kept = shop.campaigns(*by, *model, "30d");
            assert_eq!(kept, shop.campaigns(*by, *model, "31d"), "{by} {model}");
            let whole: u64 = kept.iter().map(|sum| sum.conversions_ppb).sum();
            assert_eq!(whole, 1_000_000_000, "{by} {model}");
        }
    }
    let first = |window| {
        let sums = shop.campaigns(By::Channel, Model::First, window);
        let earned = sums.into_iter().find(|sum| sum.conversions_ppb > 0).unwrap();
        (earned.key, earned.revenue)
    };
    let paid = vec![Money { minor: 1_251, currency: millstream_event::Currency::USD }];
    assert_eq!(first("30d"), ("email".to_owned(), paid.clone()));
    assert_eq!(first("1d"), ("organic_search".to_owned(), paid));
}
