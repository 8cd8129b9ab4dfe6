//! VGG (Simonyan and Zisserman 2015), in torchvision's layout.
//!
//! Five blocks of convolutions, each with ReLU, and a max pool at the end of each block. The kernels of each block
//! (table 1 of the paper):
//!
//! | column | name | 64 | 128 | 256 | 512 | 512 channels |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | A | vgg11 | 3 | 3 | 3 3 | 3 3 | 3 3 |
//! | A-LRN | vgg11_lrn | 3, local response norm | 3 | 3 3 | 3 3 | 3 3 |
//! | B | vgg13 | 3 3 | 3 3 | 3 3 | 3 3 | 3 3 |
//! | C | vgg16_c | 3 3 | 3 3 | 3 3 1 | 3 3 1 | 3 3 1 |
//! | D | vgg16 | 3 3 | 3 3 | 3 3 3 | 3 3 3 | 3 3 3 |
//! | E | vgg19 | 3 3 | 3 3 | 3 3 3 3 | 3 3 3 3 | 3 3 3 3 |
//!
//! Names that end in `_bn` have a batch norm after every convolution, as in torchvision. A-LRN and C, which torchvision
//! lacks, are numbered in its style. `options.width` scales the number of channels, for smaller networks.
//!
//! | output | module of vgg16 | shape for 224 pixels |
//! | --- | --- | --- |
//! | conv1_1 .. conv5_3 (after ReLU) | features.1, .3, .6, .. .29 | |
//! | pool1 .. pool5 | features.4, .9, .16, .23, .30 | pool5: 512 x 7 x 7 |
//! | fc6, fc7 (after ReLU) | classifier.1, .4 | 4096 |
//! | fc8 | classifier.6 | classes |

use candle_core::Result;
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, Neighbors, Padding, PoolConfig};
use serde::{Deserialize, Serialize};

use super::width::scaled;

use crate::network::layers::Fresh;
use crate::{Backbone, BatchNorm2d, Conv2d, LOGITS, Linear, LocalResponseNorm, Pass, Run, Value};

/// Column of table 1 of the paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VggColumn {
    /// 11 layers with weights.
    A,
    /// A with local response normalization.
    ALrn,
    /// 13 layers.
    B,
    /// 16 layers, three of them 1 x 1 convolutions.
    C,
    /// 16 layers.
    D,
    /// 19 layers.
    E,
}

impl VggColumn {
    /// The kernels of each block's convolutions.
    fn kernels(self) -> [&'static [usize]; 5] {
        match self {
            Self::A | Self::ALrn => [&[3], &[3], &[3, 3], &[3, 3], &[3, 3]],
            Self::B => [&[3, 3]; 5],
            Self::C => [&[3, 3], &[3, 3], &[3, 3, 1], &[3, 3, 1], &[3, 3, 1]],
            Self::D => [&[3, 3], &[3, 3], &[3, 3, 3], &[3, 3, 3], &[3, 3, 3]],
            Self::E => [&[3, 3], &[3, 3], &[3, 3, 3, 3], &[3, 3, 3, 3], &[3, 3, 3, 3]],
        }
    }
}

/// Channels of each block.
const CHANNELS: [usize; 5] = [64, 128, 256, 512, 512];
const POOL: PoolConfig = PoolConfig::square(2, 2);
const EPS: f64 = 1e-5;
/// Krizhevsky et al. 2012; torch's alpha applies to the mean, the paper's to the sum.
const LRN: LocalResponseNorm =
    LocalResponseNorm { neighbors: Neighbors::Channels, size: 5, alpha: 5e-4, beta: 0.75, k: 2.0 };

/// Options of the architecture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VggOptions {
    /// Factor on the number of channels, except for the input and the classes; including the 4096 of fc6 and fc7.
    pub width: f64,
}

impl Default for VggOptions {
    fn default() -> Self {
        Self { width: 1.0 }
    }
}

/// VGG. Inputs of at least 32 x 32 pixels.
pub struct Vgg {
    /// Each with its index in `features`.
    steps: Vec<(usize, VggLayer)>,
    fc6: Linear,
    fc7: Linear,
    fc8: Linear,
    aliases: Vec<(String, String)>,
}

enum VggLayer {
    /// A convolution, optionally followed by a batch norm, and ReLU, at consecutive indices.
    Conv(Conv2d, Option<BatchNorm2d>),
    LocalResponseNorm,
    Pool,
}

impl Vgg {
    /// Builds the network from torchvision's tensors, `features.0.weight` to `classifier.6.bias`. `norms`: whether it
    /// has batch norms.
    /// # Errors
    /// When one is missing or has a different shape.
    pub fn new(
        column: VggColumn,
        norms: bool,
        options: &VggOptions,
        num_classes: usize,
        vb: VarBuilder,
    ) -> Result<Self> {
        let scaled = |channels| scaled(channels, options.width);
        let (mut place, mut inputs) = (0, 3);
        let (mut steps, mut aliases) = (Vec::new(), Vec::new());
        for (block, (kernels, outputs)) in column.kernels().into_iter().zip(CHANNELS.map(scaled)).enumerate() {
            for (index, kernel) in kernels.iter().enumerate() {
                let vb = vb.pp("features");
                let config = Conv2dConfig { padding: Padding::all(kernel / 2), ..Conv2dConfig::default() };
                let conv = Conv2d::new([inputs, outputs], [*kernel; 2], config, Fresh::kaiming_out(), vb.pp(place))?;
                let norm = norms.then(|| BatchNorm2d::new(outputs, EPS, vb.pp(place + 1))).transpose()?;
                steps.push((place, VggLayer::Conv(conv, norm)));
                place += if norms { 3 } else { 2 };
                aliases.push((format!("conv{}_{}", block + 1, index + 1), path(place - 1)));
                inputs = outputs;
                if column == VggColumn::ALrn && place == 2 {
                    steps.push((place, VggLayer::LocalResponseNorm));
                    place += 1;
                }
            }
            steps.push((place, VggLayer::Pool));
            aliases.push((format!("pool{}", block + 1), path(place)));
            place += 1;
        }
        let names = [("fc6", "classifier.1"), ("fc7", "classifier.4"), ("fc8", "classifier.6")];
        aliases.extend(names.map(|(alias, path)| (alias.to_owned(), path.to_owned())));
        let hidden = scaled(4096);
        let linear = |index: usize, inputs: usize, outputs: usize| {
            Linear::new(inputs, outputs, Fresh::normal(0.01), vb.pp(format!("classifier.{index}")))
        };
        let (fc6, fc7) = (linear(0, inputs * 7 * 7, hidden)?, linear(3, hidden, hidden)?);
        Ok(Self { steps, fc6, fc7, fc8: linear(6, hidden, num_classes)?, aliases })
    }
}

fn path(place: usize) -> String {
    format!("features.{place}")
}

impl Backbone for Vgg {
    fn layers(&self) -> Vec<String> {
        let places = self.steps.last().map_or(0, |(place, _)| place + 1);
        let classifier = (0..=6).map(|index| format!("classifier.{index}"));
        (0..places).map(path).chain(["avgpool".into()]).chain(classifier).chain([LOGITS.into()]).collect()
    }

    fn aliases(&self) -> Vec<(String, String)> {
        self.aliases.clone()
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let mut x = x.clone();
        for (place, step) in &self.steps {
            let [name, next, last] = [0, 1, 2].map(|after| path(place + after));
            x = match step {
                VggLayer::Conv(conv, None) => pass.conv_relu([&name, &next], conv, &x)?,
                VggLayer::Conv(conv, Some(norm)) => {
                    let x = pass.conv(&name, conv, &x)?;
                    pass.batch_norm_relu([&next, &last], norm, &x)?
                }
                VggLayer::LocalResponseNorm => pass.local_response_norm(&name, &LRN, &x)?,
                VggLayer::Pool => pass.max_pool(&name, &POOL, &x)?,
            };
        }
        let x = pass.adaptive_avg_pool("avgpool", [7, 7], &x)?;
        let x = pass.flatten("", &x)?;
        let x = pass.linear("classifier.0", &self.fc6, &x)?;
        let x = pass.relu("classifier.1", &x)?;
        let x = pass.dropout("classifier.2", 0.5, &x)?;
        let x = pass.linear("classifier.3", &self.fc7, &x)?;
        let x = pass.relu("classifier.4", &x)?;
        let x = pass.dropout("classifier.5", 0.5, &x)?;
        let x = pass.linear("classifier.6", &self.fc8, &x)?;
        pass.see(LOGITS, x)
    }
}
