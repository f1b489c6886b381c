//! Consume: the shell of the fold. Reads lanes, prefetches, folds, commits, sends items.
