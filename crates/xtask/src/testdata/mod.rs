//! `cargo xtask testdata`: synthetic datasets, drawn from a seed: one for detection, two for classification ([`tasks`]).
//!
//! Traffic signs (listed in [`signs`]) stand in cluttered scenes ([`scenery`], [`clutter`]), seen in [`perspective`]
//! and through a bad [`camera`]. The randomness of an image depends only on the seed and its name, and all arithmetic
//! gives the same result on every machine, so the files are identical everywhere.

mod camera;
mod canvas;
mod clutter;
mod dataset;
mod dice;
mod face;
mod glyph;
mod perspective;
mod photo;
mod plate;
mod scenery;
mod shapes;
mod signs;
mod stack;
mod strokes;
mod symbol;
mod tasks;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::generated::{Generated, Mode};

/// What to draw.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Draw the committed test split, testdata/signs
    Write,
    /// Fail unless testdata/signs is what `write` draws
    Check,
    /// Draw signs into a folder
    Signs {
        /// Name of the split, which is part of the name and the seed of each image
        #[arg(long, default_value = "train")]
        split: String,
        /// Number of images
        #[arg(long, default_value_t = 800)]
        images: u32,
        /// Seed of every random draw
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Folder to write
        #[arg(long, value_name = "DIR")]
        output: PathBuf,
    },
    /// Draw images of single signs, in one folder per class, for transfer learning
    Task(TaskArgs),
    /// Draw images of single signs, each with the outlines of its sign, and the records of these pairs
    Outlines(TaskArgs),
    /// Stack random gray images as the red, green and blue of one, as in the test of mode collapse with stacked digits
    Stack {
        /// Records of gray images of equal size
        #[arg(value_name = "FILE")]
        records: PathBuf,
        /// Number of stacks
        #[arg(long, default_value_t = 20000)]
        count: u32,
        /// Seed of every random draw
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Folder to write
        #[arg(long, value_name = "DIR")]
        output: PathBuf,
    },
    /// Split images into gray images of their red, green and blue
    Unstack {
        /// Records of images
        #[arg(value_name = "FILE")]
        records: PathBuf,
        /// Folder to write
        #[arg(long, value_name = "DIR")]
        output: PathBuf,
    },
    /// Make solids of voxels and their silhouettes
    Shapes {
        /// Name of the split, which is part of the name and the seed of each solid
        #[arg(long, default_value = "train")]
        split: String,
        /// Number of solids
        #[arg(long, default_value_t = 1000)]
        count: u32,
        /// Side of the grid in voxels
        #[arg(long, default_value_t = 32)]
        side: usize,
        /// Seed of every random draw
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Folder to write
        #[arg(long, value_name = "DIR")]
        output: PathBuf,
    },
}

/// Images of the classes of a task.
#[derive(Args)]
pub(crate) struct TaskArgs {
    /// The classes to draw
    task: tasks::Task,
    /// Name of the split, which is part of the seed of each image
    #[arg(long, default_value = "train")]
    split: String,
    /// Number of images per class
    #[arg(long, default_value_t = 50)]
    per_class: u32,
    /// Seed of every random draw
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder to write
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
}

/// Number of images in the committed test split.
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
            Self::Task(TaskArgs { task, split, per_class, seed, output }) => {
                let files = task.files(split, *per_class, *seed)?;
                Generated::new(output.clone(), files, "cargo xtask testdata task").run(Mode::Write)
            }
            Self::Outlines(TaskArgs { task, split, per_class, seed, output }) => {
                let files = task.outlined(split, *per_class, *seed, output)?;
                Generated::new(output.clone(), files, "cargo xtask testdata outlines").run(Mode::Write)
            }
            Self::Stack { records, count, seed, output } => {
                let files = stack::stacked(records, *count, *seed, output)?;
                Generated::new(output.clone(), files, "cargo xtask testdata stack").run(Mode::Write)
            }
            Self::Unstack { records, output } => {
                let files = stack::unstacked(records, output)?;
                Generated::new(output.clone(), files, "cargo xtask testdata unstack").run(Mode::Write)
            }
            Self::Shapes { split, count, side, seed, output } => {
                let files = shapes::files(split, *count, *side, *seed, output)?;
                Generated::new(output.clone(), files, "cargo xtask testdata shapes").run(Mode::Write)
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
    fn the_committed_images_match_their_seed() {
        committed().unwrap().run_alone(Mode::Check).unwrap();
    }
}
