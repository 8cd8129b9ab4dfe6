//! The residual dense network (Zhang et al. 2018, figures 2 and 3) as in idealo's image-super-resolution and
//! thekevinscott/upscaler, with their layers' names; it enlarges by repeating pixels, not by a pixel shuffle.
//!
//! ```text
//! m = F_m1(x)        3x3                     block d: LFF_d(cat(x, F_d_1, ..., F_d_C)) + x
//! f = F_0(m)         3x3                       F_d_c: 3x3, ReLU, of all before it; LFF_d: 1x1
//! g = GFF_2(GFF_1(cat(block 1, ..., block D))) + m       1x1, 3x3
//! y = SR(nearest(UPN3(ReLU(UPN2(ReLU(UPN1(g)))))))       5x5, 3x3, 3x3; then 3x3
//! ```
//!
//! Images are RGB, 0..255.

use anyhow::{Result, ensure};
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, Padding, ResizeMethod};
use serde::{Deserialize, Serialize};

use super::translator::Geometry;
use crate::file::limits;
use crate::{Backbone, Checkpoint, Conv2d, Fresh, Pass, Run, Value, plain};

/// Options of the network, by the paper's letters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RdnConfig {
    /// How many times as high and wide, 2 to 8.
    pub scale: usize,
    /// D: dense blocks.
    pub blocks: usize,
    /// C: convolutions of a block.
    pub layers: usize,
    /// G: channels that each of them adds.
    pub growth: usize,
    /// G0: channels between the blocks.
    pub channels: usize,
}

impl Default for RdnConfig {
    fn default() -> Self {
        Self { scale: 2, blocks: 2, layers: 1, growth: 4, channels: 64 }
    }
}

impl RdnConfig {
    /// The options of the network whose tensors a file has; `None` if it has others.
    pub fn of_weights(file: &Checkpoint) -> Option<Self> {
        let channels = *file.shape("F_m1.weight")?.first()?;
        let growth = *file.shape("F_1_1.weight")?.first()?;
        let blocks = (1..).take_while(|block| file.contains(&format!("LFF_{block}.weight"))).count();
        let layers = (1..).take_while(|layer| file.contains(&format!("F_1_{layer}.weight"))).count();
        let outputs = *file.shape("UPN3.weight")?.first()?;
        let scale = (2..=8).find(|scale| 3 * scale * scale == outputs)?;
        Some(Self { scale, blocks, layers, growth, channels })
    }

    fn check(&self) -> Result<()> {
        ensure!((2..=8).contains(&self.scale), "scale is {}; expected 2 to 8", self.scale);
        limits::count("blocks", self.blocks, limits::MOST_BLOCKS)?;
        limits::count("layers", self.layers, limits::MOST_BLOCKS)?;
        limits::count("growth", self.growth, limits::MOST_CHANNELS)?;
        limits::count("channels", self.channels, limits::MOST_CHANNELS)
    }
}

/// The network.
pub struct Rdn {
    shallow: [Conv2d; 2],
    blocks: Vec<DenseBlock>,
    fusion: [Conv2d; 2],
    up: [Conv2d; 3],
    last: Conv2d,
    scale: usize,
}

struct DenseBlock {
    layers: Vec<Conv2d>,
    fusion: Conv2d,
}

impl Rdn {
    /// # Errors
    /// When an option is out of range, or a tensor is missing or has another shape.
    pub fn new(config: &RdnConfig, vb: &VarBuilder) -> Result<Self> {
        config.check()?;
        let &RdnConfig { scale, blocks, layers, growth, channels } = config;
        let conv = |name: &str, kernel: usize, channels: [usize; 2]| {
            let config = Conv2dConfig { padding: Padding::all(kernel / 2), ..Default::default() };
            Conv2d::new(channels, [kernel; 2], config, Fresh::kaiming(), vb.pp(name)).map_err(plain)
        };
        let block = |block: usize| {
            let layer =
                |layer: usize| conv(&format!("F_{block}_{layer}"), 3, [channels + (layer - 1) * growth, growth]);
            Ok(DenseBlock {
                layers: (1..=layers).map(layer).collect::<Result<_>>()?,
                fusion: conv(&format!("LFF_{block}"), 1, [channels + layers * growth, channels])?,
            })
        };
        Ok(Self {
            shallow: [conv("F_m1", 3, [3, channels])?, conv("F_0", 3, [channels; 2])?],
            blocks: (1..=blocks).map(block).collect::<Result<_>>()?,
            fusion: [conv("GFF_1", 1, [blocks * channels, channels])?, conv("GFF_2", 3, [channels; 2])?],
            up: [
                conv("UPN1", 5, [channels, 64])?,
                conv("UPN2", 3, [64, 32])?,
                conv("UPN3", 3, [32, 3 * scale * scale])?,
            ],
            last: conv("SR", 3, [3 * scale * scale, 3])?,
            scale,
        })
    }

    /// How its output depends on its input.
    pub fn geometry(config: &RdnConfig) -> Geometry {
        let reach = 2 + config.blocks * config.layers + 1 + 2 + 1 + 1 + 1;
        Geometry { scale: config.scale, multiple: 1, least: 1, reach: Some(reach) }
    }
}

impl Backbone for Rdn {
    fn layers(&self) -> Vec<String> {
        let blocks = (1..=self.blocks.len()).map(|block| format!("LRL_{block}"));
        ["F_m1", "F_0"]
            .map(str::to_owned)
            .into_iter()
            .chain(blocks)
            .chain(["FDF", "output"].map(str::to_owned))
            .collect()
    }

    fn aliases(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let first = pass.conv("F_m1", &self.shallow[0], x)?;
        let mut x = pass.conv("F_0", &self.shallow[1], &first)?;
        let mut outputs = Vec::new();
        for (index, block) in self.blocks.iter().enumerate() {
            let mut maps = vec![x.clone()];
            for layer in &block.layers {
                let joined = joined(&maps, pass)?;
                maps.push(pass.conv_relu(["", ""], layer, &joined)?);
            }
            let joined = joined(&maps, pass)?;
            let y = pass.conv("", &block.fusion, &joined)?;
            x = pass.add(&format!("LRL_{}", index + 1), &y, &x)?;
            outputs.push(x.clone());
        }
        let y = joined(&outputs, pass)?;
        let y = pass.conv("", &self.fusion[0], &y)?;
        let y = pass.conv("", &self.fusion[1], &y)?;
        let y = pass.add("FDF", &y, &first)?;
        let y = pass.conv_relu(["", ""], &self.up[0], &y)?;
        let y = pass.conv_relu(["", ""], &self.up[1], &y)?;
        let y = pass.conv("", &self.up[2], &y)?;
        let size = pass.size(&y)?.map(|side| side * self.scale);
        let y = pass.resize("", size, ResizeMethod::Nearest, &y)?;
        pass.conv("output", &self.last, &y)
    }
}

/// The maps as one, the oldest first.
fn joined(maps: &[Value], pass: &mut Pass) -> Run {
    match maps {
        [one] => Ok(one.clone()),
        _ => pass.concat("", &maps.iter().collect::<Vec<_>>()),
    }
}
