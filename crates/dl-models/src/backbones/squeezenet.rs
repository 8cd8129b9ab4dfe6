//! SqueezeNet 1.0 and 1.1 (Iandola et al. 2016), in torchvision's layout.
//!
//! A fire module squeezes its input into a few channels by a 1x1 convolution and expands them by a 1x1 and a 3x3
//! convolution in parallel. `options.width` scales the number of channels, for even smaller networks.
//!
//! | output | module |
//! | --- | --- |
//! | conv1 (after ReLU), fire2 .. fire9 | features.1, the fire modules in order |
//! | conv10 (after ReLU), pool10 | classifier.2, .3 |

use candle_core::Result;
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, Padding, PoolConfig};
use serde::{Deserialize, Serialize};

use super::aliases;
use super::width::scaled;
use crate::network::layers::Fresh;
use crate::{Backbone, Conv2d, LOGITS, Pass, Run, Value};

/// The variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// As in the paper: a 7x7 first layer, pools after conv1, fire4 and fire8.
    V1_0,
    /// A 3x3 first layer and earlier pools: 2.4 times less computation.
    V1_1,
}

/// Options of the architecture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SqueezeNetOptions {
    /// Factor on the number of channels, except for the input and the classes.
    pub width: f64,
    /// No ReLU after conv10. With ReLU, as in the paper, a class whose score is below 0 gets no gradient and cannot be
    /// trained.
    pub linear_logits: bool,
}

impl Default for SqueezeNetOptions {
    fn default() -> Self {
        Self { width: 1.0, linear_logits: false }
    }
}

/// SqueezeNet. Inputs of at least 17 x 17 pixels.
pub struct SqueezeNet {
    conv1: Conv2d,
    /// The modules features.3 to features.12.
    stages: Vec<(String, Stage)>,
    conv10: Conv2d,
    linear_logits: bool,
    version: Version,
}

enum Stage {
    Fire(Box<Fire>),
    Pool,
}

const POOL: PoolConfig = PoolConfig::square(3, 2).ceil();

impl SqueezeNet {
    /// Builds the network from torchvision's tensors, `features.0.weight` to `classifier.1.bias`.
    /// # Errors
    /// When one is missing or has a different shape.
    pub fn new(version: Version, options: &SqueezeNetOptions, num_classes: usize, vb: VarBuilder) -> Result<Self> {
        let scaled = |channels| scaled(channels, options.width);
        let (outputs, kernel) = match version {
            Version::V1_0 => (96, 7),
            Version::V1_1 => (64, 3),
        };
        let features = vb.pp("features");
        let stride_2 = Conv2dConfig { stride: [2, 2], ..Conv2dConfig::default() };
        let conv1 = Conv2d::new([3, scaled(outputs)], [kernel; 2], stride_2, Fresh::kaiming(), features.pp(0))?;
        let mut channels = scaled(outputs);
        let mut stages = Vec::new();
        let mut fires = [(16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256)].iter();
        for index in 3..=12 {
            let stage = if pools(version).contains(&index) {
                Stage::Pool
            } else if let Some((squeeze, expand)) = fires.next() {
                let fire = Fire::new(channels, scaled(*squeeze), scaled(*expand), features.pp(index))?;
                channels = 2 * scaled(*expand);
                Stage::Fire(Box::new(fire))
            } else {
                break;
            };
            stages.push((format!("features.{index}"), stage));
        }
        let plain = Conv2dConfig::default();
        let conv10 = Conv2d::new([channels, num_classes], [1, 1], plain, Fresh::normal(0.01), vb.pp("classifier.1"))?;
        Ok(Self { conv1, stages, conv10, linear_logits: options.linear_logits, version })
    }
}

/// The indices in `features` of the pools after the first one.
fn pools(version: Version) -> [usize; 2] {
    match version {
        Version::V1_0 => [6, 11],
        Version::V1_1 => [5, 8],
    }
}

impl Backbone for SqueezeNet {
    fn layers(&self) -> Vec<String> {
        let mut layers: Vec<String> = (0..3).map(|index| format!("features.{index}")).collect();
        for (name, stage) in &self.stages {
            if let Stage::Fire(_) = stage {
                layers.extend(Fire::LAYERS.iter().map(|layer| format!("{name}.{layer}")));
            }
            layers.push(name.clone());
        }
        layers.extend((0..4).map(|index| format!("classifier.{index}")));
        layers.push(LOGITS.into());
        layers
    }

    fn aliases(&self) -> Vec<(String, String)> {
        match self.version {
            Version::V1_0 => aliases([
                ("conv1", "features.1"),
                ("pool1", "features.2"),
                ("fire2", "features.3"),
                ("fire3", "features.4"),
                ("fire4", "features.5"),
                ("pool4", "features.6"),
                ("fire5", "features.7"),
                ("fire6", "features.8"),
                ("fire7", "features.9"),
                ("fire8", "features.10"),
                ("pool8", "features.11"),
                ("fire9", "features.12"),
                ("conv10", "classifier.2"),
                ("pool10", "classifier.3"),
            ]),
            Version::V1_1 => aliases([
                ("conv1", "features.1"),
                ("pool1", "features.2"),
                ("fire2", "features.3"),
                ("fire3", "features.4"),
                ("pool3", "features.5"),
                ("fire4", "features.6"),
                ("fire5", "features.7"),
                ("pool5", "features.8"),
                ("fire6", "features.9"),
                ("fire7", "features.10"),
                ("fire8", "features.11"),
                ("fire9", "features.12"),
                ("conv10", "classifier.2"),
                ("pool10", "classifier.3"),
            ]),
        }
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let x = pass.conv_relu(["features.0", "features.1"], &self.conv1, x)?;
        let mut x = pass.max_pool("features.2", &POOL, &x)?;
        for (name, stage) in &self.stages {
            x = match stage {
                Stage::Fire(fire) => fire.run(name, &x, pass)?,
                Stage::Pool => pass.max_pool(name, &POOL, &x)?,
            };
        }
        let x = pass.dropout("classifier.0", 0.5, &x)?;
        let x = if self.linear_logits {
            let x = pass.conv("classifier.1", &self.conv10, &x)?;
            pass.see("classifier.2", x)?
        } else {
            pass.conv_relu(["classifier.1", "classifier.2"], &self.conv10, &x)?
        };
        let x = pass.adaptive_avg_pool("classifier.3", [1, 1], &x)?;
        pass.flatten(LOGITS, &x)
    }
}

/// The fire module: squeeze, then expand in parallel.
struct Fire {
    squeeze: Conv2d,
    expand1x1: Conv2d,
    expand3x3: Conv2d,
}

impl Fire {
    /// Its outputs within the module, in the order of computation.
    const LAYERS: [&str; 6] =
        ["squeeze", "squeeze_activation", "expand1x1", "expand1x1_activation", "expand3x3", "expand3x3_activation"];

    fn new(inputs: usize, squeeze: usize, expand: usize, vb: VarBuilder) -> Result<Self> {
        let conv = |name: &str, channels: [usize; 2], kernel: usize| {
            let config = Conv2dConfig { padding: Padding::all(kernel / 2), ..Conv2dConfig::default() };
            Conv2d::new(channels, [kernel; 2], config, Fresh::kaiming(), vb.pp(name))
        };
        Ok(Self {
            squeeze: conv("squeeze", [inputs, squeeze], 1)?,
            expand1x1: conv("expand1x1", [squeeze, expand], 1)?,
            expand3x3: conv("expand3x3", [squeeze, expand], 3)?,
        })
    }

    fn run(&self, name: &str, x: &Value, pass: &mut Pass) -> Run {
        let paths = Self::LAYERS.map(|layer| format!("{name}.{layer}"));
        let [squeeze, squeezed, expand1x1, expanded1x1, expand3x3, expanded3x3] = paths.each_ref().map(String::as_str);
        let x = pass.conv_relu([squeeze, squeezed], &self.squeeze, x)?;
        let one = pass.conv_relu([expand1x1, expanded1x1], &self.expand1x1, &x)?;
        let three = pass.conv_relu([expand3x3, expanded3x3], &self.expand3x3, &x)?;
        pass.concat(name, &[&one, &three])
    }
}
