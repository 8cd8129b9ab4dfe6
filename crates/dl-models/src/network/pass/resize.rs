//! Resizing.

use candle_core::Tensor;
use dl_kernels::Operation;
use dl_ops::{ResizeMethod, ResizeTo};
use rand_chacha::ChaCha8Rng;

use super::{Pass, Run, Value};

impl Pass<'_> {
    /// Resizes maps to [height, width].
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn resize(&mut self, name: &str, size: [usize; 2], method: ResizeMethod, x: &Value) -> Run {
        let now = |[x]: [&Tensor; 1], _: Option<&mut ChaCha8Rng>| {
            let to = ResizeTo::Size(size);
            match method {
                ResizeMethod::Nearest => dl_ops::resize_nearest(x, to),
                ResizeMethod::Bilinear => dl_ops::resize_bilinear(x, to, false),
            }
        };
        let y = self.apply([x], || Ok(Operation::Resize { size, method }), now)?;
        self.see(name, y)
    }
}
