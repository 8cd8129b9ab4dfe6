//! The subcommands of networks trained on pairs.

use anyhow::Result;
use dl_train::gan::paired::{HoleShape, Holes, PairKind};

use super::PairedArgs;
use super::options::{HoleName, PatchArgs, SrName, scale, share};
use super::recipe::{Base, Body, Recipe};
use crate::common::{Io, Outcome, numbers};
use crate::tools::gan_train::Training;
use crate::tools::gan_train::help::stated;
use crate::tools::gan_train::training::TrainingArgs;

/// Train SRGAN (Ledig et al. 2017), which enlarges images 2, 4 or 8 times
///
/// Each `image` is what the network should make of the image reduced by MATLAB's antialiased bicubic; gray images become
/// three equal channels. With --adversarial 0, the network is trained by the pixels alone (SRResNet), and --init-from then
/// starts SRGAN from it, as in the paper. Crops of --crop pixels are cut out at random places; smaller images are mirrored
/// up to it. The paper compares features of VGG-19 (--perceptual); without them, the game is added to the pixels' loss.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-gan-train srgan --adversarial 0 --scale 4 --epochs 500 \\
    --output srresnet.safetensors photos/
  dl-gan-train srgan --init-from srresnet.safetensors --scale 4 \\
    --output srgan.safetensors photos/
  dl-gan-edit super-resolve --model srgan.safetensors \\
    --output-dir large photo.jpg > large.jsonl")]
#[command(mut_args(|arg| stated(arg, &Base::SRGAN.defaults())))]
pub(in super::super) struct Srgan {
    /// How many times as high and wide: 2, 4 or 8
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = scale, help_heading = "Network")]
    scale: usize,

    /// Side of the crops of the large images, in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 96, value_parser = numbers::side, help_heading = "Network")]
    crop: usize,

    /// Generator
    #[arg(long, value_enum, value_name = "NAME", default_value_t = SrName::Srgan, help_heading = "Network")]
    generator: SrName,

    /// Residual blocks of the generator
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = numbers::count, help_heading = "Network")]
    blocks: usize,

    #[command(flatten)]
    paired: PairedArgs,
}

/// Train pix2pix (Isola et al. 2017), which makes one image of another
///
/// A record has an `image` and, in the field --target, the image that the network should make of it: both show the same, in
/// the same shape. They are resized to --size. The discriminator judges patches of the image beside the input. With
/// --adversarial 0, the network is trained by the pixels alone. A batch of 1 normalizes each image by itself, as in the paper.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-gan-train pix2pix --target sign --size 64 --epochs 50 \\
    --output signs.safetensors outlines.jsonl
  dl-gan-edit translate --model signs.safetensors \\
    --output-dir signs outline.png > signs.jsonl")]
#[command(mut_args(|arg| stated(arg, &Base::PIX2PIX.defaults())))]
pub(in super::super) struct Pix2pix {
    /// Field of the records with the image to be made: a path or a `data:` URI
    #[arg(long, value_name = "FIELD", default_value = "target", help_heading = "Input")]
    target: String,

    #[command(flatten)]
    patch: PatchArgs,

    #[command(flatten)]
    paired: PairedArgs,
}

/// Train a network that completes images (Pathak et al. 2016)
///
/// Each `image` gets holes, random rectangles and strokes of a brush, and the network, which sees them in a channel of their
/// own, fills them; all other pixels stay as they are. The losses are those of Context Encoders, squared differences and the
/// game in the proportion 999:1; the network is pix2pix's.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-gan-train complete --size 64 --output complete.safetensors faces/
  dl-gan-edit complete --model complete.safetensors --box 20,20,44,40 \\
    --output-dir whole face.png > whole.jsonl")]
#[command(mut_args(|arg| stated(arg, &Base::COMPLETE.defaults())))]
pub(in super::super) struct Complete {
    /// Share of an image that is missing; each random hole covers 0.5 to 1.5 times this share
    #[arg(long, value_name = "X", default_value_t = 0.25, value_parser = share, help_heading = "Training")]
    hole: f64,

    /// Form of the holes
    #[arg(long, value_enum, value_name = "NAME", default_value_t = HoleName::Random, help_heading = "Training")]
    hole_shape: HoleName,

    #[command(flatten)]
    patch: PatchArgs,

    #[command(flatten)]
    paired: PairedArgs,
}

/// Train a network that colorizes gray images, by pix2pix's recipe
///
/// Each `image` is what the network should make of its brightness. Of the network's red, green and blue, only the chroma is
/// used, so that the result has exactly the brightness of the input.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-gan-train colorize --size 64 --output color.safetensors signs/
  dl-gan-edit colorize --model color.safetensors --output-dir colored \\
    gray.png > colored.jsonl")]
#[command(mut_args(|arg| stated(arg, &Base::COLORIZE.defaults())))]
pub(in super::super) struct Colorize {
    #[command(flatten)]
    patch: PatchArgs,

    #[command(flatten)]
    paired: PairedArgs,
}

impl Training for Srgan {
    fn training(&self) -> &TrainingArgs {
        &self.paired.training
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        let kind = PairKind::SuperResolution(self.scale);
        let body = Body::SuperResolution { generator: self.generator, blocks: self.blocks, crop: self.crop };
        let recipe = Recipe::new(kind, body, None, Base::SRGAN, &self.paired)?;
        self.paired.run(&recipe, io)
    }
}

impl Training for Pix2pix {
    fn training(&self) -> &TrainingArgs {
        &self.paired.training
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        let body = Body::Patches(self.patch.clone());
        let recipe = Recipe::new(PairKind::Translation, body, Some(&self.target), Base::PIX2PIX, &self.paired)?;
        self.paired.run(&recipe, io)
    }
}

impl Training for Complete {
    fn training(&self) -> &TrainingArgs {
        &self.paired.training
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        let shape = match self.hole_shape {
            HoleName::Random => HoleShape::Random,
            HoleName::Center => HoleShape::Center,
        };
        let kind = PairKind::Completion(Holes { shape, share: self.hole });
        let recipe = Recipe::new(kind, Body::Patches(self.patch.clone()), None, Base::COMPLETE, &self.paired)?;
        self.paired.run(&recipe, io)
    }
}

impl Training for Colorize {
    fn training(&self) -> &TrainingArgs {
        &self.paired.training
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        let body = Body::Patches(self.patch.clone());
        let recipe = Recipe::new(PairKind::Colorization, body, None, Base::COLORIZE, &self.paired)?;
        self.paired.run(&recipe, io)
    }
}
