//! The network that swaps are trained against: it tells real images from made ones, patch by patch, and names the classes
//! of an image, as the discriminator of StarGAN (Choi et al. 2018, section 3.1; Odena et al. 2017).
//!
//! ```text
//! 4x4 / 2, leaky ReLU, until the shorter side has 4 to 7 cells; 3x3, leaky ReLU
//! patches: 3x3 to one channel; classes: linear on the whole map
//! ```

use anyhow::{Result, ensure};
use candle_core::Tensor;
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, Padding, leaky_relu};

use crate::file::limits;
use crate::gan::Canvas;
use crate::{Conv2d, Fresh, Linear, plain};

/// Slope of the leaky ReLUs.
const SLOPE: f32 = 0.2;
/// The least side of the last map.
const LEAST: usize = 4;
/// Halvings after which maps have no more channels.
const WIDEST: usize = 2;

/// Options of the judge.
#[derive(Clone, Debug, PartialEq)]
pub struct SwapJudgeConfig {
    /// The images.
    pub image: Canvas,
    /// Channels of the first map.
    pub channels: usize,
    /// Number of classes of each kind: of styles, and of contents if they have labels.
    pub classes: Vec<usize>,
}

/// What the judge finds in images.
#[derive(Clone, Debug)]
pub struct Judged {
    /// How real each patch is: scores, not probabilities, [n patches].
    pub patches: Tensor,
    /// Class scores [n, classes] of each kind.
    pub classes: Vec<Tensor>,
}

/// The judge.
pub struct SwapJudge {
    convs: Vec<Conv2d>,
    patches: Conv2d,
    classes: Vec<Linear>,
}

impl SwapJudge {
    /// # Errors
    /// When the images are too small, there are too many channels, or a tensor is missing or has another shape.
    pub fn new(config: &SwapJudgeConfig, vb: &VarBuilder) -> Result<Self> {
        let SwapJudgeConfig { image, channels, classes } = config;
        limits::count("channels", *channels, limits::MOST_CHANNELS)?;
        let side = image.height.min(image.width);
        ensure!(side >= 2 * LEAST, "images of {} x {} pixels are too small to judge", image.width, image.height);
        let halvings = (side / LEAST).ilog2() as usize;
        let width = |map: usize| channels << map.min(WIDEST);
        let fresh = Fresh::kaiming_in();
        let conv = |name: &str, of: [usize; 2], kernel: usize| {
            let stride = [if kernel == 4 { 2 } else { 1 }; 2];
            let config = Conv2dConfig { stride, padding: Padding::all(1), ..Default::default() };
            Conv2d::new(of, [kernel; 2], config, fresh, vb.pp(name)).map_err(plain)
        };
        let mut convs = Vec::with_capacity(halvings + 1);
        for map in 0..halvings {
            let inputs = if map == 0 { image.channels } else { width(map - 1) };
            convs.push(conv(&format!("convs.{map}"), [inputs, width(map)], 4)?);
        }
        let last = width(halvings - 1);
        convs.push(conv(&format!("convs.{halvings}"), [last; 2], 3)?);
        let columns = last * (image.height >> halvings) * (image.width >> halvings);
        let linear = |(place, count): (usize, &usize)| {
            Linear::new(columns, *count, Fresh::torch(columns), vb.pp("classes").pp(place)).map_err(plain)
        };
        let classes = classes.iter().enumerate().map(linear).collect::<Result<_>>()?;
        Ok(Self { convs, patches: conv("patches", [last, 1], 3)?, classes })
    }

    /// Judges images [n, c, h, w], -1 to 1.
    /// # Errors
    /// When they have another shape.
    pub fn judge(&self, images: &Tensor) -> Result<Judged> {
        let judged = || -> candle_core::Result<Judged> {
            let mut x = images.clone();
            for conv in &self.convs {
                x = leaky_relu(&conv.forward(&x)?, SLOPE)?;
            }
            let rows = x.flatten_from(1)?;
            let classes =
                self.classes.iter().map(|linear| linear.forward(&rows)).collect::<candle_core::Result<_>>()?;
            Ok(Judged { patches: self.patches.forward(&x)?.flatten_all()?, classes })
        };
        judged().map_err(plain)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::Parameters;

    #[test]
    fn every_size_is_judged_as_a_whole_and_by_patches() {
        for (height, width, patches) in [(16, 16, 16), (48, 64, 6 * 8), (20, 32, 5 * 8), (64, 64, 16)] {
            let image = Canvas { channels: 3, height, width };
            let config = SwapJudgeConfig { image, channels: 2, classes: vec![5, 12] };
            let judge = SwapJudge::new(&config, &Parameters::fresh(0).builder(&Device::Cpu)).unwrap();
            let images = Tensor::zeros((2, 3, height, width), DType::F32, &Device::Cpu).unwrap();
            let judged = judge.judge(&images).unwrap();
            let classes: Vec<_> = judged.classes.iter().map(|scores| scores.dims().to_vec()).collect();
            assert_eq!((judged.patches.dims(), classes), (&[2 * patches][..], vec![vec![2, 5], vec![2, 12]]));
        }
    }
}
