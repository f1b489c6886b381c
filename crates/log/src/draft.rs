//! A group under construction: each payload is written once, where it will stand in its frame.

use crate::port::Append;
use millstream_event::Header;
use millstream_event::record::HEADER_BYTES;

/// Records that are to become durable together, in one buffer.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// Room for a header, then the payload, for each record.
    bytes: Vec<u8>,
    /// The header of each record, and where its payload ends.
    records: Vec<(Header, usize)>,
}

impl Draft {
    /// An empty one with room for this many records, and bytes of payloads.
    pub fn with_room(records: usize, bytes: usize) -> Self {
        Self::over(Vec::with_capacity(Self::room(records, bytes)), records)
    }

    /// Bytes that records take whose payloads take so many.
    pub(crate) const fn room(records: usize, bytes: usize) -> usize {
        bytes.saturating_add(records.saturating_mul(HEADER_BYTES))
    }

    /// An empty one that is written into an empty buffer.
    pub(crate) fn over(buffer: Vec<u8>, records: usize) -> Self {
        Self { bytes: buffer, records: Vec::with_capacity(records) }
    }

    /// Adds a record, whose payload `write` appends to what it is given.
    pub fn add(&mut self, header: Header, write: impl FnOnce(&mut Vec<u8>)) {
        let begin = self.bytes.len() + HEADER_BYTES;
        self.bytes.resize(begin, 0);
        write(&mut self.bytes);
        // Whatever a caller does, what stands before stays.
        if self.bytes.len() < begin {
            self.bytes.resize(begin, 0);
        }
        self.records.push((header, self.bytes.len()));
    }

    /// How many records it holds.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// True when it holds none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The records one by one.
    pub fn into_appends(self) -> Vec<Append> {
        let mut begin = 0;
        let records = self.records.iter().map(|(header, end)| {
            let payload = self.bytes[begin + HEADER_BYTES..*end].to_vec();
            begin = *end;
            Append { header: *header, payload }
        });
        records.collect()
    }

    /// The buffer, and header and end of each record in it.
    pub(crate) fn into_parts(self) -> (Vec<u8>, Vec<(Header, usize)>) {
        (self.bytes, self.records)
    }

    /// Bytes that it will take, headers included.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes of its largest record.
    pub(crate) fn largest(&self) -> usize {
        let mut begin = 0;
        let sizes = self.records.iter().map(|(_, end)| end - core::mem::replace(&mut begin, *end));
        sizes.max().unwrap_or(0)
    }
}

impl From<Vec<Append>> for Draft {
    fn from(group: Vec<Append>) -> Self {
        let bytes = group.iter().map(|append| append.payload.len()).sum();
        let mut draft = Self::with_room(group.len(), bytes);
        for Append { header, payload } in group {
            draft.add(header, |out| out.extend_from_slice(&payload));
        }
        draft
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_event::{Kind, Lane, Timestamp};

    #[test]
    fn records_come_out_as_they_went_in() {
        let header = |number| Header::new(Kind::Event, Lane::CONTROL, Timestamp(number));
        let payloads: [&[u8]; 3] = [b"one", b"", b"three"];
        let append = |(number, payload): (i64, &[u8])| Append {
            header: header(number),
            payload: payload.to_vec(),
        };
        let group: Vec<_> = (0..).zip(payloads).map(append).collect();
        let draft = Draft::from(group.clone());
        assert_eq!((draft.len(), draft.bytes()), (3, 3 * HEADER_BYTES + 8));
        assert_eq!(draft.largest(), HEADER_BYTES + 5);
        assert_eq!(draft.into_appends(), group);
        assert!(Draft::default().is_empty());
    }

    #[test]
    fn a_payload_cannot_take_away_what_stands_before_it() {
        let header = Header::new(Kind::Event, Lane::CONTROL, Timestamp(0));
        let mut draft = Draft::default();
        draft.add(header, |out| out.extend_from_slice(b"first"));
        draft.add(header, Vec::clear);
        draft.add(header, |out| out.extend_from_slice(b"third"));
        let sizes: Vec<_> = draft.into_appends().iter().map(|it| it.payload.len()).collect();
        assert_eq!(sizes, [5, 0, 5]);
    }
}
