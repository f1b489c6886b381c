//! Rewrites the same keys for minutes, as the consumer does, and prints what the store does with
//! disk, time and memory.
//!
//! `cargo run --release -p millstream-store --example soak -- DIR SECONDS [name=value ...]` with
//! the names `memtable_mb`, `cache_mb`, `journal_mb`, `workers`, `compress`, `keys`, `batch`.

use millstream_event::Lane;
use millstream_store::{FjallStore, LaneCommit, LaneHead, StateStore, StateView, StoreOptions};
use std::collections::HashMap;
use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A report line every so often.
const REPORT_EVERY: Duration = Duration::from_secs(10);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = PathBuf::from(arguments.next().ok_or("which folder?")?);
    let seconds: u64 = arguments.next().ok_or("how many seconds?")?.parse()?;
    let mut settings = HashMap::new();
    for argument in arguments {
        let (name, value) = argument.split_once('=').ok_or("settings are name=value")?;
        settings.insert(name.to_owned(), value.parse::<u64>()?);
    }
    let get = |name: &str, default: u64| settings.get(name).copied().unwrap_or(default);
    let options = StoreOptions {
        memtable_bytes: get("memtable_mb", 64) << 20,
        cache_bytes: get("cache_mb", 64) << 20,
        journal_bytes: get("journal_mb", 256) << 20,
        worker_threads: get("workers", 1) as usize,
        compress: get("compress", 1) == 1,
        ..StoreOptions::default()
    };
    println!("{options:?}");
    let store = FjallStore::open(&dir, &options)?;
    let load = Load { keys: get("keys", 100_000), batch: get("batch", 2_000) };
    let elapsed = load.run(&store, Duration::from_secs(seconds))?;
    drop(store);
    let reopening = Instant::now();
    let store = FjallStore::open(&dir, &options)?;
    println!(
        "reopened in {:?} after {elapsed:?}; head {:?}",
        reopening.elapsed(),
        store.head(0, lane())?
    );
    Ok(())
}

fn lane() -> Lane {
    Lane::CONTROL
}

struct Load {
    keys: u64,
    batch: u64,
}

/// What happened since the last line.
#[derive(Default)]
struct Window {
    commit_micros: Vec<u64>,
    read_micros: Vec<u64>,
}

impl Load {
    fn run(&self, store: &FjallStore, total: Duration) -> Result<Duration, Box<dyn Error>> {
        let start = Instant::now();
        let mut reported = start;
        let mut window = Window::default();
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        let mut head = LaneHead::default();
        let filler: Vec<u8> =
            (0..16_384_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 27) as u8 + b'a').collect();
        println!("   t  disk_mb  rss_mb  commits/s  keys/s  p50_us  p99_us  max_ms  read_p99_us");
        while start.elapsed() < total {
            let mut commit = LaneCommit { expected: head, ..LaneCommit::default() };
            head.next = head.next.next();
            commit.head = head;
            for _ in 0..self.batch {
                commit.puts.push(self.entry(&mut random, &filler));
            }
            let keys: Vec<_> = commit.puts.iter().map(|(key, _)| &**key).collect();
            let reading = Instant::now();
            store.get_many(&keys)?;
            window.read_micros.push(reading.elapsed().as_micros() as u64);
            let committing = Instant::now();
            store.commit(0, &[(lane(), commit)])?;
            window.commit_micros.push(committing.elapsed().as_micros() as u64);
            if reported.elapsed() >= REPORT_EVERY {
                window.print(start.elapsed(), reported.elapsed(), self.batch, store)?;
                window = Window::default();
                reported = Instant::now();
            }
        }
        Ok(start.elapsed())
    }

    /// A key among the few, and a value of 200 B to 8 KB, small ones being common.
    fn entry(&self, random: &mut u64, filler: &[u8]) -> (Box<[u8]>, Vec<u8>) {
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        let key = (*random >> 20) % self.keys;
        let skew = (*random & 0xff) as usize;
        let bytes = 200 + (skew * skew * 7_800) / (255 * 255);
        let from = (*random >> 40) as usize % (filler.len() - bytes);
        let mut name = vec![0, 0, (key % 64) as u8, 1];
        name.extend_from_slice(&key.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        (name.into(), filler[from..from + bytes].to_vec())
    }
}

impl Window {
    fn print(
        &mut self,
        at: Duration,
        span: Duration,
        batch: u64,
        store: &FjallStore,
    ) -> Result<(), Box<dyn Error>> {
        self.commit_micros.sort_unstable();
        self.read_micros.sort_unstable();
        let at_share = |sorted: &[u64], share: f64| {
            sorted.get(((sorted.len() as f64) * share) as usize).or(sorted.last()).copied()
        };
        let count = self.commit_micros.len() as f64 / span.as_secs_f64();
        println!(
            "{:4}  {:7}  {:6}  {:9.0}  {:6.0}  {:6}  {:6}  {:6}  {:6}",
            at.as_secs(),
            store.disk_bytes()? >> 20,
            resident_mib(),
            count,
            count * batch as f64,
            at_share(&self.commit_micros, 0.5).unwrap_or_default(),
            at_share(&self.commit_micros, 0.99).unwrap_or_default(),
            self.commit_micros.last().copied().unwrap_or_default() / 1_000,
            at_share(&self.read_micros, 0.99).unwrap_or_default(),
        );
        Ok(())
    }
}

/// Resident memory in MiB where the system tells (Linux), else 0.
fn resident_mib() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split_whitespace().nth(1).and_then(|word| word.parse::<u64>().ok());
    (pages.unwrap_or_default() * 4_096) >> 20
}
