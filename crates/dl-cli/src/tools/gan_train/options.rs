//! The options of all architectures.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, Error, Result};
use clap::ValueEnum;
use dl_models::gan::Conditioning;
use dl_train::gan::{GanLoss, PenaltyKind};

use crate::common::{Common, DeviceArgs, ImageArgs, Inputs, numbers};

/// Options of every GAN.
#[derive(clap::Args, Debug)]
pub(super) struct GanArgs {
    #[command(flatten)]
    pub(super) inputs: Inputs,

    /// Model file to write: the generator. Beside it, STEM.last.safetensors holds everything that --resume needs
    #[arg(long, value_name = "FILE")]
    pub(super) output: PathBuf,

    /// Size of the images in pixels [default: that of the first image if it is at most 128 and fits, otherwise 64]
    #[arg(long, value_name = "SIDE|WxH", help_heading = "Network")]
    pub(super) size: Option<SizeName>,

    /// Colors of the images [default: gray if the first images are, otherwise rgb]
    #[arg(long, value_enum, value_name = "COLORS", help_heading = "Network")]
    pub(super) colors: Option<Colors>,

    /// Factor on the number of channels, or of hidden columns
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = numbers::positive, help_heading = "Network")]
    pub(super) width: f64,

    /// Numbers of a random vector [default: 100, or those of --init-from]
    #[arg(long, value_name = "N", value_parser = columns, help_heading = "Network")]
    pub(super) latent: Option<usize>,

    /// Discriminator without batch norms
    #[arg(long, help_heading = "Network")]
    pub(super) no_batch_norm: bool,

    /// Generator to start from; its discriminator is read from STEM.last.safetensors beside it, if that exists
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    pub(super) init_from: Option<PathBuf>,

    /// With --init-from: freeze the first N layers of the discriminator (FreezeD)
    #[arg(long, value_name = "N", default_value_t = 0, requires = "init_from", help_heading = "Network")]
    pub(super) freeze_d: usize,

    /// Loss of both players [default: lsgan for conditional with --body vanilla, otherwise non-saturating]
    #[arg(long, value_enum, value_name = "NAME", help_heading = "Training")]
    pub(super) loss: Option<LossName>,

    /// Penalty on the discriminator's gradient with respect to images; its batch norms are then left out [default: wgan-gp
    /// for --loss wgan, otherwise none]
    #[arg(long, value_enum, value_name = "NAME", help_heading = "Training")]
    pub(super) penalty: Option<PenaltyName>,

    /// Weight of the penalty [default: 10; for r1+r2 0.05]
    #[arg(long, value_name = "X", value_parser = numbers::positive, help_heading = "Training")]
    pub(super) gamma: Option<f64>,

    /// Compute the penalty on every Nth batch, N times as large: 16 in StyleGAN2
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = numbers::count, help_heading = "Training")]
    pub(super) lazy: usize,

    /// Images per batch [default: 64]
    #[arg(long, value_name = "N", value_parser = numbers::batch, help_heading = "Training")]
    pub(super) batch: Option<usize>,

    /// Number of batches [default: 25 epochs]
    #[arg(long, value_name = "N", value_parser = numbers::count, conflicts_with = "epochs", help_heading = "Training")]
    pub(super) iterations: Option<usize>,

    /// Passes over the images, instead of --iterations
    #[arg(long, value_name = "N", value_parser = numbers::positive, help_heading = "Training")]
    pub(super) epochs: Option<f64>,

    /// Stop after so many minutes, if not before; the result then depends on the machine
    #[arg(long, value_name = "N", value_parser = numbers::positive, help_heading = "Training")]
    pub(super) minutes: Option<f64>,

    /// Learning rate of the generator [default: 0.0002]
    #[arg(long, value_name = "X", value_parser = numbers::positive, help_heading = "Training")]
    pub(super) lr_g: Option<f64>,

    /// Learning rate of the discriminator [default: 0.0002]
    #[arg(long, value_name = "X", value_parser = numbers::positive, help_heading = "Training")]
    pub(super) lr_d: Option<f64>,

    /// Adam's decay rate of the first moment [default: 0.5]
    #[arg(long, value_name = "X", value_parser = numbers::probability, help_heading = "Training")]
    pub(super) beta1: Option<f64>,

    /// Batches for the discriminator per batch for the generator [default: 5 for --loss wgan, otherwise 1]
    #[arg(long, value_name = "N", value_parser = numbers::count, help_heading = "Training")]
    pub(super) n_critic: Option<usize>,

    /// Write a moving average of the generator's weights with this decay, for example 0.999
    #[arg(long, value_name = "X", value_parser = numbers::probability, help_heading = "Training")]
    pub(super) ema: Option<f64>,

    /// Train the discriminator on 1 - X as the probability of real images, for example 0.1
    #[arg(long, value_name = "X", default_value_t = 0.0, value_parser = numbers::share, help_heading = "Training")]
    pub(super) label_smoothing: f64,

    /// Standard deviation of noise on all images that the discriminator sees; falls to 0 during training
    #[arg(long, value_name = "X", default_value_t = 0.0, value_parser = numbers::not_negative, help_heading = "Training")]
    pub(super) instance_noise: f64,

    /// Augmentation of all images that the discriminator sees, for small sets of images
    #[arg(long, value_enum, value_name = "NAME", default_value_t = AugmentName::None, help_heading = "Training")]
    pub(super) augment: AugmentName,

    /// Weight decay of all weight matrices
    #[arg(long, value_name = "X", default_value_t = 0.0, value_parser = numbers::not_negative, help_heading = "Training")]
    pub(super) weight_decay: f64,

    /// Flip half of the images horizontally
    #[arg(long, help_heading = "Training")]
    pub(super) flip: bool,

    /// Megabytes of memory for decoded images
    #[arg(long, value_name = "MB", default_value_t = 1000, help_heading = "Training")]
    pub(super) cache: usize,

    /// Draw a sheet of 64 samples every N batches, as STEM.samples-BATCH.png beside --output; 0: never
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Training")]
    pub(super) samples_every: usize,

    /// Write the model files every N batches, so that a killed run can resume
    #[arg(long, value_name = "N", default_value_t = 100, help_heading = "Training")]
    pub(super) checkpoint_every: usize,

    /// Resume from STEM.last.safetensors, to the same result as without a break
    #[arg(long, help_heading = "Training")]
    pub(super) resume: bool,

    /// Overwrite an existing --output
    #[arg(long, conflicts_with = "resume", help_heading = "Training")]
    pub(super) force: bool,

    /// Write a log of every batch, for dl-draw curves
    #[arg(long, value_name = "FILE", help_heading = "Training")]
    pub(super) log: Option<PathBuf>,

    #[command(flatten)]
    pub(super) image: ImageArgs,

    #[command(flatten)]
    pub(super) device: DeviceArgs,

    #[command(flatten)]
    pub(super) common: Common,
}

/// `--size`: [height, width].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SizeName(pub(super) [usize; 2]);

impl FromStr for SizeName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (width, height) = text.split_once('x').unwrap_or((text, text));
        let side = |side: &str| numbers::side(side).context("expected pixels, such as 64 or 96x64");
        Ok(Self([side(height)?, side(width)?]))
    }
}

/// `--colors`.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colors {
    /// One channel; colors become their brightness
    Gray,
    /// Three channels
    Rgb,
}

impl Colors {
    pub(super) fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
        }
    }
}

/// `--body`.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyName {
    /// Those of dl-gan-train vanilla
    Vanilla,
    /// Those of dl-gan-train dcgan
    Dcgan,
    /// A generator of nearest upsampling and convolutions, and the discriminator of dcgan
    Upsample,
}

/// `--conditioning`.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConditioningName {
    /// As numbers or a channel beside the image
    Embed,
    /// As the inner product with the last features (Miyato and Koyama 2018)
    Project,
}

impl From<ConditioningName> for Conditioning {
    fn from(name: ConditioningName) -> Self {
        match name {
            ConditioningName::Embed => Self::Embed,
            ConditioningName::Project => Self::Project,
        }
    }
}

/// `--loss`.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LossName {
    /// The zero-sum game of Goodfellow et al. 2014
    Minimax,
    /// The same, but the generator maximizes the log of the probability
    NonSaturating,
    /// Least squares (Mao et al. 2017)
    Lsgan,
    /// Hinge (Lim and Ye 2017)
    Hinge,
    /// The critic's difference (Arjovsky et al. 2017)
    Wgan,
    /// Each generated image against a real one (R3GAN)
    Relativistic,
}

impl From<LossName> for GanLoss {
    fn from(name: LossName) -> Self {
        match name {
            LossName::Minimax => Self::Minimax,
            LossName::NonSaturating => Self::NonSaturating,
            LossName::Lsgan => Self::Lsgan,
            LossName::Hinge => Self::Hinge,
            LossName::Wgan => Self::Wgan,
            LossName::Relativistic => Self::Relativistic,
        }
    }
}

/// `--penalty`.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PenaltyName {
    /// No penalty
    None,
    /// On real images, toward 0 (Mescheder et al. 2018)
    R1,
    /// On real and on generated images, toward 0 (R3GAN)
    #[value(name = "r1+r2")]
    R1R2,
    /// Between real and generated images, toward a norm of 1 (Gulrajani et al. 2017)
    WganGp,
}

impl PenaltyName {
    /// Which penalty it is, and its default weight.
    pub(super) fn kind(self) -> Option<(PenaltyKind, f64)> {
        match self {
            Self::None => None,
            Self::R1 => Some((PenaltyKind::R1, 10.0)),
            Self::R1R2 => Some((PenaltyKind::R1R2, 0.05)),
            Self::WganGp => Some((PenaltyKind::WganGp, 10.0)),
        }
    }
}

/// `--augment`.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AugmentName {
    /// No augmentation
    None,
    /// DiffAugment (Zhao et al. 2020): colors, shifts and cut-out squares, through which the generator is trained
    Diff,
}

/// Numbers of a vector.
pub(super) fn columns(text: &str) -> Result<usize> {
    let columns = numbers::count(text)?;
    anyhow::ensure!(columns <= 1 << 14, "expected at most {}", 1 << 14);
    Ok(columns)
}
