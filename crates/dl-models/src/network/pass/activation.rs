//! Functions of every number, and dropout.

use candle_core::{Result, Tensor};
use dl_kernels::Operation;

use super::{Mode, Pass, Run, Value};
use crate::network::layers::Prelu;

impl Pass<'_> {
    /// ReLU.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn relu(&mut self, name: &str, x: &Value) -> Run {
        self.clamp(name, [0.0, f32::INFINITY], dl_ops::relu, x)
    }

    /// ReLU clamped at 6 (MobileNets).
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn relu6(&mut self, name: &str, x: &Value) -> Run {
        self.clamp(name, [0.0, 6.0], dl_ops::relu6, x)
    }

    /// Hard swish (MobileNet V3).
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn hard_swish(&mut self, name: &str, x: &Value) -> Run {
        let y = self.apply([x], || Ok(Operation::HardSwish), |[x], _| dl_ops::hard_swish(x))?;
        self.see(name, y)
    }

    /// Hard sigmoid of a map.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn hard_sigmoid(&mut self, name: &str, x: &Value) -> Run {
        let scaled = if matches!(self.mode, Mode::Plan(_)) {
            let [channels, ..] = self.shape(x)?;
            // The preceding convolution absorbs the scale.
            self.affine("", &vec![1.0 / 6.0; channels], &vec![0.5; channels], x)?
        } else {
            x.clone()
        };
        self.clamp(name, [0.0, 1.0], dl_ops::hard_sigmoid, &scaled)
    }

    /// Clamps to a range; `now` computes it.
    fn clamp(&mut self, name: &str, [low, high]: [f32; 2], now: fn(&Tensor) -> Result<Tensor>, x: &Value) -> Run {
        let y = self.apply([x], || Ok(Operation::Clamp { low, high }), |[x], _| now(x))?;
        if (low, high) == (0.0, f32::INFINITY) {
            self.record(x, &y, |tape, x, y| tape.leaky_relu(x, y, 0.0));
        }
        self.see(name, y)
    }

    /// Dropout in training, the identity otherwise.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn dropout(&mut self, name: &str, p: f64, x: &Value) -> Run {
        let p = self.dropout.unwrap_or(p);
        self.varies |= p > 0.0;
        let y = match (&mut self.mode, x) {
            (Mode::Train(rng), Value::Now(from)) if p > 0.0 => {
                let mask = dl_ops::dropout_mask(from, p, *rng)?;
                let y = Value::Now((from * &mask)?);
                self.record(x, &y, |tape, x, y| tape.mask(x, y, &mask));
                y
            }
            _ => x.clone(),
        };
        self.see(name, y)
    }

    /// ReLU with trained slopes.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn prelu(&mut self, name: &str, prelu: &Prelu, x: &Value) -> Run {
        self.varies |= prelu.is_trained();
        let [channels, ..] = self.shape(x)?;
        let y = self.apply([x], || prelu.operation(channels), |[x], _| prelu.forward(x))?;
        self.see(name, y)
    }

    /// Leaky ReLU: x where it is positive, `slope` x elsewhere; the slope is between 0 and 1.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn leaky_relu(&mut self, name: &str, slope: f32, x: &Value) -> Run {
        let y = self.apply([x], || Ok(Operation::LeakyRelu { slope }), |[x], _| dl_ops::leaky_relu(x, slope))?;
        self.record(x, &y, |tape, x, y| tape.leaky_relu(x, y, slope));
        self.see(name, y)
    }

    /// The logistic function.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn sigmoid(&mut self, name: &str, x: &Value) -> Run {
        let y = self.apply([x], || Ok(Operation::Sigmoid), |[x], _| dl_ops::sigmoid(x))?;
        self.see(name, y)
    }

    /// Softplus: ln(1 + e^x).
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn softplus(&mut self, name: &str, x: &Value) -> Run {
        let y = self.apply([x], || Ok(Operation::Softplus), |[x], _| dl_ops::softplus(x))?;
        self.see(name, y)
    }

    /// Swish, also called SiLU.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn swish(&mut self, name: &str, x: &Value) -> Run {
        let y = self.apply([x], || Ok(Operation::Swish), |[x], _| dl_ops::swish(x))?;
        self.see(name, y)
    }

    /// Mish.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn mish(&mut self, name: &str, x: &Value) -> Run {
        let y = self.apply([x], || Ok(Operation::Mish), |[x], _| dl_ops::mish(x))?;
        self.see(name, y)
    }

    /// The hyperbolic tangent.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn tanh(&mut self, name: &str, x: &Value) -> Run {
        let y = self.apply([x], || Ok(Operation::Tanh), |[x], _| dl_ops::tanh(x))?;
        self.see(name, y)
    }
}
