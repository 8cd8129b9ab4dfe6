//! The programs, one module each, and the table of them.

use clap::{Command, CommandFactory};

use crate::Tool;

pub mod classify;
pub mod data;
pub mod detect;
pub mod draw;
pub mod embed;
pub mod eval;
pub mod finetune;
pub mod gan_edit;
pub mod gan_sample;
pub mod gan_train;
pub mod generate;
pub mod model;
pub mod nms;
pub mod propose;
pub mod transfer;

/// A program as the manual, the completions and the tests see it.
pub struct Entry {
    /// Its name, for example `dl-nms`.
    pub name: &'static str,
    /// Its command line.
    pub command: fn() -> Command,
}

/// Every program, in the order of the manual.
pub const TABLE: &[Entry] = &[
    entry::<data::Args>(),
    entry::<propose::Args>(),
    entry::<embed::Args>(),
    entry::<transfer::Args>(),
    entry::<finetune::Args>(),
    entry::<classify::Args>(),
    entry::<detect::Args>(),
    entry::<nms::Args>(),
    entry::<generate::Args>(),
    entry::<gan_edit::Args>(),
    entry::<gan_train::Args>(),
    entry::<gan_sample::Args>(),
    entry::<eval::Args>(),
    entry::<draw::Args>(),
    entry::<model::Args>(),
];

const fn entry<T: Tool + CommandFactory>() -> Entry {
    Entry { name: T::NAME, command: T::command }
}
