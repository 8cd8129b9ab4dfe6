//! The programs. Each is a module of [`tools`]: its arguments, and a function that runs it on an [`Io`] and returns an
//! [`Outcome`]. What all programs share (streams, messages, progress, exit status) is in [`common`].

pub mod common;
pub mod tools;

pub use common::{Io, Outcome, Tool, main};
