//! Items: what entities tell each other across lanes, always through the log.

use alloc::boxed::Box;
use alloc::vec::Vec;
use millstream_attribute::hybrid::Told;
use millstream_attribute::{Conversion, Touch};
use millstream_event::click_token::ClickReference;
use millstream_event::{Arrival, Campaign, EntityId, Hash128, Lane, Money};
use millstream_stitch::{EntryKey, Goods, Role};
use serde::{Deserialize, Serialize};

/// Which flow an item belongs to. With sender, target and id it names the item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ItemKind {
    /// Device -> graph: an identity link.
    Edge,
    /// Graph -> device: the person it belongs to.
    Person,
    /// Device -> order: a claim to be the order's conversion.
    Claim,
    /// Order -> device: which claim won.
    Verdict,
    /// Landing device -> click.
    Landing,
    /// Device -> person: it belongs to them.
    Member,
    /// Device -> person: a touch.
    Touch,
    /// Device -> person: a conversion.
    Conversion,
}

/// An identity link as its sender states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeBody {
    /// The other node.
    pub target: EntityId,
    /// True when the other node is a user.
    pub target_is_user: bool,
    /// True when the sender is a user.
    pub sender_is_user: bool,
}

/// A claim to be the conversion of an order, or to change what it is worth.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Claim {
    /// What it says of the order. Whoever is the order sorts before whoever only adds to it.
    pub role: Role,
    /// False sorts first: a server's word counts before a browser's.
    pub from_browser: bool,
    /// The claiming event's place in time.
    pub key: EntryKey,
    /// The claiming device.
    pub device: EntityId,
    /// The value it gives.
    pub value: Option<Money>,
    /// The number of a refund or renewal.
    pub part: Option<Box<str>>,
    /// What was sold or came back.
    pub goods: Vec<Goods>,
}

/// Which claim won.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderVerdict {
    /// The winning device.
    pub device: EntityId,
    /// The winning event.
    pub key: EntryKey,
    /// What it is worth after renewals, restatements and refunds.
    pub value: Option<Money>,
    /// Minor units of that currency that were refunded, at most all.
    pub refunded_minor: i64,
    /// What was sold and has not come back.
    pub goods: Vec<Goods>,
}

/// A landing with one of our clicks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Landing {
    /// The click as its token tells it.
    pub click: ClickReference,
    /// The landing event's place in time.
    pub key: EntryKey,
    /// Campaign fields of the landing.
    pub campaign: Campaign,
    /// Classification of the landing.
    pub arrival: Option<Arrival>,
    /// True when the landing's agent is a bot.
    pub bot: bool,
}

/// What an item says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// See [`ItemKind::Edge`].
    Edge(EdgeBody),
    /// See [`ItemKind::Person`].
    Person(EntityId),
    /// See [`ItemKind::Claim`].
    Claim(Claim),
    /// See [`ItemKind::Verdict`].
    Verdict(OrderVerdict),
    /// See [`ItemKind::Landing`].
    Landing(Landing),
    /// See [`ItemKind::Member`].
    Member,
    /// See [`ItemKind::Touch`].
    Touch(Touch),
    /// See [`ItemKind::Conversion`].
    Conversion(Conversion),
    /// The same from a server that named the user and no device.
    UserConversion(Conversion),
}

macro_rules! contents {
    ($($(#[$doc:meta])* $name:ident: $variant:ident($type:ty)),* $(,)?) => {
        impl Body {$(
            $(#[$doc])*
            pub fn $name(self) -> Option<$type> {
                match self {
                    Self::$variant(inner) => Some(inner),
                    _ => None,
                }
            }
        )*}
    };
}

contents! {
    /// The identity link, if it is one.
    edge: Edge(EdgeBody),
    /// The person named, if it names one.
    person: Person(EntityId),
    /// The claim, if it is one.
    claim: Claim(Claim),
    /// The verdict, if it is one.
    verdict: Verdict(OrderVerdict),
    /// The landing, if it is one.
    landing: Landing(Landing),
    /// The touch, if it is one.
    touch: Touch(Touch),
}

impl Body {
    /// The conversion told, if it tells of one.
    pub const fn as_conversion(&self) -> Option<&Conversion> {
        match self {
            Self::Conversion(conversion) | Self::UserConversion(conversion) => Some(conversion),
            _ => None,
        }
    }

    /// The conversion and who told of it, if it tells of one.
    pub fn conversion(self) -> Option<Told> {
        match self {
            Self::Conversion(conversion) => Some(Told { conversion, of_user: false }),
            Self::UserConversion(conversion) => Some(Told { conversion, of_user: true }),
            _ => None,
        }
    }
}

/// An item: the payload of a [`millstream_event::Kind::Item`] record. Its version is in the header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The flow.
    pub kind: ItemKind,
    /// Who says it.
    pub sender: EntityId,
    /// To whom.
    pub target: EntityId,
    /// Natural key within (kind, sender, target).
    pub id: Hash128,
    /// What it says; none for a tombstone.
    pub body: Option<Body>,
}

impl Item {
    /// The lane it goes to.
    pub const fn lane(&self) -> Lane {
        match self.kind {
            ItemKind::Edge => Lane::GRAPH,
            _ => Lane::of(self.target),
        }
    }

    /// The payload.
    ///
    /// # Errors
    /// Only when memory for it cannot be had.
    pub fn encode(&self) -> Result<Vec<u8>, postcard::Error> {
        postcard::to_allocvec(self)
    }

    /// Reads a payload. What is said of goods stands last: an item that was logged before goods were kept
    /// ends where their number would stand, and says that there are none.
    ///
    /// # Errors
    /// When the bytes are not an item.
    pub fn decode(payload: &[u8]) -> Result<Self, postcard::Error> {
        postcard::from_bytes(payload).or_else(|error| {
            let mut longer = payload.to_vec();
            longer.push(0);
            postcard::from_bytes(&longer).map_err(|_| error)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_from_before_goods_were_kept_says_that_there_are_none() {
        let order = EntityId(Hash128::of("order", &[b"o"]));
        let key = EntryKey {
            time: millstream_event::Timestamp(1),
            sequence: 0,
            id: millstream_event::EventId::parse("e").unwrap(),
            source: millstream_event::SourceId::parse("s").unwrap(),
        };
        let goods = Vec::new();
        let verdict = OrderVerdict { device: order, key, value: None, refunded_minor: 0, goods };
        let body = Some(Body::Verdict(verdict));
        let id = Hash128::default();
        let item = Item { kind: ItemKind::Verdict, sender: order, target: order, id, body };
        let now = item.encode().unwrap();
        assert_eq!(Item::decode(&now).unwrap(), item);
        assert_eq!(Item::decode(&now[..now.len() - 1]).unwrap(), item);
        assert!(Item::decode(&now[..now.len() - 2]).is_err());
    }
}
