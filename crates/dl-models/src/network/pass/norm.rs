//! Normalization.

use candle_core::Tensor;
use dl_kernels::Operation;
use rand_chacha::ChaCha8Rng;

use super::{Pass, Run, Value};
use crate::network::layers::{BatchNorm2d, InstanceNorm2d, L2Norm, Linear, LocalResponseNorm};

impl Pass<'_> {
    /// Batch normalization.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn batch_norm(&mut self, name: &str, norm: &BatchNorm2d, x: &Value) -> Run {
        self.varies |= norm.is_trained();
        let y = self.apply([x], || norm.operation(), |[x], train| norm.forward_t(x, train.is_some()))?;
        if self.tape.is_some() {
            let stored = !self.trains() || !norm.is_trained();
            let scale = norm.scale()?;
            self.record(x, &y, |tape, x, y| match stored {
                true => tape.scale(x, y, &scale),
                false => tape.record_unknown("a batch norm in training", &[x], y),
            });
        }
        self.see(name, y)
    }

    /// Instance normalization.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn instance_norm(&mut self, name: &str, norm: &InstanceNorm2d, x: &Value) -> Run {
        self.varies |= norm.is_trained();
        let y = self.apply([x], || norm.operation(), |[x], _| norm.forward(x))?;
        self.see(name, y)
    }

    /// Batch normalization followed by ReLU, fused unless the output between them is requested.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn batch_norm_relu(&mut self, [before, after]: [&str; 2], norm: &BatchNorm2d, x: &Value) -> Run {
        if self.apart(before, x) || !self.trains() || !norm.is_trained() {
            let y = self.batch_norm(before, norm, x)?;
            return self.relu(after, &y);
        }
        let y = self.apply([x], || norm.operation(), |[x], _| norm.train_relu(x))?;
        self.see(after, y)
    }

    /// Batch normalization, if there is one, followed by a leaky ReLU; in training they are one operation.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn batch_norm_leaky_relu(&mut self, name: &str, norm: Option<&BatchNorm2d>, slope: f32, x: &Value) -> Run {
        let Some(norm) = norm else { return self.leaky_relu(name, slope, x) };
        if !self.trains() || !norm.uses_batch() || self.tape.is_some() {
            let y = self.batch_norm("", norm, x)?;
            return self.leaky_relu(name, slope, &y);
        }
        self.varies |= norm.is_trained();
        let y = self.apply([x], || norm.operation(), |[x], _| norm.train_leaky_relu(x, slope))?;
        self.see(name, y)
    }

    /// A fully connected layer and a batch norm of its outputs; in a plan they are one layer.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn linear_norm(&mut self, name: &str, linear: &Linear, norm: &BatchNorm2d, x: &Value) -> Run {
        self.varies |= linear.is_trained() || norm.is_trained();
        let now = |[x]: [&Tensor; 1], train: Option<&mut ChaCha8Rng>| {
            // Rows as maps of one pixel.
            let map = linear.forward(x)?.unsqueeze(2)?.unsqueeze(3)?;
            norm.forward_t(&map, train.is_some())?.flatten_from(1)
        };
        let y = self.apply([x], || linear.with_norm(norm)?.operation(), now)?;
        self.see(name, y)
    }

    /// Local response normalization.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn local_response_norm(&mut self, name: &str, norm: &LocalResponseNorm, x: &Value) -> Run {
        let y = self.apply([x], || Ok(norm.operation()), |[x], _| norm.forward(x))?;
        self.see(name, y)
    }

    /// Multiplies each channel by a scale and adds a shift.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn affine(&mut self, name: &str, scale: &[f32], shift: &[f32], x: &Value) -> Run {
        let operation = || Ok(Operation::Affine { scale: scale.to_vec(), shift: shift.to_vec() });
        let now = |[x]: [&Tensor; 1], _: Option<&mut ChaCha8Rng>| {
            let column = |numbers: &[f32]| Tensor::new(numbers, x.device())?.reshape((1, numbers.len(), 1, 1));
            x.broadcast_mul(&column(scale)?)?.broadcast_add(&column(shift)?)
        };
        let y = self.apply([x], operation, now)?;
        self.see(name, y)
    }

    /// Divides the channels of each position by their L2 norm and scales them.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn l2_norm(&mut self, name: &str, norm: &L2Norm, x: &Value) -> Run {
        self.varies |= norm.is_trained();
        let y = self.apply([x], || norm.operation(), |[x], _| norm.forward(x))?;
        self.see(name, y)
    }

    /// Softmax of rows [n, features], or along the channels of maps [n, c, h, w].
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn softmax(&mut self, name: &str, x: &Value) -> Run {
        let y = self.apply([x], || Ok(Operation::Softmax), |[x], _| dl_ops::softmax(x, 1))?;
        self.see(name, y)
    }
}
