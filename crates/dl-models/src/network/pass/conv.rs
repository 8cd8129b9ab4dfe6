//! Layers with a weight matrix: convolutions of every kind, and fully connected layers.

use super::{Mode, Pass, Run, Value};
use crate::network::layers::{Conv2d, ConvTranspose2d, Linear, LocallyConnected2d};

impl Pass<'_> {
    /// A convolution.
    /// # Errors
    /// As [`see`](Self::see), or when x has the wrong shape. This applies to all operations.
    pub fn conv(&mut self, name: &str, conv: &Conv2d, x: &Value) -> Run {
        self.varies |= conv.is_trained();
        let y = self.apply([x], || conv.operation(), |[x], _| conv.forward(x))?;
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
        self.see(name, y)
    }

    /// A transposed convolution.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn conv_transpose(&mut self, name: &str, conv: &ConvTranspose2d, x: &Value) -> Run {
        self.varies |= conv.is_trained();
        let y = self.apply([x], || conv.operation(), |[x], _| conv.forward(x))?;
        self.see(name, y)
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
