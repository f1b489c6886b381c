//! What every redirect and every arrival is decided by: links and settings as last folded.

use arc_swap::ArcSwap;
use millstream_event::control::{Configuration, Control, Link, Settings};
use millstream_event::mending::Mending;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Links and settings as the control lane left them. Reads take no lock; a write happens once per
/// control record, from the one fold of the control lane.
#[derive(Debug, Default)]
pub struct Registry {
    links: papaya::HashMap<Box<str>, Arc<Versions>>,
    settings: ArcSwap<Settings>,
    configuration: ArcSwap<Configuration>,
    mending: ArcSwap<Mending>,
    control_version: AtomicU32,
    applying: Mutex<()>,
    applied: Condvar,
}

/// Every version of one link, the current one last.
#[derive(Debug)]
struct Versions {
    current: Arc<Link>,
    earlier: Vec<Arc<Link>>,
}

impl Registry {
    /// An empty registry at control version 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// The link as it now is, whether enabled or not.
    pub fn get(&self, slug: &str) -> Option<Arc<Link>> {
        self.links.pin().get(slug).map(|versions| Arc::clone(&versions.current))
    }

    /// Every version of a link, oldest first; empty when there never was such a link.
    pub fn history(&self, slug: &str) -> Vec<Arc<Link>> {
        self.links.pin().get(slug).map_or_else(Vec::new, |versions| {
            let mut all = versions.earlier.clone();
            all.push(Arc::clone(&versions.current));
            all
        })
    }

    /// Every link as it now is, by slug.
    pub fn all(&self) -> Vec<Arc<Link>> {
        let mut all: Vec<_> =
            self.links.pin().values().map(|versions| Arc::clone(&versions.current)).collect();
        all.sort_by(|a, b| a.slug.cmp(&b.slug));
        all
    }

    /// How many links there are, disabled ones included.
    pub fn len(&self) -> usize {
        self.links.len()
    }

    /// True before the first link.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// The settings that answers depend on.
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.load_full()
    }

    /// The rules that mend what is in quarantine.
    pub fn mending(&self) -> Arc<Mending> {
        self.mending.load_full()
    }

    /// The configuration file that an instance was started with last.
    pub fn configuration(&self) -> Arc<Configuration> {
        self.configuration.load_full()
    }

    /// Ordinal + 1 of the last control record applied; 0 before the first. What that record said is
    /// visible to whoever has seen this number.
    pub fn control_version(&self) -> u32 {
        self.control_version.load(Ordering::Acquire)
    }

    /// Applies the control record whose ordinal is `version` - 1. Records arrive in the order of
    /// their lane; one that was applied before changes nothing, so that a lane may be read again.
    pub fn apply(&self, version: u32, control: &Control) {
        let guard = self.applying.lock().unwrap_or_else(PoisonError::into_inner);
        if version <= self.control_version() {
            return;
        }
        match control {
            Control::Link(link) => self.put(link),
            // Spend is read off the state.
            Control::Ledger(_) => {}
            Control::Settings(settings) => self.settings.store(Arc::new(settings.clone())),
            Control::Mending(mending) => self.mending.store(Arc::new(mending.clone())),
            Control::Configuration(file) => self.configuration.store(Arc::new(file.clone())),
        }
        self.control_version.store(version, Ordering::Release);
        drop(guard);
        self.applied.notify_all();
    }

    fn put(&self, link: &Link) {
        let links = self.links.pin();
        let earlier = links.get(&link.slug).map_or_else(Vec::new, |versions| {
            let mut earlier = versions.earlier.clone();
            earlier.push(Arc::clone(&versions.current));
            earlier
        });
        let versions = Versions { current: Arc::new(link.clone()), earlier };
        links.insert(link.slug.clone(), Arc::new(versions));
    }

    /// Waits until the control version is at least `version`; false when `patience` ran out first.
    pub fn wait_for(&self, version: u32, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let mut guard = self.applying.lock().unwrap_or_else(PoisonError::into_inner);
        while self.control_version() < version {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            guard =
                self.applied.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_event::{Campaign, Timestamp};

    fn link(slug: &str, version: u32, destination: &str) -> Control {
        Control::Link(Link {
            slug: slug.into(),
            version,
            destination: destination.into(),
            campaign: Campaign::default(),
            status: 302,
            owner: "ann".into(),
            expires: None,
            consent_text: None,
            enabled: true,
            changed: Timestamp(0),
        })
    }

    #[test]
    fn the_last_applied_version_answers_and_the_earlier_stay() {
        let registry = Registry::new();
        assert_eq!(registry.control_version(), 0);
        assert!(registry.get("a").is_none());
        registry.apply(1, &link("a", 1, "https://one.example/"));
        registry.apply(2, &link("a", 2, "https://two.example/"));
        assert_eq!(&*registry.get("a").unwrap().destination, "https://two.example/");
        let history: Vec<u32> = registry.history("a").iter().map(|link| link.version).collect();
        assert_eq!(history, [1, 2]);
        assert_eq!(registry.control_version(), 2);
    }

    #[test]
    fn reading_the_lane_again_changes_nothing() {
        let registry = Registry::new();
        let records = [link("a", 1, "https://one.example/"), link("a", 2, "https://two.example/")];
        for _ in 0..2 {
            for (ordinal, control) in (1..).zip(&records) {
                registry.apply(ordinal, control);
            }
        }
        assert_eq!(registry.history("a").len(), 2);
        assert_eq!(registry.len(), 1);
    }

    #[test]
    fn settings_replace_each_other() {
        let registry = Registry::new();
        let settings = Settings { own_domains: vec!["shop.example".into()], ..Settings::default() };
        registry.apply(1, &Control::Settings(settings.clone()));
        assert_eq!(*registry.settings(), settings);
    }

    #[test]
    fn a_waiter_sees_the_version_or_gives_up() {
        let registry = Arc::new(Registry::new());
        assert!(!registry.wait_for(1, Duration::from_millis(1)));
        let waiter = Arc::clone(&registry);
        let waiting = std::thread::spawn(move || waiter.wait_for(1, Duration::from_secs(60)));
        registry.apply(1, &link("a", 1, "https://one.example/"));
        assert!(waiting.join().unwrap());
    }
}
