//! When growth uses a hop up.

use crate::inventory::Policies;
use crate::report::GrowthDate;
use alloc::string::{String, ToString};
use jiff::ToSpan;
use jiff::civil::Date;
use libm::log;

/// Days of a mean month.
pub(super) const DAYS_PER_MONTH: f64 = 30.436_875;
/// Seconds of a mean month.
pub(super) const SECONDS_PER_MONTH: f64 = DAYS_PER_MONTH * 86_400.0;
/// Further ahead than this a date means nothing.
const MONTHS_MAX: f64 = 1200.0;

/// Months until utilisation grows to a limit: ln(limit / u) / ln(1 + g). Zero when it is there already,
/// `None` when it never will be.
fn months(utilisation: f64, limit: f64, growth: f64) -> Option<f64> {
    if utilisation >= limit {
        return Some(0.0);
    }
    if growth <= 0.0 || utilisation <= 0.0 {
        return None;
    }
    Some(log(limit / utilisation) / log(1.0 + growth)).filter(|months| *months <= MONTHS_MAX)
}

fn date(policies: &Policies, months: Option<f64>) -> Option<String> {
    let today: Date = policies.as_of.as_ref()?.parse().ok()?;
    let days = (months? * DAYS_PER_MONTH) as i64;
    today.checked_add(days.days()).ok().map(|date| date.to_string())
}

/// When a hop loses its headroom, and when it is full.
pub(super) fn growth(policies: &Policies, utilisation: f64, headroom: f64) -> GrowthDate {
    let rate = policies.growth_per_month.0;
    let headroom_months = months(utilisation, 1.0 - headroom, rate);
    let full_months = months(utilisation, 1.0, rate);
    GrowthDate {
        headroom_months,
        headroom_date: date(policies, headroom_months),
        full_months,
        full_date: date(policies, full_months),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::Share;

    #[test]
    fn doubling_takes_as_long_as_it_should() {
        let policies = Policies {
            growth_per_month: Share(0.0594),
            as_of: Some("2026-11-22".into()),
            ..Policies::default()
        };
        let date = growth(&policies, 0.35, 0.3);
        let months = date.headroom_months.unwrap();
        assert!((months - 12.0).abs() < 0.05, "{months}");
        assert!(date.headroom_date.unwrap().starts_with("2027-11"));
        assert!(growth(&Policies::default(), 0.5, 0.3).full_months.is_none());
        assert_eq!(growth(&Policies::default(), 1.2, 0.3).full_months, Some(0.0));
    }
}
