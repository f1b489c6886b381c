//! All desks of a forwarder, in an order that never changes: one is added, none is taken away.

use super::desk::Desk;
use arc_swap::ArcSwap;
use std::sync::Arc;

/// See the module.
#[derive(Default)]
pub struct Desks(ArcSwap<Vec<Arc<Desk>>>);

impl Desks {
    /// Every one, those included whose files are gone.
    pub fn all(&self) -> Arc<Vec<Arc<Desk>>> {
        self.0.load_full()
    }

    /// Adds one behind the others; returns its number. One caller at a time.
    pub fn add(&self, desk: Arc<Desk>) -> usize {
        let mut desks = self.0.load().to_vec();
        desks.push(desk);
        let number = desks.len() - 1;
        self.0.store(Arc::new(desks));
        number
    }

    /// The one of a destination whose file is there, with its number.
    pub fn find(&self, name: &str) -> Option<(usize, Arc<Desk>)> {
        let desks = self.all();
        let found = desks.iter().enumerate().find(|(_, desk)| desk.name == name);
        found.map(|(number, desk)| (number, Arc::clone(desk)))
    }
}
