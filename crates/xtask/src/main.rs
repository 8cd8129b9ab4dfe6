//! `cargo xtask`: man pages, completions and test data, written or checked.

fn main() {}
