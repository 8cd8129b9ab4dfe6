//! `cargo xtask testdata`: datasets of our own, drawn from a seed: one for detection, two [`tasks`] of classification.
//!
//! Traffic signs ([`signs`] is the table of them) stand in cluttered scenes ([`scenery`], [`clutter`]), are seen in
//! [`perspective`] and through a bad [`camera`]. What is random in a picture depends on the seed and the picture's
//! name alone, and only arithmetic that is alike on every machine is used, so that the files are too.

mod camera;
mod canvas;
mod clutter;
mod dataset;
mod dice;
mod face;
mod glyph;
mod perspective;
mod picture;
mod plate;
mod scenery;
mod signs;
mod strokes;
mod symbol;
mod tasks;

use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;

use crate::generated::{Generated, Mode};

/// What to draw.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Draw the committed test split, testdata/signs
    Write,
    /// Fail unless testdata/signs is what `write` would draw
    Check,
    /// Draw signs into a folder
    Signs {
        /// Name of the split, which is part of every picture's name and seed
        #[arg(long, default_value = "train")]
        split: String,
        /// How many pictures
        #[arg(long, default_value_t = 800)]
        images: u32,
        /// Seed of every random draw
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Folder to write
        #[arg(long, value_name = "DIR")]
        output: PathBuf,
    },
    /// Draw pictures of single signs into a folder, one folder a class, for transfer learning
    Task {
        /// What is to be told apart
        task: tasks::Task,
        /// Name of the split, which is part of every picture's seed
        #[arg(long, default_value = "train")]
        split: String,
        /// How many pictures of each class
        #[arg(long, default_value_t = 50)]
        per_class: u32,
        /// Seed of every random draw
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Folder to write
        #[arg(long, value_name = "DIR")]
        output: PathBuf,
    },
}

/// Pictures of the committed test split.
const TEST_IMAGES: u32 = 40;

impl Command {
    pub(crate) fn run(&self) -> Result<()> {
        match self {
            Self::Write => committed()?.run_alone(Mode::Write),
            Self::Check => committed()?.run_alone(Mode::Check),
            Self::Signs { split, images, seed, output } => {
                let files = dataset::files(split, *images, *seed)?;
                Generated::new(output.clone(), files, "cargo xtask testdata signs").run(Mode::Write)
            }
            Self::Task { task, split, per_class, seed, output } => {
                let files = task.files(split, *per_class, *seed)?;
                Generated::new(output.clone(), files, "cargo xtask testdata task").run(Mode::Write)
            }
        }
    }
}

/// The files of testdata/signs.
fn committed() -> Result<Generated> {
    let files = dataset::files("test", TEST_IMAGES, 0)?;
    Ok(Generated::new(crate::root().join("testdata/signs"), files, "cargo xtask testdata write"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_pictures_are_those_of_their_seed() {
        committed().unwrap().run_alone(Mode::Check).unwrap();
    }
}
