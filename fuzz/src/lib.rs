//! Hostile input for every reader of files and streams.
//!
//! A [`Target`] feeds bytes to one reader and checks the promises in docs/security.md: no panic, no abort, no hang,
//! bounded memory, one line per record, messages without control characters. Targets run under cargo-fuzz
//! (`fuzz_targets/`) and, on stable Rust, in the random loop of [`supervise`].

mod folder;
mod mutate;
mod program;
mod seeds;
mod supervise;
mod targets;
mod weights;
mod worker;

pub use seeds::Seeds;
pub use supervise::{Campaign, Finding, supervise};
pub use targets::{TARGETS, Target, find, run};
pub use worker::{MOST_MEMORY, case, work};
