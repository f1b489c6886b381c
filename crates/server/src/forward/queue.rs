//! What waits for one destination: a queue for each class, and what is to be tried again later.
//!
//! Pure. What is essential goes first; of equals the oldest. Where order matters, an event waits as
//! long as an earlier one of the same subject is on its way or waits to be tried again.

use millstream_event::delivery::Class;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

/// Something that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting<T> {
    /// What.
    pub item: T,
    /// How essential it is.
    pub class: Class,
    /// Attempts so far.
    pub attempts: u32,
    /// Sent by itself, because it failed together with others.
    pub alone: bool,
    /// Whose it is, where order matters.
    pub subject: Option<u64>,
}

/// See the module.
#[derive(Debug)]
pub struct Queue<T> {
    fresh: [VecDeque<Waiting<T>>; 4],
    later: BTreeMap<(Duration, u64), Waiting<T>>,
    /// Subjects with something on its way or to be tried again.
    held: HashMap<u64, u32>,
    sequence: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            fresh: std::array::from_fn(|_| VecDeque::new()),
            later: BTreeMap::new(),
            held: HashMap::new(),
            sequence: 0,
        }
    }
}

/// Events looked at behind those that must wait for an earlier one of their subject.
const LOOK_AHEAD: usize = 256;

impl<T> Queue<T> {
    /// Adds something new.
    pub fn push(&mut self, waiting: Waiting<T>) {
        self.fresh[waiting.class.index()].push_back(waiting);
    }

    /// Puts something back that is not to be sent before `due`. It was taken before.
    pub fn retry(&mut self, due: Duration, waiting: Waiting<T>) {
        self.sequence += 1;
        self.later.insert((due, self.sequence), waiting);
    }

    /// How much waits that is new.
    pub fn fresh(&self) -> usize {
        self.fresh.iter().map(VecDeque::len).sum()
    }

    /// True when nothing waits.
    pub fn is_empty(&self) -> bool {
        self.later.is_empty() && self.fresh() == 0
    }

    /// When the next is to be tried again.
    pub fn next_due(&self) -> Option<Duration> {
        self.later.keys().next().map(|(due, _)| *due)
    }

    /// True when the next to be taken was tried before.
    pub fn repeats(&self, now: Duration) -> bool {
        self.next_due().is_some_and(|due| due <= now)
    }

    /// Takes up to `max` of those due again, else of the new ones. One that must go alone goes alone.
    pub fn take(&mut self, now: Duration, max: usize, again: bool) -> Vec<Waiting<T>> {
        if again { self.take_due(now, max) } else { self.take_fresh(max) }
    }

    fn take_due(&mut self, now: Duration, max: usize) -> Vec<Waiting<T>> {
        let mut taken = Vec::new();
        while taken.len() < max {
            let Some(entry) = self.later.first_entry() else { break };
            let lonely = entry.get().alone;
            if entry.key().0 > now || (lonely && !taken.is_empty()) {
                break;
            }
            taken.push(entry.remove());
            if lonely {
                break;
            }
        }
        taken
    }

    fn take_fresh(&mut self, max: usize) -> Vec<Waiting<T>> {
        let mut taken = Vec::new();
        for queue in &mut self.fresh {
            let mut passed = 0;
            while taken.len() < max && passed < queue.len().min(LOOK_AHEAD) {
                let subject = queue.get(passed).and_then(|waiting| waiting.subject);
                let waits = subject.is_some_and(|subject| self.held.contains_key(&subject));
                if waits {
                    passed += 1;
                    continue;
                }
                let Some(waiting) = queue.remove(passed) else { break };
                if let Some(subject) = subject {
                    *self.held.entry(subject).or_default() += 1;
                }
                taken.push(waiting);
            }
        }
        taken
    }

    /// Something taken is settled: later ones of its subject may go.
    pub fn settle(&mut self, subject: Option<u64>) {
        let Some(subject) = subject else { return };
        if let Some(count) = self.held.get_mut(&subject) {
            *count -= 1;
            if *count == 0 {
                self.held.remove(&subject);
            }
        }
    }

    /// Everything that waits, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Waiting<T>> {
        self.fresh.iter().flatten().chain(self.later.values())
    }

    /// Removes what waits and fits; those to be tried again are to be settled by the caller.
    pub fn remove(&mut self, fits: &dyn Fn(&T) -> bool) -> Vec<Waiting<T>> {
        let mut gone = Vec::new();
        for queue in &mut self.fresh {
            let (out, kept): (VecDeque<_>, VecDeque<_>) =
                std::mem::take(queue).into_iter().partition(|waiting| fits(&waiting.item));
            *queue = kept;
            // What was not taken holds nothing up.
            gone.extend(out.into_iter().map(|waiting| Waiting { subject: None, ..waiting }));
        }
        let due: Vec<_> =
            self.later.iter().filter(|(_, w)| fits(&w.item)).map(|(key, _)| *key).collect();
        gone.extend(due.iter().filter_map(|key| self.later.remove(key)));
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn waiting(item: u32, class: Class, subject: Option<u64>) -> Waiting<u32> {
        Waiting { item, class, attempts: 0, alone: false, subject }
    }

    #[test]
    fn the_essential_goes_first() {
        let mut queue = Queue::default();
        queue.push(waiting(1, Class::Rest, None));
        queue.push(waiting(2, Class::Replay, None));
        queue.push(waiting(3, Class::Conversion, None));
        queue.push(waiting(4, Class::Audience, None));
        let order: Vec<_> = queue.take(Duration::ZERO, 9, false).iter().map(|w| w.item).collect();
        assert_eq!(order, [3, 4, 1, 2]);
    }

    #[test]
    fn what_failed_waits_and_may_go_alone() {
        let mut queue = Queue::default();
        let second = Duration::from_secs(1);
        queue.retry(second, waiting(1, Class::Rest, None));
        queue.retry(second, Waiting { alone: true, ..waiting(2, Class::Rest, None) });
        assert!(!queue.repeats(Duration::ZERO) && queue.repeats(second));
        assert!(queue.take(Duration::ZERO, 5, true).is_empty());
        assert_eq!(queue.take(second, 5, true).len(), 1);
        assert_eq!(queue.take(second, 5, true)[0].item, 2);
    }

    proptest! {
        /// Whatever fails and is tried again: a subject's events are settled in their order.
        #[test]
        fn subjects_keep_their_order(subjects in proptest::collection::vec(0_u64..4, 1..40), fails in proptest::collection::vec(any::<bool>(), 200)) {
            let mut queue = Queue::default();
            for (number, subject) in (0..).zip(&subjects) {
                queue.push(waiting(number, Class::Conversion, Some(*subject)));
            }
            let (mut settled, mut now, mut fails) = (Vec::new(), Duration::ZERO, fails.into_iter());
            for _ in 0..400 {
                now += Duration::from_millis(100);
                let again = queue.repeats(now);
                for mut taken in queue.take(now, 3, again) {
                    if fails.next().unwrap_or(false) {
                        taken.attempts += 1;
                        queue.retry(now + Duration::from_millis(250), taken);
                    } else {
                        queue.settle(taken.subject);
                        settled.push((taken.subject.unwrap(), taken.item));
                    }
                }
            }
            prop_assert!(queue.is_empty());
            prop_assert_eq!(settled.len(), subjects.len());
            for subject in 0..4 {
                let order: Vec<_> = settled.iter().filter(|(s, _)| *s == subject).map(|(_, i)| *i).collect();
                prop_assert!(order.is_sorted());
            }
        }
    }
}
