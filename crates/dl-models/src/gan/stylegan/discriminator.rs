//! The residual discriminator (Karras et al. 2020, section 4.1).

use anyhow::Result;
use candle_core::Tensor;
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, Padding, Resampling};

use super::{GAIN, SLOPE, StyleChannels, TAPS, blur, maps};
use crate::gan::Canvas;
use crate::network::pass::{Halt, Pass, Run, Value};
use crate::{EqualizedConv2d, EqualizedLinear, plain};

/// Samples of a group of the minibatch standard deviation.
const GROUP: usize = 4;
/// Keeps the variance of the sum of two branches.
const HALF: f64 = std::f64::consts::FRAC_1_SQRT_2;

/// Halves the map.
struct Block {
    first: EqualizedConv2d,
    second: EqualizedConv2d,
    skip: EqualizedConv2d,
}

/// The hidden layers and the last one.
pub(crate) struct StyleDiscriminator {
    image: EqualizedConv2d,
    blocks: Vec<Block>,
    conv: EqualizedConv2d,
    linear: EqualizedLinear,
    last: EqualizedLinear,
}

impl StyleDiscriminator {
    /// `b32.fromrgb`, `b32.conv0`, `b32.conv1`, `b32.skip`, `b16.conv0` and so on, `b4.conv`, `b4.fc` and `b4.out` under the
    /// builder's prefix, for images of `inputs` channels.
    pub(crate) fn new(canvas: &Canvas, inputs: usize, channels: StyleChannels, vb: &VarBuilder) -> Result<Self> {
        channels.check()?;
        let maps = maps(canvas)?;
        let build = || -> candle_core::Result<Self> {
            let same = Conv2dConfig { padding: Padding::all(1), ..Default::default() };
            let half = Conv2dConfig { stride: [2; 2], ..Default::default() };
            let point = Conv2dConfig::default();
            let (mut image, mut blocks) = (None, Vec::new());
            for pair in maps.windows(2).rev() {
                let [(small, _), (size, name)] = pair else { continue };
                let (own, outputs, vb) = (channels.of(*size), channels.of(*small), vb.pp(name));
                if image.is_none() {
                    image = Some(EqualizedConv2d::new([inputs, own], [1; 2], point, vb.pp("fromrgb"))?);
                }
                blocks.push(Block {
                    first: EqualizedConv2d::new([own, own], [3; 2], same, vb.pp("conv0"))?,
                    second: EqualizedConv2d::new([own, outputs], [3; 2], half, vb.pp("conv1"))?,
                    skip: EqualizedConv2d::without_bias([own, outputs], [1; 2], point, vb.pp("skip"))?,
                });
            }
            let (Some(image), Some((size, name))) = (image, maps.first()) else {
                candle_core::bail!("the images are too small to be halved")
            };
            let (own, vb) = (channels.of(*size), vb.pp(name));
            Ok(Self {
                image,
                blocks,
                // The standard deviation is one more channel.
                conv: EqualizedConv2d::new([own + 1, own], [3; 2], same, vb.pp("conv"))?,
                linear: EqualizedLinear::new([own * size[0] * size[1], own], (1.0, 0.0), vb.pp("fc"))?,
                last: EqualizedLinear::new([own, 1], (1.0, 0.0), vb.pp("out"))?,
            })
        };
        build().map_err(plain)
    }

    /// The names of its blocks from the image on, with which those of their weights begin.
    pub(crate) fn layers(canvas: &Canvas) -> Vec<String> {
        maps(canvas).map_or_else(|_| Vec::new(), |maps| maps.into_iter().skip(1).rev().map(|(_, name)| name).collect())
    }

    /// Numbers of the last hidden layer.
    pub(crate) fn columns(canvas: &Canvas, channels: StyleChannels) -> Result<usize> {
        Ok(maps(canvas)?.first().map_or(0, |(size, _)| channels.of(*size)))
    }

    /// The last hidden layer [n, columns] of images.
    pub(crate) fn features(&self, x: &Value, pass: &mut Pass) -> Run {
        let mut x = pass.conv("", &self.image.layer(GAIN)?, x)?;
        x = pass.leaky_relu("", SLOPE, &x)?;
        for block in &self.blocks {
            let skip = pass.resample("", &Resampling::down(&TAPS, 2), &x)?;
            let skip = pass.conv("", &block.skip.layer(HALF)?, &skip)?;
            x = pass.conv("", &block.first.layer(GAIN)?, &x)?;
            x = pass.leaky_relu("", SLOPE, &x)?;
            x = pass.resample("", &blur(2, 1.0), &x)?;
            x = pass.conv("", &block.second.layer(GAIN * HALF)?, &x)?;
            x = pass.leaky_relu("", SLOPE, &x)?;
            x = pass.add("", &skip, &x)?;
        }
        x = pass.minibatch_stddev("", (group(&x)?, 1), &x)?;
        x = pass.conv("", &self.conv.layer(GAIN)?, &x)?;
        x = pass.leaky_relu("", SLOPE, &x)?;
        x = pass.flatten("", &x)?;
        x = pass.linear("", &self.linear.layer(GAIN)?, &x)?;
        pass.leaky_relu("", SLOPE, &x)
    }

    /// The logits [n, 1] of the last hidden layer.
    pub(crate) fn logits(&self, features: &Value, pass: &mut Pass) -> Run {
        pass.linear("", &self.last.layer(1.0)?, features)
    }
}

/// The largest group that divides the batch.
fn group(x: &Value) -> Result<usize, Halt> {
    let count = crate::network::pass::number(x).map(Tensor::dims)?.first().copied().unwrap_or(1);
    Ok((1..=GROUP).rev().find(|group| count.is_multiple_of(*group)).unwrap_or(1))
}
