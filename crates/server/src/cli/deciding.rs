//! Decisions beside the fold: they read the state in force, and hear what its commits change.

use super::active::{Active, Workshop};
use super::measuring::{MeasuredLog, Measuring};
use crate::consume::OnChange;
use crate::decide::{DecideOptions, Models, Service, ServiceError, StateInForce, StoreProfiles};
use arc_swap::ArcSwap;
use std::sync::{Arc, OnceLock};

/// The two ends of the wire from commits to decisions: the fold starts before decisions do.
#[derive(Default)]
pub struct Deciding(OnceLock<Wired>);

struct Wired {
    profiles: Arc<StoreProfiles>,
    service: Arc<Service>,
    measuring: Measuring,
}

impl Deciding {
    /// What the fold is to tell. It holds no decisions alive: they hold the state that it folds.
    pub fn on_change(self: &Arc<Self>) -> OnChange {
        let deciding = Arc::downgrade(self);
        Arc::new(move |keys| {
            let Some(deciding) = deciding.upgrade() else { return };
            let Some(wired) = deciding.0.get() else { return };
            for device in wired.profiles.changed(keys) {
                wired.service.forget(device);
            }
        })
    }

    /// Starts decisions over the state in force.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub fn start(
        &self,
        options: &DecideOptions,
        workshop: &Workshop,
        active: &Arc<ArcSwap<Active>>,
    ) -> Result<(), ServiceError> {
        let (active, in_force) = (Arc::clone(active), Arc::clone(active));
        let era = Arc::new(move || in_force.load().state.era);
        let state_in_force = Arc::new(move || {
            let state = &active.load().state;
            let (generation, era) = (state.generation, state.era);
            StateInForce { store: Arc::clone(&state.store), generation, era }
        });
        let profiles = Arc::new(StoreProfiles::new(
            state_in_force,
            Arc::clone(&workshop.instance.log),
            Arc::clone(&workshop.clock),
            options.profiles_cached,
        ));
        let service = Service::start(options.clone(), Arc::<StoreProfiles>::clone(&profiles), era)?;
        for served in service.all() {
            let use_case = &served.configured.use_case;
            let name = &use_case.name;
            match Models::of(&workshop.instance.dir, name).load(&use_case.candidates) {
                Ok(loaded) => served.install(loaded),
                // Decisions go on from a lower rung, and say so.
                Err(error) => tracing::error!(use_case = %name, %error, "no model can be used"),
            }
        }
        match Models::of_routes(&workshop.instance.dir).load_routes() {
            Ok(routes) => service.install_routes(routes),
            Err(error) => tracing::error!(%error, "no prefetch hints can be given"),
        }
        let service = Arc::new(service);
        let log = MeasuredLog {
            service: Arc::clone(&service),
            log: Arc::clone(&workshop.instance.log),
            clock: Arc::clone(&workshop.clock),
            subject_key: workshop.instance.keys.subject,
        };
        let measuring = Measuring::start(log).map_err(ServiceError::Thread)?;
        // It is started once, by the engine that made it.
        let _ = self.0.set(Wired { profiles, service, measuring });
        Ok(())
    }

    /// What decides; none before it is started.
    pub fn service(&self) -> Option<&Arc<Service>> {
        self.0.get().map(|wired| &wired.service)
    }

    /// Logs what was measured until now: before the log is closed.
    pub fn settle(&self) {
        if let Some(wired) = self.0.get() {
            wired.measuring.settle();
        }
    }

    /// What it reads of visitors.
    pub fn profiles(&self) -> Option<&Arc<StoreProfiles>> {
        self.0.get().map(|wired| &wired.profiles)
    }
}
