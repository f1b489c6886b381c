//! The millstream binary as a library, so that tests and benchmarks can reach its stages.
