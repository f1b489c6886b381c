//! What an option costs over the years: the fee, and what usually is not on the quote.

use super::sheet::{Offer, Rates, Sheet};
use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;

/// Costs over all years, in the sheet's currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// Fees, with their yearly rise.
    pub licence: f64,
    /// Machines, storage, traffic.
    pub infrastructure: f64,
    /// Setting up and keeping it running.
    pub engineering: f64,
    /// Incidents expected, by their length and hourly cost.
    pub incidents: f64,
    /// Decisions that wait for their figures.
    pub reporting_delay: f64,
    /// All of it.
    pub total: f64,
}

/// The value of a rate at which another option becomes the cheapest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RateFlip {
    /// Which rate: `person_month`, `incident_hour`, `delay_hour`.
    pub rate: &'static str,
    /// What the sheet says.
    pub value: f64,
    /// Where the order changes.
    pub flips_at: f64,
    /// Who is the cheapest from there on.
    pub becomes: String,
}

impl Cost {
    pub(super) fn of(offer: &Offer, rates: &Rates, years: f64) -> Self {
        let licence = offer.licence_per_year * fee_years(offer.licence_growth_percent, years);
        let infrastructure = offer.infrastructure_per_year * years;
        let work = Work::of(offer, rates, years);
        let engineering = work.person_months * rates.person_month;
        let incidents = work.incident_hours * rates.incident_hour;
        let reporting_delay = work.delay_hours * rates.delay_hour;
        let total = licence + infrastructure + engineering + incidents + reporting_delay;
        Self { licence, infrastructure, engineering, incidents, reporting_delay, total }
    }
}

/// A rate's name, its value, and the quantity it multiplies.
type Rate = (&'static str, f64, fn(&Work) -> f64);

/// Quantities that the rates multiply.
struct Work {
    person_months: f64,
    incident_hours: f64,
    delay_hours: f64,
}

impl Work {
    fn of(offer: &Offer, rates: &Rates, years: f64) -> Self {
        Self {
            person_months: offer.setup_person_months + offer.upkeep_person_months_per_year * years,
            incident_hours: offer.incidents_per_year * offer.incident_hours * years,
            delay_hours: offer.reporting_delay_hours * rates.decisions_per_year * years,
        }
    }
}

/// How many first-year fees are paid in all: a geometric sum, the last year counted in part.
fn fee_years(growth_percent: f64, years: f64) -> f64 {
    let growth = 1.0 + growth_percent / 100.0;
    let (mut paid, mut fee, mut left) = (0.0, 1.0, years);
    while left > 0.0 {
        paid += fee * left.min(1.0);
        fee *= growth;
        left -= 1.0;
    }
    paid
}

/// For each rate the nearest value at which another option is the cheapest: totals are linear in a
/// rate, so two of them meet at one value.
pub(super) fn rate_flips(sheet: &Sheet, costs: &[Cost]) -> Vec<RateFlip> {
    let Some(cheapest) =
        (0..costs.len()).min_by(|a, b| costs[*a].total.total_cmp(&costs[*b].total))
    else {
        return Vec::new();
    };
    let work: Vec<Work> =
        sheet.offers.iter().map(|offer| Work::of(offer, &sheet.rates, sheet.years)).collect();
    let rates: [Rate; 3] = [
        ("person_month", sheet.rates.person_month, |work| work.person_months),
        ("incident_hour", sheet.rates.incident_hour, |work| work.incident_hours),
        ("delay_hour", sheet.rates.delay_hour, |work| work.delay_hours),
    ];
    let mut flips = Vec::new();
    for (rate, value, quantity) in rates {
        let meets = |other: usize| {
            let ahead = costs[other].total - costs[cheapest].total;
            let pull = quantity(&work[cheapest]) - quantity(&work[other]);
            let at = value + ahead / pull;
            (pull != 0.0 && at.is_finite() && at >= 0.0).then_some((other, at))
        };
        let nearest = (0..costs.len())
            .filter(|other| *other != cheapest)
            .filter_map(meets)
            .min_by(|a, b| (a.1 - value).abs().total_cmp(&(b.1 - value).abs()));
        flips.extend(nearest.map(|(other, flips_at)| RateFlip {
            rate,
            value,
            flips_at,
            becomes: sheet.offers[other].name.clone(),
        }));
    }
    flips
}
