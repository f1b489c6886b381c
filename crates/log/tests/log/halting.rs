//! A disk that stops in the middle of one write until it is told to go on.

use millstream_log::Disk;
use millstream_log::disk::{DiskFile, Opening};
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

/// The disk below, and what is to happen to the next write.
pub struct Halting {
    below: Arc<dyn Disk>,
    halt: Arc<Mutex<Option<Halt>>>,
    reads: Arc<Mutex<Option<Sender<()>>>>,
}

struct Halt {
    reached: Sender<()>,
    go: Receiver<()>,
}

impl Halting {
    pub fn new(below: Arc<dyn Disk>) -> Self {
        Self { below, halt: Arc::default(), reads: Arc::default() }
    }

    /// Writes half of the next write to a segment, then tells the receiver and waits for the sender.
    pub fn halt_next_write(&self) -> (Receiver<()>, Sender<()>) {
        let (reached, told) = channel();
        let (sender, go) = channel();
        *self.halt.lock().unwrap() = Some(Halt { reached, go });
        (told, sender)
    }

    /// Tells of the next read of a segment once it was done.
    pub fn next_read(&self) -> Receiver<()> {
        let (sender, told) = channel();
        *self.reads.lock().unwrap() = Some(sender);
        told
    }
}

impl Disk for Halting {
    fn open(&self, path: &Path, opening: Opening) -> io::Result<Arc<dyn DiskFile>> {
        let below = self.below.open(path, opening)?;
        if path.extension().is_none_or(|extension| extension != "segment") {
            return Ok(below);
        }
        let (halt, reads) = (Arc::clone(&self.halt), Arc::clone(&self.reads));
        Ok(Arc::new(HaltingFile { below, halt, reads }))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.below.list(dir)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.below.create_dir(dir)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.below.remove(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.below.rename(from, to)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.below.sync_dir(dir)
    }
}

struct HaltingFile {
    below: Arc<dyn DiskFile>,
    halt: Arc<Mutex<Option<Halt>>>,
    reads: Arc<Mutex<Option<Sender<()>>>>,
}

impl DiskFile for HaltingFile {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let read = self.below.read_at(into, offset);
        if let Some(sender) = self.reads.lock().unwrap().take() {
            sender.send(()).unwrap();
        }
        read
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let Some(halt) = self.halt.lock().unwrap().take() else {
            return self.below.write_at(bytes, offset);
        };
        let written = self.below.write_at(&bytes[..bytes.len() / 2], offset);
        halt.reached.send(()).unwrap();
        halt.go.recv().unwrap();
        written
    }

    fn sync(&self) -> io::Result<()> {
        self.below.sync()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.below.set_len(len)
    }

    fn len(&self) -> io::Result<u64> {
        self.below.len()
    }
}
