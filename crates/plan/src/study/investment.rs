//! Whether buying time pays.

use super::end_to_end::time;
use super::flow_report::millisecond;
use super::growth::SECONDS_PER_MONTH;
use super::loaded::Loaded;
use crate::report::InvestmentReport;
use alloc::vec::Vec;

/// Each investment of the policies: what the time it saves is worth under this load.
pub(super) fn investments(loaded: &Loaded<'_, '_>) -> Vec<InvestmentReport> {
    let policies = &loaded.topology.plan.policies;
    let report = |investment: &crate::inventory::Investment| {
        let saves = investment.saves.0 * 1e3;
        let helped = (0..loaded.journeys.len()).filter(|flow| {
            investment.flows.is_empty() || investment.flows.contains(&loaded.flow(*flow).name)
        });
        let (mut per_millisecond, mut lift_value) = (0.0, 0.0);
        for flow in helped {
            let whole = time(loaded, flow).whole;
            per_millisecond +=
                millisecond(loaded, flow, loaded.journeys[flow].success, whole.as_ref())
                    .unwrap_or(0.0);
            let value = loaded.flow(flow).value_per_event.map_or(0.0, |value| value.0);
            lift_value += value
                * loaded.scenario.offers[flow].rate
                * loaded.journeys[flow].success
                * SECONDS_PER_MONTH;
        }
        // The interval of the lift moves the part of the worth that is lift.
        let lift = |share: f64| lift_value * share / 100.0;
        let (middle, low, high) = policies.lift.map_or((0.0, 0.0, 0.0), |measured| {
            (lift(measured.per_100_ms.0), lift(measured.low.0), lift(measured.high.0))
        });
        let worth = |part: f64| saves * (per_millisecond - middle + part).max(0.0);
        let cost = investment.cost_per_month.0;
        InvestmentReport {
            name: investment.name.clone(),
            cost_per_month: cost,
            saves_ms: saves,
            worth_per_month: worth(middle),
            worth_low: worth(low),
            worth_high: worth(high),
            pays: worth(low) >= cost,
            break_even_ms: (per_millisecond > 0.0).then(|| cost / per_millisecond),
            measured: policies.lift.is_some_and(|lift| lift.measured),
        }
    };
    policies.investments.iter().map(report).collect::<Vec<_>>()
}
