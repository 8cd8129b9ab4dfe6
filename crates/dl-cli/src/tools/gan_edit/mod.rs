//! `dl-gan-edit`: images from images, by generators.

mod boxes;
mod edit;
mod result;
mod voxel;

use anyhow::Result;
use clap::{Parser, Subcommand};
use dl_models::gan::Task;

use crate::common::{Common, Io, Outcome, Tool};

/// Edit images with a generator: enlarge them, or translate them into another domain
#[derive(Parser, Debug)]
#[command(
    name = "dl-gan-edit",
    version,
    after_help = "Examples:
  dl-gan-edit super-resolve --model srgan_x4.pth --output-dir large photo.jpg
  dl-data from folder faces \\
    | dl-gan-edit translate --model glasses.pth --output-dir out \\
    > edited.jsonl"
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Enlarge images: 2, 3, 4 or 8 times as high and wide, as the model was trained
    ///
    /// The networks are SRGAN and SRResNet (Ledig et al. 2017; the names of leftthomas/SRGAN and of BasicSR) and the
    /// residual dense network (Zhang et al. 2018; idealo's names). The boxes of `objects`, `proposals` and `detections`
    /// are scaled along. A gray image stays gray, and transparency is enlarged beside the colors.
    #[command(after_help = "Examples:
  dl-gan-edit super-resolve --model srgan_x4.pth --output-dir large photo.jpg
  dl-gan-edit super-resolve --model msrresnet_x4.pth --tile 256 \\
    --output-dir large scans/ > large.jsonl")]
    SuperResolve(edit::EditArgs),
    /// Translate images into another domain, as the model was trained: photos into paintings, faces into faces with
    /// sunglasses
    ///
    /// The networks are the generators of CycleGAN (Zhu et al. 2017) and pix2pix (Isola et al. 2017) with the names of
    /// pytorch-CycleGAN-and-pix2pix. An image keeps its size, whatever it is. These networks see all of an image at
    /// once; with --tile, the parts of a large one may differ in tone.
    #[command(after_help = "Examples:
  dl-gan-edit translate --model horse2zebra.pth --output-dir zebras horse.jpg
  dl-data from folder faces \\
    | dl-gan-edit translate --model glasses.pth > edited.jsonl")]
    Translate(edit::EditArgs),
    /// Make solids (voxels) of silhouettes, with a model of dl-gan-train voxel
    ///
    /// Writes each solid as a NumPy array [depth, height, width] of 0 and 1, seen along the depth, and its path to the field
    /// `reconstruction`.
    #[command(after_help = "Examples:
  dl-gan-edit voxel --model solids.safetensors --output-dir made --obj \\
    --draw test.jsonl > made.jsonl")]
    Voxel(voxel::VoxelArgs),
}

impl Tool for Args {
    const NAME: &'static str = "dl-gan-edit";

    fn common(&self) -> &Common {
        match &self.command {
            Command::SuperResolve(args) | Command::Translate(args) => &args.common,
            Command::Voxel(args) => &args.common,
        }
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        match &self.command {
            Command::SuperResolve(args) => args.run(Task::SuperResolution, io),
            Command::Translate(args) => args.run(Task::Translation, io),
            Command::Voxel(args) => args.run(io),
        }
    }
}
