//! `millstream`: one binary, see `millstream --help`.

fn main() {}
