//! Why a visitor sees what they see: what is known of them, and what of it speaks for the choice.

use super::served::Served;
use super::service::Service;
use millstream_decide::{ItemId, Profile, ProfilesError};
use millstream_event::{EntityId, Timestamp};

/// What is known of a visitor, in names of the use case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Explanation {
    /// What they did, latest first; without a name where it is no candidate of the use case.
    pub seen: Vec<(Option<Box<str>>, Timestamp)>,
    /// What of it speaks for the choice, strongest first.
    pub because: Vec<Box<str>>,
    /// True when their last logged choice denies personalization.
    pub denied: bool,
}

impl Service {
    /// Explains a choice to its visitor. Reads the state: not for a thread that must not wait.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn explain(
        &self,
        served: &Served,
        device: EntityId,
        choice: &str,
    ) -> Result<Explanation, ProfilesError> {
        let profile = self.profile(device)?;
        if profile.denied {
            return Ok(Explanation { denied: true, ..Explanation::default() });
        }
        let seen = profile.seen.iter().map(|seen| (name(served, seen.item), seen.at)).collect();
        Ok(Explanation { seen, because: because(served, &profile, choice), denied: false })
    }
}

fn name(served: &Served, item: ItemId) -> Option<Box<str>> {
    let mut candidates = served.configured.use_case.candidates.iter();
    candidates.find(|candidate| candidate.item == item).map(|candidate| candidate.name.clone())
}

fn because(served: &Served, profile: &Profile, choice: &str) -> Vec<Box<str>> {
    let artefacts = served.artefacts.load();
    let Some(model) = &artefacts.first_pass else { return Vec::new() };
    let told = model.because(profile, ItemId::of(choice));
    told.into_iter().filter_map(|(item, _)| name(served, item)).collect()
}
