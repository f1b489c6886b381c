//! The governor of one use case: what stages cost lately, how much room is kept, what is given up.

use crate::sketch::Sketch;
use crate::stage::{Micros, Stage};
use crate::use_case::UseCase;

/// Share of the budget that is kept free at least: on cores shared with other work a thread that is
/// due may have to wait for several milliseconds.
const MARGIN_LEAST: u64 = 20;
/// Share of the budget that is kept free at most: half of it.
const MARGIN_MOST: u64 = 2;
/// The margin narrows by this share of its distance to the least, an answer: what held an answer up
/// once a second must not surprise anew each time.
const NARROWING: u64 = 1_024;
/// An estimate is reduced by this share each time its stage was left out.
const FORGETTING: u64 = 128;
/// Answers between two looks at whole answers.
const LOOK_EVERY: u32 = 128;
/// The quantile that estimates follow.
const QUANTILE: f64 = 0.95;
/// Heavy stages are given up above this share of the budget, in percent.
const GIVE_UP_PERCENT: u64 = 80;
/// Heavy stages come back below this share of the budget, in percent.
const TAKE_BACK_PERCENT: u64 = 50;

/// What a course may spend: the governor's word at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// What each stage takes, by its place.
    pub estimates: [Micros; Stage::ALL.len()],
    /// Kept free.
    pub margin: Micros,
    /// Heavy stages given up, heaviest first.
    pub given_up: usize,
    /// True while the installation protects its critical path: no profile is read, no model run.
    pub protect: bool,
}

impl Limits {
    /// True when the stage may start with so much of the budget left.
    pub fn fits(&self, stage: Stage, left: Micros) -> bool {
        let given_up = Stage::HEAVY.iter().take(self.given_up).any(|heavy| *heavy == stage);
        !given_up && self.estimates[stage.index()].plus(self.margin) <= left
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Governor {
    budget: Micros,
    stages: [Sketch; Stage::ALL.len()],
    estimates: [Micros; Stage::ALL.len()],
    /// Stages that were left out since they last ran.
    left_out: [bool; Stage::ALL.len()],
    totals: Sketch,
    margin: Micros,
    given_up: usize,
    until_look: u32,
}

impl Governor {
    /// Of a use case that was not asked yet.
    pub fn new(use_case: &UseCase) -> Self {
        let budget = use_case.budget;
        Self {
            budget,
            stages: core::array::from_fn(|_| Sketch::default()),
            estimates: Stage::ALL.map(|stage| stage.first_estimate().min(Micros(budget.0 / 4))),
            left_out: [false; Stage::ALL.len()],
            totals: Sketch::default(),
            margin: Micros(budget.0 / MARGIN_LEAST),
            given_up: 0,
            until_look: LOOK_EVERY,
        }
    }

    /// What a course may spend now.
    pub const fn limits(&self, protect: bool) -> Limits {
        Limits { estimates: self.estimates, margin: self.margin, given_up: self.given_up, protect }
    }

    /// The room kept free.
    pub const fn margin(&self) -> Micros {
        self.margin
    }

    /// Heavy stages given up.
    pub const fn given_up(&self) -> usize {
        self.given_up
    }

    /// What a stage is expected to take.
    pub const fn estimate(&self, stage: Stage) -> Micros {
        self.estimates[stage.index()]
    }

    /// The p95 of whole answers lately.
    pub fn recent_total(&self) -> Option<Micros> {
        self.totals.quantile(QUANTILE)
    }

    /// Learns what stages took, and which did not start because they did not fit.
    pub fn learn_stages(&mut self, stages: &[(Stage, Micros)], left_out: &[Stage]) {
        for (stage, took) in stages {
            let place = stage.index();
            if core::mem::take(&mut self.left_out[place]) {
                // What it took before it was left out says nothing of how it is now.
                self.stages[place] = Sketch::default();
            }
            self.stages[place].record(*took);
            let lately = self.stages[place].quantile(QUANTILE).unwrap_or(*took);
            // One long sample among few says less than what was expected; a mass of them says all.
            self.estimates[place] = match self.stages[place].len() {
                0..32 => self.estimates[place].max(lately),
                _ => lately,
            };
        }
        for stage in left_out {
            self.left_out[stage.index()] = true;
            let estimate = &mut self.estimates[stage.index()];
            estimate.0 -= (estimate.0 / FORGETTING).max(1).min(estimate.0);
        }
    }

    /// Learns what an answer took in all, and how much of it came after its course, or after the
    /// wait for it, was over: delivery, encoding, a timer that woke late.
    pub fn learn_answer(&mut self, total: Micros, after: Micros) {
        self.move_margin(after);
        self.totals.record(total);
        self.until_look -= 1;
        if self.until_look == 0 {
            self.until_look = LOOK_EVERY;
            self.look();
        }
    }

    /// Widens at once to what was needed, and a half more; narrows slowly.
    fn move_margin(&mut self, needed: Micros) {
        let (least, most) = (self.budget.0 / MARGIN_LEAST, self.budget.0 / MARGIN_MOST);
        let wanted = needed.0.saturating_add(needed.0 / 2).clamp(least, most);
        if wanted > self.margin.0 {
            self.margin.0 = wanted;
        } else {
            self.margin.0 -= (self.margin.0 - least).div_ceil(NARROWING);
        }
    }

    /// Gives one more heavy stage up, or takes one back.
    fn look(&mut self) {
        let Some(lately) = self.totals.quantile(QUANTILE) else { return };
        let percent = lately.0.saturating_mul(100) / self.budget.0.max(1);
        if percent > GIVE_UP_PERCENT {
            self.given_up = (self.given_up + 1).min(Stage::HEAVY.len());
        } else if percent < TAKE_BACK_PERCENT {
            self.given_up = self.given_up.saturating_sub(1);
        }
        self.totals = Sketch::default();
    }
}
