//! SRResNet without batch norms (Ledig et al. 2017, section 2.1), with the names of BasicSR's `MSRResNet`: trained by
//! pixel losses, and the generator of its SRGAN.
//!
//! ```text
//! x -> 3x3, leaky ReLU -> residual blocks -> [3x3, pixel shuffle, leaky ReLU] ... -> 3x3, leaky ReLU -> 3x3 -> +
//!  \_______________________________________ bilinear enlargement ____________________________________________/
//! ```
//!
//! A residual block adds to its input: 3x3, ReLU, 3x3. Images are RGB, 0..1.

use anyhow::{Result, ensure};
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, Padding, ResizeMethod};
use serde::{Deserialize, Serialize};

use super::translator::Geometry;
use crate::file::limits;
use crate::{Backbone, Checkpoint, Conv2d, Fresh, Pass, Run, Value, plain};

/// The slope of every leaky ReLU.
const SLOPE: f32 = 0.1;
/// New weights are those of He et al. 2015 times this, so that the first images are the bilinear enlargement (BasicSR's
/// `default_init_weights`).
const FRESH: f64 = 0.1;

/// Options of the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SrResNetConfig {
    /// How many times as high and wide: 2, 3, 4 or 8.
    pub scale: usize,
    /// Residual blocks.
    pub blocks: usize,
    /// Channels of every map but the image.
    pub channels: usize,
}

impl Default for SrResNetConfig {
    fn default() -> Self {
        Self { scale: 4, blocks: 16, channels: 64 }
    }
}

impl SrResNetConfig {
    /// The options of the network whose tensors a file has; `None` if it has others.
    pub fn of_weights(file: &Checkpoint) -> Option<Self> {
        let channels = *file.shape("conv_first.weight")?.first()?;
        file.shape("conv_last.weight")?;
        file.shape("conv_hr.weight")?;
        let blocks = (0..).take_while(|block| file.contains(&format!("body.{block}.conv1.weight"))).count();
        let steps = (1..).take_while(|step| file.contains(&format!("upconv{step}.weight"))).count();
        let three = file.shape("upconv1.weight")?.first() == Some(&(9 * channels));
        let scale = match (three, steps) {
            (true, 1) => 3,
            (false, 1..=3) => 1 << steps,
            _ => return None,
        };
        Some(Self { scale, blocks, channels })
    }

    /// The factors of the enlargement, step by step.
    fn steps(&self) -> Vec<usize> {
        if self.scale == 3 { vec![3] } else { vec![2; self.scale.ilog2() as usize] }
    }

    fn check(&self) -> Result<()> {
        ensure!([2, 3, 4, 8].contains(&self.scale), "scale is {}; expected 2, 3, 4 or 8", self.scale);
        limits::count("blocks", self.blocks, limits::MOST_BLOCKS)?;
        limits::count("channels", self.channels, limits::MOST_CHANNELS)
    }
}

/// The network.
pub struct SrResNet {
    first: Conv2d,
    blocks: Vec<[Conv2d; 2]>,
    /// Each with its factor.
    ups: Vec<(usize, Conv2d)>,
    hr: Conv2d,
    last: Conv2d,
    scale: usize,
}

impl SrResNet {
    /// # Errors
    /// When an option is out of range, or a tensor is missing or has another shape.
    pub fn new(config: &SrResNetConfig, vb: &VarBuilder) -> Result<Self> {
        config.check()?;
        let channels = config.channels;
        let conv = |name: &str, channels: [usize; 2]| {
            let config = Conv2dConfig { padding: Padding::all(1), ..Default::default() };
            let stdev = FRESH * (2.0 / (9 * channels[0]) as f64).sqrt();
            Conv2d::new(channels, [3, 3], config, Fresh::normal(stdev), vb.pp(name)).map_err(plain)
        };
        let block = |index: usize| {
            let [first, second] = ["conv1", "conv2"].map(|part| conv(&format!("body.{index}.{part}"), [channels; 2]));
            Ok([first?, second?])
        };
        let up = |(index, factor): (usize, usize)| {
            let outputs = channels * factor * factor;
            Ok((factor, conv(&format!("upconv{}", index + 1), [channels, outputs])?))
        };
        Ok(Self {
            first: conv("conv_first", [3, channels])?,
            blocks: (0..config.blocks).map(block).collect::<Result<_>>()?,
            ups: config.steps().into_iter().enumerate().map(up).collect::<Result<_>>()?,
            hr: conv("conv_hr", [channels; 2])?,
            last: conv("conv_last", [channels, 3])?,
            scale: config.scale,
        })
    }

    /// How its output depends on its input.
    pub fn geometry(config: &SrResNetConfig) -> Geometry {
        // 3x3, two per block, and those around and after the enlargement, which reach less far.
        let reach = 1 + 2 * config.blocks + 4;
        Geometry { scale: config.scale, multiple: 1, least: 1, reach: Some(reach) }
    }
}

impl Backbone for SrResNet {
    fn layers(&self) -> Vec<String> {
        let blocks = (0..self.blocks.len()).map(|block| format!("body.{block}"));
        let ups = (1..=self.ups.len()).map(|up| format!("upconv{up}"));
        ["conv_first".to_owned()].into_iter().chain(blocks).chain(ups).chain(["output".to_owned()]).collect()
    }

    fn aliases(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn run(&self, image: &Value, pass: &mut Pass) -> Run {
        let x = pass.conv("", &self.first, image)?;
        let mut x = pass.leaky_relu("conv_first", SLOPE, &x)?;
        for (index, [first, second]) in self.blocks.iter().enumerate() {
            let y = pass.conv_relu(["", ""], first, &x)?;
            let y = pass.conv("", second, &y)?;
            x = pass.add(&format!("body.{index}"), &y, &x)?;
        }
        for (index, (factor, up)) in self.ups.iter().enumerate() {
            let y = pass.conv("", up, &x)?;
            let y = pass.pixel_shuffle("", *factor, &y)?;
            x = pass.leaky_relu(&format!("upconv{}", index + 1), SLOPE, &y)?;
        }
        let x = pass.conv("", &self.hr, &x)?;
        let x = pass.leaky_relu("", SLOPE, &x)?;
        let x = pass.conv("", &self.last, &x)?;
        let size = pass.size(image)?.map(|side| side * self.scale);
        let base = pass.resize("", size, ResizeMethod::Bilinear, image)?;
        pass.add("output", &x, &base)
    }
}
