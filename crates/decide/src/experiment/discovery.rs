//! Many questions at once: which of them may be believed.

use alloc::vec::Vec;

/// For each chance whether it is a discovery, so that at most a share `rate` of discoveries is false
/// (Benjamini and Hochberg, 1995).
pub fn benjamini_hochberg(chances: &[f64], rate: f64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..chances.len()).collect();
    order.sort_by(|a, b| chances[*a].total_cmp(&chances[*b]));
    let count = chances.len() as f64;
    let passes =
        |(rank, place): (usize, &usize)| chances[*place] <= rate * (rank + 1) as f64 / count;
    let last = order.iter().enumerate().rfind(|(rank, place)| passes((*rank, place)));
    let believed = last.map_or(0, |(rank, _)| rank + 1);
    let mut discovered = alloc::vec![false; chances.len()];
    for place in &order[..believed] {
        discovered[*place] = true;
    }
    discovered
}
