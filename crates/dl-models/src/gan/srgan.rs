//! The generator of SRGAN (Ledig et al. 2017, figure 4), with the names and the output of leftthomas/SRGAN.
//!
//! ```text
//! x -> 9x9, PReLU -> residual blocks -> 3x3, norm or PReLU -> + -> [3x3, pixel shuffle 2, PReLU] ... -> 9x9 -> (tanh + 1) / 2
//!               \________________________________________/
//! ```
//!
//! A residual block adds to its input: 3x3, batch norm, PReLU, 3x3, batch norm. Every PReLU has one slope. The paper has
//! sixteen blocks, and a batch norm after them; the source's first weights have five, and a PReLU. Images are RGB, 0..1.

use anyhow::{Result, ensure};
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, Padding};
use serde::{Deserialize, Serialize};

use super::translator::Geometry;
use crate::file::limits;
use crate::{Backbone, BatchNorm2d, Checkpoint, Conv2d, Fresh, Pass, Prelu, Run, Value, plain};

/// Options of the generator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SrganConfig {
    /// How many times as high and wide: 2, 4 or 8.
    pub scale: usize,
    /// Residual blocks.
    pub blocks: usize,
    /// Channels of every map but the image.
    pub channels: usize,
    /// What follows the convolution after the blocks.
    pub after_blocks: AfterBlocks,
}

/// What follows the convolution after the residual blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterBlocks {
    /// Batch normalization, as in the paper.
    #[default]
    BatchNorm,
    /// PReLU.
    Prelu,
}

impl Default for SrganConfig {
    fn default() -> Self {
        Self { scale: 4, blocks: 16, channels: 64, after_blocks: AfterBlocks::default() }
    }
}

impl SrganConfig {
    /// The options of the generator whose tensors a file has; `None` if it has others.
    pub fn of_weights(file: &Checkpoint) -> Option<Self> {
        let channels = *file.shape("block1.0.weight")?.first()?;
        let blocks = (2..).take_while(|block| file.contains(&format!("block{block}.conv1.weight"))).count();
        file.shape(&format!("block{}.0.weight", blocks + 2))?;
        let after_blocks = match file.contains(&format!("block{}.1.running_mean", blocks + 2)) {
            true => AfterBlocks::BatchNorm,
            false => AfterBlocks::Prelu,
        };
        let steps = (0..).take_while(|step| file.contains(&format!("block{}.{step}.conv.weight", blocks + 3))).count();
        (1..=3).contains(&steps).then_some(Self { scale: 1 << steps, blocks, channels, after_blocks })
    }

    fn check(&self) -> Result<()> {
        ensure!([2, 4, 8].contains(&self.scale), "scale is {}; expected 2, 4 or 8", self.scale);
        limits::count("blocks", self.blocks, limits::MOST_BLOCKS)?;
        limits::count("channels", self.channels, limits::MOST_CHANNELS)
    }
}

/// The generator.
pub struct Srgan {
    first: Conv2d,
    first_slope: Prelu,
    blocks: Vec<Block>,
    middle: Conv2d,
    after_blocks: After,
    ups: Vec<Up>,
    last: Conv2d,
}

struct Block {
    convs: [Conv2d; 2],
    norms: [BatchNorm2d; 2],
    slope: Prelu,
}

enum After {
    Norm(BatchNorm2d),
    Slope(Prelu),
}

struct Up {
    conv: Conv2d,
    slope: Prelu,
}

/// A convolution of side `kernel` that keeps the size of the map.
fn same(kernel: usize, channels: [usize; 2], vb: VarBuilder) -> Result<Conv2d> {
    let config = Conv2dConfig { padding: Padding::all(kernel / 2), ..Default::default() };
    let fresh = Fresh::torch(channels[0] * kernel * kernel);
    Conv2d::new(channels, [kernel; 2], config, fresh, vb).map_err(plain)
}

impl Srgan {
    /// # Errors
    /// When an option is out of range, or a tensor is missing or has another shape.
    pub fn new(config: &SrganConfig, vb: &VarBuilder) -> Result<Self> {
        config.check()?;
        let channels = config.channels;
        let slope = |name: &str| Prelu::new(1, vb.pp(name)).map_err(plain);
        let norm = |name: &str| BatchNorm2d::new(channels, 1e-5, vb.pp(name)).map_err(plain);
        let conv = |name: &str| same(3, [channels; 2], vb.pp(name));
        let block = |index: usize| {
            let part = |part: &str| format!("block{}.{part}", index + 2);
            anyhow::Ok(Block {
                convs: [conv(&part("conv1"))?, conv(&part("conv2"))?],
                norms: [norm(&part("bn1"))?, norm(&part("bn2"))?],
                slope: slope(&part("prelu"))?,
            })
        };
        let (middle, end) = (format!("block{}", config.blocks + 2), format!("block{}", config.blocks + 3));
        let steps = config.scale.ilog2() as usize;
        let up = |index: usize| {
            let conv = same(3, [channels, 4 * channels], vb.pp(format!("{end}.{index}.conv")))?;
            anyhow::Ok(Up { conv, slope: slope(&format!("{end}.{index}.prelu"))? })
        };
        Ok(Self {
            first: same(9, [3, channels], vb.pp("block1.0"))?,
            first_slope: slope("block1.1")?,
            blocks: (0..config.blocks).map(block).collect::<Result<_>>()?,
            middle: conv(&format!("{middle}.0"))?,
            after_blocks: match config.after_blocks {
                AfterBlocks::BatchNorm => After::Norm(norm(&format!("{middle}.1"))?),
                AfterBlocks::Prelu => After::Slope(slope(&format!("{middle}.1"))?),
            },
            ups: (0..steps).map(up).collect::<Result<_>>()?,
            last: same(9, [channels, 3], vb.pp(format!("{end}.{steps}")))?,
        })
    }

    /// How its output depends on its input.
    pub fn geometry(config: &SrganConfig) -> Geometry {
        // 9x9, two 3x3 per block, 3x3; then those after the enlargement, which reach less far.
        let reach = 4 + 2 * config.blocks + 1 + 2 + 4_usize.div_ceil(config.scale);
        Geometry { scale: config.scale, multiple: 1, least: 1, reach: Some(reach) }
    }
}

impl Backbone for Srgan {
    fn layers(&self) -> Vec<String> {
        let blocks = (1..=self.blocks.len() + 2).map(|block| format!("block{block}"));
        blocks.chain(["output".to_owned()]).collect()
    }

    fn aliases(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let first = pass.conv("", &self.first, x)?;
        let first = pass.prelu("block1", &self.first_slope, &first)?;
        let mut x = first.clone();
        for (index, block) in self.blocks.iter().enumerate() {
            let y = pass.conv("", &block.convs[0], &x)?;
            let y = pass.batch_norm("", &block.norms[0], &y)?;
            let y = pass.prelu("", &block.slope, &y)?;
            let y = pass.conv("", &block.convs[1], &y)?;
            let y = pass.batch_norm("", &block.norms[1], &y)?;
            x = pass.add(&format!("block{}", index + 2), &y, &x)?;
        }
        let middle = format!("block{}", self.blocks.len() + 2);
        let y = pass.conv("", &self.middle, &x)?;
        let y = match &self.after_blocks {
            After::Norm(norm) => pass.batch_norm(&middle, norm, &y)?,
            After::Slope(slope) => pass.prelu(&middle, slope, &y)?,
        };
        let mut x = pass.add("", &y, &first)?;
        for up in &self.ups {
            let y = pass.conv("", &up.conv, &x)?;
            let y = pass.pixel_shuffle("", 2, &y)?;
            x = pass.prelu("", &up.slope, &y)?;
        }
        let y = pass.conv("", &self.last, &x)?;
        let y = pass.tanh("", &y)?;
        pass.affine("output", &[0.5; 3], &[0.5; 3], &y)
    }
}
