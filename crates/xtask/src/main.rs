//! `cargo xtask`: man pages, completions and test data, written or checked.

mod generated;
mod testdata;

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

/// The project's own chores
#[derive(Parser)]
#[command(name = "cargo xtask")]
enum Xtask {
    /// Draw the dataset of traffic signs
    #[command(subcommand)]
    Testdata(testdata::Command),
}

fn main() -> Result<()> {
    match Xtask::parse() {
        Xtask::Testdata(command) => command.run(),
    }
}

/// The repository's root.
fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map_or_else(|| here.clone(), PathBuf::from)
}
