//! What the service measures beside its answers: whether hints come true, how shadows compare. Kept as sums
//! until they are logged.

use super::followed::{Followed, PlaceKind};
use super::served::Served;
use super::service::Service;
use millstream_decide::{Answer, Routes, Visitor};
use millstream_event::Event;
use millstream_pipeline::measured::Measured;
use std::sync::Arc;

impl Service {
    /// Puts what was learned of ways from place to place in force.
    pub fn install_routes(&self, routes: Routes) {
        self.shared.routes.store(Arc::new(routes));
    }

    /// Whether hints come true.
    pub fn followed(&self) -> &Followed {
        &self.shared.followed
    }

    /// An answer was given at a page: its visitor has come to its use case, and may go on as it hints.
    pub fn given(&self, served: &Served, (visitor, at): (Visitor, Option<&str>), answer: &Answer) {
        let (shared, Visitor::Known(device)) = (&self.shared, visitor) else { return };
        if !shared.followed.is_on() || shared.kept.is_denied(device) {
            return;
        }
        let who = (device, shared.kept.era());
        let (use_case, routes) = (&served.configured.use_case.name, shared.routes.load());
        shared.followed.arrive(who, (PlaceKind::Slot, use_case), &routes);
        if let Some(at) = at {
            shared.followed.arrive(who, (PlaceKind::Page, at), &routes);
        }
        shared.followed.give(who, (use_case, at), &answer.hints);
    }

    /// An event was received: it may tell where a visitor has gone on to.
    pub fn received(&self, event: &Event) {
        let shared = &self.shared;
        let Some((device, place)) = shared.followed.place(event) else { return };
        let who = (device, shared.kept.era());
        shared.followed.arrive(who, (PlaceKind::Page, &place), &shared.routes.load());
    }

    /// True where anything is measured that is to be logged.
    pub fn measures(&self) -> bool {
        self.shared.followed.is_on() || !self.shared.shadows.is_empty()
    }

    /// What was measured and is not logged yet.
    pub fn unlogged(&self) -> Vec<Measured> {
        let mut all = self.shared.followed.unlogged();
        all.extend(self.shared.shadows.iter().map(|(name, shadow)| Measured {
            shadow: shadow.sums().clone(),
            ..Measured::of(name, shadow.candidate())
        }));
        all.retain(|measured| !measured.is_empty());
        all
    }

    /// The same, handed over to be logged.
    pub fn hand_over(&self) -> Vec<Measured> {
        let mut all = self.shared.followed.hand_over();
        all.extend(self.shared.shadows.iter().map(|(name, shadow)| {
            let sums = std::mem::take(&mut *shadow.sums());
            Measured { shadow: sums, ..Measured::of(name, shadow.candidate()) }
        }));
        all.retain(|measured| !measured.is_empty());
        all
    }

    /// Takes back what could not be logged.
    pub fn take_back(&self, measured: &[Measured]) {
        for measured in measured {
            match self.shared.shadows.get(&measured.use_case) {
                Some(shadow) if !measured.candidate.is_empty() => {
                    shadow.sums().add(&measured.shadow);
                }
                _ => self.shared.followed.take_back(measured),
            }
        }
    }
}
