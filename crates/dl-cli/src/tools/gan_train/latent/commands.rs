//! The subcommands of generators of random vectors.

use anyhow::Result;
use clap::Arg;

use super::LatentArgs;
use super::options::{BodyName, ConditionName, ConditioningName, columns, mapping_layers};
use super::recipe::{Architecture, MIXING, Stated, StyleOptions};
use crate::common::{Io, Outcome, numbers};
use crate::tools::gan_train::Training;
use crate::tools::gan_train::help::{samples, stated};
use crate::tools::gan_train::training::TrainingArgs;

/// Train the fully connected GAN of Goodfellow et al. 2014
///
/// The generator has hidden layers of 128, 256, 512 and 1024 columns, the discriminator of 512 and 256. Images are resized
/// so that their shorter side fits, and cropped at the center.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-data from idx mnist | dl-gan-train vanilla --epochs 20 \\
    --output digits.safetensors
  dl-gan-sample digits.safetensors --count 8 --output-dir digits \\
    > made.jsonl")]
#[command(
    mut_args(|arg| stated(arg, &Stated::Plain.defaults())),
    mut_arg("width", |arg: Arg| arg.help("Factor on the number of hidden columns [default: 1, or that of --init-from]"))
)]
pub(in super::super) struct Vanilla {
    #[command(flatten)]
    gan: LatentArgs,
}

/// Train a GAN on images and their labels or captions, so that samples of a label or a prompt can be made
///
/// The generator gets an embedding of the `label` beside the random vector (Mirza and Osindero 2014). The discriminator gets
/// one beside the image, or adds the inner product of one with its features (--conditioning project). With --condition NAME,
/// a projection of the record's features NAME, such as a caption's, takes the label's place (Reed et al. 2016); images with
/// the features of others are then shown to the discriminator as wrong.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-data from folder signs \\
    | dl-gan-train conditional --size 32 --output signs.safetensors
  dl-gan-sample signs.safetensors --label stop --count 8 \\
    --output-dir stops > stops.jsonl
  dl-embed --model bert/ --layer encoder.layer.1 captions.jsonl \\
    | dl-gan-train conditional --condition encoder.layer.1 --size 32 \\
      --output drawn.safetensors
  dl-gan-sample drawn.safetensors --prompt 'a red circle' \\
    --text-model bert/ --output-dir circles > circles.jsonl")]
#[command(
    mut_args(|arg| stated(arg, &Stated::Both.defaults())),
    mut_arg("samples_every", |arg| {
        samples(arg, "Draw a sheet of 8 x 8 samples, of the same random vectors and the labels or features in turn,")
    }),
    mut_arg("spectral_norm", |arg: Arg| {
        arg.help(
            "Divide each weight of the discriminator by its largest singular value (Miyato et al. 2018); its batch norms \
             are then left out. Not with --body stylegan",
        )
    })
)]
pub(in super::super) struct Conditional {
    /// The networks
    #[arg(long, value_enum, value_name = "NAME", default_value_t = BodyName::Dcgan, help_heading = "Network")]
    body: BodyName,

    /// What the networks are told: label, or the name of features in the records
    #[arg(long, value_name = "label|NAME", default_value = "label", help_heading = "Network")]
    condition: ConditionName,

    /// How the discriminator gets to know the condition
    #[arg(long, value_enum, value_name = "HOW", default_value_t = ConditioningName::Embed, help_heading = "Network")]
    conditioning: ConditioningName,

    /// Numbers of the condition's embedding in the generator
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = columns, help_heading = "Network")]
    label_columns: usize,

    #[command(flatten)]
    gan: LatentArgs,
}

/// Train the convolutional GAN of Radford et al. 2016
///
/// The generator doubles a small map with transposed convolutions and batch norms up to the size of the images, the
/// discriminator halves it. Sides need enough factors of 2: 28, 32, 64 and 96 pixels do.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-data from folder faces | dl-gan-train dcgan --size 64 --flip \\
    --ema 0.999 --output faces.safetensors
  dl-gan-train dcgan --size 64 --init-from faces.safetensors \\
    --lr-g 0.0001 --lr-d 0.0001 --output cats.safetensors < cats.jsonl")]
#[command(
    mut_args(|arg| stated(arg, &Stated::Plain.defaults())),
    mut_arg("width", |arg: Arg| arg.help("Factor on the number of channels [default: 1, or that of --init-from]"))
)]
pub(in super::super) struct Dcgan {
    #[command(flatten)]
    gan: LatentArgs,
}

/// Train StyleGAN2 (Karras et al. 2020) on small images
///
/// A mapping network turns the random vector into a style, which modulates each layer of the generator; the discriminator is
/// residual and sees how much its images differ. Both have up to 512 channels: on a CPU, give --width 0.125 or so. Trained
/// with a lazy R1 penalty, style mixing and a moving average, without the paper's path length regularization. Sides need
/// enough factors of 2, as for dcgan.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-data from folder faces | dl-gan-train stylegan --size 32 --flip \\
    --width 0.125 --epochs 100 --output faces.safetensors
  dl-gan-train stylegan --size 32 --width 0.125 --augment ada \\
    --ada-speed 100 --output few.safetensors < few.jsonl")]
#[command(
    mut_args(|arg| stated(arg, &Stated::Style.defaults())),
    mut_arg("width", |arg: Arg| arg.help("Factor on the number of channels, at most 512 [default: 1, or that of --init-from]")),
    // The discriminator has neither.
    mut_arg("spectral_norm", |arg: Arg| arg.hide(true)),
    mut_arg("no_batch_norm", |arg: Arg| arg.hide(true))
)]
pub(in super::super) struct Stylegan {
    /// Fully connected layers from the random vector to the style
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = mapping_layers, help_heading = "Network")]
    mapping_layers: usize,

    /// Probability that the last layers of a batch get other styles than the first ones
    #[arg(long, value_name = "X", default_value_t = MIXING, value_parser = numbers::share, help_heading = "Training")]
    style_mixing: f64,

    /// Images after which the moving average has forgotten half of a weight, instead of --ema [default: 312.5 times --batch]
    #[arg(long, value_name = "N", value_parser = numbers::positive, conflicts_with = "ema", help_heading = "Training")]
    ema_half_life: Option<f64>,

    #[command(flatten)]
    gan: LatentArgs,
}

impl Training for Stylegan {
    fn training(&self) -> &TrainingArgs {
        &self.gan.training
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        let (layers, mixing, half_life) = (self.mapping_layers, self.style_mixing, self.ema_half_life);
        self.gan.run(Architecture::Stylegan(StyleOptions { layers, mixing, half_life }), None, io)
    }
}

impl Training for Vanilla {
    fn training(&self) -> &TrainingArgs {
        &self.gan.training
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        self.gan.run(Architecture::Vanilla, None, io)
    }
}

impl Training for Conditional {
    fn training(&self) -> &TrainingArgs {
        &self.gan.training
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        let architecture = Architecture::Conditional {
            body: self.body,
            conditioning: self.conditioning.into(),
            columns: self.label_columns,
        };
        self.gan.run(architecture, Some(&self.condition), io)
    }
}

impl Training for Dcgan {
    fn training(&self) -> &TrainingArgs {
        &self.gan.training
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        self.gan.run(Architecture::Dcgan, None, io)
    }
}
