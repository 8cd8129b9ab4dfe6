//! Option values and their meaning.

use std::convert::Infallible;
use std::str::FromStr;

use clap::ValueEnum;
use dl_models::Precision;
use dl_train::data::Recipe;
use dl_train::detection::Freeze;
use serde_json::Value;

/// Number type of the stored weights.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub(super) enum DtypeName {
    /// Single precision
    F32,
    /// Half precision: a file of half the size
    F16,
}

impl From<DtypeName> for Precision {
    fn from(dtype: DtypeName) -> Self {
        match dtype {
            DtypeName::F32 => Self::F32,
            DtypeName::F16 => Self::F16,
        }
    }
}

/// `--resize`.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResizeName {
    /// Both sides to the input's, ignoring the aspect ratio
    Stretch,
    /// The aspect ratio is kept, and the rest is filled with the mean
    Pad,
}

/// `--default-boxes`.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DefaultBoxesName {
    /// Clusters of the widths and heights of the objects
    Objects,
    /// Those of the architecture
    Architecture,
}

/// `--augment`.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AugmentName {
    /// No augmentation
    None,
    /// Flip horizontally with probability 0.5: Fast, Faster and Mask R-CNN
    Flip,
    /// Change colors, move each edge by up to a fifth of the side, flip
    Jitter,
    /// Change colors, expand by up to 4, crop around objects, flip: SSD
    Ssd,
    /// Crop around objects, flip: torchvision's SSDlite
    Ssdlite,
    /// Change hue, saturation and value, move each edge by up to a fifth of the side, flip: YOLO
    Yolo,
}

impl AugmentName {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Flip => "flip",
            Self::Jitter => "jitter",
            Self::Ssd => "ssd",
            Self::Ssdlite => "ssdlite",
            Self::Yolo => "yolo",
        }
    }

    /// The recipe of this name, without its flip if `no_flip`.
    pub(super) fn recipe(self, no_flip: bool) -> Option<Recipe> {
        let recipe = Recipe::find(self.name()).copied()?;
        Some(if no_flip { Recipe { flip: 0.0, ..recipe } } else { recipe })
    }
}

/// `--option`: a name and a JSON value, or a text.
pub(super) fn named_value(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.into())))
}

/// `--freeze`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FreezeTo(pub(super) Freeze);

impl FromStr for FreezeTo {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(match text {
            "none" => Freeze::Nothing,
            "all" => Freeze::Body,
            layer => Freeze::UpTo(layer.to_owned()),
        }))
    }
}
