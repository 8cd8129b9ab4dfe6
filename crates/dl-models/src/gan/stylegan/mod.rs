//! StyleGAN2 (Karras et al. 2020, Analyzing and improving the image quality of StyleGAN) for small images: a mapping network
//! turns a random vector into a style, and each layer of the synthesis network is modulated by it.

mod discriminator;
mod generator;
mod layer;
mod mapping;
mod synthesis;

use anyhow::Result;
use dl_ops::{Padding, Resampling};
use serde::{Deserialize, Serialize};

use super::Canvas;
use super::dcgan::MOST_CHANNELS;
use crate::file::limits;

pub(super) use discriminator::StyleDiscriminator;
pub(super) use generator::StyleGan;
pub use generator::{Mixed, StyleDraws};
pub use mapping::AVERAGE_DECAY;

/// The filter of all blurs.
const TAPS: [f64; 4] = [1.0, 3.0, 3.0, 1.0];
/// Slope of the leaky ReLU for negative numbers.
const SLOPE: f32 = 0.2;
/// Factor on the outputs of a leaky ReLU, which keeps their variance.
const GAIN: f64 = std::f64::consts::SQRT_2;

/// The channels of the maps: min(base / side, max), for maps of `side` pixels along the longer side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StyleChannels {
    /// Channels of a map times its side.
    pub base: usize,
    /// Most channels.
    pub max: usize,
}

impl StyleChannels {
    /// Half of the channels of configuration F, as in the authors' automatic one for images of up to 256 pixels.
    pub const DEFAULT: Self = Self { base: 16384, max: 512 };

    /// The same with other numbers of channels.
    #[must_use]
    pub fn scaled(self, width: f64) -> Self {
        let scaled = |channels: usize| ((channels as f64 * width).round() as usize).max(1);
        Self { base: scaled(self.base), max: scaled(self.max) }
    }

    fn of(self, [height, width]: [usize; 2]) -> usize {
        (self.base / height.max(width)).min(self.max).max(1)
    }

    fn check(self) -> Result<()> {
        limits::count("channel_max", self.max, MOST_CHANNELS)?;
        limits::count("channel_base", self.base, MOST_CHANNELS << 6)
    }
}

/// The sizes of the maps, [height, width], from the smallest on, and the name of each: `b32` for 32 pixels along the longer
/// side.
fn maps(canvas: &Canvas) -> Result<Vec<([usize; 2], String)>> {
    let (least, doublings) = canvas.doublings()?;
    let map = |index: usize| least.map(|side| side << index);
    Ok((0..=doublings).map(|index| (map(index), format!("b{}", map(index)[0].max(map(index)[1])))).collect())
}

/// A blur that adds so many zeros on each side.
fn blur(padding: usize, gain: f64) -> Resampling {
    Resampling { padding: Padding::all(padding), gain, ..Resampling::blur(&TAPS) }
}
