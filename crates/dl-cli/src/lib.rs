//! The programs. Each is a module of [`tools`]: its arguments, and one function that turns them and an [`Io`] into
//! an [`Outcome`]. What they all do alike (streams, messages, progress, exit status) is in [`common`].

pub mod common;
pub mod tools;

pub use common::{Io, Outcome, Tool, main};
