//! The discriminator of pix2pix and CycleGAN (Isola et al. 2017, appendix 6.1.2), which judges overlapping patches, with
//! the names of junyanz/pytorch-CycleGAN-and-pix2pix. Three layers see patches of 70 x 70 pixels. Images are -1..1; the
//! result is a map of scores, not probabilities.
//!
//! ```text
//! C64, C128, C256, C512 with stride 1, 4x4 to one channel
//! ```
//!
//! Ck: 4x4 with stride 2, norm (not after the first), leaky ReLU 0.2.

use anyhow::{Result, ensure};
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, Padding};
use serde::{Deserialize, Serialize};

use super::norm::{MapNorm, NormKind};
use crate::file::limits;
use crate::{Backbone, Conv2d, Fresh, Pass, Run, Value, plain};

/// The slope of every leaky ReLU.
const SLOPE: f32 = 0.2;
/// The source draws new weights normally with this standard deviation.
const STDEV: f64 = 0.02;

/// Options of the discriminator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PatchGanConfig {
    /// Channels of the image, or of two images that are joined (pix2pix).
    pub inputs: usize,
    /// Channels of the first map.
    pub channels: usize,
    /// Convolutions with stride 2: 1 sees 16 x 16 pixels, 3 sees 70 x 70, 5 sees 286 x 286.
    pub layers: usize,
    /// The norm after each convolution but the first and the last.
    pub norm: NormKind,
}

impl Default for PatchGanConfig {
    fn default() -> Self {
        Self { inputs: 3, channels: 64, layers: 3, norm: NormKind::Instance }
    }
}

impl PatchGanConfig {
    /// Height and width of the patch that a score depends on, in pixels.
    pub fn patch(&self) -> usize {
        // From the last layer to the first: side = (side - 1) stride + 4.
        let strides = [1, 1].into_iter().chain(std::iter::repeat_n(2, self.layers));
        strides.fold(1, |side, stride| (side - 1) * stride + 4)
    }

    fn check(&self) -> Result<()> {
        ensure!((1..=8).contains(&self.inputs), "inputs is {}; expected 1 to 8 channels", self.inputs);
        ensure!((1..=8).contains(&self.layers), "layers is {}; expected 1 to 8", self.layers);
        limits::count("channels", self.channels, limits::MOST_CHANNELS)
    }
}

/// The discriminator.
pub struct PatchGan {
    first: Conv2d,
    layers: Vec<(Conv2d, MapNorm)>,
    last: Conv2d,
}

impl PatchGan {
    /// # Errors
    /// When an option is out of range, or a tensor is missing or has another shape.
    pub fn new(config: &PatchGanConfig, vb: &VarBuilder) -> Result<Self> {
        config.check()?;
        let fresh = Fresh::normal(STDEV);
        let geometry =
            |stride: usize| Conv2dConfig { stride: [stride; 2], padding: Padding::all(1), ..Default::default() };
        let biased = |index: usize, stride: usize, channels: [usize; 2]| {
            Conv2d::new(channels, [4, 4], geometry(stride), fresh, vb.pp(format!("model.{index}"))).map_err(plain)
        };
        // At most eight times the channels of the first map.
        let width = |layer: usize| config.channels * (1 << layer.min(3));
        let layer = |layer: usize| {
            let (index, stride) = (3 * layer - 1, if layer == config.layers { 1 } else { 2 });
            let channels = [width(layer - 1), width(layer)];
            let new = if config.norm.needs_bias() { Conv2d::new } else { Conv2d::without_bias };
            let conv =
                new(channels, [4, 4], geometry(stride), fresh, vb.pp(format!("model.{index}"))).map_err(plain)?;
            Ok((conv, config.norm.build(channels[1], vb.pp(format!("model.{}", index + 1)))?))
        };
        Ok(Self {
            first: biased(0, 2, [config.inputs, config.channels])?,
            layers: (1..=config.layers).map(layer).collect::<Result<_>>()?,
            last: biased(3 * config.layers + 2, 1, [width(config.layers), 1])?,
        })
    }

    /// The same, but its batch norms use the batch's statistics also if its weights are constants: while the generator is
    /// trained.
    #[must_use]
    pub fn of_batch(self) -> Self {
        let layers = self.layers.into_iter().map(|(conv, norm)| (conv, norm.of_batch())).collect();
        Self { layers, ..self }
    }
}

impl Backbone for PatchGan {
    fn layers(&self) -> Vec<String> {
        let layers =
            (0..=self.layers.len()).map(|layer| format!("model.{}", (3 * layer).max(1) + usize::from(layer > 0)));
        layers.chain(["scores".to_owned()]).collect()
    }

    fn aliases(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let x = pass.conv("", &self.first, x)?;
        let mut x = pass.leaky_relu("model.1", SLOPE, &x)?;
        for (index, (conv, norm)) in self.layers.iter().enumerate() {
            let y = pass.conv("", conv, &x)?;
            let y = norm.run("", &y, pass)?;
            x = pass.leaky_relu(&format!("model.{}", 3 * index + 4), SLOPE, &y)?;
        }
        pass.conv("scores", &self.last, &x)
    }
}
