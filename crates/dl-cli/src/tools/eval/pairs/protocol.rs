//! Whose PSNR and SSIM: they differ in color, border and window.

use anyhow::{Context, Result};
use clap::ValueEnum;
use dl_metrics::planes::Planes;
use dl_metrics::ssim::Window;
use image::RgbImage;
use serde_json::{Value, json};

use super::planes;
use crate::common::value_name;

/// Options of PSNR and SSIM.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct ProtocolArgs {
    /// Whose figures to reproduce
    #[arg(long, value_enum, default_value_t = Name::Skimage)]
    protocol: Name,

    /// What to compare [default: rgb; y in the protocol sr]
    #[arg(long, value_enum)]
    channels: Option<Channels>,

    /// Pixels to crop on each side; in the protocol sr, the factor of the super-resolution [default: 0]
    #[arg(long, value_name = "N")]
    border: Option<usize>,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    /// scikit-image's defaults: red, green and blue; SSIM with a uniform window of 7 x 7
    Skimage,
    /// Super-resolution papers and BasicSR: luma (BT.601, 16 to 235), a cropped border; SSIM with a Gaussian window of
    /// 11 x 11
    Sr,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Channels {
    /// Red, green and blue
    Rgb,
    /// Luma (ITU-R BT.601, 16 to 235, not rounded)
    Y,
}

/// The options, resolved.
pub(super) struct Protocol {
    name: Name,
    channels: Channels,
    border: usize,
}

impl ProtocolArgs {
    pub(super) fn resolve(&self) -> Result<Protocol> {
        let is_sr = self.protocol == Name::Sr;
        let channels = self.channels.unwrap_or(if is_sr { Channels::Y } else { Channels::Rgb });
        let border = match self.border {
            None if is_sr => {
                None.context("--protocol sr crops a border, usually the factor: set it, for x4 --border 4")?
            }
            border => border.unwrap_or(0),
        };
        Ok(Protocol { name: self.protocol, channels, border })
    }
}

impl Protocol {
    /// The window of SSIM.
    pub(super) fn window(&self) -> Window {
        match self.name {
            Name::Skimage => Window::Uniform,
            Name::Sr => Window::Gaussian,
        }
    }

    /// What is compared of an image.
    pub(super) fn planes(&self, image: &RgbImage) -> Result<Planes> {
        let planes = planes(image)?;
        let planes = if self.channels == Channels::Y { planes.luma()? } else { planes };
        if self.border > 0 { planes.cropped(self.border) } else { Ok(planes) }
    }

    /// For the report.
    pub(super) fn details(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("protocol", json!(value_name(&self.name))),
            ("channels", json!(value_name(&self.channels))),
            ("border", json!(self.border)),
        ]
    }
}
