//! Options of generators of random vectors.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Result;
use clap::ValueEnum;
use dl_models::gan::Conditioning;

use super::fid::FidArgs;
use crate::common::numbers;
use crate::tools::gan_train::game::GameArgs;
use crate::tools::gan_train::help::samples;
use crate::tools::gan_train::pictures::PictureArgs;
use crate::tools::gan_train::training::TrainingArgs;

/// Defaults of --augment ada.
pub(super) const ADA_SPEED: f64 = 500.0;
pub(super) const ADA_TARGET: f64 = 0.6;

/// Options of vanilla, conditional, dcgan and stylegan.
#[derive(clap::Args, Debug)]
#[command(mut_arg("samples_every", |arg| samples(arg, "Draw a sheet of 8 x 8 samples, always of the same random vectors,")))]
pub(super) struct LatentArgs {
    #[command(flatten)]
    pub(super) training: TrainingArgs,

    #[command(flatten)]
    pub(super) game: GameArgs,

    #[command(flatten)]
    pub(super) fid: FidArgs,

    #[command(flatten)]
    pub(super) pictures: PictureArgs,

    /// Factor on the number of channels, or of hidden columns [default: 1, or that of --init-from]
    #[arg(long, value_name = "X", value_parser = numbers::positive, help_heading = "Network")]
    pub(super) width: Option<f64>,

    /// Numbers of a random vector; with --init-from, those of its generator
    #[arg(long, value_name = "N", value_parser = columns, help_heading = "Network")]
    pub(super) latent: Option<usize>,

    /// Discriminator without batch norms
    #[arg(long, help_heading = "Network")]
    pub(super) no_batch_norm: bool,

    /// Divide each weight of the discriminator by its largest singular value (Miyato et al. 2018); its batch norms are then
    /// left out
    #[arg(long, help_heading = "Network")]
    pub(super) spectral_norm: bool,

    /// With --augment ada: thousands of images in which the probability of an augmentation can rise from 0 to 1
    #[arg(long, value_name = "N", default_value_t = ADA_SPEED, value_parser = numbers::positive, help_heading = "Losses")]
    pub(super) ada_speed: f64,

    /// With --augment ada: the mean sign of the discriminator's logits of real images to hold
    #[arg(long, value_name = "X", default_value_t = ADA_TARGET, value_parser = numbers::share, help_heading = "Losses")]
    pub(super) ada_target: f64,

    /// Generator to start from; its discriminator is read from STEM.last.safetensors beside it, if that exists
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    pub(super) init_from: Option<PathBuf>,

    /// With --init-from: freeze the first N layers of the discriminator (FreezeD)
    #[arg(long, value_name = "N", default_value_t = 0, requires = "init_from", help_heading = "Network")]
    pub(super) freeze_d: usize,
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
    /// Those of dl-gan-train stylegan
    Stylegan,
}

/// `--condition`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ConditionName {
    /// The `label`.
    Label,
    /// Features of this name.
    Feature(String),
}

impl FromStr for ConditionName {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "label" => Self::Label,
            name => Self::Feature(name.to_owned()),
        })
    }
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

/// Numbers of a vector.
pub(super) fn columns(text: &str) -> Result<usize> {
    let columns = numbers::count(text)?;
    anyhow::ensure!(columns <= 1 << 14, "expected at most {}", 1 << 14);
    Ok(columns)
}

/// Layers of a mapping network.
pub(super) fn mapping_layers(text: &str) -> Result<usize> {
    let layers = numbers::count(text)?;
    anyhow::ensure!(layers <= 64, "expected at most 64");
    Ok(layers)
}
