//! `cargo xtask`: generates and checks man pages, completions and test data.

mod completions;
mod generated;
mod manual;
mod schema;
mod testdata;

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

use generated::Mode;

/// Maintain generated files
#[derive(Parser)]
#[command(name = "cargo xtask")]
enum Xtask {
    /// Generate the man pages, the completions and the record's schema
    Gen,
    /// Fail if a committed generated file is stale
    Check,
    /// Generate or check the man pages in man/
    Man {
        /// Write or check
        mode: Mode,
    },
    /// Generate or check the completions in completions/
    Completions {
        /// Write or check
        mode: Mode,
    },
    /// Generate or check the JSON Schema of a record, docs/record.schema.json
    Schema {
        /// Write or check
        mode: Mode,
    },
    /// Draw the datasets of traffic signs
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

/// Everything that is generated from the source of the programs.
fn generated(mode: Mode) -> Result<()> {
    manual::pages()?.run_alone(mode)?;
    completions::scripts().run_alone(mode)?;
    schema::file()?.run(mode)
}

/// The root of the repository.
fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map_or_else(|| here.clone(), PathBuf::from)
}
