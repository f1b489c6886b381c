//! Items on their way: from the sender's committed outbox rows into the log.

use super::error::ConsumeError;
use super::mailbox::Mailbox;
use super::progress::Shared;
use millstream_event::{Hash128, Lane};
use millstream_log::{Append, AppendError, EventLog};
use millstream_pipeline::{Key, KeyKind, Outgoing, ReadError};
use millstream_store::{StateStore, StateView};
use std::sync::Arc;
use std::time::Duration;

/// Items of one append.
const GROUP_ITEMS: usize = 512;
/// Waits between attempts while the log refuses: doubled from the first to the last.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(200));

/// What became of a group of items.
pub(super) struct Delivery {
    /// Their outbox rows.
    pub(super) keys: Vec<Key>,
    /// None when they are durable.
    pub(super) refused: Option<AppendError>,
}

/// Appends items for one owner.
pub(super) struct Outbox {
    pub(super) log: Arc<dyn EventLog>,
    pub(super) store: Arc<dyn StateStore>,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) shared: Arc<Shared>,
    pub(super) subject_key: [u8; 32],
}

impl Outbox {
    /// Appends the items, waiting while the log is overloaded or full; their outbox rows keep them
    /// meanwhile. Closing ends the wait.
    ///
    /// # Errors
    /// When the log will take nothing any more.
    pub(super) fn send(&self, items: Vec<Outgoing>) -> Result<(), AppendError> {
        let mut items = items.into_iter().peekable();
        while items.peek().is_some() {
            let group: Vec<Outgoing> = items.by_ref().take(GROUP_ITEMS).collect();
            self.send_group(&group)?;
        }
        Ok(())
    }

    fn send_group(&self, group: &[Outgoing]) -> Result<(), AppendError> {
        let mut patience = PATIENCE.0;
        while !self.shared.closing() {
            let keys = group.iter().map(|item| item.key).collect();
            let mailbox = Arc::clone(&self.mailbox);
            let acknowledge = Box::new(move |result: Result<_, AppendError>| {
                mailbox.deliver(Delivery { keys, refused: result.err() });
            });
            let records = group.iter().map(|item| self.record(item)).collect();
            match self.log.append(records, acknowledge) {
                Err(AppendError::Overloaded | AppendError::DiskFull) => {
                    std::thread::sleep(patience);
                    patience = (patience * 2).min(PATIENCE.1);
                }
                Err(AppendError::GroupTooLarge { .. }) if group.len() > 1 => {
                    let (first, rest) = group.split_at(group.len() / 2);
                    self.send_group(first)?;
                    return self.send_group(rest);
                }
                other => return other,
            }
        }
        Ok(())
    }

    fn record(&self, item: &Outgoing) -> Append {
        let mut header = item.header;
        header.subject = Hash128::keyed(&self.subject_key, "subject", &[&item.target.0.0]);
        Append { header, payload: item.payload.clone() }
    }

    /// Sends items again whose append failed, as far as trying helps.
    ///
    /// # Errors
    /// The reason when it does not, or what the store said.
    pub(super) fn send_again(&self, delivery: Delivery) -> Result<(), String> {
        match delivery.refused {
            None | Some(AppendError::Overloaded | AppendError::DiskFull) => {}
            Some(AppendError::Closed) if self.shared.closing() => return Ok(()),
            Some(error) => return Err(error.to_string()),
        }
        let keys: Vec<&[u8]> = delivery.keys.iter().map(Key::as_bytes).collect();
        let rows = self.store.get_many(&keys).map_err(|error| error.to_string())?;
        let read = |(key, row): (&Key, Option<Vec<u8>>)| {
            row.map(|row| Outgoing::from_row(*key, &row).map_err(|error| error.to_string()))
        };
        let items: Result<Vec<_>, _> = delivery.keys.iter().zip(rows).filter_map(read).collect();
        std::thread::sleep(PATIENCE.1);
        self.send(items?).map_err(|error| error.to_string())
    }
}

/// The items whose outbox rows a crash left behind in these lanes.
///
/// # Errors
/// When the store or a row cannot be read.
pub(super) fn left_over(
    state: &dyn StateView,
    generation: u16,
    lanes: impl Iterator<Item = Lane>,
) -> Result<Vec<Outgoing>, ConsumeError> {
    let mut found = Vec::new();
    for lane in lanes {
        let mut broken = None;
        state.scan(&Key::prefix(generation, lane, KeyKind::Outbox), &mut |key, row| {
            match Key::from_bytes(key).map(|key| Outgoing::from_row(key, row)) {
                Some(Ok(item)) => found.push(item),
                Some(Err(error)) => broken = Some(error),
                None => {}
            }
            Ok(broken.is_none())
        })?;
        if let Some(error) = broken {
            return Err(ReadError::Value(error).into());
        }
    }
    Ok(found)
}
