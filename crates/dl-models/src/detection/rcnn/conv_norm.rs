//! torchvision's `Conv2dNormActivation`, as the newer detectors use it: a convolution with bias, or one without and a
//! batch norm.

use candle_core::Result;
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, Padding};

use crate::network::layers::Fresh;
use crate::{BatchNorm2d, Conv2d, Pass, Run, Value};

/// torch's default, also where the norms of the body have another one.
const EPS: f64 = 1e-5;

pub(super) struct ConvNorm {
    conv: Conv2d,
    norm: Option<BatchNorm2d>,
}

impl ConvNorm {
    /// Built from `0` and `1` under the builder's prefix; padded to preserve the size.
    pub(super) fn new(channels: [usize; 2], kernel: usize, norm: bool, fresh: Fresh, vb: VarBuilder) -> Result<Self> {
        let config = Conv2dConfig { padding: Padding::all(kernel / 2), ..Conv2dConfig::default() };
        let kernel = [kernel; 2];
        Ok(if norm {
            let conv = Conv2d::without_bias(channels, kernel, config, fresh, vb.pp(0))?;
            Self { conv, norm: Some(BatchNorm2d::new(channels[1], EPS, vb.pp(1))?) }
        } else {
            Self { conv: Conv2d::new(channels, kernel, config, fresh, vb.pp(0))?, norm: None }
        })
    }

    pub(super) fn run(&self, name: &str, x: &Value, pass: &mut Pass) -> Run {
        match &self.norm {
            None => pass.conv(name, &self.conv, x),
            Some(norm) => {
                let x = pass.conv("", &self.conv, x)?;
                pass.batch_norm(name, norm, &x)
            }
        }
    }

    pub(super) fn run_relu(&self, name: &str, x: &Value, pass: &mut Pass) -> Run {
        match &self.norm {
            None => pass.conv_relu(["", name], &self.conv, x),
            Some(norm) => {
                let x = pass.conv("", &self.conv, x)?;
                pass.batch_norm_relu(["", name], norm, &x)
            }
        }
    }
}
