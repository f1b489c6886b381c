//! The final order: best first, not too many of one group.

use crate::answer::Ranked;
use crate::candidate::Candidate;
use crate::use_case::UseCase;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Candidates by score, best first, ties by place; of one group at most as many as the use case
/// says. What a cap holds back follows behind only where the answer would be short otherwise.
pub fn arrange(use_case: &UseCase, scored: &[(i64, &Candidate)]) -> Vec<Ranked> {
    let mut order: Vec<usize> = (0..scored.len()).collect();
    order.sort_by(|a, b| scored[*b].0.cmp(&scored[*a].0).then(a.cmp(b)));
    let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
    let mut first = Vec::new();
    let mut held_back = Vec::new();
    for place in order {
        if first.len() == use_case.answer_max {
            break;
        }
        let (score, candidate) = scored[place];
        let of_group = candidate.group.as_deref().map(|group| taken.entry(group).or_default());
        match of_group {
            Some(count) if use_case.group_max > 0 && *count >= use_case.group_max => {
                held_back.push(place);
                continue;
            }
            Some(count) => *count += 1,
            None => {}
        }
        first.push(Ranked { name: candidate.name.clone(), score });
    }
    let room = use_case.answer_max - first.len();
    first.extend(held_back.into_iter().take(room).map(|place| {
        let (score, candidate) = scored[place];
        Ranked { name: candidate.name.clone(), score }
    }));
    first
}
