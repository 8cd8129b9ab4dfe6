//! MobileNet V1 (Howard et al. 2017), in timm's layout and names (`mobilenetv1_100`).
//!
//! A block filters each channel separately (`conv_dw`) and then mixes them by a 1 x 1 convolution (`conv_pw`); after
//! each comes a batch norm and ReLU6 (figure 3 of the paper). Table 1 of the paper:
//!
//! | channels | blocks | stride of the first | modules | pixels of 224 |
//! | --- | --- | --- | --- | --- |
//! | 32, a convolution 3 x 3 | | 2 | conv_stem, bn1 | 112 |
//! | 64 | 1 | 1 | blocks.0 | 112 |
//! | 128 | 2 | 2 | blocks.1 | 56 |
//! | 256 | 2 | 2 | blocks.2 | 28 |
//! | 512 | 6 | 2 | blocks.3 | 14 |
//! | 1024 | 2 | 2 | blocks.4 | 7 |
//! | mean over the pixels, classes | | | global_pool, classifier | |

use anyhow::Context;
use candle_core::Result;
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, Padding};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use super::aliases;
use super::width::divisible;
use crate::network::layers::Fresh;
use crate::{Backbone, BatchNorm2d, Conv2d, Halt, LOGITS, Linear, ModelConfig, Pass, Run, Value};

/// Options of the architecture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MobileNetV1Options {
    /// The paper's width multiplier: factor on the number of channels, rounded to multiples of 8.
    pub width: f64,
    /// The batch norms are folded into the convolutions, which have biases.
    pub folded: bool,
    /// TensorFlow's `SAME` padding: with a stride of 2, an even side is padded only by one pixel after.
    pub same_padding: bool,
}

impl Default for MobileNetV1Options {
    fn default() -> Self {
        Self { width: 1.0, folded: false, same_padding: false }
    }
}

impl MobileNetV1Options {
    /// The options of a config, including third-party keys with the same meaning: `width_multiplier`, a `batch_norm`
    /// that mentions "folded", a `padding` that mentions "SAME".
    /// # Errors
    /// When an option is unknown or has the wrong type.
    pub fn read(config: &ModelConfig) -> anyhow::Result<Self> {
        let mut options: Self = config.options()?;
        let mentions = |key: &str, word: &str| {
            config.extra.get(key).and_then(|value| value.as_str()).is_some_and(|text| text.contains(word))
        };
        options.folded |= mentions("batch_norm", "folded");
        options.same_padding |= mentions("padding", "SAME");
        if let (Some(width), false) = (config.extra.get("width_multiplier"), config.options.contains_key("width")) {
            options.width = width.as_f64().context("the config's width_multiplier is not a number")?;
        }
        Ok(options)
    }

    /// The options as those of a config.
    pub fn entries(&self) -> Map<String, serde_json::Value> {
        let Self { width, folded, same_padding } = self;
        let entries = json!({"width": width, "folded": folded, "same_padding": same_padding});
        entries.as_object().cloned().unwrap_or_default()
    }
}

/// MobileNet V1. Inputs of any size.
pub struct MobileNetV1 {
    features: MobileNetV1Features,
    classifier: Linear,
}

/// MobileNet V1 without its classifier.
pub(crate) struct MobileNetV1Features {
    stem: ConvNorm,
    /// The blocks of each stage: a depthwise and a pointwise convolution.
    stages: Vec<Vec<[ConvNorm; 2]>>,
}

/// Table 1 of the paper: channels, number of blocks, stride of the first.
const TABLE: [[usize; 3]; 5] = [[64, 1, 1], [128, 2, 2], [256, 2, 2], [512, 6, 2], [1024, 2, 2]];
const EPS: f64 = 1e-5;

impl MobileNetV1 {
    /// Builds the network from timm's tensors, `conv_stem.weight` to `classifier.bias`.
    /// # Errors
    /// When one is missing or has a different shape.
    pub fn new(options: &MobileNetV1Options, num_classes: usize, vb: VarBuilder) -> Result<Self> {
        let features = MobileNetV1Features::new(options, &vb)?;
        let [.., channels] = MobileNetV1Features::channels(options);
        let classifier = Linear::new(channels, num_classes, Fresh::normal(0.01), vb.pp("classifier"))?;
        Ok(Self { features, classifier })
    }
}

impl MobileNetV1Features {
    pub(crate) fn new(options: &MobileNetV1Options, vb: &VarBuilder) -> Result<Self> {
        let mut channels = divisible(32, options.width);
        let names = ["conv_stem", "bn1"];
        let stem = ConvNorm::new([3, channels], Shape { kernel: 3, stride: 2, groups: 1 }, options, names, vb)?;
        let mut stages = Vec::new();
        for ([_, count, stride], outputs) in TABLE.into_iter().zip(Self::channels(options)) {
            let mut blocks = Vec::new();
            for index in 0..count {
                let vb = vb.pp(format!("blocks.{}.{index}", stages.len()));
                let depthwise = Shape { kernel: 3, stride: if index == 0 { stride } else { 1 }, groups: channels };
                let pointwise = Shape { kernel: 1, stride: 1, groups: 1 };
                blocks.push([
                    ConvNorm::new([channels, channels], depthwise, options, ["conv_dw", "bn1"], &vb)?,
                    ConvNorm::new([channels, outputs], pointwise, options, ["conv_pw", "bn2"], &vb)?,
                ]);
                channels = outputs;
            }
            stages.push(blocks);
        }
        Ok(Self { stem, stages })
    }

    /// The channels of the outputs `blocks.0` to `blocks.4`.
    pub(crate) fn channels(options: &MobileNetV1Options) -> [usize; 5] {
        TABLE.map(|[channels, ..]| divisible(channels, options.width))
    }

    pub(crate) fn layers(&self) -> Vec<String> {
        let mut layers: Vec<String> = ["conv_stem", "bn1"].map(String::from).to_vec();
        for (stage, blocks) in self.stages.iter().enumerate() {
            for block in 0..blocks.len() {
                let name = format!("blocks.{stage}.{block}");
                layers.extend(["conv_dw", "bn1", "conv_pw"].map(|layer| format!("{name}.{layer}")));
                layers.push(name);
            }
            layers.push(format!("blocks.{stage}"));
        }
        layers
    }

    pub(crate) fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let [.., last] = self.run_stages(x, pass)?;
        Ok(last)
    }

    /// The outputs `blocks.0` to `blocks.4`.
    pub(crate) fn run_stages(&self, x: &Value, pass: &mut Pass) -> std::result::Result<[Value; 5], Halt> {
        let mut outputs = [const { Value::Before }; 5];
        let mut x = self.stem.run(["conv_stem", "bn1"], x, pass)?;
        for (stage, blocks) in self.stages.iter().enumerate() {
            for (index, [depthwise, pointwise]) in blocks.iter().enumerate() {
                let name = format!("blocks.{stage}.{index}");
                x = depthwise.run([&format!("{name}.conv_dw"), &format!("{name}.bn1")], &x, pass)?;
                x = pointwise.run([&format!("{name}.conv_pw"), &name], &x, pass)?;
            }
            x = pass.see(&format!("blocks.{stage}"), x)?;
            outputs[stage] = x.clone();
        }
        Ok(outputs)
    }
}

impl Backbone for MobileNetV1 {
    fn layers(&self) -> Vec<String> {
        let classifier = ["global_pool", "classifier", LOGITS].map(String::from);
        self.features.layers().into_iter().chain(classifier).collect()
    }

    fn aliases(&self) -> Vec<(String, String)> {
        aliases([("conv1", "bn1"), ("pool", "global_pool"), ("fc", "classifier")])
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let x = self.features.run(x, pass)?;
        let x = pass.adaptive_avg_pool("", [1, 1], &x)?;
        let x = pass.flatten("global_pool", &x)?;
        let x = pass.linear("classifier", &self.classifier, &x)?;
        pass.see(LOGITS, x)
    }
}

/// The shape of a convolution.
#[derive(Clone, Copy)]
struct Shape {
    kernel: usize,
    stride: usize,
    groups: usize,
}

/// A convolution, a batch norm unless it is folded, and ReLU6.
struct ConvNorm {
    conv: Conv2d,
    norm: Option<BatchNorm2d>,
    shape: Shape,
    same_padding: bool,
}

impl ConvNorm {
    fn new(
        channels: [usize; 2],
        shape: Shape,
        options: &MobileNetV1Options,
        [conv, norm]: [&str; 2],
        vb: &VarBuilder,
    ) -> Result<Self> {
        let Shape { kernel, stride, groups } = shape;
        let padding = Padding::all(kernel / 2);
        let config = Conv2dConfig { stride: [stride; 2], padding, groups, ..Conv2dConfig::default() };
        // By the number of outputs that an input contributes to.
        let fresh = Fresh::normal((2.0 / (kernel * kernel * channels[1] / groups) as f64).sqrt());
        let (conv, norm) = if options.folded {
            (Conv2d::new(channels, [kernel; 2], config, fresh, vb.pp(conv))?, None)
        } else {
            let conv = Conv2d::without_bias(channels, [kernel; 2], config, fresh, vb.pp(conv))?;
            (conv, Some(BatchNorm2d::new(channels[1], EPS, vb.pp(norm))?))
        };
        Ok(Self { conv, norm, shape, same_padding: options.same_padding })
    }

    /// timm's batch norm module includes the activation: its output is after ReLU6.
    fn run(&self, [conv, norm]: [&str; 2], x: &Value, pass: &mut Pass) -> Run {
        let x = if self.same_padding {
            let [height, width] = pass.size(x)?;
            let ([top, bottom], [left, right]) = (self.shape.same(height), self.shape.same(width));
            pass.conv(conv, &self.conv.padded(Padding { top, bottom, left, right }), x)?
        } else {
            pass.conv(conv, &self.conv, x)?
        };
        let x = match &self.norm {
            Some(norm) => pass.batch_norm("", norm, &x)?,
            None => x,
        };
        pass.relu6(norm, &x)
    }
}

impl Shape {
    /// TensorFlow's `SAME` padding before and after a side of this length.
    fn same(self, length: usize) -> [usize; 2] {
        let reach = (length.div_ceil(self.stride).max(1) - 1) * self.stride + self.kernel;
        let total = reach.saturating_sub(length);
        [total / 2, total - total / 2]
    }
}
