//! Option values and their meaning.

use std::convert::Infallible;
use std::str::FromStr;

use anyhow::{Context, Result};
use clap::ValueEnum;
use dl_train::data::Recipe;
use dl_train::detection::Freeze;
use serde::Serialize;
use serde_json::Value;

/// `--resize`.
#[derive(ValueEnum, Serialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ResizeName {
    /// Both sides to the input's, ignoring the aspect ratio
    Stretch,
    /// The aspect ratio is kept, and the rest is filled with the mean
    Pad,
}

/// `--default-boxes`.
#[derive(ValueEnum, Serialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum DefaultBoxesName {
    /// Clusters of the widths and heights of the objects
    Objects,
    /// Those of the architecture
    Architecture,
}

/// `--augment`.
#[derive(ValueEnum, Serialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
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
    /// # Errors
    /// When the recipe does not exist.
    pub(super) fn recipe(self, no_flip: bool) -> Result<Recipe> {
        let recipe = *Recipe::find(self.name()).with_context(|| format!("recipe {} does not exist", self.name()))?;
        Ok(if no_flip { Recipe { flip: 0.0, ..recipe } } else { recipe })
    }
}

/// `--option`: a name and a JSON value, or a text.
pub(super) fn named_value(text: &str) -> Result<(String, Value)> {
    let (name, value) = text.split_once('=').context("expected NAME=VALUE")?;
    Ok((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.into())))
}

/// `--freeze`.
#[derive(Serialize, Clone, Debug, PartialEq)]
#[serde(into = "String")]
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

impl From<FreezeTo> for String {
    fn from(freeze: FreezeTo) -> Self {
        match freeze.0 {
            Freeze::Nothing => "none".to_owned(),
            Freeze::Body => "all".to_owned(),
            Freeze::UpTo(layer) => layer,
        }
    }
}
