//! The network of few-shot learning: four convolutions (Vinyals et al. 2016, section 4.1; Snell et al. 2017, section 3.1).
//!
//! | output | module | shape for 28 pixels |
//! | --- | --- | --- |
//! | convolution 3 x 3, batch norm, ReLU, max pool 2 x 2 | block1 | 64 x 14 x 14 |
//! | the same | block2, block3, block4 | 64 x 7 x 7, 64 x 3 x 3, 64 x 1 x 1 |
//! | as a row | embedding | 64 |
//! | class scores, unused in few-shot learning | head | classes |

use candle_core::{Result, bail};
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, Padding, PoolConfig};
use serde::{Deserialize, Serialize};

use crate::backbones::scaled;
use crate::network::layers::Fresh;
use crate::{Backbone, BatchNorm2d, Conv2d, LOGITS, Linear, Pass, Run, Value};

/// Options of [`Conv4`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Conv4Options {
    /// Factor on the number of channels, 64.
    pub width: f64,
}

impl Default for Conv4Options {
    fn default() -> Self {
        Self { width: 1.0 }
    }
}

/// Four convolutions. Inputs of the size that it was built for.
pub struct Conv4 {
    /// `block1` and so on.
    blocks: Vec<(Conv2d, BatchNorm2d)>,
    head: Linear,
}

const CHANNELS: usize = 64;
const EPS: f64 = 1e-5;
const POOL: PoolConfig = PoolConfig::square(2, 2);

impl Conv4 {
    /// Builds the network for inputs [n, 3, height, width] of this `size`, at least 16 x 16, from tensors
    /// `block1.conv.weight` to `head.bias`.
    /// # Errors
    /// When one is missing or has a different shape, or the size is too small.
    pub fn new(options: &Conv4Options, size: [usize; 2], num_classes: usize, vb: VarBuilder) -> Result<Self> {
        let [height, width] = size.map(|side| side >> 4);
        if height == 0 || width == 0 {
            bail!("conv4 halves its input of {} x {} pixels four times; give --size 16 or more", size[0], size[1]);
        }
        let channels = scaled(CHANNELS, options.width);
        let block = |index: usize| {
            let inputs = if index == 1 { 3 } else { channels };
            let vb = vb.pp(format!("block{index}"));
            let config = Conv2dConfig { padding: Padding::all(1), ..Conv2dConfig::default() };
            let conv = Conv2d::new([inputs, channels], [3, 3], config, Fresh::torch(9 * inputs), vb.pp("conv"))?;
            Ok((conv, BatchNorm2d::new(channels, EPS, vb.pp("norm"))?))
        };
        let columns = channels * height * width;
        Ok(Self {
            blocks: (1..=4).map(block).collect::<Result<_>>()?,
            head: Linear::new(columns, num_classes, Fresh::torch(columns), vb.pp("head"))?,
        })
    }
}

impl Backbone for Conv4 {
    fn layers(&self) -> Vec<String> {
        let block = |index: usize| {
            ["conv", "norm", "relu"]
                .map(|part| format!("block{index}.{part}"))
                .into_iter()
                .chain([format!("block{index}")])
        };
        let rest = ["embedding", "head", LOGITS].map(String::from);
        (1..=self.blocks.len()).flat_map(block).chain(rest).collect()
    }

    fn aliases(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let mut x = x.clone();
        for (index, (conv, norm)) in self.blocks.iter().enumerate() {
            let name = format!("block{}", index + 1);
            x = pass.conv(&format!("{name}.conv"), conv, &x)?;
            x = pass.batch_norm_relu([&format!("{name}.norm"), &format!("{name}.relu")], norm, &x)?;
            x = pass.max_pool(&name, &POOL, &x)?;
        }
        let x = pass.flatten("embedding", &x)?;
        let x = pass.linear("head", &self.head, &x)?;
        pass.see(LOGITS, x)
    }
}
