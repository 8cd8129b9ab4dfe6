//! Batch normalization (Ioffe and Szegedy 2015), like torch's `BatchNorm2d`, with and without ReLU or leaky ReLU.
//!
//! Each channel is one task that computes the channel's statistics, then normalizes it while it is cached; likewise for
//! the gradient. So memory is read once, and results do not depend on the number of threads.

mod channel_major;
mod kernels;

use std::sync::{Arc, OnceLock};

use candle_core::{CpuStorage, CustomOp3, DType, Device, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::cpu::{self, Shared};
use crate::portable;
use channel_major::{from_channel_major, to_channel_major};
use kernels::{
    GradientSums, Line, Moments, Slope, input_gradient, mask, mask_leaky, normalize, normalize_and_leak,
    normalize_and_rectify,
};

/// Shorter planes are put together.
const NARROW: usize = 16;

/// The statistics of each channel of a batch.
#[derive(Clone, Debug)]
pub struct BatchStatistics {
    /// The mean, [c].
    pub mean: Tensor,
    /// The biased variance, [c].
    pub variance: Tensor,
    /// Numbers per channel in the batch: n * h * w.
    pub count: usize,
}

impl BatchStatistics {
    /// The running mean and variance [c], updated with `momentum` in [0, 1] (0.1 by default in torch) and the unbiased
    /// variance, as in torch.
    /// # Errors
    /// When the shapes do not match.
    pub fn update(&self, mean: &Tensor, variance: &Tensor, momentum: f64) -> Result<(Tensor, Tensor)> {
        let unbiased = self.count as f64 / (self.count as f64 - 1.0);
        let mean = (mean * (1.0 - momentum))? + (&self.mean * momentum)?;
        let variance = (variance * (1.0 - momentum))? + (&self.variance * (momentum * unbiased))?;
        Ok((mean?, variance?))
    }
}

/// For training: (x - mean) / sqrt(variance + eps) * weight + bias with the batch's own statistics, which are returned,
/// too.
///
/// x [n, c, ...] must have two or more numbers per channel; weight and bias are [c]. Gradients go through the
/// statistics.
/// # Errors
/// When the shapes do not match, or candle fails.
pub fn batch_norm_train(x: &Tensor, weight: &Tensor, bias: &Tensor, eps: f64) -> Result<(Tensor, BatchStatistics)> {
    train(x, weight, bias, eps, Rectifier::None)
}

/// [`batch_norm_train`] fused with ReLU.
/// # Errors
/// As [`batch_norm_train`].
pub fn batch_norm_train_relu(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    eps: f64,
) -> Result<(Tensor, BatchStatistics)> {
    train(x, weight, bias, eps, Rectifier::Relu)
}

/// [`batch_norm_train`] fused with a leaky ReLU of this slope, above 0.
/// # Errors
/// As [`batch_norm_train`].
pub fn batch_norm_train_leaky_relu(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    eps: f64,
    slope: f32,
) -> Result<(Tensor, BatchStatistics)> {
    train(x, weight, bias, eps, Rectifier::Leaky(slope))
}

/// What follows the normalization.
#[derive(Clone, Copy, PartialEq)]
enum Rectifier {
    None,
    Relu,
    /// With this slope.
    Leaky(f32),
}

/// For inference, and for training with frozen statistics: (x - mean) / sqrt(variance + eps) * weight + bias.
///
/// x is [n, c, ...], all others are [c]. Gradients go to x, weight and bias, but not to the statistics.
/// # Errors
/// When the shapes do not match, or candle fails.
pub fn batch_norm(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    running_mean: &Tensor,
    running_variance: &Tensor,
    eps: f64,
) -> Result<Tensor> {
    let shape = Planes::new(x, weight, bias)?;
    if running_mean.dims() != [shape.channels] || running_variance.dims() != [shape.channels] {
        bail!("batch_norm: running statistics have shapes {:?} and {:?}", running_mean.dims(), running_variance.dims());
    }
    if !cpu::serves(x) {
        return portable::batch_norm(x, weight, bias, running_mean, running_variance, eps);
    }
    let numbers = |tensor: &Tensor| tensor.to_dtype(DType::F64)?.to_vec1::<f64>();
    let (mean, variance) = (numbers(running_mean)?, numbers(running_variance)?);
    let given = mean.into_iter().zip(variance).map(|(mean, variance)| Channel { mean, variance });
    let statistics = Arc::new(OnceLock::from(given.collect::<Vec<_>>()));
    x.apply_op3(weight, bias, BatchNorm { eps, frozen: true, rectifier: Rectifier::None, statistics })
}

fn train(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    eps: f64,
    rectifier: Rectifier,
) -> Result<(Tensor, BatchStatistics)> {
    let shape = Planes::new(x, weight, bias)?;
    let count = shape.n * shape.plane;
    if count < 2 {
        bail!("batch_norm: x of shape {:?} has {count} numbers per channel; training needs at least two", x.dims());
    }
    if !cpu::serves(x) {
        let (y, mean, variance) = portable::batch_norm_train(x, weight, bias, eps)?;
        let y = match rectifier {
            Rectifier::None => y,
            Rectifier::Relu => portable::relu(&y)?,
            Rectifier::Leaky(slope) => portable::leaky_relu(&y, f64::from(slope))?,
        };
        return Ok((y, BatchStatistics { mean, variance, count }));
    }
    let statistics = Arc::new(OnceLock::new());
    let y = x.apply_op3(weight, bias, BatchNorm { eps, frozen: false, rectifier, statistics: statistics.clone() })?;
    let Some(channels) = statistics.get() else { bail!("batch_norm: the statistics are missing") };
    let of = |value: fn(&Channel) -> f64| {
        let data: Vec<f32> = channels.iter().map(|channel| value(channel) as f32).collect();
        Tensor::from_vec(data, shape.channels, &Device::Cpu)
    };
    let (mean, variance) = (of(|channel| channel.mean)?, of(|channel| channel.variance)?);
    Ok((y, BatchStatistics { mean, variance, count }))
}

/// The memory layout of [n, c, ...].
struct Planes {
    n: usize,
    channels: usize,
    plane: usize,
}

impl Planes {
    fn new(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Self> {
        match Self::of(x.dims()) {
            Some(shape) if weight.dims() == [shape.channels] && bias.dims() == [shape.channels] => Ok(shape),
            _ => bail!(
                "batch_norm: x has shape {:?}, weight {:?}, bias {:?} do not match",
                x.dims(),
                weight.dims(),
                bias.dims()
            ),
        }
    }

    fn of(dims: &[usize]) -> Option<Self> {
        let [n, channels, plane @ ..] = dims else { return None };
        Some(Self { n: *n, channels: *channels, plane: plane.iter().product() })
    }

    /// Whether the planes are so short that they are put together first: rows have planes of one number.
    fn is_narrow(&self) -> bool {
        self.n > 1 && self.plane < NARROW
    }

    /// The layout of [c, n, ...].
    fn channel_major(&self) -> Self {
        Self { n: 1, channels: self.channels, plane: self.n * self.plane }
    }

    /// Offsets of the planes of one channel.
    fn starts(&self, channel: usize) -> impl Iterator<Item = usize> {
        (0..self.n).map(move |image| (image * self.channels + channel) * self.plane)
    }
}

/// The statistics of one channel.
struct Channel {
    mean: f64,
    variance: f64,
}

struct BatchNorm {
    eps: f64,
    /// Whether the statistics are given constants, not those of the batch.
    frozen: bool,
    rectifier: Rectifier,
    /// Set by the forward pass, unless frozen.
    statistics: Arc<OnceLock<Vec<Channel>>>,
}

impl BatchNorm {
    fn inverse(&self, channel: &Channel) -> f64 {
        1.0 / (channel.variance + self.eps).sqrt()
    }

    fn statistics_of(&self, shape: &Planes, x: &[f32], channel: usize) -> Channel {
        let moments = Moments::of(shape.starts(channel).map(|start| &x[start..][..shape.plane]));
        Channel { mean: moments.mean, variance: moments.squares / moments.count }
    }

    fn apply(&self, shape: &Planes, x: &[f32], channel: &Channel, index: usize, affine: [f32; 2], output: &Shared) {
        let scale = f64::from(affine[0]) * self.inverse(channel);
        let line = Line { mean: channel.mean as f32, scale: scale as f32, bias: affine[1] };
        for start in shape.starts(index) {
            // SAFETY: only this task accesses this channel.
            let y = unsafe { output.part(start, shape.plane) };
            let x = &x[start..][..shape.plane];
            match self.rectifier {
                Rectifier::None => normalize(x, line, y),
                Rectifier::Relu => normalize_and_rectify(x, line, y),
                Rectifier::Leaky(slope) => normalize_and_leak(x, line, slope, y),
            }
        }
    }

    /// The result, whose statistics are kept unless they are given.
    fn forward(&self, shape: &Planes, x: &[f32], [weight, bias]: [&[f32]; 2]) -> Vec<f32> {
        let mut output = vec![0.0; x.len()];
        let shared = Shared::new(&mut output);
        let channels = (0..shape.channels).into_par_iter();
        if let Some(statistics) = self.statistics.get() {
            channels.for_each(|index| {
                self.apply(shape, x, &statistics[index], index, [weight[index], bias[index]], &shared);
            });
        } else {
            let statistics = channels.map(|index| {
                let channel = self.statistics_of(shape, x, index);
                self.apply(shape, x, &channel, index, [weight[index], bias[index]], &shared);
                channel
            });
            self.statistics.get_or_init(|| statistics.collect());
        }
        output
    }

    /// For each channel: writes the gradient of x, and returns those of weight and bias.
    fn backward(&self, shape: &Planes, data: &Data, statistics: &[Channel]) -> Vec<[f32; 2]> {
        let channels = statistics.par_iter().enumerate();
        channels.map(|(index, channel)| self.channel_gradients(shape, data, channel, index)).collect()
    }

    /// For one channel: writes the gradient of x, and returns those of weight and bias.
    fn channel_gradients(&self, shape: &Planes, data: &Data, channel: &Channel, index: usize) -> [f32; 2] {
        let (mean, inverse) = (channel.mean as f32, self.inverse(channel));
        let mut masked = vec![0.0; if self.rectifier == Rectifier::None { 0 } else { shape.plane }];
        let mut sums = GradientSums::default();
        for start in shape.starts(index) {
            let part = start..start + shape.plane;
            sums.add(&data.x[part.clone()], data.gradient(self.rectifier, part, &mut masked), mean);
        }
        let sums = sums.totals();
        if let Some(output) = &data.output {
            let (scale, count) = (f64::from(data.weight[index]) * inverse, (shape.n * shape.plane) as f64);
            let through = if self.frozen { 0.0 } else { -scale / count };
            let slope = Slope {
                mean,
                of_gradient: scale as f32,
                of_distance: (through * sums[1] * inverse * inverse) as f32,
                constant: (through * sums[0]) as f32,
            };
            for start in shape.starts(index) {
                let part = start..start + shape.plane;
                // SAFETY: only this task accesses this channel.
                let output = unsafe { output.part(start, shape.plane) };
                input_gradient(&data.x[part.clone()], data.gradient(self.rectifier, part, &mut masked), slope, output);
            }
        }
        [(sums[1] * inverse) as f32, sums[0] as f32]
    }
}

/// The inputs of the gradients of all channels.
struct Data<'a> {
    x: &'a [f32],
    weight: &'a [f32],
    /// The result, whose sign the gradient of a ReLU needs.
    y: &'a [f32],
    gradient: &'a [f32],
    /// The gradient of x, if it is needed.
    output: Option<Shared<'a>>,
}

impl Data<'_> {
    /// The gradient before the rectifier; `masked` is a plane of scratch memory, if there is one.
    fn gradient<'a>(&'a self, by: Rectifier, part: std::ops::Range<usize>, masked: &'a mut [f32]) -> &'a [f32] {
        match by {
            Rectifier::None => return &self.gradient[part],
            Rectifier::Relu => mask(&self.y[part.clone()], &self.gradient[part], masked),
            Rectifier::Leaky(slope) => mask_leaky(&self.y[part.clone()], &self.gradient[part], slope, masked),
        }
        masked
    }
}

impl CustomOp3 for BatchNorm {
    fn name(&self) -> &'static str {
        "batch_norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        w: &CpuStorage,
        lw: &Layout,
        b: &CpuStorage,
        lb: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let Some(shape) = Planes::of(lx.dims()) else { bail!("batch_norm: x has shape {:?}", lx.dims()) };
        let (x, weight, bias) = (cpu::floats(x, lx)?, cpu::floats(w, lw)?, cpu::floats(b, lb)?);
        let output = if shape.is_narrow() {
            let output = self.forward(&shape.channel_major(), &to_channel_major(&x, &shape), [&weight, &bias]);
            from_channel_major(&output, &shape)
        } else {
            self.forward(&shape, &x, [&weight, &bias])
        };
        Ok(cpu::output(output, lx.shape()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (Some(shape), Some(statistics)) = (Planes::of(x.dims()), self.statistics.get()) else {
            bail!("batch_norm: the statistics are missing");
        };
        let needs_output = x.track_op();
        let mut output = vec![0.0; if needs_output { x.elem_count() } else { 0 }];
        let of_parameters: Vec<[f32; 2]> = cpu::with_floats(x, |x| {
            cpu::with_floats(weight, |weight| {
                cpu::with_floats(y, |y| {
                    cpu::with_floats(gradient, |gradient| {
                        if !shape.is_narrow() {
                            let output = needs_output.then(|| Shared::new(&mut output));
                            return Ok(self.backward(&shape, &Data { x, weight, y, gradient, output }, statistics));
                        }
                        let [x, gradient] = [x, gradient].map(|data| to_channel_major(data, &shape));
                        let rectifies = self.rectifier != Rectifier::None;
                        let y = if rectifies { to_channel_major(y, &shape) } else { Vec::new() };
                        let mut turned = vec![0.0; output.len()];
                        let shared = needs_output.then(|| Shared::new(&mut turned));
                        let data = Data { x: &x, weight, y: &y, gradient: &gradient, output: shared };
                        let found = self.backward(&shape.channel_major(), &data, statistics);
                        if needs_output {
                            output = from_channel_major(&turned, &shape);
                        }
                        Ok(found)
                    })
                })
            })
        })?;
        let output = if needs_output { Some(cpu::tensor(output, x.shape())?) } else { None };
        let of = |which: usize| {
            let data = of_parameters.iter().map(|gradients| gradients[which]).collect();
            cpu::tensor(data, weight.shape())
        };
        Ok((output, Some(of(0)?), Some(of(1)?)))
    }
}

#[cfg(test)]
mod tests;
