//! Checkpoints: the state of every lane at a position, as sorted files with a CRC.
//!
//! One file a lane, little-endian: magic, version, generation, lane, the lane's head; then for each
//! entry the lengths of key and value and their bytes, in key order; then an end mark with the
//! number of entries and the CRC-32 of everything before it.

use crate::error::StoreError;
use crate::head::{HEAD_BYTES, LaneHead};
use crate::port::{LaneCommit, StateStore, StateView};
use millstream_event::Lane;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

const MAGIC: [u8; 8] = *b"MSTRMCKP";
const VERSION: u32 = 1;
/// Stands where a key's length would: no more entries follow.
const END: u32 = u32::MAX;
/// Longest key or value read back: guards memory against damaged lengths.
const PART_BYTES_MAX: u32 = 1 << 30;
/// Bytes of entries that one commit loads.
const LOAD_BYTES: usize = 8 << 20;

/// What a checkpoint holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckpointSize {
    /// Lanes with a head.
    pub lanes: u64,
    /// Keys.
    pub entries: u64,
    /// Bytes of keys and values.
    pub bytes: u64,
}

fn path_of(dir: &Path, lane: Lane) -> PathBuf {
    dir.join(format!("lane-{:02}.checkpoint", lane.number()))
}

/// A view of the state as it is by then: a snapshot if commits go on meanwhile.
pub type OpenView<'a> = &'a dyn Fn() -> Result<Box<dyn StateView>, StoreError>;

/// Writes the lanes of one generation into `dir`, which is made. Each lane is read from a view of
/// its own: a view holds space while it is open, and lanes need not stand at the same instant, since
/// what they tell each other is logged.
///
/// # Errors
/// When the state cannot be read or a file cannot be written.
pub fn write(
    open: OpenView<'_>,
    generation: u16,
    dir: &Path,
) -> Result<CheckpointSize, StoreError> {
    std::fs::create_dir_all(dir).map_err(StoreError::io("make", dir))?;
    let mut size = CheckpointSize::default();
    for lane in Lane::all() {
        let view = open()?;
        let head = view.head(generation, lane)?;
        if head != LaneHead::default() {
            write_lane(&*view, (generation, lane, head), dir, &mut size)?;
            size.lanes += 1;
        }
    }
    let sync = File::open(dir).and_then(|folder| folder.sync_all());
    sync.map_err(StoreError::io("sync", dir))?;
    Ok(size)
}

fn write_lane(
    view: &dyn StateView,
    (generation, lane, head): (u16, Lane, LaneHead),
    dir: &Path,
    size: &mut CheckpointSize,
) -> Result<(), StoreError> {
    let path = path_of(dir, lane);
    let failed = || StoreError::io("write", &path);
    let file = File::create(&path).map_err(failed())?;
    let mut out = Summed { inner: BufWriter::new(file), crc: crc32fast::Hasher::new() };
    let [high, low] = generation.to_be_bytes();
    let mut entries = 0_u64;
    let start =
        [&MAGIC[..], &VERSION.to_le_bytes(), &generation.to_le_bytes(), &[lane.number(), 0]];
    out.write_all(&start.concat()).map_err(failed())?;
    out.write_all(&head.encode()).map_err(failed())?;
    view.scan(&[high, low, lane.number()], &mut |key, value| {
        let lengths = (key.len() as u32).to_le_bytes().into_iter();
        let lengths: Vec<u8> = lengths.chain((value.len() as u32).to_le_bytes()).collect();
        for part in [&lengths, key, value] {
            out.write_all(part).map_err(failed())?;
        }
        entries += 1;
        size.bytes += (key.len() + value.len()) as u64;
        Ok(true)
    })?;
    size.entries += entries;
    out.write_all(&END.to_le_bytes()).map_err(failed())?;
    out.write_all(&entries.to_le_bytes()).map_err(failed())?;
    let crc = out.crc.clone().finalize();
    out.inner.write_all(&crc.to_le_bytes()).map_err(failed())?;
    let file = out.inner.into_inner().map_err(|error| failed()(error.into_error()))?;
    file.sync_all().map_err(failed())
}

/// Loads a checkpoint into an **empty** store. When it fails the store holds parts of it and must
/// be removed.
///
/// # Errors
/// [`StoreError::Checkpoint`] when a file is damaged; otherwise when a file cannot be read or the
/// store fails.
pub fn read(dir: &Path, store: &dyn StateStore) -> Result<CheckpointSize, StoreError> {
    read_into(dir, &mut |generation, lane, commit| store.commit(generation, &[(lane, commit)]))
}

/// Reads a checkpoint to its end and loads nothing; returns where its lanes stand and what it holds.
/// Costs reading every file.
///
/// # Errors
/// As [`read`].
pub fn verify(dir: &Path) -> Result<([LaneHead; Lane::COUNT], CheckpointSize), StoreError> {
    let mut heads = [LaneHead::default(); Lane::COUNT];
    let size = read_into(dir, &mut |_, lane, commit| {
        heads[lane.index()] = commit.head;
        Ok(())
    })?;
    Ok((heads, size))
}

/// Takes a step of a lane: some of its entries; the last one comes with its head, once the file is
/// known to be whole.
type Take<'a> = &'a mut dyn FnMut(u16, Lane, LaneCommit) -> Result<(), StoreError>;

fn read_into(dir: &Path, take: Take<'_>) -> Result<CheckpointSize, StoreError> {
    let mut size = CheckpointSize::default();
    for lane in Lane::all() {
        let path = path_of(dir, lane);
        match File::open(&path) {
            Ok(file) => LaneFile::open(&path, file)?.load(lane, take, &mut size)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(StoreError::io("open", &path)(error)),
        }
        size.lanes += 1;
    }
    Ok(size)
}

/// A checkpoint file being read.
struct LaneFile<'a> {
    path: &'a Path,
    input: Summed<BufReader<File>>,
    generation: u16,
    lane: u8,
    head: LaneHead,
}

impl<'a> LaneFile<'a> {
    fn open(path: &'a Path, file: File) -> Result<Self, StoreError> {
        let input = Summed { inner: BufReader::new(file), crc: crc32fast::Hasher::new() };
        let mut found = Self { path, input, generation: 0, lane: 0, head: LaneHead::default() };
        let start: [u8; 16] = found.take()?;
        if start[..8] != MAGIC {
            return Err(found.damaged("it is no checkpoint"));
        }
        if start[8..12] != VERSION.to_le_bytes() {
            return Err(found.damaged("another version wrote it"));
        }
        found.generation = u16::from_le_bytes([start[12], start[13]]);
        found.lane = start[14];
        let head: [u8; HEAD_BYTES] = found.take()?;
        found.head = LaneHead::decode(&head).unwrap_or_default();
        Ok(found)
    }

    fn damaged(&self, reason: &'static str) -> StoreError {
        StoreError::Checkpoint { path: self.path.display().to_string(), reason }
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), StoreError> {
        match self.input.read_exact(bytes) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Err(self.damaged("it ends too early"))
            }
            other => other.map_err(StoreError::io("read", self.path)),
        }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn part(&mut self, length: u32) -> Result<Vec<u8>, StoreError> {
        if length > PART_BYTES_MAX {
            return Err(self.damaged("a length makes no sense"));
        }
        let mut bytes = Vec::new();
        let limited = self.input.by_ref().take(u64::from(length)).read_to_end(&mut bytes);
        limited.map_err(StoreError::io("read", self.path))?;
        if bytes.len() == length as usize {
            Ok(bytes)
        } else {
            Err(self.damaged("it ends too early"))
        }
    }

    fn load(
        mut self,
        lane: Lane,
        take: Take<'_>,
        size: &mut CheckpointSize,
    ) -> Result<(), StoreError> {
        if self.lane != lane.number() {
            return Err(self.damaged("it holds another lane"));
        }
        let mut commit = LaneCommit::default();
        let (mut entries, mut held) = (0_u64, 0_usize);
        loop {
            let key_bytes = u32::from_le_bytes(self.take()?);
            if key_bytes == END {
                break;
            }
            let value_bytes = u32::from_le_bytes(self.take()?);
            let key = self.part(key_bytes)?;
            let value = self.part(value_bytes)?;
            entries += 1;
            held += key.len() + value.len();
            size.bytes += (key.len() + value.len()) as u64;
            commit.puts.push((key.into(), value));
            if held >= LOAD_BYTES {
                take(self.generation, lane, std::mem::take(&mut commit))?;
                held = 0;
            }
        }
        self.check_end(entries)?;
        size.entries += entries;
        commit.head = self.head;
        take(self.generation, lane, commit)
    }

    fn check_end(&mut self, entries: u64) -> Result<(), StoreError> {
        let counted = u64::from_le_bytes(self.take()?);
        let summed = self.input.crc.clone().finalize();
        let crc = u32::from_le_bytes(self.take()?);
        if counted != entries || crc != summed {
            return Err(self.damaged("its checksum is wrong"));
        }
        Ok(())
    }
}

/// Sums up what passes.
struct Summed<T> {
    inner: T,
    crc: crc32fast::Hasher,
}

impl<T: Write> Write for Summed<T> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.crc.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Read> Read for Summed<T> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(bytes)?;
        self.crc.update(&bytes[..count]);
        Ok(count)
    }
}
