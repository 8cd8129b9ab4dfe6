//! MobileNet V3, large and small (Howard et al. 2019), in torchvision's layout and names.
//!
//! A block expands its input by a 1 x 1 convolution, filters each channel separately, in some blocks scales the
//! channels by squeeze and excitation, and narrows again without an activation (figure 4 of the paper). The tables
//! [`LARGE`] and [`SMALL`] are the paper's tables 1 and 2.
//!
//! | what | modules of large | modules of small | pixels of 224 |
//! | --- | --- | --- | --- |
//! | convolution 3 x 3, hard swish | features.0 | features.0 | 112 |
//! | the blocks | features.1 .. 15 | features.1 .. 11 | 112 to 7 |
//! | convolution 1 x 1, hard swish | features.16: 960 | features.12: 576 | 7 |
//! | mean over the pixels | avgpool | avgpool | 1 |
//! | 1280 or 1024, hard swish | classifier.1 | classifier.1 | |
//! | classes | classifier.3 | classifier.3 | |

use candle_core::Result;
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, Padding};
use serde::{Deserialize, Serialize};

use super::width::divisible;

use crate::network::layers::Fresh;
use crate::{Backbone, BatchNorm2d, Conv2d, LOGITS, Linear, Pass, Run, Value};

/// Options of the architecture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MobileNetV3Options {
    /// torchvision's `width_mult`: factor on the number of channels, rounded to multiples of 8.
    #[serde(alias = "width_mult")]
    pub width: f64,
    /// Dropout probability of the last features in training.
    pub dropout: f64,
}

impl Default for MobileNetV3Options {
    fn default() -> Self {
        Self { width: 1.0, dropout: 0.2 }
    }
}

/// The variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MobileNetV3Size {
    /// Table 1 of the paper.
    Large,
    /// Table 2 of the paper.
    Small,
}

/// A row of the tables.
struct Row {
    kernel: usize,
    wide: usize,
    outputs: usize,
    squeezes: bool,
    activation: Activation,
    stride: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Activation {
    Relu,
    HardSwish,
}

const RE: Activation = Activation::Relu;
const HS: Activation = Activation::HardSwish;

const fn row(kernel: usize, wide: usize, outputs: usize, squeezes: bool, activation: Activation, stride: usize) -> Row {
    Row { kernel, wide, outputs, squeezes, activation, stride }
}

/// Table 1 of the paper: kernel, expanded channels, channels, squeeze and excitation, activation, stride.
const LARGE: &[Row] = &[
    row(3, 16, 16, false, RE, 1),
    row(3, 64, 24, false, RE, 2),
    row(3, 72, 24, false, RE, 1),
    row(5, 72, 40, true, RE, 2),
    row(5, 120, 40, true, RE, 1),
    row(5, 120, 40, true, RE, 1),
    row(3, 240, 80, false, HS, 2),
    row(3, 200, 80, false, HS, 1),
    row(3, 184, 80, false, HS, 1),
    row(3, 184, 80, false, HS, 1),
    row(3, 480, 112, true, HS, 1),
    row(3, 672, 112, true, HS, 1),
    row(5, 672, 160, true, HS, 2),
    row(5, 960, 160, true, HS, 1),
    row(5, 960, 160, true, HS, 1),
];

/// Table 2 of the paper.
const SMALL: &[Row] = &[
    row(3, 16, 16, true, RE, 2),
    row(3, 72, 24, false, RE, 2),
    row(3, 88, 24, false, RE, 1),
    row(5, 96, 40, true, HS, 2),
    row(5, 240, 40, true, HS, 1),
    row(5, 240, 40, true, HS, 1),
    row(5, 120, 48, true, HS, 1),
    row(5, 144, 48, true, HS, 1),
    row(5, 288, 96, true, HS, 2),
    row(5, 576, 96, true, HS, 1),
    row(5, 576, 96, true, HS, 1),
];

impl MobileNetV3Size {
    /// The blocks, and the channels of the last hidden layer.
    fn table(self) -> (&'static [Row], usize) {
        match self {
            Self::Large => (LARGE, 1280),
            Self::Small => (SMALL, 1024),
        }
    }
}

/// TensorFlow's 0.99, as one minus it.
const MOMENTUM: f64 = 0.01;

/// MobileNet V3. Inputs of any size.
pub struct MobileNetV3 {
    features: MobileNetV3Features,
    hidden: Linear,
    classifier: Linear,
    dropout: f64,
}

/// MobileNet V3 without its classifier.
pub(crate) struct MobileNetV3Features {
    first: ConvNorm,
    /// `features.1` and so on.
    blocks: Vec<(String, Block)>,
    last: (String, ConvNorm),
    /// Of the last output.
    channels: usize,
}

impl MobileNetV3 {
    /// Builds the network from torchvision's tensors, `features.0.0.weight` to `classifier.3.bias`.
    /// # Errors
    /// When one is missing or has a different shape.
    pub fn new(
        size: MobileNetV3Size,
        options: &MobileNetV3Options,
        num_classes: usize,
        vb: VarBuilder,
    ) -> Result<Self> {
        let features = MobileNetV3Features::new(size, options.width, false, MobileNetV3Features::EPS, &vb)?;
        let (inputs, hidden) = (features.channels, divisible(size.table().1, options.width));
        let linear = |index: usize, inputs: usize, outputs: usize| {
            Linear::new(inputs, outputs, Fresh::normal(0.01), vb.pp(format!("classifier.{index}")))
        };
        Ok(Self {
            features,
            hidden: linear(0, inputs, hidden)?,
            classifier: linear(3, hidden, num_classes)?,
            dropout: options.dropout,
        })
    }
}

impl MobileNetV3Features {
    /// The epsilon of torchvision's batch norms.
    pub(crate) const EPS: f64 = 1e-3;

    /// The expanded map of `features.13` of the large variant, the last one of stride 16.
    pub(crate) const EXPANDED: &str = "features.13.block.0";

    /// `reduced_tail`: half the channels in the last three blocks, for detectors (section 6.3 of the paper); `eps`: of the
    /// batch norms.
    pub(crate) fn new(
        size: MobileNetV3Size,
        width: f64,
        reduced_tail: bool,
        eps: f64,
        vb: &VarBuilder,
    ) -> Result<Self> {
        let (rows, _) = size.table();
        let scaled = |channels| divisible(channels, width);
        let mut channels = scaled(16);
        let first = ConvNorm::new([3, channels], [3, 2, 1], Some(HS), eps, vb.pp("features.0"))?;
        let mut blocks: Vec<(String, Block)> = Vec::new();
        for row in rows {
            let name = format!("features.{}", blocks.len() + 1);
            let part = |from_last: usize| if reduced_tail && rows.len() - blocks.len() <= from_last { 2 } else { 1 };
            let widths = [channels, scaled(row.wide / part(2)), scaled(row.outputs / part(3))];
            blocks.push((name.clone(), Block::new(row, widths, eps, vb.pp(&name))?));
            channels = widths[2];
        }
        let name = format!("features.{}", blocks.len() + 1);
        let last = ConvNorm::new([channels, 6 * channels], [1, 1, 1], Some(HS), eps, vb.pp(&name))?;
        Ok(Self { first, blocks, last: (name, last), channels: 6 * channels })
    }

    /// The channels of [`EXPANDED`](Self::EXPANDED) and of the last output.
    pub(crate) fn channels(&self, width: f64) -> [usize; 2] {
        [divisible(672, width), self.channels]
    }
}

impl Backbone for MobileNetV3Features {
    fn layers(&self) -> Vec<String> {
        let mut layers = self.first.layers("features.0");
        for (name, block) in &self.blocks {
            layers.extend(block.layers(name));
        }
        layers.extend(self.last.1.layers(&self.last.0));
        layers
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let mut x = self.first.run("features.0", x, pass)?;
        for (name, block) in &self.blocks {
            x = block.run(name, &x, pass)?;
        }
        self.last.1.run(&self.last.0, &x, pass)
    }

    fn aliases(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}

impl Backbone for MobileNetV3 {
    fn layers(&self) -> Vec<String> {
        let mut layers = self.features.layers();
        layers.push("avgpool".to_owned());
        layers.extend((0..4).map(|index| format!("classifier.{index}")));
        layers.push(LOGITS.to_owned());
        layers
    }

    fn aliases(&self) -> Vec<(String, String)> {
        let table = [
            ("conv1", "features.0"),
            ("conv_last", &self.features.last.0),
            ("pool", "avgpool"),
            ("fc", "classifier.3"),
        ];
        table.map(|(alias, path)| (alias.to_owned(), path.to_owned())).to_vec()
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let x = self.features.run(x, pass)?;
        let x = pass.adaptive_avg_pool("avgpool", [1, 1], &x)?;
        let x = pass.flatten("", &x)?;
        let x = pass.linear("classifier.0", &self.hidden, &x)?;
        let x = pass.hard_swish("classifier.1", &x)?;
        let x = pass.dropout("classifier.2", self.dropout, &x)?;
        let x = pass.linear("classifier.3", &self.classifier, &x)?;
        pass.see(LOGITS, x)
    }
}

/// A convolution without bias, padded to preserve the size, a batch norm and an activation.
struct ConvNorm {
    conv: Conv2d,
    norm: BatchNorm2d,
    activation: Option<Activation>,
}

impl ConvNorm {
    /// Built from `0` and `1` under the builder's prefix.
    fn new(
        channels: [usize; 2],
        [kernel, stride, groups]: [usize; 3],
        activation: Option<Activation>,
        eps: f64,
        vb: VarBuilder,
    ) -> Result<Self> {
        let padding = Padding::all(kernel / 2);
        let config = Conv2dConfig { stride: [stride; 2], padding, groups, ..Conv2dConfig::default() };
        Ok(Self {
            conv: Conv2d::without_bias(channels, [kernel; 2], config, Fresh::kaiming_out(), vb.pp(0))?,
            norm: BatchNorm2d::new(channels[1], eps, vb.pp(1))?.with_momentum(MOMENTUM),
            activation,
        })
    }

    /// Its outputs, in the order of computation; that of the last part is the output of the module.
    fn layers(&self, name: &str) -> Vec<String> {
        let mut layers = vec![format!("{name}.0")];
        layers.extend(self.activation.map(|_| format!("{name}.1")));
        layers.push(name.to_owned());
        layers
    }

    fn run(&self, name: &str, x: &Value, pass: &mut Pass) -> Run {
        let (conv, norm) = (format!("{name}.0"), format!("{name}.1"));
        let x = pass.conv(&conv, &self.conv, x)?;
        match self.activation {
            None => pass.batch_norm(name, &self.norm, &x),
            Some(Activation::Relu) => pass.batch_norm_relu([&norm, name], &self.norm, &x),
            Some(Activation::HardSwish) => {
                let x = pass.batch_norm(&norm, &self.norm, &x)?;
                pass.hard_swish(name, &x)
            }
        }
    }
}

/// A block: torchvision's `InvertedResidual`.
struct Block {
    /// 1 x 1, if the input is expanded, and each channel separately.
    convs: Vec<ConvNorm>,
    squeeze: Option<Squeeze>,
    /// 1 x 1, without an activation.
    narrow: ConvNorm,
    /// Whether the input is added.
    residual: bool,
}

impl Block {
    fn new(row: &Row, [inputs, wide, outputs]: [usize; 3], eps: f64, vb: VarBuilder) -> Result<Self> {
        let (vb, activation) = (vb.pp("block"), Some(row.activation));
        let mut convs = Vec::new();
        if wide != inputs {
            convs.push(ConvNorm::new([inputs, wide], [1, 1, 1], activation, eps, vb.pp(0))?);
        }
        convs.push(ConvNorm::new([wide, wide], [row.kernel, row.stride, wide], activation, eps, vb.pp(convs.len()))?);
        let squeeze = if row.squeezes { Some(Squeeze::new(wide, vb.pp(convs.len()))?) } else { None };
        let place = convs.len() + usize::from(row.squeezes);
        let narrow = ConvNorm::new([wide, outputs], [1, 1, 1], None, eps, vb.pp(place))?;
        Ok(Self { convs, squeeze, narrow, residual: row.stride == 1 && inputs == outputs })
    }

    /// Its outputs, in the order of computation; that of the last part is the output of the block.
    fn layers(&self, name: &str) -> Vec<String> {
        let block = format!("{name}.block");
        let mut layers = Vec::new();
        for (index, conv) in self.convs.iter().enumerate() {
            layers.extend(conv.layers(&format!("{block}.{index}")));
        }
        let mut place = self.convs.len();
        if self.squeeze.is_some() {
            layers.extend(Squeeze::LAYERS.map(|layer| format!("{block}.{place}.{layer}")));
            layers.push(format!("{block}.{place}"));
            place += 1;
        }
        layers.extend(self.narrow.layers(&format!("{block}.{place}")));
        layers.extend([block, name.to_owned()]);
        layers
    }

    fn run(&self, name: &str, x: &Value, pass: &mut Pass) -> Run {
        let block = format!("{name}.block");
        let mut y = x.clone();
        for (index, conv) in self.convs.iter().enumerate() {
            y = conv.run(&format!("{block}.{index}"), &y, pass)?;
        }
        let mut place = self.convs.len();
        if let Some(squeeze) = &self.squeeze {
            y = squeeze.run(&format!("{block}.{place}"), &y, pass)?;
            place += 1;
        }
        let y = self.narrow.run(&format!("{block}.{place}"), &y, pass)?;
        let y = pass.see(&block, y)?;
        if self.residual { pass.add(name, &y, x) } else { pass.see(name, y) }
    }
}

/// Squeeze and excitation (Hu et al. 2018): scales each channel by a gate computed from the means of all channels. The
/// hidden layer has a quarter of the channels, and a hard sigmoid follows it.
struct Squeeze {
    fc1: Conv2d,
    fc2: Conv2d,
}

impl Squeeze {
    /// Its outputs within the module, in the order of computation.
    const LAYERS: [&str; 5] = ["avgpool", "fc1", "activation", "fc2", "scale_activation"];

    fn new(channels: usize, vb: VarBuilder) -> Result<Self> {
        let hidden = divisible(channels / 4, 1.0);
        let conv = |channels: [usize; 2], name: &str| {
            Conv2d::new(channels, [1, 1], Conv2dConfig::default(), Fresh::kaiming_out(), vb.pp(name))
        };
        Ok(Self { fc1: conv([channels, hidden], "fc1")?, fc2: conv([hidden, channels], "fc2")? })
    }

    fn run(&self, name: &str, x: &Value, pass: &mut Pass) -> Run {
        let paths = Self::LAYERS.map(|layer| format!("{name}.{layer}"));
        let [avgpool, fc1, activation, fc2, scale] = paths.each_ref().map(String::as_str);
        let gate = pass.adaptive_avg_pool(avgpool, [1, 1], x)?;
        let gate = pass.conv_relu([fc1, activation], &self.fc1, &gate)?;
        let gate = pass.conv(fc2, &self.fc2, &gate)?;
        let gate = pass.hard_sigmoid(scale, &gate)?;
        pass.gate(name, x, &gate)
    }
}
