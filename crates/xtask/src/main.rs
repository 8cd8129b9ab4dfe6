//! `cargo xtask`: man pages, completions and test data, written or checked.

mod completions;
mod generated;
mod manual;
mod schema;
mod testdata;

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

use generated::Mode;

/// The project's own chores
#[derive(Parser)]
#[command(name = "cargo xtask")]
enum Xtask {
    /// Write the man pages, the completions and the record's schema
    Gen,
    /// Fail unless all that is generated and committed is as it would be written
    Check,
    /// The man pages, man/
    Man {
        /// Write or check
        mode: Mode,
    },
    /// The completions, completions/
    Completions {
        /// Write or check
        mode: Mode,
    },
    /// The JSON Schema of a record, docs/record.schema.json
    Schema {
        /// Write or check
        mode: Mode,
    },
    /// Draw the dataset of traffic signs
    #[command(subcommand)]
    Testdata(testdata::Command),
}

fn main() -> Result<()> {
    match Xtask::parse() {
        Xtask::Gen => generated(Mode::Write),
        Xtask::Check => generated(Mode::Check).and_then(|()| testdata::Command::Check.run()),
        Xtask::Man { mode } => manual::pages()?.run_alone(mode),
        Xtask::Completions { mode } => completions::scripts().run_alone(mode),
        Xtask::Schema { mode } => schema::file()?.run(mode),
        Xtask::Testdata(command) => command.run(),
    }
}

/// Whatever follows from the programs' own source.
fn generated(mode: Mode) -> Result<()> {
    manual::pages()?.run_alone(mode)?;
    completions::scripts().run_alone(mode)?;
    schema::file()?.run(mode)
}

/// The repository's root.
fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map_or_else(|| here.clone(), PathBuf::from)
}
