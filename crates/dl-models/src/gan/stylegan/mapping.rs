//! From random vectors to styles.

use candle_core::{Result, Tensor, Var};
use candle_nn::{Init, VarBuilder};

use super::{GAIN, SLOPE};
use crate::EqualizedLinear;
use crate::network::pass::{Halt, Pass, Value, number};

/// Factor on the learning rate (Karras et al. 2019, appendix C).
const RATE: f64 = 0.01;
/// Decay of the mean style, per batch.
pub const AVERAGE_DECAY: f64 = 0.998;
/// Added to the mean square of a vector that it is divided by.
const EPS: f64 = 1e-8;

/// The mapping network: a normalized random vector -> fully connected layers with leaky ReLU -> a style.
pub(super) struct Mapping {
    layers: Vec<EqualizedLinear>,
    /// The mean style [columns].
    average: Var,
}

impl Mapping {
    /// `fc0`, `fc1` and so on, and the buffer `w_avg`, under the builder's prefix.
    pub(super) fn new([inputs, columns]: [usize; 2], layers: usize, vb: &VarBuilder) -> Result<Self> {
        let layer = |index: usize| {
            let inputs = if index == 0 { inputs } else { columns };
            EqualizedLinear::new([inputs, columns], (RATE, 0.0), vb.pp(format!("fc{index}")))
        };
        let layers = (0..layers).map(layer).collect::<Result<_>>()?;
        // Shares the builder's variable in training.
        let average = Var::from_tensor(&vb.get_with_hints(columns, "w_avg", Init::Const(0.0))?)?;
        Ok(Self { layers, average })
    }

    /// Styles [n, columns] of random vectors [n, k] and embedded labels [n, l].
    pub(super) fn run(
        &self,
        latents: &Tensor,
        embedded: Option<&Tensor>,
        pass: &mut Pass,
    ) -> std::result::Result<Tensor, Halt> {
        let latents = normalized(latents)?;
        let rows = match embedded {
            Some(embedded) => Tensor::cat(&[latents, normalized(embedded)?], 1)?,
            None => latents,
        };
        let mut x = Value::Now(rows);
        for layer in &self.layers {
            x = pass.linear("", &layer.layer(GAIN)?, &x)?;
            x = pass.leaky_relu("", SLOPE, &x)?;
        }
        number(&x).cloned()
    }

    /// Moves the mean style toward that of a batch [n, columns].
    pub(super) fn follow(&self, styles: &Tensor) -> Result<()> {
        let mean = styles.detach().mean(0)?;
        let away = (self.average.as_detached_tensor() - &mean)?;
        self.average.set(&(mean + (away * AVERAGE_DECAY)?)?)
    }

    /// The mean style [columns].
    pub(super) fn average(&self) -> Tensor {
        self.average.as_detached_tensor()
    }
}

/// Rows divided by the root of their mean square.
fn normalized(rows: &Tensor) -> Result<Tensor> {
    rows.broadcast_div(&(rows.sqr()?.mean_keepdim(1)? + EPS)?.sqrt()?)
}
