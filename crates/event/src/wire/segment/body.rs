//! The message around the events.

use super::call::{Call, Shared};
use crate::wire::clock::Stamp;
use crate::wire::complexity::Complexity;
use crate::wire::names::Names;
use crate::wire::outline::{self, Member, Object};
use crate::wire::receipt::{Limits, Outcome, Receipt, Refusal};
use crate::wire::scalar;
use crate::wire::walk::{Quoted, Walk};
use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::ops::Range;

/// A message, read as far as is needed to refuse it or to know whose it is.
#[derive(Debug)]
pub struct Body<'a> {
    items: Vec<Piece<'a>>,
    /// Of all items, one after the other.
    members: Vec<Member>,
    call: Option<Call>,
    write_key: Option<Cow<'a, str>>,
    shared: Shared<'a>,
}

/// One event of a message: JSON of good form.
#[derive(Debug)]
struct Piece<'a> {
    text: &'a str,
    members: Range<usize>,
    complexity: Complexity,
}

const BATCH: usize = 0;
const NAMES: Names<5> = Names::new(["batch", "writeKey", "sentAt", "context", "integrations"]);

/// Members that a text of so many bytes has at most, as a rule.
const BYTES_PER_MEMBER: usize = 20;

impl<'a> Body<'a> {
    /// One call; `call` is what the path names, else the body's `type` does.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn single(call: Option<Call>, body: &'a [u8]) -> Result<Self, Refusal> {
        const NAMES: Names<2> = Names::new(["writeKey", "sentAt"]);
        let text = Refusal::text_of(body)?.trim();
        let (mut walk, mut members) = (Walk::new(text), Vec::new());
        let piece = text.starts_with('{').then(|| Piece::read(text, &mut walk, &mut members));
        let piece = piece.flatten().filter(|_| walk.end().is_some());
        let piece = piece.ok_or_else(|| Refusal::no_object(text))?;
        let found = Object::new(text, &members).read(&NAMES).map(|found| found.all());
        let [write_key, sent] = found.ok_or_else(|| Refusal::no_object(text))?;
        let shared = Shared { sent: Stamp::from_json(sent), ..Shared::default() };
        let write_key = scalar::some_text(write_key).map(|key| Cow::Owned(key.into_owned()));
        Ok(Self { items: alloc::vec![piece], members, call, write_key, shared })
    }

    /// A batch. Context and integrations beside it hold for every item that does not say else.
    ///
    /// # Errors
    /// See [`Refusal`]; what is wrong with single items shows in their outcomes.
    pub fn batch(body: &'a [u8], limits: &Limits) -> Result<Self, Refusal> {
        let text = Refusal::text_of(body)?;
        let mut batch = Batch::new(text, limits);
        let mut walk = Walk::new(text);
        let whole = walk.members(1, &mut |walk, name| batch.member(walk, name));
        whole.and_then(|()| walk.end()).ok_or_else(|| Refusal::no_object(text))?;
        let [_, write_key, sent, context, integrations] = batch.values;
        match batch.lists {
            1 if batch.count <= limits.batch_events => {}
            1 => {
                let (count, max) = (batch.count, limits.batch_events);
                return Err(Refusal::TooManyEvents { count, max });
            }
            0 => return Err(Refusal::NoList("batch")),
            _ => return Err(Refusal::Repeated("batch")),
        }
        let usable = |value: Option<&'a str>| {
            value.filter(|text| scalar::is_object(text) && !scalar::is_empty(text))
        };
        let shared = Shared {
            sent: Stamp::from_json(sent),
            context: usable(context),
            integrations: usable(integrations),
        };
        let Batch { items, members, .. } = batch;
        Ok(Self { items, members, call: None, write_key: scalar::some_text(write_key), shared })
    }

    /// The write key in the body, where there is one.
    pub fn write_key(&self) -> Option<&str> {
        self.write_key.as_deref()
    }

    /// How many events it holds.
    pub const fn len(&self) -> usize {
        self.items.len()
    }

    /// True when it holds no event.
    pub const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Bytes of memory that it holds beside the message.
    pub const fn held_bytes(&self) -> usize {
        self.items.capacity() * size_of::<Piece<'_>>()
            + self.members.capacity() * size_of::<Member>()
    }

    /// One outcome per event, in order.
    pub fn outcomes<'b>(
        &'b self,
        receipt: &'b Receipt<'b>,
        limits: &'b Limits,
    ) -> impl ExactSizeIterator<Item = Outcome> + 'b {
        self.items.iter().map(move |piece| {
            let members = self.members.get(piece.members.clone()).unwrap_or_default();
            let read = piece.complexity.within(limits).and_then(|()| {
                let item = (piece.text, Object::new(piece.text, members));
                super::call::parse(self.call, item, &self.shared, receipt)
            });
            read.map_err(|fault| receipt.quarantine(piece.text, 0, fault))
        })
    }
}

impl<'a> Piece<'a> {
    /// The value of `text` at which `walk` stands.
    fn read(text: &'a str, walk: &mut Walk<'a>, members: &mut Vec<Member>) -> Option<Self> {
        let (begin, first) = (walk.at(), members.len());
        outline::outline(walk, members)?;
        let text = text.get(begin..walk.at())?;
        let complexity = Complexity { bytes: text.len(), depth: walk.deepest, members: walk.named };
        Some(Self { text, members: first..members.len(), complexity })
    }
}

/// A batch while it is gone through.
struct Batch<'a> {
    text: &'a str,
    items_max: usize,
    items: Vec<Piece<'a>>,
    members: Vec<Member>,
    /// Events seen, those over the limit included.
    count: usize,
    /// Members that are lists of events.
    lists: usize,
    /// The values of [`NAMES`].
    values: [Option<&'a str>; 5],
}

impl<'a> Batch<'a> {
    fn new(text: &'a str, limits: &Limits) -> Self {
        let (items, members) = (Vec::new(), Vec::with_capacity(text.len() / BYTES_PER_MEMBER));
        let items_max = limits.batch_events;
        Self { text, items_max, items, members, count: 0, lists: 0, values: [None; 5] }
    }

    /// Takes the member of this name, at whose value `walk` stands.
    fn member(&mut self, walk: &mut Walk<'a>, name: Quoted) -> Option<()> {
        let text = self.text.as_bytes().get(name.begin..name.end)?;
        let place = NAMES.find(text, name.escaped)?;
        if place == Some(BATCH) && walk.byte() == Some(b'[') {
            self.lists += 1;
            return walk.elements(&mut |walk| self.item(walk));
        }
        let begin = walk.at();
        walk.skip(1)?;
        if let Some(value) = place.and_then(|place| self.values.get_mut(place)) {
            *value = self.text.get(begin..walk.at()).filter(|text| *text != "null");
        }
        Some(())
    }

    fn item(&mut self, walk: &mut Walk<'a>) -> Option<()> {
        self.count += 1;
        if self.count > self.items_max {
            return walk.skip(2);
        }
        self.items.push(Piece::read(self.text, walk, &mut self.members)?);
        Some(())
    }
}
