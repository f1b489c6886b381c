//! Checkpoints and retention over a real log with small segments.

use super::*;
use crate::consume::tests::history::history;
use crate::consume::tests::parts::{NoBots, PATIENCE, options};
use crate::consume::{ConsumeParts, Parameters, start};
use millstream_log::{LanePositions, Owed};
use millstream_pipeline::StateRead;
use millstream_store::StateView;
use std::collections::BTreeMap;

/// Room for a header page and a few dozen events.
const SEGMENT_BYTES: u64 = 16 << 10;

fn small() -> InstanceOptions {
    let log = SegmentOptions {
        segment_bytes: SEGMENT_BYTES,
        retain_bytes: Some(1),
        ..SegmentOptions::default()
    };
    InstanceOptions { log, ..InstanceOptions::default() }
}

fn fill(instance: &Instance, seed: u64) {
    for group in history(seed, 120).chunks(10) {
        let (done, wait) = mpsc::channel();
        let acknowledge = Box::new(move |result| done.send(result).unwrap());
        instance.log.append(group.to_vec(), acknowledge).unwrap();
        wait.recv().unwrap().unwrap();
    }
    fold_all(instance);
}

fn fold_all(instance: &Instance) {
    let parts = ConsumeParts {
        log: Arc::clone(&instance.log),
        store: Arc::clone(&instance.in_force().store),
        parameters: Parameters::default(),
        agents: Arc::new(NoBots),
        subject_key: [7; 32],
        clock: Arc::new(|| Timestamp(1_800_000_000_000_000)),
        on_control: Arc::new(|_, _| {}),
        on_change: Arc::new(|_| {}),
    };
    start(&options(1, 50), parts).unwrap().drain(PATIENCE).unwrap();
}

fn folded(store: &dyn StateView) -> LanePositions {
    let mut positions = LanePositions::default();
    for lane in Lane::all() {
        positions.set(lane, store.head(0, lane).unwrap().next);
    }
    positions
}

fn everything(store: &dyn StateView) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut take = |key: &[u8], value: &[u8]| {
        found.insert(key.to_vec(), value.to_vec());
        Ok(true)
    };
    store.scan(&[0, 0], &mut take).unwrap();
    found
}

/// Three checkpoints with events between and after them; where each stands.
fn kept(dir: &Path) -> (Vec<LanePositions>, BTreeMap<Vec<u8>, Vec<u8>>) {
    let instance = Instance::open(dir, &small()).unwrap();
    let mut keeping = instance.keeping();
    let mut places = Vec::new();
    for seed in 1..=3 {
        fill(&instance, seed);
        assert!(keeping.checkpoint().unwrap());
        assert!(!keeping.checkpoint().unwrap(), "nothing was folded since");
        places.push(folded(&*instance.in_force().store));
        keeping.retain().unwrap();
        if seed == 1 {
            assert_eq!(instance.log.tails(), LanePositions::default(), "one is not enough");
        }
    }
    let tails = instance.log.tails();
    assert_ne!(tails, LanePositions::default(), "retention removed what it may");
    let told = instance.removed().unwrap();
    assert!(told.intact, "{:?}", told.broken);
    assert_eq!(told.records, tails.records_since(&LanePositions::default()));
    assert_eq!(told.rules, ["log.retain_bytes = 1"]);
    assert!(places[1].covers(&tails), "retention passed the older of two checkpoints");
    fill(&instance, 4);
    (places, everything(&*instance.in_force().store))
}

fn checkpoints(dir: &Path) -> Vec<PathBuf> {
    Checkpoints::of(dir, 0, StoreOptions::default().layout).all().unwrap()
}

#[test]
fn retention_stops_at_the_older_of_two_checkpoints() {
    let dir = tempfile::tempdir().unwrap();
    kept(dir.path());
    let names: Vec<_> = checkpoints(dir.path());
    assert!(names[0].ends_with("2") && names[1].ends_with("3") && names.len() == 2, "{names:?}");
}

#[test]
fn what_was_removed_cannot_be_told_otherwise() {
    let dir = tempfile::tempdir().unwrap();
    kept(dir.path());
    let path = dir.path().join("retention.jsonl");
    let whole = fs::read_to_string(&path).unwrap();
    let broken = |text: &str| {
        fs::write(&path, text).unwrap();
        let told = Instance::open(dir.path(), &small()).unwrap().removed().unwrap();
        assert_eq!(told.intact, told.broken.is_none());
        told.broken
    };
    assert_eq!(broken(&whole), None);
    assert!(broken(&whole.replacen("log.retain_bytes = 1", "log.retain_bytes = 2", 1)).is_some());
    assert!(broken(&whole.replacen("\"at\":\"2", "\"at\":\"1", 1)).is_some());
    let mut lines: Vec<&str> = whole.lines().collect();
    assert!(broken("").is_some(), "segments that went without a line");
    lines.pop();
    assert!(broken(&lines.join("\n")).is_some(), "the last line is missing");
    assert_eq!(broken(&(whole.clone() + "{\"at\":")), None, "a line that was never finished");
    // What a process could not note before it ended is noted by the next one, after whole lines only.
    fs::write(&path, "{\"at\":").unwrap();
    let instance = Instance::open(dir.path(), &small()).unwrap();
    let mut keeping = instance.keeping();
    fill(&instance, 9);
    keeping.checkpoint().unwrap();
    keeping.retain().unwrap();
    assert!(instance.removed().unwrap().intact);
}

#[test]
fn retention_waits_for_those_who_have_yet_to_read() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Instance::open(dir.path(), &small()).unwrap();
    let needed = Arc::new(std::sync::Mutex::new(Ok(Some(LanePositions::default()))));
    let asked = Arc::clone(&needed);
    let mut keeping = instance.keeping().needed_from(Arc::new(move |_, _| {
        let whole: Result<Option<LanePositions>, String> = asked.lock().unwrap().clone();
        whole.map(|whole| Needed { whole, owed: None })
    }));
    for seed in 1..=3 {
        fill(&instance, seed);
        keeping.checkpoint().unwrap();
        keeping.retain().unwrap();
    }
    assert_eq!(instance.log.tails(), LanePositions::default(), "a destination needs all of it");
    *needed.lock().unwrap() = Err("unreadable".to_owned());
    assert!(keeping.retain().unwrap_err().to_string().contains("unreadable"));
    assert_eq!(instance.log.tails(), LanePositions::default(), "what is not known is not removed");
    let mut half = instance.log.heads();
    for (lane, position) in instance.log.heads().iter() {
        half.set(lane, Position(position.0 / 2));
    }
    *needed.lock().unwrap() = Ok(Some(half.clone()));
    keeping.retain().unwrap();
    let tails = instance.log.tails();
    assert_ne!(tails, LanePositions::default(), "what it was sent goes");
    assert!(half.covers(&tails), "what it was not sent stays");
    *needed.lock().unwrap() = Ok(None);
    keeping.retain().unwrap();
    assert_ne!(instance.log.tails(), tails, "nobody needs it any more");
}

#[test]
fn what_is_owed_of_removed_segments_is_told_and_goes_with_backups() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Instance::open(dir.path(), &small()).unwrap();
    let owed = || Owed {
        from: LanePositions::default(),
        fits: Box::new(|record| record.header.kind == Kind::Event),
    };
    let needed = move |_: &dyn StateRead, _: u16| {
        Ok::<_, String>(Needed { whole: None, owed: Some(owed()) })
    };
    let mut keeping = instance.keeping().needed_from(Arc::new(needed));
    for seed in 1..=3 {
        fill(&instance, seed);
        keeping.checkpoint().unwrap();
        keeping.retain().unwrap();
    }
    let kept = |instance: &Instance| {
        let mut kept = Vec::new();
        let mut take = |record| {
            kept.push(record);
            true
        };
        instance.log.scan_kept(&mut take).unwrap();
        kept
    };
    let before = kept(&instance);
    let told = instance.removed().unwrap();
    assert!(told.intact && told.records > told.kept_for_destinations);
    assert_eq!(told.kept_for_destinations, before.len() as u64);
    let (copy, restored) = (dir.path().join("copy"), dir.path().join("restored"));
    let report = backup(&instance, &copy).unwrap();
    assert!(report.log_bytes > instance.log.kept_size(&LanePositions::default()).bytes);
    restore(&copy, &restored, &small()).unwrap();
    let restored = Instance::open(&restored, &small()).unwrap();
    assert_eq!(kept(&restored), before);
    assert_eq!(restored.log.tails(), instance.log.tails());
}

#[test]
fn lost_state_comes_back_from_a_checkpoint_and_the_log_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let (places, whole) = kept(dir.path());
    for damage_newest in [false, true] {
        fs::remove_dir_all(dir.path().join("state")).unwrap();
        let newest = &checkpoints(dir.path())[1];
        if damage_newest {
            let file = fs::read_dir(newest).unwrap().next().unwrap().unwrap().path();
            fs::write(file, "?").unwrap();
        }
        let instance = Instance::open(dir.path(), &small()).unwrap();
        assert!(instance.rebuilt.is_some());
        let place = if damage_newest { &places[1] } else { &places[2] };
        assert_eq!(folded(&*instance.in_force().store), *place);
        fold_all(&instance);
        assert!(everything(&*instance.in_force().store) == whole, "the state differs");
    }
}

#[test]
fn nothing_goes_while_the_older_checkpoint_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    kept(dir.path());
    let instance = Instance::open(dir.path(), &small()).unwrap();
    fs::remove_file(checkpoints(dir.path())[1].join("checkpoint.json")).unwrap();
    let tails = instance.log.tails();
    let mut keeping = instance.keeping();
    keeping.checkpoint().unwrap_err();
    keeping.retain().unwrap();
    assert_eq!(instance.log.tails(), tails);
    drop(keeping);
    fill(&instance, 5);
    let mut keeping = instance.keeping();
    keeping.checkpoint().unwrap();
    keeping.retain().unwrap();
    assert_ne!(instance.log.tails(), tails, "two good ones again");
}

#[test]
fn the_keeper_ends_when_it_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let instance = Instance::open(dir.path(), &small()).unwrap();
    fill(&instance, 1);
    drop(instance.keep(Duration::from_secs(3_600), None).unwrap());
    assert_eq!(checkpoints(dir.path()).len(), 0);
}
