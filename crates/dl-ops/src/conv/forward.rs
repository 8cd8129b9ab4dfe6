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
        // SAFETY: this task alone touches these pixels of this group's outputs of this image.
        let line = |output: usize| unsafe { shared.part(start + output * pixels, count) };
        if !bias.is_empty() {
            for (output, bias) in bias[group * outputs..][..outputs].iter().enumerate() {
                line(output).fill(*bias);
            }
        }
        let input = &x[image * geometry.picture() + group * channels * plane..][..channels * plane];
        let lhs = Matrix::rows_of(depth, &weight[group * outputs * depth..]);
        let target = Target { output: &shared, start, row: pixels };
        let product = |rhs: Matrix| {
            // SAFETY: as above.
            unsafe { multiply([outputs, depth, count], lhs, rhs, target, !bias.is_empty()) };
        };
        if geometry.is_pointwise() {
            product(Matrix::rows_of(plane, &input[first..]));
        } else {
            with_scratch(depth * count, |matrix| {
                geometry.im2col(input, 0..depth, strip, matrix);
                product(Matrix::rows_of(count, matrix));
            });
        }
        if relu {
            (0..outputs).for_each(|output| line(output).iter_mut().for_each(|value| *value = rectify(*value)));
        }
    });
    output
}
