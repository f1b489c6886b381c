//! How sure a share is: intervals from resampled journeys, and warnings where there are few.

use crate::analysis::{AnalysisError, Fitted};
use crate::paths::Paths;
use crate::random::Random;
use crate::split::Journeys;
use alloc::vec::Vec;

/// Resamples, where the data are small enough for them.
pub const REPLICATES: usize = 500;
/// Fewest resamples that the ends of a 95 % interval can be read from.
pub const REPLICATES_MIN: usize = 100;
/// Most resamples that can be asked for.
pub const REPLICATES_MAX: usize = 10_000;
/// Operations that resampling may cost when no number of resamples is asked for: seconds.
pub const WORK: u64 = 2_000_000_000;
/// Channels met by fewer converting journeys than this carry a warning: an interval made of so few
/// is itself unsure.
pub const FEW_CONVERSIONS: u64 = 30;
/// A resample may leave this part of its conversions open: far less than it varies.
const OPEN: f64 = 1e-7;

/// A 95 % interval of a share.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interval {
    /// The 2.5 % quantile of the resamples.
    pub low: f64,
    /// The 97.5 % quantile.
    pub high: f64,
}

/// Intervals of all channels.
#[derive(Clone, Debug, PartialEq)]
pub struct Intervals {
    /// One for each channel, by its number.
    pub shares: Vec<Interval>,
    /// Resamples that they are made of.
    pub replicates: usize,
}

/// How many resamples fit into [`WORK`] when one answer of every model costs `work` together; none when
/// too few do.
pub fn affordable(paths: &Paths, work: u64) -> Option<usize> {
    let drawing = 40 * paths.rows.len() as u64;
    let fit = usize::try_from(WORK / (work / 2 + drawing).max(1)).unwrap_or(REPLICATES);
    (fit >= REPLICATES_MIN).then_some(fit.min(REPLICATES))
}

/// Percentile intervals of the shares under each model. In each resample the number of journeys along
/// each path with each outcome is Poisson with the observed number as its mean, which is the bootstrap
/// of journeys with their total left free. All models see the same resamples. [Efron 1979; Hanley and
/// MacGibbon 2006]
///
/// # Errors
/// When a Markov chain takes too long to solve.
pub fn intervals(
    paths: &Paths,
    models: &[Fitted],
    replicates: usize,
    seed: u64,
) -> Result<Vec<Intervals>, AnalysisError> {
    let observed = Journeys::of(paths);
    let mut drawn: Vec<Vec<Vec<f64>>> =
        alloc::vec![alloc::vec![Vec::new(); paths.channels.len()]; models.len()];
    for replicate in 1..=replicates as u64 {
        let journeys = resample(&observed, &mut Random::new(seed, replicate));
        // Without a conversion there are no shares.
        if journeys.conversions.iter().all(|count| *count == 0.0) {
            continue;
        }
        for (fitted, drawn) in models.iter().zip(&mut drawn) {
            let answer = fitted.answer(&journeys, OPEN, crate::removal::WORK_MAX)?;
            for (drawn, share) in drawn.iter_mut().zip(answer.shares) {
                drawn.push(share);
            }
        }
    }
    let interval = |mut drawn: Vec<f64>| {
        drawn.sort_by(f64::total_cmp);
        Interval { low: quantile(&drawn, 0.025), high: quantile(&drawn, 0.975) }
    };
    let of_model = |drawn: Vec<Vec<f64>>| Intervals {
        shares: drawn.into_iter().map(interval).collect(),
        replicates,
    };
    Ok(drawn.into_iter().map(of_model).collect())
}

fn resample(observed: &Journeys, random: &mut Random) -> Journeys {
    let mut drawn = Journeys::default();
    for row in 0..observed.conversions.len() {
        let mean = observed.conversions[row];
        let conversions = random.poisson(mean);
        drawn.conversions.push(conversions);
        drawn.nulls.push(random.poisson(observed.nulls[row]));
        // The file knows the value of a path's conversions together; each counts as their mean.
        let each = if mean > 0.0 { observed.value[row] / mean } else { 0.0 };
        drawn.value.push(conversions * each);
    }
    drawn
}

/// Linear between the order statistics.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = part * last as f64;
    let below = place as usize;
    let above = (below + 1).min(last);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}
