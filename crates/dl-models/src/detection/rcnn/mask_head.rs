//! From the features of a region to a mask for each class (He et al. 2017, figure 4, right): four convolutions, twice the
//! size, one map for each class.

use anyhow::Result;
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, ConvTranspose2dConfig};

use super::conv_norm::ConvNorm;
use crate::network::layers::{ConvTranspose2d, Fresh};
use crate::{Backbone, Conv2d, Pass, Run, Value, plain};

/// The output [regions, classes, 28, 28]: probabilities.
pub(super) const MASKS: &str = "masks";

/// Their logits.
pub(super) const LOGITS: &str = "mask_predictor.mask_fcn_logits";

/// Bins along each side of a region.
pub(super) const BINS: usize = 14;
/// Pixels along each side of a mask.
pub(super) const SIDE: usize = 28;

pub(super) struct MaskNetwork {
    convs: Vec<ConvNorm>,
    conv5_mask: ConvTranspose2d,
    mask_fcn_logits: Conv2d,
}

impl MaskNetwork {
    /// `head` and `predictor`: builders with the prefixes `mask_head` and `mask_predictor`.
    pub(super) fn new(
        channels: usize,
        classes: usize,
        norm: bool,
        head: VarBuilder,
        predictor: VarBuilder,
    ) -> Result<Self> {
        let width = channels;
        let conv =
            |index: usize| ConvNorm::new([width; 2], 3, norm, Fresh::kaiming_out(), head.pp(index)).map_err(plain);
        let twice = ConvTranspose2dConfig { stride: [2, 2], ..ConvTranspose2dConfig::default() };
        let (fresh, config) = (Fresh::kaiming_out(), Conv2dConfig::default());
        Ok(Self {
            convs: (0..4).map(conv).collect::<Result<_>>()?,
            conv5_mask: ConvTranspose2d::new([width; 2], [2; 2], twice, fresh, predictor.pp("conv5_mask"))
                .map_err(plain)?,
            mask_fcn_logits: Conv2d::new([width, classes], [1; 2], config, fresh, predictor.pp("mask_fcn_logits"))
                .map_err(plain)?,
        })
    }
}

impl Backbone for MaskNetwork {
    fn layers(&self) -> Vec<String> {
        [LOGITS, MASKS].map(str::to_owned).to_vec()
    }

    fn aliases(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// x [regions, channels, 14, 14]
    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let mut x = x.clone();
        for conv in &self.convs {
            x = conv.run_relu("", &x, pass)?;
        }
        let x = pass.conv_transpose("", &self.conv5_mask, &x)?;
        let x = pass.relu("", &x)?;
        let x = pass.conv(LOGITS, &self.mask_fcn_logits, &x)?;
        pass.sigmoid(MASKS, &x)
    }
}
