//! Durable records a second through the log, against a bare loop that only writes and syncs.
//!
//! `cargo run --release -p millstream-log --example throughput -- [DIR] [SECONDS]`: for 64 and for
//! 1,024 records of 1 KB in flight prints both figures and their ratio, then the speed of reading
//! back. The bare loop writes, with the same zeros ahead, frames of the size that the log wrote on
//! average: the limit of a log without queue, thread, CRC and acknowledgement.

use millstream_event::{Header, Kind, Lane, Timestamp};
use millstream_log::disk::Opening;
use millstream_log::{
    Append, Disk, EventLog, LanePositions, LogError, SegmentLog, SegmentOptions, SystemDisk,
};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

const PAYLOAD_BYTES: usize = 1024 - 72;
const RUNS: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from).join("throughput");
    let seconds = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let time = Duration::from_secs(seconds);
    println!("in flight  prepare  run  log records/s  bare loop/s  ratio  p50 us  p99 us");
    for flying in [64, 1024] {
        for prepare_bytes in [0, 1 << 20] {
            for run in 0..RUNS {
                let options = SegmentOptions { prepare_bytes, ..SegmentOptions::default() };
                let log = through_log(&dir, flying, time, &options)?;
                let bare = bare_loop(&dir, flying, time, prepare_bytes)?;
                let ratio = log.rate / bare;
                println!(
                    "{flying:>9}  {prepare_bytes:>7}  {run:>3}  {:>13.0}  {bare:>11.0}  {ratio:>5.2}  \
                     {:>6}  {:>6}",
                    log.rate, log.median, log.tail
                );
            }
        }
    }
    read_back(&dir)?;
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

struct Figures {
    rate: f64,
    median: u128,
    tail: u128,
}

fn fresh(dir: &Path, options: &SegmentOptions) -> Result<SegmentLog, Box<dyn Error>> {
    if dir.exists() {
        std::fs::remove_dir_all(dir)?;
    }
    Ok(SegmentLog::open(Arc::new(SystemDisk), dir, options.clone())?)
}

fn record(number: u64, payload: usize) -> Append {
    let lane = Lane::from_number((number % 64) as u8).unwrap_or(Lane::CONTROL);
    let header = Header::new(Kind::Event, lane, Timestamp(number as i64));
    Append { header, payload: vec![b'x'; payload] }
}

/// Every acknowledgement brings the next append.
fn through_log(
    dir: &Path,
    flying: usize,
    time: Duration,
    options: &SegmentOptions,
) -> Result<Figures, Box<dyn Error>> {
    let log = fresh(dir, options)?;
    let (sender, receiver) = sync_channel(flying);
    (0..flying).try_for_each(|_| sender.send(None))?;
    let begun = Instant::now();
    let mut delays = Vec::new();
    let mut number = 0;
    while begun.elapsed() < time {
        if let Some(delay) = receiver.recv()? {
            delays.push(delay);
        }
        let sender = sender.clone();
        let submitted = Instant::now();
        let done = move |result: Result<_, _>| {
            let delay = result.ok().map(|_: millstream_log::Appended| submitted.elapsed());
            // The receiver is gone once the time is up.
            sender.send(delay).unwrap_or_default();
        };
        log.append(vec![record(number, PAYLOAD_BYTES)], Box::new(done))?;
        number += 1;
    }
    let rate = delays.len() as f64 / begun.elapsed().as_secs_f64();
    drop(receiver);
    delays.sort_unstable();
    let at = |share: usize| delays.get(delays.len() * share / 100).map_or(0, Duration::as_micros);
    Ok(Figures { rate, median: at(50), tail: at(99) })
}

fn bare_loop(
    dir: &Path,
    flying: usize,
    time: Duration,
    prepare_bytes: usize,
) -> Result<f64, Box<dyn Error>> {
    let path = dir.join("bare");
    let file = SystemDisk.open(&path, Opening::Create)?;
    let frame = vec![b'x'; flying * (PAYLOAD_BYTES + 72)];
    let mut grown = frame.clone();
    if frame.len() < 256 << 10 {
        grown.resize(frame.len() + prepare_bytes, 0);
    }
    let (mut offset, mut length, mut frames) = (0, 0, 0);
    let begun = Instant::now();
    while begun.elapsed() < time {
        let end = offset + frame.len() as u64;
        if end > length {
            file.write_all_at(&grown, offset)?;
            length = offset + grown.len() as u64;
        } else {
            file.write_all_at(&frame, offset)?;
        }
        file.sync()?;
        offset = end;
        frames += 1;
    }
    let rate = (frames * flying) as f64 / begun.elapsed().as_secs_f64();
    std::fs::remove_file(&path)?;
    Ok(rate)
}

fn read_back(dir: &Path) -> Result<(), Box<dyn Error>> {
    let log = Arc::new(fresh(dir, &SegmentOptions::default())?);
    let (sender, receiver) = sync_channel(64);
    const GROUPS: u64 = 1_000;
    for group in 0..GROUPS {
        let records = (0..1_000).map(|number| record(group * 1_000 + number, 500 - 72)).collect();
        let sender = sender.clone();
        let done = move |result: Result<_, _>| {
            sender.send(result.is_ok_and(|_: millstream_log::Appended| true)).unwrap_or_default();
        };
        log.append(records, Box::new(done))?;
        if group >= 32 {
            receiver.recv()?;
        }
    }
    while log.heads().records_since(&LanePositions::default()) < GROUPS * 1_000 {
        receiver.recv()?;
    }
    for _ in 0..RUNS {
        let begun = Instant::now();
        let read = read_all(&*log)?;
        let rate = read as f64 / begun.elapsed().as_secs_f64();
        println!("read back: {read} records of 500 bytes, {rate:.0} records/s");
    }
    drop(log);
    let begun = Instant::now();
    let log = SegmentLog::open(Arc::new(SystemDisk), dir, SegmentOptions::default())?;
    println!("opened {} MB in {:?}", log.bytes() >> 20, begun.elapsed());
    Ok(())
}

fn read_all(log: &dyn EventLog) -> Result<usize, LogError> {
    let mut reader = log.reader(&LanePositions::default())?;
    let mut records = Vec::new();
    let mut read = 0;
    loop {
        records.clear();
        match reader.read(&mut records, 1_000, Duration::ZERO)? {
            0 => return Ok(read),
            more => read += more,
        }
    }
}
