//! `dl-gan-train`: train generators of images and tables against discriminators.

mod game;
pub(super) mod help;
mod latent;
mod paired;
pub(super) mod pictures;
mod table;
pub(super) mod training;
mod unpaired;
mod voxel;
mod watch;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::common::{Common, Io, Outcome, Tool};
use training::TrainingArgs;
pub(super) use voxel::{canvas, silhouette};

/// Train GANs on images, tables and voxels
#[derive(Parser, Debug)]
#[command(
    name = "dl-gan-train",
    version,
    after_help = "Examples:
  dl-data from folder signs | dl-gan-train dcgan --size 32 --epochs 50 \\
    --samples-every 500 --log log.jsonl --output signs.safetensors
  dl-gan-sample signs.safetensors --grid 8x8 \\
    --output sheet.png > samples.jsonl
  dl-draw curves log.jsonl --output curves.png",
    mut_subcommands(help::arranged)
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Vanilla(Box<latent::Vanilla>),
    Dcgan(Box<latent::Dcgan>),
    Lapgan(Box<latent::LapganArgs>),
    Stylegan(Box<latent::Stylegan>),
    Conditional(Box<latent::Conditional>),
    Srgan(Box<paired::Srgan>),
    Pix2pix(Box<paired::Pix2pix>),
    Complete(Box<paired::Complete>),
    Colorize(Box<paired::Colorize>),
    Cyclegan(Box<unpaired::CycleGan>),
    Discogan(Box<unpaired::DiscoGan>),
    Table(Box<table::Table>),
    Voxel(Box<voxel::Voxel>),
}

/// A subcommand.
trait Training {
    fn training(&self) -> &TrainingArgs;

    fn run(&self, io: &mut Io) -> Result<Outcome>;
}

impl Command {
    fn training(&self) -> &dyn Training {
        match self {
            Self::Vanilla(args) => &**args,
            Self::Dcgan(args) => &**args,
            Self::Lapgan(args) => &**args,
            Self::Stylegan(args) => &**args,
            Self::Conditional(args) => &**args,
            Self::Srgan(args) => &**args,
            Self::Pix2pix(args) => &**args,
            Self::Complete(args) => &**args,
            Self::Colorize(args) => &**args,
            Self::Cyclegan(args) => &**args,
            Self::Discogan(args) => &**args,
            Self::Table(args) => &**args,
            Self::Voxel(args) => &**args,
        }
    }
}

impl Tool for Args {
    const NAME: &'static str = "dl-gan-train";

    fn common(&self) -> &Common {
        &self.command.training().training().common
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        self.command.training().run(io)
    }
}
