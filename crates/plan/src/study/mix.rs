//! Of what a named peak is made: each flow's own load, and what each kind of campaign adds through each channel.

use super::loaded::own_rate;
use super::topology::Topology;
use crate::report::MixLine;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// A flow, and what comes on it: the kind and channel of a campaign, or its own load.
type Part<'p> = (&'p str, Option<(&'p str, &'p str)>);

/// The mix of a named peak that has a forecast, largest part first; empty for every other load.
pub(super) fn mix(topology: &Topology<'_>, scenario: &str) -> Vec<MixLine> {
    let Some(peak) = topology.plan.policies.peaks.get(scenario) else { return Vec::new() };
    if peak.forecast.is_empty() {
        return Vec::new();
    }
    // A forecast may say the same thing in several lines.
    let mut parts: BTreeMap<Part<'_>, f64> = BTreeMap::new();
    for flow in &topology.flows {
        if peak.forecast.iter().any(|line| line.flow == flow.name) {
            parts.insert((&flow.name, None), own_rate(flow, peak));
        }
    }
    for line in &peak.forecast {
        let campaign = Some((line.campaign_type.as_str(), line.channel.as_str()));
        *parts.entry((&line.flow, campaign)).or_default() += line.events.0;
    }
    let whole = |flow: &str| -> f64 {
        parts.iter().filter(|((of, _), _)| *of == flow).map(|(_, events)| events).sum()
    };
    let line = |(&(flow, campaign), &events): (&Part<'_>, &f64)| MixLine {
        flow: String::from(flow),
        campaign_type: campaign.map(|(kind, _)| String::from(kind)),
        channel: campaign.map(|(_, channel)| String::from(channel)),
        events_per_s: events,
        share: if whole(flow) > 0.0 { events / whole(flow) } else { 0.0 },
    };
    let mut lines: Vec<MixLine> = parts.iter().map(line).collect();
    lines.sort_by(|one, two| {
        one.flow.cmp(&two.flow).then(two.events_per_s.total_cmp(&one.events_per_s)).then_with(
            || (&one.campaign_type, &one.channel).cmp(&(&two.campaign_type, &two.channel)),
        )
    });
    lines
}
