//! `/metrics` of destinations.

use super::metrics::{Counts, Labels, Levels, count, level};
use crate::forward::Standings;
use crate::forward::figures::Times;
use crate::forward::orders::Shown;
use prometheus_client::registry::{Registry, Unit};

/// Adds what was measured of every destination.
pub(super) fn register(registry: &mut Registry, standings: &Standings) {
    counts(registry, standings);
    levels(registry, standings);
    timings(registry, standings);
}

fn named(one: &Shown, more: &[(&'static str, &str)]) -> Labels {
    let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
    [("destination", one.name.clone())].into_iter().chain(more).collect()
}

fn counts(registry: &mut Registry, standings: &Standings) {
    let (events, attempts, errors) = (Counts::default(), Counts::default(), Counts::default());
    let (opened, regions, sizes) = (Counts::default(), Counts::default(), Counts::default());
    for one in &standings.destinations {
        for line in &one.lines {
            let totals = line.totals;
            for (outcome, value) in [
                ("accepted", totals.accepted),
                ("delivered", totals.delivered),
                ("delayed", totals.delayed),
                ("dead", totals.dead),
                ("skipped", totals.skipped),
                ("unconsented", totals.unconsented),
                ("shed", totals.shed),
            ] {
                count(&events, named(one, &[("class", line.class), ("outcome", outcome)]), value);
            }
            count(&attempts, named(one, &[("class", line.class)]), totals.attempts);
        }
        for (class, value) in &one.measured.errors {
            count(&errors, named(one, &[("error_type", class)]), *value);
        }
        for region in &one.measured.regions {
            let labels = |outcome| named(one, &[("region", &region.region), ("outcome", outcome)]);
            count(&regions, labels("delivered"), region.delivered);
            count(&regions, labels("dead"), region.dead);
        }
        for (bytes, value) in &one.measured.sizes {
            count(&sizes, named(one, &[("le", &bytes.to_string())]), *value);
        }
        count(&opened, named(one, &[]), one.breaker_opened);
    }
    registry.register("forward_events", "Events by what became of them", events);
    registry.register("forward_attempts", "Requests made", attempts);
    registry.register("forward_errors", "Requests without success by class", errors);
    registry.register("forward_region_events", "Events by the visitor's region", regions);
    registry.register("forward_body_sizes", "Bodies of at most so many bytes, each once", sizes);
    registry.register("forward_breaker_opened", "How often the breaker opened", opened);
}

fn levels(registry: &mut Registry, standings: &Standings) {
    let (pending, behind, state) = (Levels::default(), Levels::default(), Levels::default());
    let (age, burn, kept) = (Levels::default(), Levels::default(), Levels::default());
    for one in &standings.destinations {
        for line in &one.lines {
            level(&pending, named(one, &[("class", line.class)]), line.pending as f64);
            level(&behind, named(one, &[("class", line.class)]), line.behind_records as f64);
            level(&kept, named(one, &[("class", line.class)]), line.kept_events as f64);
        }
        for name in ["closed", "half_open", "open"] {
            let holds = if one.breaker == name { 1.0 } else { 0.0 };
            level(&state, named(one, &[("state", name)]), holds);
        }
        level(&age, named(one, &[]), one.backlog_age_ms.unwrap_or(0) as f64 / 1_000.0);
        for (window, rate) in
            [("5m", one.measured.sla.burn_rate_5m), ("1h", one.measured.sla.burn_rate_1h)]
        {
            level(&burn, named(one, &[("window", window)]), rate);
        }
    }
    registry.register("forward_pending", "Events taken up and not settled", pending);
    registry.register("forward_behind_records", "Records not looked at yet", behind);
    let about = "Events kept of segments that the log no longer has";
    registry.register("forward_kept_events", about, kept);
    registry.register("forward_breaker", "1 for the state the breaker is in", state);
    let about = "Age of the oldest event that waits";
    registry.register_with_unit("forward_backlog_age", about, Unit::Seconds, age);
    registry.register("forward_sla_burn_rate", "Margin used up, 1 is as promised", burn);
}

fn timings(registry: &mut Registry, standings: &Standings) {
    let (stages, regions) = (Levels::default(), Levels::default());
    for one in &standings.destinations {
        let measured = &one.measured;
        for (stage, times) in [
            ("attempt", &measured.attempt),
            ("delivery", &measured.delivery),
            ("consent", &measured.consent),
            ("rules", &measured.rules),
        ] {
            for (quantile, seconds) in quantiles(times) {
                level(&stages, named(one, &[("stage", stage), ("quantile", quantile)]), seconds);
            }
        }
        for region in &measured.regions {
            for (quantile, seconds) in quantiles(&region.delivery) {
                let labels = [("region", region.region.as_str()), ("quantile", quantile)];
                level(&regions, named(one, &labels), seconds);
            }
        }
    }
    let about = "Time of each stage of forwarding";
    registry.register_with_unit("forward_duration", about, Unit::Seconds, stages);
    let about = "From received to confirmed, by the visitor's region";
    registry.register_with_unit("forward_region_duration", about, Unit::Seconds, regions);
}

fn quantiles(times: &Times) -> impl Iterator<Item = (&'static str, f64)> {
    [("0.5", times.p50_us), ("0.95", times.p95_us), ("0.99", times.p99_us)]
        .into_iter()
        .filter_map(|(quantile, micros)| Some((quantile, micros? as f64 / 1e6)))
}
