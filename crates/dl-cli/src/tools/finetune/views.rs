//! The options of augmentation.

use anyhow::{Result, bail};
use clap::ValueEnum;
use dl_train::classifier::{Affine, AugmentConfig};
use serde::Serialize;

use crate::common::numbers;

/// Augmentation of images; the parameters are torchvision's.
#[derive(clap::Args, Serialize, Debug)]
#[command(next_help_heading = "Augmentation")]
pub(super) struct ViewArgs {
    /// Kinds of augmentation, with new random values in each epoch [default: flip]
    #[arg(long, value_enum, value_name = "KIND,...", value_delimiter = ',')]
    augment: Option<Vec<View>>,

    /// Do not flip: for images in which left and right differ, such as text
    #[arg(long)]
    no_flip: bool,

    /// For crop: minimum and maximum fraction of the area [default: 0.08,1]
    #[arg(long, value_name = "MIN,MAX", value_parser = several::<2>)]
    crop_scale: Option<[f64; 2]>,

    /// For color: maximum change of brightness, contrast, saturation and hue [default: 0.4,0.4,0.4,0.1]
    #[arg(long, value_name = "B,C,S,H", value_parser = several::<4>)]
    jitter: Option<[f64; 4]>,

    /// For affine: degrees of rotation, shift as a fraction of the image, minimum and maximum scale, degrees of shear
    /// [default: 10,0.1,0.9,1.1,0]
    #[arg(long, value_name = "D,T,MIN,MAX,S", value_parser = several::<5>)]
    affine: Option<[f64; 5]>,

    /// For cutout: probability [default: 0.5]
    #[arg(long, value_name = "P", value_parser = numbers::share)]
    cutout: Option<f64>,

    /// Mix pairs of examples and their labels with a ratio drawn from Beta(X, X); 0 for no mixing
    #[arg(long, value_name = "X", default_value_t = 0.0, value_parser = numbers::not_negative)]
    pub(super) mixup: f64,
}

#[derive(ValueEnum, Serialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum View {
    /// No augmentation
    None,
    /// Crop to a random size and position
    Crop,
    /// Flip horizontally with probability 0.5
    Flip,
    /// Change brightness, contrast, saturation and hue
    Color,
    /// Rotate, shift, scale and shear
    Affine,
    /// Erase a rectangle
    Cutout,
}

impl ViewArgs {
    /// The augmentation of examples, by default a flip.
    pub(super) fn config(&self) -> Result<AugmentConfig> {
        self.config_by_default(&[View::Flip])
    }

    /// The augmentation of examples.
    pub(super) fn config_by_default(&self, default: &[View]) -> Result<AugmentConfig> {
        let kinds = self.augment.as_deref().unwrap_or(default);
        if kinds.contains(&View::None) && kinds.len() > 1 {
            bail!("--augment none cannot be combined with other kinds");
        }
        let has = |kind| kinds.contains(&kind);
        let crop =
            (has(View::Crop) || self.crop_scale.is_some()).then(|| self.crop_scale.unwrap_or(AugmentConfig::CROP));
        if crop.is_some_and(|[least, most]| least <= 0.0 || most < least || most > 1.0) {
            bail!("--crop-scale: expected 0 < MIN <= MAX <= 1");
        }
        let jitter = (has(View::Color) || self.jitter.is_some()).then(|| self.jitter.unwrap_or(AugmentConfig::JITTER));
        if jitter.is_some_and(|jitter| jitter.iter().any(|strength| *strength < 0.0) || jitter[3] > 0.5) {
            bail!("--jitter: expected numbers of at least 0, and a hue of at most 0.5");
        }
        let given = self.affine.map(|[degrees, translate, least, most, shear]| Affine {
            degrees,
            translate,
            scale: [least, most],
            shear,
        });
        let affine = given.or(has(View::Affine).then(Affine::default));
        if affine.is_some_and(|affine| {
            affine.scale[0] <= 0.0 || affine.scale[1] < affine.scale[0] || affine.shear.abs() >= 90.0
        }) {
            bail!("--affine: expected 0 < MIN <= MAX and a shear below 90 degrees");
        }
        let cutout = self.cutout.unwrap_or(if has(View::Cutout) { 0.5 } else { 0.0 });
        let flip = if has(View::Flip) && !self.no_flip { 0.5 } else { 0.0 };
        Ok(AugmentConfig { crop, flip, jitter, affine, cutout })
    }

    /// Whether a kind was requested by name.
    pub(super) fn are_requested(&self) -> bool {
        self.augment.as_ref().is_some_and(|kinds| !kinds.contains(&View::None))
    }

    pub(super) fn flips(&self) -> bool {
        self.augment.as_deref().is_none_or(|kinds| kinds.contains(&View::Flip)) && !self.no_flip
    }
}

/// N numbers separated by commas.
fn several<const N: usize>(text: &str) -> Result<[f64; N]> {
    let numbers: Vec<f64> = text.split(',').map(|number| Ok(number.trim().parse()?)).collect::<Result<_>>()?;
    match <[f64; N]>::try_from(numbers) {
        Ok(numbers) if numbers.iter().all(|number| number.is_finite()) => Ok(numbers),
        _ => bail!("expected {N} numbers separated by commas"),
    }
}
