//! The feature pyramid network (Lin et al. 2017, figure 3): maps of all sizes with the meaning of the smallest.
//!
//! ```text
//! C5 ── 1x1 ──────────────── 3x3 ── P5 ── every second pixel ── P6
//!              │ twice the size
//! C4 ── 1x1 ── + ─────────── 3x3 ── P4
//!              │
//! C3 ...
//! ```

use candle_core::Result;
use candle_nn::VarBuilder;
use dl_ops::{PoolConfig, ResizeMethod};

use super::conv_norm::ConvNorm;
use crate::network::layers::Fresh;
use crate::{Halt, Pass, Value};

/// torchvision's `LastLevelMaxPool`.
const LAST: PoolConfig = PoolConfig::square(1, 2);

pub(super) struct Fpn {
    /// 1 x 1, one for each map of the body.
    inner: Vec<ConvNorm>,
    /// 3 x 3.
    layer: Vec<ConvNorm>,
}

impl Fpn {
    /// The pyramid on maps of `channels` each, with `width` channels itself. Built from `inner_blocks.0.0.weight` and so
    /// on.
    pub(super) fn new(channels: &[usize], width: usize, norm: bool, vb: VarBuilder) -> Result<Self> {
        let blocks = |name: &str, kernel: usize, inputs: &dyn Fn(usize) -> usize| -> Result<Vec<ConvNorm>> {
            let block = |(index, channels): (usize, &usize)| {
                let vb = vb.pp(format!("{name}.{index}"));
                ConvNorm::new([inputs(*channels), width], kernel, norm, Fresh::kaiming_linear(), vb)
            };
            channels.iter().enumerate().map(block).collect()
        };
        Ok(Self {
            inner: blocks("inner_blocks", 1, &|channels| channels)?,
            layer: blocks("layer_blocks", 3, &|_| width)?,
        })
    }

    /// The names of its outputs for maps of the body, the largest first.
    pub(super) fn names(maps: usize) -> Vec<String> {
        (0..maps).map(|index| format!("backbone.{index}")).chain(["backbone.pool".to_owned()]).collect()
    }

    /// The pyramid, the largest map first.
    pub(super) fn run(&self, maps: &[Value], pass: &mut Pass) -> std::result::Result<Vec<Value>, Halt> {
        let names = Self::names(maps.len());
        let mut outputs = Vec::new();
        let mut above: Option<Value> = None;
        for (index, map) in maps.iter().enumerate().rev() {
            let lateral = self.inner[index].run("", map, pass)?;
            let sum = match &above {
                None => lateral,
                Some(above) => {
                    let size = pass.size(&lateral)?;
                    let above = pass.resize("", size, ResizeMethod::Nearest, above)?;
                    pass.add("", &lateral, &above)?
                }
            };
            outputs.push(self.layer[index].run(&names[index], &sum, pass)?);
            above = Some(sum);
        }
        outputs.reverse();
        if let Some(last) = outputs.last() {
            let pooled = pass.max_pool(&names[maps.len()], &LAST, last)?;
            outputs.push(pooled);
        }
        Ok(outputs)
    }
}
