//! Resampling through a filter.

use std::sync::Arc;

use candle_core::Result;
use dl_kernels::{Numbers, Operation};
use dl_ops::{Resampling, ResamplingStep};

use super::{Pass, Run, Value};

impl Pass<'_> {
    /// Up- or downsampling through a FIR filter: the blur of StyleGAN.
    /// # Errors
    /// As [`conv`](Self::conv), or when the resampling is not supported.
    pub fn resample(&mut self, name: &str, resampling: &Resampling, x: &Value) -> Run {
        let [channels, ..] = self.shape(x)?;
        let now =
            |[x]: [&candle_core::Tensor; 1], _: Option<&mut rand_chacha::ChaCha8Rng>| dl_ops::upfirdn2d(x, resampling);
        let y = self.apply([x], || operation(resampling, channels), now)?;
        let mut recorded = Ok(());
        self.record(x, &y, |tape, x, y| recorded = tape.upfirdn2d(x, y, resampling));
        recorded?;
        self.see(name, y)
    }
}

/// The depthwise convolution that it is.
fn operation(resampling: &Resampling, channels: usize) -> Result<Operation> {
    let constant = |numbers: Vec<f32>| -> Numbers { Arc::new(move || numbers.clone()) };
    Ok(match resampling.steps(channels)? {
        ResamplingStep::Down { weight, kernel: [kh, kw], config } => {
            Operation::Conv2d { weight: constant(weight), shape: [channels, 1, kh, kw], bias: None, config }
        }
        ResamplingStep::Up { weight, kernel: [kh, kw], config } => {
            Operation::ConvTranspose2d { weight: constant(weight), shape: [channels, 1, kh, kw], bias: None, config }
        }
    })
}
