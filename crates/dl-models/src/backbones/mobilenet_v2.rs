//! MobileNet V2 (Sandler et al. 2018), in torchvision's layout.
//!
//! A block expands its input by a 1 x 1 convolution, filters each channel separately, and narrows it again without ReLU
//! (figure 3b and table 1 of the paper). Table 2, the sequence of blocks:
//!
//! | expansion | channels | blocks | stride of the first | modules | pixels of 224 |
//! | --- | --- | --- | --- | --- | --- |
//! | convolution 3 x 3 | 32 | | 2 | features.0 | 112 |
//! | 1 | 16 | 1 | 1 | features.1 | 112 |
//! | 6 | 24 | 2 | 2 | features.2, .3 | 56 |
//! | 6 | 32 | 3 | 2 | features.4 .. 6 | 28 |
//! | 6 | 64 | 4 | 2 | features.7 .. 10 | 14 |
//! | 6 | 96 | 3 | 1 | features.11 .. 13 | 14 |
//! | 6 | 160 | 3 | 2 | features.14 .. 16 | 7 |
//! | 6 | 320 | 1 | 1 | features.17 | 7 |
//! | convolution 1 x 1 | 1280 | | 1 | features.18 | 7 |
//! | mean over the pixels, classes | | | | classifier.1 | |

use candle_core::Result;
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, Padding};
use serde::{Deserialize, Serialize};

use super::aliases;
use super::width::divisible;
use crate::network::layers::Fresh;
use crate::{Backbone, BatchNorm2d, Conv2d, LOGITS, Linear, Pass, Run, Value};

/// Options of the architecture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MobileNetV2Options {
    /// torchvision's `width_mult`: factor on the number of channels, rounded to multiples of 8; above 1 also on the
    /// last.
    #[serde(alias = "width_mult")]
    pub width: f64,
    /// Dropout probability of the last features in training.
    pub dropout: f64,
}

impl Default for MobileNetV2Options {
    fn default() -> Self {
        Self { width: 1.0, dropout: 0.2 }
    }
}

/// MobileNet V2. Inputs of any size.
pub struct MobileNetV2 {
    features: MobileNetV2Features,
    classifier: Linear,
    dropout: f64,
}

/// MobileNet V2 without its classifier.
pub(crate) struct MobileNetV2Features {
    first: ConvNorm,
    /// `features.1` and so on.
    blocks: Vec<(String, Block)>,
    last: ConvNorm,
    /// Of the last output.
    channels: usize,
}

/// Table 2 of the paper: expansion, channels, number of blocks, stride of the first.
const TABLE: [[usize; 4]; 7] =
    [[1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 3, 2], [6, 64, 4, 2], [6, 96, 3, 1], [6, 160, 3, 2], [6, 320, 1, 1]];
const LAST: &str = "features.18";
const EPS: f64 = 1e-5;

impl MobileNetV2 {
    /// Builds the network from torchvision's tensors, `features.0.0.weight` to `classifier.1.bias`.
    /// # Errors
    /// When one is missing or has a different shape.
    pub fn new(options: &MobileNetV2Options, num_classes: usize, vb: VarBuilder) -> Result<Self> {
        let features = MobileNetV2Features::new(options.width, &vb)?;
        let classifier = Linear::new(features.channels, num_classes, Fresh::normal(0.01), vb.pp("classifier.1"))?;
        Ok(Self { features, classifier, dropout: options.dropout })
    }
}

impl MobileNetV2Features {
    /// The expanded map of `features.14`, the last one of stride 16.
    pub(crate) const EXPANDED: &str = "features.14.conv.0";

    pub(crate) fn new(width: f64, vb: &VarBuilder) -> Result<Self> {
        let mut channels = divisible(32, width);
        let first = ConvNorm::new([3, channels], 3, 2, 1, vb.pp("features.0"))?;
        let mut blocks = Vec::new();
        for [widening, outputs, count, stride] in TABLE {
            let outputs = divisible(outputs, width);
            for index in 0..count {
                let name = format!("features.{}", blocks.len() + 1);
                let stride = if index == 0 { stride } else { 1 };
                let block = Block::new([channels, outputs], widening, stride, vb.pp(&name))?;
                channels = outputs;
                blocks.push((name, block));
            }
        }
        let outputs = divisible(1280, width.max(1.0));
        let last = ConvNorm::new([channels, outputs], 1, 1, 1, vb.pp(LAST))?;
        Ok(Self { first, blocks, last, channels: outputs })
    }

    /// The channels of [`EXPANDED`](Self::EXPANDED) and of the last output.
    pub(crate) fn channels(&self, width: f64) -> [usize; 2] {
        [6 * divisible(96, width), self.channels]
    }

    pub(crate) fn layers(&self) -> Vec<String> {
        let mut layers = ConvNorm::layers("features.0").to_vec();
        for (name, block) in &self.blocks {
            layers.extend(block.layers(name));
        }
        layers.extend(ConvNorm::layers(LAST));
        layers
    }

    pub(crate) fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let mut x = self.first.run("features.0", x, pass)?;
        for (name, block) in &self.blocks {
            x = block.run(name, &x, pass)?;
        }
        self.last.run(LAST, &x, pass)
    }
}

impl Backbone for MobileNetV2 {
    fn layers(&self) -> Vec<String> {
        let classifier = ["classifier.0", "classifier.1", LOGITS].map(String::from);
        self.features.layers().into_iter().chain(classifier).collect()
    }

    fn aliases(&self) -> Vec<(String, String)> {
        aliases([("conv1", "features.0"), ("conv_last", LAST)])
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let x = self.features.run(x, pass)?;
        let x = pass.adaptive_avg_pool("", [1, 1], &x)?;
        let x = pass.flatten("", &x)?;
        let x = pass.dropout("classifier.0", self.dropout, &x)?;
        let x = pass.linear("classifier.1", &self.classifier, &x)?;
        pass.see(LOGITS, x)
    }
}

/// A convolution without bias, padded to preserve the size, and a batch norm; [`run`](Self::run) adds ReLU6.
struct ConvNorm {
    conv: Conv2d,
    norm: BatchNorm2d,
}

impl ConvNorm {
    /// Built from `0` and `1` under the builder's prefix.
    fn new(channels: [usize; 2], kernel: usize, stride: usize, groups: usize, vb: VarBuilder) -> Result<Self> {
        let padding = Padding::all(kernel / 2);
        let config = Conv2dConfig { stride: [stride; 2], padding, groups, ..Conv2dConfig::default() };
        Ok(Self {
            conv: Conv2d::without_bias(channels, [kernel; 2], config, Fresh::kaiming_out(), vb.pp(0))?,
            norm: BatchNorm2d::new(channels[1], EPS, vb.pp(1))?,
        })
    }

    /// Its outputs, in the order of computation; torchvision's `2` is the output of the module.
    fn layers(name: &str) -> [String; 3] {
        [format!("{name}.0"), format!("{name}.1"), name.to_owned()]
    }

    fn run(&self, name: &str, x: &Value, pass: &mut Pass) -> Run {
        let x = pass.conv(&format!("{name}.0"), &self.conv, x)?;
        let x = pass.batch_norm(&format!("{name}.1"), &self.norm, &x)?;
        pass.relu6(name, &x)
    }
}

/// An inverted residual block.
struct Block {
    /// 1 x 1, if the input is expanded, and 3 x 3 of each channel separately.
    convs: Vec<ConvNorm>,
    /// 1 x 1, without ReLU.
    narrow: Conv2d,
    norm: BatchNorm2d,
    /// Whether the input is added.
    residual: bool,
}

impl Block {
    fn new([inputs, outputs]: [usize; 2], widening: usize, stride: usize, vb: VarBuilder) -> Result<Self> {
        let vb = vb.pp("conv");
        let wide = inputs * widening;
        let mut convs = Vec::new();
        if widening > 1 {
            convs.push(ConvNorm::new([inputs, wide], 1, 1, 1, vb.pp(0))?);
        }
        convs.push(ConvNorm::new([wide, wide], 3, stride, wide, vb.pp(convs.len()))?);
        let (place, fresh) = (convs.len(), Fresh::kaiming_out());
        Ok(Self {
            convs,
            narrow: Conv2d::without_bias([wide, outputs], [1, 1], Conv2dConfig::default(), fresh, vb.pp(place))?,
            norm: BatchNorm2d::new(outputs, EPS, vb.pp(place + 1))?,
            residual: stride == 1 && inputs == outputs,
        })
    }

    /// Its outputs, in the order of computation.
    fn layers(&self, name: &str) -> Vec<String> {
        let place = self.convs.len();
        let convs = (0..place).flat_map(|index| ConvNorm::layers(&format!("{name}.conv.{index}")));
        convs.chain([format!("{name}.conv.{place}"), format!("{name}.conv"), name.to_owned()]).collect()
    }

    fn run(&self, name: &str, x: &Value, pass: &mut Pass) -> Run {
        let mut y = x.clone();
        for (index, conv) in self.convs.iter().enumerate() {
            y = conv.run(&format!("{name}.conv.{index}"), &y, pass)?;
        }
        let y = pass.conv(&format!("{name}.conv.{}", self.convs.len()), &self.narrow, &y)?;
        let y = pass.batch_norm(&format!("{name}.conv"), &self.norm, &y)?;
        if self.residual { pass.add(name, x, &y) } else { pass.see(name, y) }
    }
}
