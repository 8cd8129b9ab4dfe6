//! AlexNet, the one-tower network of Krizhevsky 2014 (One weird trick), in torchvision's layout.
//!
//! | output | module | shape for 224 or 227 pixels |
//! | --- | --- | --- |
//! | conv1 .. conv5 (after ReLU) | features.1, .4, .7, .9, .11 | 64, 192, 384, 256, 256 channels |
//! | pool1, pool2, pool5 | features.2, .5, .12 | pool5: 256 x 6 x 6 |
//! | fc6, fc7 (after ReLU) | classifier.2, .5 | 4096 |
//! | fc8 | classifier.6 | classes |

use candle_core::Result;
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, Padding, PoolConfig};

use super::aliases;
use crate::network::layers::Fresh;
use crate::{Backbone, Conv2d, LOGITS, Linear, Pass, Run, Value};

/// AlexNet. Inputs of at least 63 x 63 pixels.
pub struct AlexNet {
    conv1: Conv2d,
    conv2: Conv2d,
    conv3: Conv2d,
    conv4: Conv2d,
    conv5: Conv2d,
    fc6: Linear,
    fc7: Linear,
    fc8: Linear,
}

const POOL: PoolConfig = PoolConfig::square(3, 2);

impl AlexNet {
    /// Builds the network from torchvision's tensors, `features.0.weight` to `classifier.6.bias`.
    /// # Errors
    /// When one is missing or has a different shape.
    pub fn new(num_classes: usize, vb: VarBuilder) -> Result<Self> {
        let conv = |index: usize, channels: [usize; 2], kernel: usize, stride: usize, padding: usize| {
            let config =
                Conv2dConfig { stride: [stride; 2], padding: Padding::all(padding), ..Conv2dConfig::default() };
            let fresh = Fresh::torch(channels[0] * kernel * kernel);
            Conv2d::new(channels, [kernel; 2], config, fresh, vb.pp(format!("features.{index}")))
        };
        let linear = |index: usize, inputs: usize, outputs: usize| {
            Linear::new(inputs, outputs, Fresh::torch(inputs), vb.pp(format!("classifier.{index}")))
        };
        Ok(Self {
            conv1: conv(0, [3, 64], 11, 4, 2)?,
            conv2: conv(3, [64, 192], 5, 1, 2)?,
            conv3: conv(6, [192, 384], 3, 1, 1)?,
            conv4: conv(8, [384, 256], 3, 1, 1)?,
            conv5: conv(10, [256, 256], 3, 1, 1)?,
            fc6: linear(1, 256 * 6 * 6, 4096)?,
            fc7: linear(4, 4096, 4096)?,
            fc8: linear(6, 4096, num_classes)?,
        })
    }
}

impl Backbone for AlexNet {
    fn layers(&self) -> Vec<String> {
        let features = (0..=12).map(|index| format!("features.{index}"));
        let classifier = (0..=6).map(|index| format!("classifier.{index}"));
        features.chain(["avgpool".into()]).chain(classifier).chain([LOGITS.into()]).collect()
    }

    fn aliases(&self) -> Vec<(String, String)> {
        aliases([
            ("conv1", "features.1"),
            ("pool1", "features.2"),
            ("conv2", "features.4"),
            ("pool2", "features.5"),
            ("conv3", "features.7"),
            ("conv4", "features.9"),
            ("conv5", "features.11"),
            ("pool5", "features.12"),
            ("fc6", "classifier.2"),
            ("fc7", "classifier.5"),
            ("fc8", "classifier.6"),
        ])
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let x = pass.conv_relu(["features.0", "features.1"], &self.conv1, x)?;
        let x = pass.max_pool("features.2", &POOL, &x)?;
        let x = pass.conv_relu(["features.3", "features.4"], &self.conv2, &x)?;
        let x = pass.max_pool("features.5", &POOL, &x)?;
        let x = pass.conv_relu(["features.6", "features.7"], &self.conv3, &x)?;
        let x = pass.conv_relu(["features.8", "features.9"], &self.conv4, &x)?;
        let x = pass.conv_relu(["features.10", "features.11"], &self.conv5, &x)?;
        let x = pass.max_pool("features.12", &POOL, &x)?;
        let x = pass.adaptive_avg_pool("avgpool", [6, 6], &x)?;
        let x = pass.flatten("", &x)?;
        let x = pass.dropout("classifier.0", 0.5, &x)?;
        let x = pass.linear("classifier.1", &self.fc6, &x)?;
        let x = pass.relu("classifier.2", &x)?;
        let x = pass.dropout("classifier.3", 0.5, &x)?;
        let x = pass.linear("classifier.4", &self.fc7, &x)?;
        let x = pass.relu("classifier.5", &x)?;
        let x = pass.linear("classifier.6", &self.fc8, &x)?;
        pass.see(LOGITS, x)
    }
}
