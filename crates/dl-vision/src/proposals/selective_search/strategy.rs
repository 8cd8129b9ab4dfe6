//! Diversification: the sets of strategies in table 5 of the paper.

use std::str::FromStr;

use anyhow::{Result, bail};

/// How many strategies to combine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// One: HSV, all four similarities, k = 100.
    Single,
    /// Eight: HSV and Lab; C+T+S+F and T+S+F; k = 50, 100.
    #[default]
    Fast,
    /// Eighty: HSV, Lab, rgI, H and I; C+T+S+F, T+S+F, F and S; k = 50, 100, 150, 300.
    Quality,
}

/// The color space for comparing colors, both in the segmentation and in the grouping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColorSpace {
    Hsv,
    Lab,
    /// The r and g of normalized RGB, and intensity.
    Rgi,
    /// The H of HSV.
    Hue,
    Intensity,
}

/// The similarities to add (section 3.2, equation 6: the weights are 0 or 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Similarities {
    pub(super) color: bool,
    pub(super) texture: bool,
    pub(super) size: bool,
    pub(super) fill: bool,
}

pub(super) const CTSF: Similarities = Similarities { color: true, texture: true, size: true, fill: true };
const TSF: Similarities = Similarities { color: false, ..CTSF };
const FILL: Similarities = Similarities { color: false, texture: false, size: false, fill: true };
const SIZE: Similarities = Similarities { fill: false, size: true, ..FILL };

impl Mode {
    pub(super) fn color_spaces(self) -> &'static [ColorSpace] {
        use ColorSpace::{Hsv, Hue, Intensity, Lab, Rgi};
        match self {
            Self::Single => &[Hsv],
            Self::Fast => &[Hsv, Lab],
            Self::Quality => &[Hsv, Lab, Rgi, Hue, Intensity],
        }
    }

    pub(super) fn similarities(self) -> &'static [Similarities] {
        match self {
            Self::Single => &[CTSF],
            Self::Fast => &[CTSF, TSF],
            Self::Quality => &[CTSF, TSF, FILL, SIZE],
        }
    }

    /// Thresholds of the segmentation, for channels from 0 to 255.
    pub(super) fn ks(self) -> &'static [f32] {
        match self {
            Self::Single => &[100.0],
            Self::Fast => &[50.0, 100.0],
            Self::Quality => &[50.0, 100.0, 150.0, 300.0],
        }
    }
}

impl FromStr for Mode {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "single" => Ok(Self::Single),
            "fast" => Ok(Self::Fast),
            "quality" => Ok(Self::Quality),
            _ => bail!("expected single, fast or quality"),
        }
    }
}
