//! LeNet-5 (LeCun et al. 1998, Gradient-based learning applied to document recognition), with ReLU and max pooling as it is
//! used today, and the names of csinva/gan-vae-pretrained-pytorch. The paper has scaled tangents, trained subsampling and
//! sparse connections in C3.
//!
//! | output | module | shape for 32 pixels |
//! | --- | --- | --- |
//! | c1: convolution 5 x 5 (after ReLU); s2: max pool | convnet.relu1, .s2 | 6 x 28 x 28, 6 x 14 x 14 |
//! | c3: convolution 5 x 5 (after ReLU); s4: max pool | convnet.relu3, .s4 | 16 x 10 x 10, 16 x 5 x 5 |
//! | c5: convolution 5 x 5 (after ReLU) | convnet.relu5 | 120 x 1 x 1 |
//! | f6 (after ReLU) | fc.relu6 | 84 |
//! | f7 | fc.f7 | classes |
//!
//! An image of three channels, all normalized alike, is converted to grayscale first.

use candle_core::Result;
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, PoolConfig};

use super::aliases;
use super::gray::ToGray;
use crate::network::layers::Fresh;
use crate::{Backbone, Conv2d, LOGITS, Linear, Pass, Run, Value};

/// LeNet-5. Inputs [n, 1, h, w], or [n, 3, h, w] in red, green, blue, of at least 32 x 32 pixels; the last map of larger ones
/// is averaged.
pub struct LeNet5 {
    gray: ToGray,
    c1: Conv2d,
    c3: Conv2d,
    c5: Conv2d,
    f6: Linear,
    f7: Linear,
}

const POOL: PoolConfig = PoolConfig::square(2, 2);

impl LeNet5 {
    /// Builds the network from tensors `convnet.c1.weight` to `fc.f7.bias`.
    /// # Errors
    /// When one is missing or has a different shape.
    pub fn new(num_classes: usize, vb: VarBuilder) -> Result<Self> {
        let conv = |name: &str, channels: [usize; 2]| {
            let fresh = Fresh::torch(channels[0] * 25);
            Conv2d::new(channels, [5; 2], Conv2dConfig::default(), fresh, vb.pp("convnet").pp(name))
        };
        let linear = |name: &str, inputs: usize, outputs: usize| {
            Linear::new(inputs, outputs, Fresh::torch(inputs), vb.pp("fc").pp(name))
        };
        Ok(Self {
            gray: ToGray::new(&vb)?,
            c1: conv("c1", [1, 6])?,
            c3: conv("c3", [6, 16])?,
            c5: conv("c5", [16, 120])?,
            f6: linear("f6", 120, 84)?,
            f7: linear("f7", 84, num_classes)?,
        })
    }
}

impl Backbone for LeNet5 {
    fn layers(&self) -> Vec<String> {
        let convnet = ["c1", "relu1", "s2", "c3", "relu3", "s4", "c5", "relu5"].map(|name| format!("convnet.{name}"));
        let fc = ["f6", "relu6", "f7"].map(|name| format!("fc.{name}"));
        convnet.into_iter().chain(fc).chain([LOGITS.into()]).collect()
    }

    fn aliases(&self) -> Vec<(String, String)> {
        aliases([
            ("c1", "convnet.relu1"),
            ("s2", "convnet.s2"),
            ("c3", "convnet.relu3"),
            ("s4", "convnet.s4"),
            ("c5", "convnet.relu5"),
            ("f6", "fc.relu6"),
            ("f7", "fc.f7"),
        ])
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let x = self.gray.run(x, pass)?;
        let x = pass.conv_relu(["convnet.c1", "convnet.relu1"], &self.c1, &x)?;
        let x = pass.max_pool("convnet.s2", &POOL, &x)?;
        let x = pass.conv_relu(["convnet.c3", "convnet.relu3"], &self.c3, &x)?;
        let x = pass.max_pool("convnet.s4", &POOL, &x)?;
        let x = pass.conv_relu(["convnet.c5", "convnet.relu5"], &self.c5, &x)?;
        let x = match pass.size(&x)? {
            [1, 1] => x,
            _ => pass.adaptive_avg_pool("", [1, 1], &x)?,
        };
        let x = pass.flatten("", &x)?;
        let x = pass.linear("fc.f6", &self.f6, &x)?;
        let x = pass.relu("fc.relu6", &x)?;
        let x = pass.linear("fc.f7", &self.f7, &x)?;
        pass.see(LOGITS, x)
    }
}
