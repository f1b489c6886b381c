//! Rollups: integer sums per lane that a report adds up. A change subtracts the old and adds the
//! new, so sums never depend on how often or in which order something was corrected.

use crate::key::{Key, KeyKind};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use millstream_attribute::Model;
use millstream_event::{Currency, Flags, Hash128, Lane, QuarantineReason, Timestamp};
use millstream_stitch::TouchFact;
use serde::{Deserialize, Serialize};

/// What a rollup counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// Clicks of ours.
    Clicks,
    /// Touches.
    Touches,
    /// Sessions, by their first touch.
    Sessions,
    /// Credits of conversions under a model: count in parts per billion, amount in minor units.
    Credits(Model),
    /// Goods behind these credits, by product: billionths of a unit as amount, what was paid for them in minor
    /// units as count.
    Goods(Model),
}

/// Number of the first model's credits.
const CREDITS: u8 = 16;
/// Number of the goods behind the first model's credits.
const GOODS: u8 = 32;

impl Metric {
    const fn number(self) -> u8 {
        match self {
            Self::Clicks => 1,
            Self::Touches => 2,
            Self::Sessions => 3,
            Self::Credits(model) => CREDITS + model as u8,
            Self::Goods(model) => GOODS + model as u8,
        }
    }

    fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Clicks,
            2 => Self::Touches,
            3 => Self::Sessions,
            _ => {
                let named = |first| {
                    let model = number.checked_sub(first)?;
                    Model::ALL.into_iter().find(|known| *known as u8 == model)
                };
                return named(CREDITS).map(Self::Credits).or_else(|| named(GOODS).map(Self::Goods));
            }
        })
    }
}

/// By what a report can be grouped.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dimensions {
    /// Channel.
    pub channel: Box<str>,
    /// Source.
    pub source: Box<str>,
    /// Medium.
    pub medium: Box<str>,
    /// Campaign name, empty when none.
    pub campaign: Box<str>,
    /// Ad group, empty when none.
    pub ad_group: Box<str>,
    /// Slug of our link, empty when none.
    pub link: Box<str>,
    /// Currency of the amount; none where nothing is paid.
    pub currency: Option<Currency>,
    /// Product, where goods are counted; empty where an event told their cost.
    pub product: Box<str>,
}

impl Dimensions {
    /// The dimensions of a touch.
    pub fn of(touch: &TouchFact) -> Self {
        Self {
            channel: touch.arrival.channel.as_str().into(),
            source: touch.arrival.source.clone(),
            medium: touch.arrival.medium.clone(),
            campaign: touch.campaign.name.clone().unwrap_or_default(),
            ad_group: touch.campaign.ad_group.clone().unwrap_or_default(),
            link: touch.click.as_ref().map(|click| click.link.clone()).unwrap_or_default(),
            currency: None,
            product: Box::default(),
        }
    }

    /// True when these are the dimensions of the touch; the currency plays no part.
    pub(crate) fn fit(&self, touch: &TouchFact) -> bool {
        let said = Option::<Box<str>>::as_deref;
        *self.channel == *touch.arrival.channel.as_str()
            && self.source == touch.arrival.source
            && self.medium == touch.arrival.medium
            && *self.campaign == *said(&touch.campaign.name).unwrap_or_default()
            && *self.ad_group == *said(&touch.campaign.ad_group).unwrap_or_default()
            && *self.link == *touch.click.as_ref().map_or("", |click| &*click.link)
    }

    pub(crate) fn hash(&self) -> Hash128 {
        let currency = self.currency.map(|c| Box::<str>::from(c.as_str())).unwrap_or_default();
        let texts = [
            &self.channel,
            &self.source,
            &self.medium,
            &self.campaign,
            &self.ad_group,
            &self.link,
            &currency,
            &self.product,
        ];
        Hash128::of("dimensions", &texts.map(|text| text.as_bytes()))
    }
}

/// A sum.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Of what.
    pub dimensions: Dimensions,
    /// How many, or parts per billion of conversions, or minor units paid for goods.
    pub count: i64,
    /// Minor units, or billionths of a unit of goods.
    pub amount: i128,
}

impl Cell {
    /// True when nothing is left of it.
    pub const fn is_zero(&self) -> bool {
        self.count == 0 && self.amount == 0
    }

    /// Adds another sum of the same dimensions. Whatever numbers came in, what is added can be taken back.
    pub fn add(&mut self, other: &Self) {
        self.count = self.count.wrapping_add(other.count);
        self.amount = self.amount.wrapping_add(other.amount);
    }
}

/// Where a sum stands: its lane, UTC day, metric, whether bots made it, and its dimensions.
pub fn cell_key(place: CellPlace, dimensions: &Dimensions) -> Key {
    hashed_cell_key(place, dimensions.hash())
}

/// The same by the hash of the dimensions.
pub(crate) fn hashed_cell_key(place: CellPlace, dimensions: Hash128) -> Key {
    let mut entity = [0; 16];
    // Days before 1970 sort before those after it.
    let day = (i64::from(place.day) - i64::from(i32::MIN)) as u32;
    entity[0] = place.metric.number();
    entity[1] = u8::from(place.bot);
    entity[2..6].copy_from_slice(&day.to_be_bytes());
    Key::new(place.generation, place.lane, KeyKind::Rollup, Hash128(entity)).with_suffix(dimensions)
}

/// The prefix of all sums of a metric in a lane.
pub fn cell_prefix(generation: u16, lane: Lane, metric: Metric, bot: bool) -> [u8; 6] {
    let [a, b, c, d] = Key::prefix(generation, lane, KeyKind::Rollup);
    [a, b, c, d, metric.number(), u8::from(bot)]
}

/// See [`cell_key`].
#[derive(Clone, Copy, Debug)]
pub struct CellPlace {
    /// Generation.
    pub generation: u16,
    /// Lane that keeps the sum.
    pub lane: Lane,
    /// UTC day.
    pub day: i32,
    /// What is counted.
    pub metric: Metric,
    /// True when bots made it.
    pub bot: bool,
}

impl CellPlace {
    /// The place that a sum's key names; none where it is the key of something else.
    pub fn of(key: &Key) -> Option<Self> {
        let (lane, entity) = (key.lane()?, key.entity_id().0.0);
        let metric = Metric::from_number(entity[0]).filter(|_| key.is(KeyKind::Rollup))?;
        let day = u32::from_be_bytes([entity[2], entity[3], entity[4], entity[5]]);
        let day = (i64::from(day) + i64::from(i32::MIN)) as i32;
        Some(Self { generation: key.generation(), lane, day, metric, bot: entity[1] == 1 })
    }
}

/// A stored sum, read where it lies.
#[derive(Deserialize)]
pub(crate) struct CellText<'a> {
    #[serde(borrow)]
    dimensions: DimensionsText<'a>,
    pub(crate) count: i64,
    pub(crate) amount: i128,
}

#[derive(Deserialize)]
struct DimensionsText<'a> {
    channel: &'a str,
    source: &'a str,
    medium: &'a str,
    campaign: &'a str,
    ad_group: &'a str,
    link: &'a str,
    currency: Option<Currency>,
    product: &'a str,
}

impl CellText<'_> {
    pub(crate) fn dimensions(&self) -> Dimensions {
        let DimensionsText { channel, source, medium, campaign, ad_group, link, currency, product } =
            self.dimensions;
        Dimensions {
            channel: channel.into(),
            source: source.into(),
            medium: medium.into(),
            campaign: campaign.into(),
            ad_group: ad_group.into(),
            link: link.into(),
            currency,
            product: product.into(),
        }
    }
}

/// Counts of one lane. Every record has exactly one outcome; the rest are counts "of which".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Event and quarantine records.
    pub logged: i64,
    /// Events that count.
    pub visible: i64,
    /// Copies without effect.
    pub duplicate: i64,
    /// Of those, copies that say something else under the same id.
    pub conflicts: i64,
    /// Quarantined, by reason.
    pub quarantined: BTreeMap<QuarantineReason, i64>,
    /// Visible without some enrichment.
    pub degraded: i64,
    /// Of those, by cause, in the order of [`Flags::CAUSES`]; an event may have several.
    pub degraded_by: [i64; Flags::CAUSES.len()],
    /// Visible with fields removed for want of consent.
    pub restricted: i64,
    /// Visible and received later than the horizon.
    pub late: i64,
    /// Visible from known bots.
    pub bot: i64,
    /// Visible with a clock that made no sense.
    pub clock: i64,
    /// Events that consent allowed to count only; apart from `logged`, approximate.
    pub unconsented: i64,
    /// Clicks known from their landing alone.
    pub clicks_rebuilt: i64,
    /// Visible page and screen views.
    pub page_views: i64,
    /// Devices with at least one visible event.
    pub devices: i64,
    /// Sessions, bots' included.
    pub sessions: i64,
    /// Sessions of bots.
    pub bot_sessions: i64,
    /// People with at least one member.
    pub people: i64,
    /// Living identity links.
    pub links: i64,
    /// Nodes of the identity graph with more neighbours than their limit: they join nobody.
    pub hubs: i64,
    /// Visible events whose user id is a placeholder: it joins nobody.
    pub placeholders: i64,
    /// Conversions, bots' excluded.
    pub conversions: i64,
    /// Of those, conversions with more touches in their window than are credited.
    pub shortened: i64,
    /// Greatest receive stamp folded.
    pub watermark: Timestamp,
}

impl Counts {
    /// Adds another lane's counts, or a change.
    pub fn add(&mut self, other: &Self) {
        self.logged += other.logged;
        self.visible += other.visible;
        self.duplicate += other.duplicate;
        self.conflicts += other.conflicts;
        for (reason, count) in &other.quarantined {
            *self.quarantined.entry(*reason).or_default() += count;
        }
        self.quarantined.retain(|_, count| *count != 0);
        self.degraded += other.degraded;
        for (sum, count) in self.degraded_by.iter_mut().zip(other.degraded_by) {
            *sum += count;
        }
        self.restricted += other.restricted;
        self.late += other.late;
        self.bot += other.bot;
        self.clock += other.clock;
        self.unconsented += other.unconsented;
        self.clicks_rebuilt += other.clicks_rebuilt;
        self.page_views += other.page_views;
        self.devices += other.devices;
        self.sessions += other.sessions;
        self.bot_sessions += other.bot_sessions;
        self.people += other.people;
        self.links += other.links;
        self.hubs += other.hubs;
        self.placeholders += other.placeholders;
        self.conversions += other.conversions;
        self.shortened += other.shortened;
        self.watermark = self.watermark.max(other.watermark);
    }

    /// Everything in quarantine.
    pub fn quarantined_total(&self) -> i64 {
        self.quarantined.values().sum()
    }
}
