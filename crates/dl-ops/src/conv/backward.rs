//! The gradients of the convolution. Those that nobody tracks are not computed.

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::geometry::Geometry;
use crate::cpu::{self, Shared};
use crate::matmul::{Matrix, Target, multiply, sum, with_scratch};

/// Input channels that one task of the input's gradient takes.
const CHANNELS: usize = 64;
/// Rows of the im2col matrix that one task of the weight's gradient takes.
const ROWS: usize = 256;
/// Pictures that one task of the weight's gradient adds up, where the weight is small.
const PICTURES: usize = 4;

/// Weight transposed times gradient, scattered back to the pixels.
pub(super) fn input_gradient(
    geometry: &Geometry,
    x: &Tensor,
    weight: &Tensor,
    gradient: &Tensor,
) -> Result<Option<Tensor>> {
    if !x.track_op() {
        return Ok(None);
    }
    let mut output = vec![0.0; x.elem_count()];
    cpu::with_floats(weight, |weight| {
        cpu::with_floats(gradient, |gradient| {
            scatter(geometry, weight, gradient, &mut output);
            Ok(())
        })
    })?;
    cpu::tensor(output, x.shape()).map(Some)
}

fn scatter(geometry: &Geometry, weight: &[f32], gradient: &[f32], output: &mut [f32]) {
    let (pixels, depth) = (geometry.pixels(), geometry.depth());
    let (channels, outputs) = (geometry.group_channels(), geometry.group_outputs());
    let (plane, window) = (geometry.height * geometry.width, geometry.kernel[0] * geometry.kernel[1]);
    if plane == 0 {
        return;
    }
    let (strips, groups) = (geometry.strips(), geometry.config.groups);
    let blocks = channels.div_ceil(CHANNELS);
    let shared = Shared::new(output);
    (0..geometry.n * groups * blocks).into_par_iter().for_each(|task| {
        let (task, block) = (task / blocks, task % blocks);
        let (image, group) = (task / groups, task % groups);
        let first_channel = block * CHANNELS;
        let count = CHANNELS.min(channels - first_channel);
        let rows = first_channel * window..(first_channel + count) * window;
        let start = image * geometry.picture() + (group * channels + first_channel) * plane;
        // SAFETY: this task alone touches these channels of this image.
        let picture = unsafe { shared.part(start, count * plane) };
        let lhs = Matrix::rows_of(depth, &weight[group * outputs * depth + rows.start..]).transposed();
        for strip in &strips {
            let rhs = &gradient[(image * geometry.outputs + group * outputs) * pixels + strip.0..];
            with_scratch(rows.len() * strip.1, |matrix| {
                let target = Target { output: &Shared::new(matrix), start: 0, row: strip.1 };
                // SAFETY: the scratch is this thread's own.
                unsafe { multiply([rows.len(), outputs, strip.1], lhs, Matrix::rows_of(pixels, rhs), target, false) };
                geometry.col2im(matrix, rows.clone(), *strip, picture);
            });
        }
    });
}

/// Gradient times the im2col matrix transposed, summed over pictures and strips in order.
pub(super) fn weight_gradient(
    geometry: &Geometry,
    x: &Tensor,
    weight: &Tensor,
    gradient: &Tensor,
) -> Result<Option<Tensor>> {
    if !weight.track_op() {
        return Ok(None);
    }
    let output = cpu::with_floats(x, |x| {
        cpu::with_floats(gradient, |gradient| Ok(accumulate(geometry, x, gradient, weight.elem_count())))
    })?;
    cpu::tensor(output, weight.shape()).map(Some)
}

fn accumulate(geometry: &Geometry, x: &[f32], gradient: &[f32], size: usize) -> Vec<f32> {
    let (pixels, depth) = (geometry.pixels(), geometry.depth());
    let (channels, outputs) = (geometry.group_channels(), geometry.group_outputs());
    let plane = geometry.height * geometry.width;
    let (strips, groups) = (geometry.strips(), geometry.config.groups);
    let tiles = depth.div_ceil(ROWS);
    // A large weight has many tiles to share; of a small one each task takes a few pictures and a copy of its own.
    let pictures = if size < 1 << 16 { PICTURES } else { geometry.n.max(1) };
    let copies = geometry.n.div_ceil(pictures).max(1);
    let mut sums = vec![0.0; copies * size];
    let shared = Shared::new(&mut sums);
    (0..copies * groups * tiles).into_par_iter().for_each(|task| {
        let (task, tile) = (task / tiles, task % tiles);
        let (copy, group) = (task / groups, task % groups);
        let rows = tile * ROWS..((tile + 1) * ROWS).min(depth);
        let start = copy * size + group * outputs * depth + rows.start;
        for image in copy * pictures..((copy + 1) * pictures).min(geometry.n) {
            let input = &x[image * geometry.picture() + group * channels * plane..][..channels * plane];
            for strip in &strips {
                let lhs = &gradient[(image * geometry.outputs + group * outputs) * pixels + strip.0..];
                let add = |matrix: Matrix| {
                    let target = Target { output: &shared, start, row: depth };
                    let shape = [outputs, strip.1, rows.len()];
                    // SAFETY: this task alone touches these columns of this group's weights in this copy.
                    unsafe { multiply(shape, Matrix::rows_of(pixels, lhs), matrix.transposed(), target, true) };
                };
                if geometry.is_pointwise() {
                    add(Matrix::rows_of(plane, &input[rows.start * plane + strip.0..]));
                } else {
                    with_scratch(rows.len() * strip.1, |matrix| {
                        geometry.im2col(input, rows.clone(), *strip, matrix);
                        add(Matrix::rows_of(strip.1, matrix));
                    });
                }
            }
        }
    });
    let (total, others) = sums.split_at_mut(size);
    for copy in others.chunks_exact(size) {
        total.iter_mut().zip(copy).for_each(|(total, value)| *total += value);
    }
    sums.truncate(size);
    sums
}

/// The gradient [n, outputs, h', w'] summed over pictures and pixels.
pub(super) fn bias_gradient(geometry: &Geometry, gradient: &Tensor) -> Result<Tensor> {
    let (pixels, outputs) = (geometry.pixels(), geometry.outputs);
    let data = cpu::with_floats(gradient, |gradient| {
        let of = |output: usize| -> f64 {
            let planes = (0..geometry.n).map(|image| &gradient[(image * outputs + output) * pixels..][..pixels]);
            planes.map(sum).sum()
        };
        Ok((0..outputs).into_par_iter().map(|output| of(output) as f32).collect())
    })?;
    cpu::tensor(data, &outputs.into())
}
