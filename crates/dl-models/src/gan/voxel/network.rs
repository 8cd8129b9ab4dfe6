//! The network of a generator of voxels.

use anyhow::Result;
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, ConvTranspose2dConfig, Padding};

use super::VoxelConfig;
use crate::network::pass::{Pass, Run, Value};
use crate::{Backbone, BatchNorm2d, Conv2d, ConvTranspose2d, Fresh, plain};

/// The name of the output.
pub(super) const OCCUPANCY: &str = "occupancy";
/// Slope of the leaky ReLUs of the encoder.
const SLOPE: f32 = 0.2;
/// New weights are normal with this standard deviation, as DCGAN's.
const STDEV: f64 = 0.02;
/// Side of the smallest map.
const SMALLEST: usize = 4;

/// An encoder and a decoder with connections between maps of the same size; the last map has a channel for each plane of
/// voxels, from the viewer on. Its numbers are logits.
pub(super) struct Network {
    /// Halves the map: 4 x 4 with stride 2, norm (not after the first), leaky ReLU.
    down: Vec<(Conv2d, Option<BatchNorm2d>)>,
    /// Doubles it: transposed 4 x 4 with stride 2, norm, ReLU.
    up: Vec<(ConvTranspose2d, BatchNorm2d)>,
    /// 3 x 3, of both maps.
    last: Conv2d,
}

impl Network {
    pub(super) fn new(config: &VoxelConfig, vb: &VarBuilder) -> Result<Self> {
        let steps = (config.side / SMALLEST).ilog2() as usize;
        let width = |step: usize| config.channels << step.min(3);
        let fresh = Fresh::normal(STDEV);
        let half = Conv2dConfig { stride: [2; 2], padding: Padding::all(1), ..Default::default() };
        let double = ConvTranspose2dConfig { stride: [2; 2], padding: [1; 2], ..Default::default() };
        let (mut down, mut up) = (Vec::new(), Vec::new());
        for step in 0..steps {
            let vb = vb.pp("down").pp(step);
            let channels = [if step == 0 { 1 } else { width(step - 1) }, width(step)];
            let conv = Conv2d::new(channels, [4; 2], half, fresh, vb.pp("conv")).map_err(plain)?;
            let norm = (step > 0).then(|| BatchNorm2d::new(channels[1], 1e-5, vb.pp("norm")).map_err(plain));
            down.push((conv, norm.transpose()?));
        }
        for step in (0..steps).rev() {
            let vb = vb.pp("up").pp(step);
            // All but the innermost get the map of the encoder, too.
            let inputs = if step + 1 == steps { width(step) } else { 2 * width(step) };
            let channels = [inputs, if step == 0 { width(0) } else { width(step - 1) }];
            let conv = ConvTranspose2d::new(channels, [4; 2], double, fresh, vb.pp("conv")).map_err(plain)?;
            up.push((conv, BatchNorm2d::new(channels[1], 1e-5, vb.pp("norm")).map_err(plain)?));
        }
        let same = Conv2dConfig { padding: Padding::all(1), ..Default::default() };
        let last = Conv2d::new([width(0) + 1, config.side], [3; 2], same, fresh, vb.pp("last")).map_err(plain)?;
        Ok(Self { down, up, last })
    }
}

impl Backbone for Network {
    fn layers(&self) -> Vec<String> {
        vec![OCCUPANCY.to_owned()]
    }

    fn aliases(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// x [n, 1, side, side], -1 to 1 -> logits [n, side, side, side].
    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let mut maps = vec![x.clone()];
        let mut y = x.clone();
        for (conv, norm) in &self.down {
            y = pass.conv("", conv, &y)?;
            y = pass.batch_norm_leaky_relu("", norm.as_ref(), SLOPE, &y)?;
            maps.push(y.clone());
        }
        // The innermost is where the decoder starts.
        maps.pop();
        for (conv, norm) in &self.up {
            y = pass.conv_transpose("", conv, &y)?;
            y = pass.batch_norm_relu(["", ""], norm, &y)?;
            if let Some(map) = maps.pop() {
                y = pass.concat("", &[&y, &map])?;
            }
        }
        pass.conv(OCCUPANCY, &self.last, &y)
    }
}
