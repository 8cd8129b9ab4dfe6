//! The generator of pix2pix (Isola et al. 2017, appendix 6.1.1): an encoder and a decoder with connections between maps of
//! the same size (Ronneberger et al. 2015), with the nested names of junyanz/pytorch-CycleGAN-and-pix2pix. Images are
//! -1..1.
//!
//! ```text
//! C64 - C128 - C256 - C512 - C512 ... - C512        4x4 with stride 2, norm (not after the first and the last)
//!  |     |      |      |      |            |
//! CD3 - CD64 - CD128 - CD256 - CD512 ... - CD512    ReLU, transposed 4x4 with stride 2, norm, of both maps
//! ```
//!
//! Before each convolution but the first: leaky ReLU 0.2 going down, ReLU going up; at the end tanh. Each step down
//! halves the map, so that height and width are multiples of 2 to the number of steps.

use anyhow::{Result, ensure};
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, ConvTranspose2dConfig, Padding};
use serde::{Deserialize, Serialize};

use super::norm::{MapNorm, NormKind};
use super::translator::Geometry;
use crate::file::limits;
use crate::{Backbone, Checkpoint, Conv2d, ConvTranspose2d, Fresh, Pass, Run, Value, plain};

/// The slope of the leaky ReLUs.
const SLOPE: f32 = 0.2;
/// The source draws new weights normally with this standard deviation.
const STDEV: f64 = 0.02;

/// Options of the generator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UnetConfig {
    /// Steps down: 8 for images of 256 pixels, 7 for 128, at least 5 as in the source.
    pub steps: usize,
    /// Channels of the first map.
    pub channels: usize,
    /// Channels of the input image.
    pub inputs: usize,
    /// Channels of the output image.
    pub outputs: usize,
    /// The norm after the convolutions.
    pub norm: NormKind,
    /// Dropout of a half after the innermost steps up but the first. It is the noise of pix2pix, here in training only.
    pub dropout: bool,
}

impl Default for UnetConfig {
    fn default() -> Self {
        Self { steps: 8, channels: 64, inputs: 3, outputs: 3, norm: NormKind::Batch, dropout: true }
    }
}

impl UnetConfig {
    /// The options of the generator whose tensors a file has; `None` if it has others. Whether it has dropout cannot be
    /// seen, and does not matter in inference.
    pub fn of_weights(file: &Checkpoint) -> Option<Self> {
        let &[channels, inputs, 4, 4] = file.shape("model.model.0.weight")? else { return None };
        let &[_, outputs, 4, 4] = file.shape("model.model.3.weight")? else { return None };
        let steps = 1 + (1..).take_while(|step| file.contains(&format!("{}.1.weight", prefix(*step)))).count();
        let batch = file.contains(&format!("{}.2.running_mean", prefix(1)));
        let norm = if batch { NormKind::Batch } else { NormKind::Instance };
        Some(Self { steps, channels, inputs, outputs, norm, dropout: false })
    }

    fn check(&self) -> Result<()> {
        ensure!((5..=10).contains(&self.steps), "steps is {}; expected 5 to 10", self.steps);
        limits::count("channels", self.channels, limits::MOST_CHANNELS)?;
        for (name, count) in [("inputs", self.inputs), ("outputs", self.outputs)] {
            ensure!((1..=4).contains(&count), "{name} is {count}; expected 1 to 4 channels of an image");
        }
        Ok(())
    }
}

/// The module of a step: each is inside the one before it.
fn prefix(step: usize) -> String {
    match step {
        0 => "model.model".to_owned(),
        1 => "model.model.1.model".to_owned(),
        _ => format!("{}.3.model", prefix(step - 1)),
    }
}

/// The generator.
pub struct Unet {
    /// From the outermost to the innermost.
    steps: Vec<Step>,
}

struct Step {
    down: Conv2d,
    down_norm: Option<MapNorm>,
    up: ConvTranspose2d,
    up_norm: Option<MapNorm>,
    dropout: bool,
}

impl Unet {
    /// # Errors
    /// When an option is out of range, or a tensor is missing or has another shape.
    pub fn new(config: &UnetConfig, vb: &VarBuilder) -> Result<Self> {
        config.check()?;
        let last = config.steps - 1;
        // Of the map after a step down, at most eight times those of the first.
        let width = |step: usize| config.channels * (1 << step.min(3));
        let step = |step: usize| {
            // The places of the layers in the module of the step.
            let [down, down_norm, up, up_norm] = match step {
                0 => [0, 0, 3, 0],
                _ if step == last => [1, 0, 3, 4],
                _ => [1, 2, 5, 6],
            };
            let at = |layer: usize| vb.pp(format!("{}.{layer}", prefix(step)));
            let outer = [if step == 0 { config.inputs } else { width(step - 1) }, width(step)];
            let half = Conv2dConfig { stride: [2, 2], padding: Padding::all(1), ..Default::default() };
            let twice = ConvTranspose2dConfig { stride: [2, 2], padding: [1, 1], ..Default::default() };
            let fresh = Fresh::normal(STDEV);
            let new = if config.norm.needs_bias() { Conv2d::new } else { Conv2d::without_bias };
            let new_up = if config.norm.needs_bias() || step == 0 {
                ConvTranspose2d::new
            } else {
                ConvTranspose2d::without_bias
            };
            // The innermost step gets only its own map.
            let into = if step == last { width(step) } else { 2 * width(step) };
            let back = [into, if step == 0 { config.outputs } else { width(step - 1) }];
            let norm =
                |layer: usize, channels: usize| (layer > 0).then(|| config.norm.build(channels, at(layer))).transpose();
            Ok(Step {
                down: new(outer, [4, 4], half, fresh, at(down)).map_err(plain)?,
                down_norm: norm(down_norm, outer[1])?,
                up: new_up(back, [4, 4], twice, fresh, at(up)).map_err(plain)?,
                up_norm: norm(up_norm, back[1])?,
                dropout: config.dropout && (4..last).contains(&step),
            })
        };
        Ok(Self { steps: (0..config.steps).map(step).collect::<Result<_>>()? })
    }

    /// How its output depends on its input.
    pub fn geometry(config: &UnetConfig) -> Geometry {
        // The innermost map has at least two pixels after the first step up, where an instance norm needs them.
        Geometry { scale: 1, multiple: 1 << config.steps, least: 1 << config.steps, reach: None }
    }

    /// The part from step `index` inwards, on the map after the step before.
    fn from(&self, index: usize, x: &Value, pass: &mut Pass) -> Run {
        let step = &self.steps[index];
        let mut y = if index == 0 { x.clone() } else { pass.leaky_relu("", SLOPE, x)? };
        y = pass.conv("", &step.down, &y)?;
        if let Some(norm) = &step.down_norm {
            y = norm.run("", &y, pass)?;
        }
        y = match index + 1 < self.steps.len() {
            true => {
                let inner = self.from(index + 1, &y, pass)?;
                pass.concat("", &[&y, &inner])?
            }
            false => y,
        };
        y = pass.relu("", &y)?;
        y = pass.conv_transpose("", &step.up, &y)?;
        if let Some(norm) = &step.up_norm {
            y = norm.run("", &y, pass)?;
        }
        if step.dropout {
            y = pass.dropout("", 0.5, &y)?;
        }
        if index == 0 { pass.tanh("output", &y) } else { pass.see(&prefix(index), y) }
    }
}

impl Backbone for Unet {
    fn layers(&self) -> Vec<String> {
        (1..self.steps.len()).rev().map(prefix).chain(["output".to_owned()]).collect()
    }

    fn aliases(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        self.from(0, x, pass)
    }
}
