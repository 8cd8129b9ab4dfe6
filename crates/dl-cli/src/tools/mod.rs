//! The programs, one module each, and the table of them.

use clap::{Command, CommandFactory};

/// A program as the manual, the completions and the tests see it.
pub struct Entry {
    /// Its name, for example `dl-nms`.
    pub name: &'static str,
    /// Its command line.
    pub command: fn() -> Command,
}

macro_rules! tools {
    ($($module:ident)+) => {
        $(pub mod $module;)+

        /// Every program, in the order of the manual.
        pub const TABLE: &[Entry] = &[$(Entry {
            name: <$module::Args as crate::Tool>::NAME,
            command: <$module::Args as CommandFactory>::command,
        }),+];
    };
}

tools! { data propose embed finetune classify detect nms generate eval draw model }
