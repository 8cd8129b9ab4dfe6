//! Layers with a weight matrix: convolutions of every kind, and fully connected layers.

use std::sync::Arc;

use candle_core::Tensor;
use dl_kernels::Operation;

use super::{Mode, Pass, Run, Value};
use crate::network::layers::{Conv2d, ConvTranspose2d, Linear, LocallyConnected2d, ModulatedConv2d, vector};

impl Pass<'_> {
    /// A convolution.
    /// # Errors
    /// As [`see`](Self::see), or when x has the wrong shape. This applies to all operations.
    pub fn conv(&mut self, name: &str, conv: &Conv2d, x: &Value) -> Run {
        self.varies |= conv.is_trained();
        let y = self.apply([x], || conv.operation(), |[x], _| conv.forward(x))?;
        self.record(x, &y, |tape, x, y| tape.conv2d(x, y, conv.weight(), conv.config()));
        self.see(name, y)
    }

    /// A convolution followed by ReLU, fused unless the output between them is requested.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn conv_relu(&mut self, [before, after]: [&str; 2], conv: &Conv2d, x: &Value) -> Run {
        if self.apart(before, x) || matches!(self.mode, Mode::Plan(_)) {
            let y = self.conv(before, conv, x)?;
            return self.relu(after, &y);
        }
        let y = self.apply([x], || conv.operation(), |[x], _| conv.forward_relu(x))?;
        self.see(after, y)
    }

    /// A fully connected layer.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn linear(&mut self, name: &str, linear: &Linear, x: &Value) -> Run {
        self.varies |= linear.is_trained();
        let y = self.apply([x], || linear.operation(), |[x], _| linear.forward(x))?;
        self.record(x, &y, |tape, x, y| tape.linear(x, y, linear.weight()));
        self.see(name, y)
    }

    /// A transposed convolution.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn conv_transpose(&mut self, name: &str, conv: &ConvTranspose2d, x: &Value) -> Run {
        self.varies |= conv.is_trained();
        let y = self.apply([x], || conv.operation(), |[x], _| conv.forward(x))?;
        self.record(x, &y, |tape, x, y| tape.conv_transpose2d(x, y, conv.weight(), conv.config()));
        self.see(name, y)
    }

    /// A modulated convolution of a map [n, inputs, h, w] by styles [n, inputs].
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn modulated_conv(&mut self, name: &str, conv: &ModulatedConv2d, x: &Value, styles: &Value) -> Run {
        self.varies |= conv.is_trained();
        if !matches!(self.mode, Mode::Plan(_)) {
            let y = self.apply([x, styles], || conv.operation(), |[x, styles], _| conv.forward(x, styles))?;
            return self.see(name, y);
        }
        let only_planned = |_: [&Tensor; 1], _: Option<&mut rand_chacha::ChaCha8Rng>| {
            candle_core::bail!("a step of a plan is not computed directly")
        };
        let [inputs, ..] = self.shape(x)?;
        let scaled = self.gate_by_row(inputs, x, styles)?;
        let y = self.apply([&scaled], || conv.operation(), only_planned)?;
        if !conv.demodulates() {
            return self.see(name, y);
        }
        let squares = self.apply([styles], || Ok(Operation::Square), only_planned)?;
        let norms = self.apply([&squares], || conv.squared_norms(), only_planned)?;
        let factors = self.apply([&norms], || Ok(Operation::InverseRoot), only_planned)?;
        let [outputs, ..] = self.shape(&y)?;
        let y = self.gate_by_row(outputs, &y, &factors)?;
        self.see(name, y)
    }

    /// Adds a number [channels] to each channel of a map.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn bias(&mut self, name: &str, bias: &Tensor, x: &Value) -> Run {
        self.varies |= bias.is_variable();
        let operation = || {
            let shift = vector(bias)?;
            Ok(Operation::Affine { scale: vec![1.0; shift.len()], shift })
        };
        let y = self.apply([x], operation, |[x], _| x.broadcast_add(&bias.reshape((1, (), 1, 1))?))?;
        self.see(name, y)
    }

    /// Multiplies the channels of a map by the numbers of a row.
    fn gate_by_row(&mut self, channels: usize, x: &Value, row: &Value) -> Run {
        let same: Arc<[u32]> = (0..channels as u32).collect();
        let column = self.rearrange("", (&same, &[channels, 1, 1]), row)?;
        self.gate("", x, &column)
    }

    /// A locally connected layer: a convolution with filters of its own at every place.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn locally_connected(&mut self, name: &str, layer: &LocallyConnected2d, x: &Value) -> Run {
        self.varies |= layer.is_trained();
        let y = self.apply([x], || layer.operation(), |[x], _| layer.forward(x))?;
        self.see(name, y)
    }
}
