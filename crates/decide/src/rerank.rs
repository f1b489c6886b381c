//! The heavy ranking: trees over the features of each candidate.

use crate::candidate::Candidate;
use crate::forest::Forest;
use crate::profile::Profile;
use crate::sources::Ranker;
use alloc::vec::Vec;

impl Ranker for Forest {
    fn scores(&self, _: &Profile, candidates: &[&Candidate]) -> Vec<i64> {
        Self::scores(self, candidates.iter().map(|candidate| candidate.features.as_slice()))
    }
}
