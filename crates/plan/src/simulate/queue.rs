//! The queue and the servers of one station.

use super::model::{Discipline, Station};
use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;

/// Jobs that wait, by priority.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    levels: Vec<VecDeque<u32>>,
}

impl Waiting {
    pub(super) fn new(levels: usize) -> Self {
        Self { levels: vec![VecDeque::new(); levels.max(1)] }
    }

    fn level(&mut self, priority: usize) -> &mut VecDeque<u32> {
        let last = self.levels.len() - 1;
        &mut self.levels[priority.min(last)]
    }

    pub(super) fn push_back(&mut self, priority: usize, job: u32) {
        self.level(priority).push_back(job);
    }

    pub(super) fn push_front(&mut self, priority: usize, job: u32) {
        self.level(priority).push_front(job);
    }

    pub(super) fn pop(&mut self) -> Option<u32> {
        self.levels.iter_mut().find_map(VecDeque::pop_front)
    }
}

/// A job in service at a station that may interrupt it.
#[derive(Clone, Copy, Debug)]
struct Serving {
    priority: usize,
    job: u32,
    token: u32,
    done_at: f64,
}

/// The servers of one station.
#[derive(Clone, Debug)]
pub(super) struct Servers {
    pub(super) idle: u32,
    pub(super) inside: u32,
    room: u32,
    /// Who is served; kept only where service can be interrupted.
    serving: Option<Vec<Serving>>,
    token: u32,
}

impl Servers {
    pub(super) fn new(station: Station) -> Self {
        let interrupts = station.discipline == Discipline::PreemptiveResume;
        Self {
            idle: station.servers,
            inside: 0,
            room: station.room.unwrap_or(u32::MAX),
            serving: interrupts.then(Vec::new),
            token: 0,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.inside >= self.room
    }

    /// Takes the served job of the lowest priority, when it is lower than `priority`, out of service:
    /// the job and when it would have been done.
    pub(super) fn weakest(&mut self, priority: usize) -> Option<(u32, f64)> {
        let serving = self.serving.as_mut()?;
        let (at, weakest) =
            serving.iter().enumerate().max_by_key(|(_, one)| (one.priority, one.token))?;
        if weakest.priority <= priority {
            return None;
        }
        let taken = serving.swap_remove(at);
        Some((taken.job, taken.done_at))
    }

    /// Notes that a job is served. The token tells its end from the end of a service that was interrupted.
    pub(super) fn begin(&mut self, priority: usize, job: u32, done_at: f64) -> u32 {
        if let Some(serving) = &mut self.serving {
            self.token = self.token.wrapping_add(1);
            serving.push(Serving { priority, job, token: self.token, done_at });
        }
        self.token
    }

    /// Ends a service; false when it was interrupted before.
    pub(super) fn end(&mut self, job: u32, token: u32) -> bool {
        let Some(serving) = &mut self.serving else { return true };
        match serving.iter().position(|one| one.job == job && one.token == token) {
            Some(at) => {
                serving.swap_remove(at);
                true
            }
            None => false,
        }
    }
}
