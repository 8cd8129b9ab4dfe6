//! The convolution itself.

use rayon::prelude::*;

use super::geometry::Geometry;
use crate::cpu::Shared;
use crate::matmul::{Matrix, Target, multiply, with_scratch};
use crate::relu::rectify;

/// Output [n, outputs, h', w'] of x [n, c, h, w]; `bias` may be empty.
pub(super) fn forward(geometry: &Geometry, x: &[f32], weight: &[f32], bias: &[f32], relu: bool) -> Vec<f32> {
    let (pixels, depth) = (geometry.pixels(), geometry.depth());
    let (channels, outputs) = (geometry.group_channels(), geometry.group_outputs());
    let plane = geometry.height * geometry.width;
    let (strips, groups) = (geometry.strips(), geometry.config.groups);
    let mut output = vec![0.0; geometry.n * geometry.outputs * pixels];
    let shared = Shared::new(&mut output);
    (0..geometry.n * groups * strips.len()).into_par_iter().for_each(|task| {
        let (task, strip) = (task / strips.len(), strips[task % strips.len()]);
        let (image, group) = (task / groups, task % groups);
        let (first, count) = strip;
        let start = (image * geometry.outputs + group * outputs) * pixels + first;
        let input = &x[image * geometry.picture() + group * channels * plane..][..channels * plane];
        let lhs = Matrix::rows_of(depth, &weight[group * outputs * depth..]);
        let columns = if geometry.is_pointwise() { 0 } else { depth * count };
        with_scratch(columns + outputs * count, |scratch| {
            let (matrix, product) = scratch.split_at_mut(columns);
            let rhs = if geometry.is_pointwise() {
                Matrix::rows_of(plane, &input[first..])
            } else {
                geometry.im2col(input, 0..depth, strip, matrix);
                Matrix::rows_of(count, matrix)
            };
            let target = Target { output: &Shared::new(product), start: 0, row: count };
            // SAFETY: the scratch is this thread's own.
            unsafe { multiply([outputs, depth, count], lhs, rhs, target, false) };
            // Bias and ReLU while the product is in the cache; the output is written once.
            for (output, product) in product.chunks_exact(count).enumerate() {
                // SAFETY: this task alone touches these pixels of this group's outputs of this image.
                let line = unsafe { shared.part(start + output * pixels, count) };
                let bias = bias.get(group * outputs + output).copied().unwrap_or(0.0);
                match relu {
                    true => line.iter_mut().zip(product).for_each(|(line, value)| *line = rectify(value + bias)),
                    false => line.iter_mut().zip(product).for_each(|(line, value)| *line = value + bias),
                }
            }
        });
    });
    output
}
