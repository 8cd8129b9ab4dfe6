//! A generator of nearest upsampling and convolutions, which makes no checkerboards (Odena et al. 2016), with the layers and
//! names of PyTorch-GAN's `dcgan.py`.

use anyhow::{Result, ensure};
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, Padding, ResizeMethod};
use serde::{Deserialize, Serialize};

use super::dcgan::{MOST_CHANNELS, STDEV, norm};
use super::{GeneratorConfig, IMAGE};
use crate::file::limits;
use crate::network::pass::{Pass, Run, Value};
use crate::{Backbone, BatchNorm2d, Conv2d, Fresh, Linear, plain};

/// Options of the generator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct UpsampleOptions {
    /// Channels of the first two maps; the last hidden one has half of them.
    pub channels: usize,
    /// Added to the variance, in the norms after convolutions.
    pub eps: f64,
    /// Slope of the leaky ReLU for negative numbers; 0: ReLU.
    pub slope: f64,
}

impl Default for UpsampleOptions {
    fn default() -> Self {
        Self { channels: 128, eps: 1e-5, slope: 0.2 }
    }
}

/// The generator: z -> a map of a quarter of the size -> twice: nearest upsampling, 3 x 3 convolution, batch norm, leaky ReLU
/// -> 3 x 3 convolution, tanh.
pub(super) struct Upsample {
    first: Linear,
    /// [height, width] of the first map.
    map: [usize; 2],
    norm: BatchNorm2d,
    stages: [(Conv2d, BatchNorm2d); 2],
    last: Conv2d,
    slope: f32,
    channels: usize,
}

impl Upsample {
    pub(super) fn new(config: &GeneratorConfig, vb: &VarBuilder) -> Result<Self> {
        let options: UpsampleOptions = config.options()?;
        limits::count("channels", options.channels, MOST_CHANNELS)?;
        limits::epsilon("eps", options.eps)?;
        let image = &config.image;
        ensure!(
            image.height.is_multiple_of(4) && image.width.is_multiple_of(4),
            "images of {} x {} pixels do not come from a map by doubling twice; {} x {} do",
            image.width,
            image.height,
            image.width.next_multiple_of(4),
            image.height.next_multiple_of(4)
        );
        let map = [image.height / 4, image.width / 4];
        let channels = options.channels;
        let half = (channels / 2).max(1);
        let blocks = vb.pp("conv_blocks");
        let same = Conv2dConfig { padding: Padding::all(1), ..Default::default() };
        let conv = |channels, place: usize| Conv2d::new(channels, [3; 2], same, Fresh::normal(STDEV), blocks.pp(place));
        let build = || -> candle_core::Result<Self> {
            let inputs = config.inputs();
            let columns = channels * map[0] * map[1];
            Ok(Self {
                first: Linear::new(inputs, columns, Fresh::torch(inputs), vb.pp("l1.0"))?,
                map,
                norm: norm(channels, 1e-5, &blocks.pp(0))?,
                stages: [
                    (conv([channels, channels], 2)?, norm(channels, options.eps, &blocks.pp(3))?),
                    (conv([channels, half], 6)?, norm(half, options.eps, &blocks.pp(7))?),
                ],
                last: conv([half, image.channels], 9)?,
                slope: options.slope as f32,
                channels,
            })
        };
        build().map_err(plain)
    }
}

impl Backbone for Upsample {
    fn layers(&self) -> Vec<String> {
        vec![IMAGE.to_owned()]
    }

    fn aliases(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let x = pass.flatten("", x)?;
        let x = pass.linear("", &self.first, &x)?;
        let [height, width] = self.map;
        let x = pass.unflatten("", [self.channels, height, width], &x)?;
        let mut x = pass.batch_norm("", &self.norm, &x)?;
        for (conv, norm) in &self.stages {
            let size = pass.size(&x)?.map(|side| 2 * side);
            x = pass.resize("", size, ResizeMethod::Nearest, &x)?;
            x = pass.conv("", conv, &x)?;
            x = pass.batch_norm_leaky_relu("", Some(norm), self.slope, &x)?;
        }
        let x = pass.conv("", &self.last, &x)?;
        pass.tanh(IMAGE, &x)
    }
}
