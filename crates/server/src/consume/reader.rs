//! The reader: one thread that follows the log and hands records to the owners of their lanes.

use super::mailbox::Mailbox;
use super::progress::{Shared, Stopped};
use millstream_event::{Position, Record};
use millstream_log::LogReader;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// How long the reader waits for records before it looks whether it should end.
const READ_WAIT: Duration = Duration::from_millis(250);

/// Pause after a small read. Every batch costs something whatever its size (a commit in each lane it
/// touches, wake-ups that take the core from those who answer), so what comes close together is
/// folded together; what comes after a longer silence is read at once.
const GATHER: Duration = Duration::from_millis(4);
/// A read of at least one in so many of the records of a full batch is not small.
const SMALL_SHARE: usize = 4;

/// Reads until closing; a log that cannot be read stops everything and is reported.
pub(super) fn run(
    mut reader: Box<dyn LogReader>,
    batch_records: usize,
    mailboxes: &[Arc<Mailbox>],
    shared: &Shared,
) {
    let mut records: Vec<Record> = Vec::with_capacity(batch_records);
    while !shared.closing() {
        if let Err(error) = reader.read(&mut records, batch_records, READ_WAIT) {
            let reason = error.to_string();
            shared.stop(Stopped { lane: None, position: Position(0), reason });
            return;
        }
        let small = records.len() < batch_records / SMALL_SHARE;
        let mut shares: Vec<Vec<Record>> = mailboxes.iter().map(|_| Vec::new()).collect();
        for record in records.drain(..) {
            shares[record.header.lane.index() % mailboxes.len()].push(record);
        }
        for (mailbox, share) in mailboxes.iter().zip(shares) {
            if !share.is_empty() && !mailbox.offer(share) && shared.closing() {
                return;
            }
        }
        if small {
            thread::sleep(GATHER);
        }
    }
}
