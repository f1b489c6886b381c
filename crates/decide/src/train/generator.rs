//! Visits with a planted structure: what a shop's visitors look at next depends on what they look at
//! now.
//!
//! Items belong to topics. A visitor goes on to one of a few successors of the present item, to
//! something else of its topic, or makes an excursion to what is popular, or anywhere, and comes back;
//! a successor may lie in the next topic. So the last item tells most of the next one, the one before it less, and a profile
//! that lags behind costs hits.

use super::Visit;
use crate::candidate::ItemId;
use crate::exploration::uniform;
use alloc::vec::Vec;
use millstream_event::{Hash128, Timestamp};

/// What is planted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Planted {
    /// Items of the shop.
    pub items: u64,
    /// Items of a topic.
    pub topic: u64,
    /// Successors of an item.
    pub successors: u64,
    /// Chance to go on to a successor.
    pub follows: f64,
    /// Chance to stay with the topic.
    pub stays: f64,
    /// Chance to take a popular item.
    pub popular: f64,
    /// Chance that a successor lies in the next topic.
    pub leaves: f64,
}

impl Default for Planted {
    fn default() -> Self {
        Self {
            items: 2_000,
            topic: 50,
            successors: 6,
            follows: 0.45,
            stays: 0.25,
            popular: 0.2,
            leaves: 0.2,
        }
    }
}

/// The item at a place of the ring.
pub fn item(place: u64) -> ItemId {
    ItemId(Hash128::of("planted item", &[&place.to_le_bytes()]).low64())
}

/// Visits by a seed, oldest first.
pub fn generate(planted: &Planted, visits: u64, seed: u64) -> Vec<Visit> {
    (0..visits).map(|number| visit(planted, number, seed)).collect()
}

fn visit(planted: &Planted, number: u64, seed: u64) -> Visit {
    let mut drawn = 0_u64;
    let mut draw = |below: f64| {
        drawn += 1;
        let name = [number.to_le_bytes(), seed.to_le_bytes(), drawn.to_le_bytes()].concat();
        uniform("planted", Hash128::of("visit", &[&name])) * below
    };
    let ring = planted.items;
    let anywhere = ring as f64;
    let mut place = draw(anywhere) as u64;
    let mut items = alloc::vec![item(place)];
    let length = 3 + draw(8.0) as u64;
    for _ in 1..length {
        let kind = draw(1.0);
        let (follows, stays) = (planted.follows, planted.follows + planted.stays);
        if kind < follows {
            place = successor(planted, place, draw(planted.successors as f64) as u64) % ring;
            items.push(item(place));
        } else if kind < stays {
            place = (place - place % planted.topic + draw(planted.topic as f64) as u64) % ring;
            items.push(item(place));
        } else if kind < stays + planted.popular {
            // The cube crowds what is popular at the low places.
            let share = draw(1.0);
            items.push(item((share * share * share * anywhere / 4.0) as u64));
        } else {
            items.push(item(draw(anywhere) as u64));
        }
    }
    Visit { ended: Timestamp(number as i64 * 60_000_000), segment: "".into(), items }
}

/// The successor of a place: somewhere in its topic, or in the next one.
fn successor(planted: &Planted, place: u64, number: u64) -> u64 {
    let name = [place.to_le_bytes(), number.to_le_bytes()].concat();
    let name = Hash128::of("successor", &[&name]);
    let within = name.low64() % planted.topic.max(1);
    let next = if uniform("leaves", name) < planted.leaves { planted.topic } else { 0 };
    place - place % planted.topic.max(1) + next + within
}
