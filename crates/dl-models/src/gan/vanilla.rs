//! Fully connected networks, as in Goodfellow et al. 2014; by default of the sizes of PyTorch-GAN's `gan.py`.

use anyhow::{Result, ensure};
use candle_nn::VarBuilder;
use serde::{Deserialize, Serialize};

use super::{GeneratorConfig, IMAGE};
use crate::file::limits;
use crate::network::pass::{Pass, Run, Value};
use crate::{Backbone, BatchNorm2d, Fresh, Linear, plain};

/// Most columns of a hidden layer.
const WIDEST: usize = 1 << 16;

/// Options of the generator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct VanillaOptions {
    /// The prefix of its tensors' names.
    pub prefix: String,
    /// Columns of the hidden layers.
    pub hidden: Vec<usize>,
    /// Batch norms after the hidden layers but the first.
    pub norms: bool,
    /// Added to the variance.
    pub eps: f64,
    /// Slope of the leaky ReLU for negative numbers; 0: ReLU.
    pub slope: f64,
}

impl Default for VanillaOptions {
    fn default() -> Self {
        Self { prefix: "model".into(), hidden: vec![128, 256, 512, 1024], norms: true, eps: 1e-5, slope: 0.2 }
    }
}

/// The generator: z -> hidden layers with leaky ReLU -> tanh. Its tensors are numbered as the modules of a torch
/// `Sequential`.
pub(super) struct Vanilla {
    hidden: Vec<(Linear, Option<BatchNorm2d>)>,
    last: Linear,
    slope: f64,
}

impl Vanilla {
    pub(super) fn new(config: &GeneratorConfig, vb: &VarBuilder) -> Result<Self> {
        let options: VanillaOptions = config.options()?;
        limits::count("the number of hidden layers", options.hidden.len(), 64)?;
        options.hidden.iter().try_for_each(|columns| limits::count("a hidden layer's size", *columns, WIDEST))?;
        limits::epsilon("eps", options.eps)?;
        ensure!(options.slope.is_finite(), "slope is {}; expected a number", options.slope);
        let vb = if options.prefix.is_empty() { vb.clone() } else { vb.pp(&options.prefix) };
        let (mut place, mut inputs, mut hidden) = (0, config.inputs(), Vec::new());
        for (index, &columns) in options.hidden.iter().enumerate() {
            let linear = Linear::new(inputs, columns, Fresh::torch(inputs), vb.pp(place)).map_err(plain)?;
            let normed = options.norms && index > 0;
            let norm = normed.then(|| BatchNorm2d::new(columns, options.eps, vb.pp(place + 1)).map_err(plain));
            hidden.push((linear, norm.transpose()?));
            // The linear layer, the norm, the activation.
            place += 2 + usize::from(normed);
            inputs = columns;
        }
        let last = Linear::new(inputs, config.image.numbers(), Fresh::torch(inputs), vb.pp(place)).map_err(plain)?;
        Ok(Self { hidden, last, slope: options.slope })
    }
}

impl Backbone for Vanilla {
    fn layers(&self) -> Vec<String> {
        vec![IMAGE.to_owned()]
    }

    fn aliases(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let mut x = pass.flatten("", x)?;
        for (linear, norm) in &self.hidden {
            x = match norm {
                Some(norm) => pass.linear_norm("", linear, norm, &x)?,
                None => pass.linear("", linear, &x)?,
            };
            x = pass.leaky_relu("", self.slope as f32, &x)?;
        }
        let x = pass.linear("", &self.last, &x)?;
        pass.tanh(IMAGE, &x)
    }
}
