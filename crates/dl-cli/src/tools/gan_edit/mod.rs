//! `dl-gan-edit`: images from images, by generators.

mod boxes;
mod edit;
mod mask;
mod project;
mod result;
mod swap;
mod voxel;

use anyhow::Result;
use clap::{Parser, Subcommand};
use dl_models::gan::Task;

use crate::common::{Common, Io, Outcome, Tool};

/// Edit images with a generator: enlarge, translate, complete or colorize them, find their random vectors, swap their styles, or
/// make solids from silhouettes
#[derive(Parser, Debug)]
#[command(
    name = "dl-gan-edit",
    version,
    after_help = "Examples:
  dl-gan-edit super-resolve --model srgan_x4.pth --output-dir large \\
    photo.jpg > large.jsonl
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
  dl-gan-edit super-resolve --model srgan_x4.pth --output-dir large \\
    photo.jpg > large.jsonl
  dl-gan-edit super-resolve --model msrresnet_x4.pth --tile 256 \\
    --output-dir large scans/ > large.jsonl")]
    SuperResolve(edit::EditArgs),
    /// Translate images into another domain, as the model was trained: photos into paintings, faces into faces with
    /// sunglasses
    ///
    /// The networks are the generators of CycleGAN (Zhu et al. 2017) and pix2pix (Isola et al. 2017) with the names of
    /// pytorch-CycleGAN-and-pix2pix, and of DiscoGAN (Kim et al. 2017). An image keeps its size, whatever it is. The first
    /// two see all of an image at once; with --tile, the parts of a large one may differ in tone.
    #[command(after_help = "Examples:
  dl-gan-edit translate --model horse2zebra.pth --output-dir zebras \\
    horse.jpg > zebras.jsonl
  dl-data from folder faces \\
    | dl-gan-edit translate --model glasses.pth > edited.jsonl")]
    Translate(edit::EditArgs),
    /// Fill the missing parts of images
    ///
    /// The missing pixels are given by --mask or --box for all images, by the field `mask` of a record (an image, white where
    /// pixels are missing), or by the image itself: its transparent pixels. All other pixels stay exactly as they are. The
    /// model is one of dl-gan-train complete.
    #[command(after_help = "Examples:
  dl-gan-edit complete --model complete.safetensors --box 20,20,44,40 \\
    --output-dir whole face.png > whole.jsonl
  dl-gan-edit complete --model complete.safetensors --mask scratch.png \\
    --output-dir whole scans/ > whole.jsonl")]
    Complete(mask::CompleteArgs),
    /// Colorize gray images
    ///
    /// The brightness of each pixel (ITU-R BT.601) stays exactly as it is, in whole gray levels; colors that an image already
    /// has are ignored. The model is one of dl-gan-train colorize.
    #[command(after_help = "Examples:
  dl-gan-edit colorize --model color.safetensors --output-dir colored \\
    gray.png > colored.jsonl")]
    Colorize(edit::EditArgs),
    /// Find the random vectors whose generated images are nearest to images
    ///
    /// The image of each record is replaced by the generated one. `features` gets `latents`, the random vector, or for
    /// StyleGAN the styles of all layers, which dl-gan-sample --latents takes; and `psnr` is how near the image came, in
    /// decibels. Images are resized so that the shorter side fits, and cropped at the center.
    #[command(after_help = "Examples:
  dl-gan-edit project --model faces.safetensors --output-dir near me.jpg \\
    > me.jsonl
  dl-gan-sample faces.safetensors --latents me.jsonl --grid 1x1 \\
    --output again.png > again.jsonl")]
    Project(project::ProjectArgs),
    /// Give images the style of other images, and keep their content
    ///
    /// What is style and what is content is what dl-finetune disentangle was trained on. Images are resized so that the
    /// shorter side fits the model, and cropped at the center.
    #[command(after_help = "Examples:
  dl-gan-edit swap --model swap.safetensors --style-from warning.jpg \\
    --output-dir swapped bicycle.jpg > swapped.jsonl
  jq -c '.style_from = \"warning.jpg\"' signs.jsonl \\
    | dl-gan-edit swap --model swap.safetensors --pairs > swapped.jsonl")]
    Swap(swap::SwapArgs),
    /// Make solids (voxels) from silhouettes, with a model of dl-gan-train voxel
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
            Command::SuperResolve(args) | Command::Translate(args) | Command::Colorize(args) => &args.common,
            Command::Complete(args) => &args.edit.common,
            Command::Project(args) => &args.common,
            Command::Swap(args) => &args.common,
            Command::Voxel(args) => &args.common,
        }
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        match &self.command {
            Command::SuperResolve(args) => args.run(Task::SuperResolution, None, io),
            Command::Translate(args) => args.run(Task::Translation, None, io),
            Command::Complete(args) => args.edit.run(Task::Completion, Some(args), io),
            Command::Colorize(args) => args.run(Task::Colorization, None, io),
            Command::Project(args) => args.run(io),
            Command::Swap(args) => args.run(io),
            Command::Voxel(args) => args.run(io),
        }
    }
}
