//! DCGAN (Radford et al. 2016), with the layers, names and initial weights of pytorch/examples.

use anyhow::Result;
use candle_nn::{Init, VarBuilder};
use dl_ops::ConvTranspose2dConfig;
use serde::{Deserialize, Serialize};

use super::{GeneratorConfig, IMAGE};
use crate::file::limits;
use crate::network::pass::{Pass, Run, Value};
use crate::{Backbone, BatchNorm2d, ConvTranspose2d, Fresh, plain};

/// Weights of convolutions are normal with this standard deviation, and so are those of norms, around 1.
pub(super) const STDEV: f64 = 0.02;
/// Most channels of a map.
pub(super) const MOST_CHANNELS: usize = 1 << 13;

/// Options of the generator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct DcganOptions {
    /// Channels of the last hidden map (`ngf`); each map before has twice as many.
    pub channels: usize,
}

impl Default for DcganOptions {
    fn default() -> Self {
        Self { channels: 64 }
    }
}

/// The generator: z [n, d, 1, 1] -> transposed convolutions, each with batch norm and ReLU, the last with tanh. The first
/// makes a small map, each next one doubles it.
///
/// | name | for 64 x 64 pixels |
/// | --- | --- |
/// | main.0, main.1 | 4 x 4, 8 ngf channels |
/// | main.3, main.4 | 8 x 8, 4 ngf |
/// | main.6, main.7 | 16 x 16, 2 ngf |
/// | main.9, main.10 | 32 x 32, ngf |
/// | main.12 | 64 x 64, the image |
pub(super) struct Dcgan {
    hidden: Vec<(ConvTranspose2d, BatchNorm2d)>,
    last: ConvTranspose2d,
}

impl Dcgan {
    pub(super) fn new(config: &GeneratorConfig, vb: &VarBuilder) -> Result<Self> {
        let options: DcganOptions = config.options()?;
        let (map, doublings) = config.image.doublings()?;
        limits::count("channels", options.channels << (doublings - 1), MOST_CHANNELS)?;
        let double = ConvTranspose2dConfig { stride: [2; 2], padding: [1; 2], ..Default::default() };
        let vb = vb.pp("main");
        let layer = |channels, kernel, config, place: usize| {
            ConvTranspose2d::without_bias(channels, kernel, config, Fresh::normal(STDEV), vb.pp(place)).map_err(plain)
        };
        let (mut inputs, mut hidden) = (config.inputs(), Vec::new());
        for index in 0..doublings {
            let outputs = options.channels << (doublings - 1 - index);
            let conv = match index {
                0 => layer([inputs, outputs], map, ConvTranspose2dConfig::default(), 0)?,
                _ => layer([inputs, outputs], [4; 2], double, 3 * index)?,
            };
            hidden.push((conv, norm(outputs, 1e-5, &vb.pp(3 * index + 1)).map_err(plain)?));
            inputs = outputs;
        }
        let last = layer([inputs, config.image.channels], [4; 2], double, 3 * doublings)?;
        Ok(Self { hidden, last })
    }
}

/// A batch norm with DCGAN's initial weights.
pub(super) fn norm(channels: usize, eps: f64, vb: &VarBuilder) -> candle_core::Result<BatchNorm2d> {
    // The first request decides how a new weight is drawn.
    vb.get_with_hints(channels, "weight", Init::Randn { mean: 1.0, stdev: STDEV })?;
    BatchNorm2d::new(channels, eps, vb.clone())
}

impl Backbone for Dcgan {
    fn layers(&self) -> Vec<String> {
        vec![IMAGE.to_owned()]
    }

    fn aliases(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let mut x = x.clone();
        for (conv, norm) in &self.hidden {
            x = pass.conv_transpose("", conv, &x)?;
            x = pass.batch_norm_relu(["", ""], norm, &x)?;
        }
        let x = pass.conv_transpose("", &self.last, &x)?;
        pass.tanh(IMAGE, &x)
    }
}
