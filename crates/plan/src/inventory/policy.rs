//! What holds for the whole plan: headroom, growth, peaks, degradation, investments.

use super::flow::{Class, Risk};
use crate::quantity::{Bytes, Cost, PerSecond, Ratio, Seconds, Share};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// The part of a hop's capacity that stays free, by the risk of the riskiest flow on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Headroom {
    /// Flows that nobody misses.
    pub low: Share,
    /// Flows that somebody misses.
    pub medium: Share,
    /// Flows whose loss hurts.
    pub high: Share,
    /// Flows that must not fail.
    pub critical: Share,
}

impl Headroom {
    /// What a risk asks for.
    pub fn of(&self, risk: Risk) -> f64 {
        match risk {
            Risk::Low => self.low.0,
            Risk::Medium => self.medium.0,
            Risk::High => self.high.0,
            Risk::Critical => self.critical.0,
        }
    }
}

/// One line of a forecast: what a campaign adds to a flow during a peak.
#[derive(Clone, Debug, PartialEq)]
pub struct ForecastLine {
    /// Kind of campaign: newsletter, paid search, affiliate.
    pub campaign_type: String,
    /// Channel it comes through.
    pub channel: String,
    /// The flow that carries it.
    pub flow: String,
    /// Events per second added to the flow's mean.
    pub events: PerSecond,
}

/// A named peak: how much more comes then.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Peak {
    /// Unique name: launch, quarter end, sale.
    pub name: String,
    /// Times the mean rate, for flows that nothing below names.
    pub multiplier: Option<Ratio>,
    /// Times the mean rate, by class.
    pub classes: BTreeMap<Class, Ratio>,
    /// Events per second, by flow.
    pub flows: BTreeMap<String, PerSecond>,
    /// What campaigns add, by flow.
    pub forecast: Vec<ForecastLine>,
    /// How long it lasts; it decides whether an overload drains.
    pub duration: Option<Seconds>,
    /// When it comes, as `YYYY-MM-DD`.
    pub date: Option<String>,
}

/// A step of planned degradation.
#[derive(Clone, Debug, PartialEq)]
pub struct Rung {
    /// Name: trim, defer, protect.
    pub name: String,
    /// Entered when a hop's utilisation passes this.
    pub above: Share,
    /// Left when it has fallen to this: lower than `above`, so that a rung is not entered and left all the time.
    pub below: Share,
    /// Classes that are refused while it holds.
    pub sheds: Vec<Class>,
    /// Payload that is left of what remains: 0.7 drops thirty per cent of the bytes.
    pub payload: Ratio,
}

/// Something that could be bought to save time.
#[derive(Clone, Debug, PartialEq)]
pub struct Investment {
    /// Name: edge cluster, faster line.
    pub name: String,
    /// Cost per month.
    pub cost_per_month: Cost,
    /// Time saved on each event.
    pub saves: Seconds,
    /// Flows that it helps.
    pub flows: Vec<String>,
}

/// What a saved millisecond does to business: a measured or an assumed lift.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lift {
    /// Relative change of the flows' value for each 100 ms saved.
    pub per_100_ms: Share,
    /// Lower end of its interval.
    pub low: Share,
    /// Upper end of its interval.
    pub high: Share,
    /// Whether it was measured.
    pub measured: bool,
}

/// What holds for the whole plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Policies {
    /// Free capacity by risk.
    pub headroom: Headroom,
    /// Growth of all flows per month.
    pub growth_per_month: Share,
    /// Three letters of the currency of all costs.
    pub currency: String,
    /// The day the figures are of, as `YYYY-MM-DD`; dates are given when it is known.
    pub as_of: Option<String>,
    /// Largest IP packet.
    pub mtu: Bytes,
    /// The scenario in which failures are tried: `mean`, `peak` or a named one.
    pub failures_at: String,
    /// Whether every pair of failures is tried, too.
    pub failure_pairs: bool,
    /// Named peaks by name.
    pub peaks: BTreeMap<String, Peak>,
    /// Degradation in order.
    pub rungs: Vec<Rung>,
    /// Things that could be bought.
    pub investments: Vec<Investment>,
    /// What time is worth.
    pub lift: Option<Lift>,
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            headroom: Headroom {
                low: Share(0.1),
                medium: Share(0.3),
                high: Share(0.4),
                critical: Share(0.5),
            },
            growth_per_month: Share(0.0),
            currency: "EUR".into(),
            as_of: None,
            mtu: Bytes(1500.0),
            failures_at: "mean".into(),
            failure_pairs: false,
            peaks: BTreeMap::new(),
            rungs: Vec::new(),
            investments: Vec::new(),
            lift: None,
        }
    }
}
