//! The gradient of the input.

use std::sync::Arc;

use rayon::prelude::*;

use super::phase::Axis;
use super::{ConvShape, Output, in_rounds, place};
use crate::activation::Activation;
use crate::conv::{Algorithm, Conv2dConfig, Convolution, Layer};
use crate::import::{Import, Planes, export};
use crate::map::{Map, Padding};
use crate::simd::Level;
use crate::team;

impl ConvShape {
    /// The gradient [n, c, h, w] of x for the output's `gradient` [n, outputs, h', w'].
    pub fn input_gradient(&self, weight: &[f32], gradient: &[f32]) -> Vec<f32> {
        self.input_gradient_at(Level::current(), weight, gradient)
    }

    pub(super) fn input_gradient_at(&self, level: Level, weight: &[f32], gradient: &[f32]) -> Vec<f32> {
        let Self { images, input: [channels, height, width], weight: [outputs, ..], output, config, .. } = *self;
        let phases = self.phases();
        let mut margin = Padding::default();
        for [y, x] in &phases {
            let (top, left) = (y.before(), x.before());
            margin = margin.union(Padding { top, left, bottom: y.after(output[0]), right: x.after(output[1]) });
        }
        let mut from = Map::new([outputs, output[0], output[1]], margin);
        let mut maps: Vec<Map> =
            phases.iter().map(|[y, x]| Map::new([channels, y.length, x.length], Padding::default())).collect();
        let numbers = place(std::iter::once(&mut from).chain(&mut maps));
        let phase = |([y, x], to): (&[Axis; 2], &Map)| {
            (!y.taps.is_empty() && !x.taps.is_empty()).then(|| self.phase(level, [y, x], weight, from, *to))
        };
        let steps: Vec<Option<Convolution>> = phases.iter().zip(&maps).map(phase).collect();
        let import = Import::new(level, from, None);
        let blocks = channels.div_ceil(crate::simd::LANES);
        let mut counts = vec![0; phases.len() + 2];
        let plane = height * width;
        let result = Output::new(images * channels * plane);
        in_rounds(images, numbers, |first, count, memory| {
            counts[0] = import.tasks(count);
            for (tasks, step) in counts[1..].iter_mut().zip(&steps) {
                *tasks = step.as_ref().map_or(0, |step| step.tasks(count));
            }
            counts[phases.len() + 1] = count * blocks;
            let length = from.channels * from.height * from.width;
            let gradient = &gradient[first * length..(first + count) * length];
            team::run(&counts, |index, task| match index.checked_sub(1) {
                None => import.run(task, count, memory, gradient),
                Some(index) if index < steps.len() => {
                    if let Some(step) = &steps[index] {
                        step.run(task, count, memory);
                    }
                }
                Some(_) => {
                    let (block, image) = (task % blocks, task / blocks);
                    let first_channel = block * crate::simd::LANES;
                    let some = crate::simd::LANES.min(channels - first_channel);
                    let start = result.at(((first + image) * channels + first_channel) * plane, some * plane);
                    for (([y, x], map), step) in phases.iter().zip(&maps).zip(&steps) {
                        // SAFETY: `at` checks the bounds; only this task writes these planes.
                        unsafe {
                            let start = start.add(y.first * width + x.first);
                            let [row, column] = [config.stride[0] * width, config.stride[1]];
                            let to = Planes { start, plane, row, column };
                            if step.is_some() {
                                export(level, map, [count, image, block], memory, to);
                            } else {
                                zero(to, [some, y.length, x.length]);
                            }
                        }
                    }
                }
            });
        });
        // SAFETY: every position of every channel is in one phase, and each phase was exported.
        unsafe { result.finish() }
    }

    /// All phases with a position.
    fn phases(&self) -> Vec<[Axis; 2]> {
        let Conv2dConfig { stride, padding, dilation, .. } = self.config;
        let ([_, height, width], [kh, kw]) = (self.input, self.kernel());
        let rows =
            (0..stride[0].min(height)).map(|first| Axis::new(first, height, kh, stride[0], padding.top, dilation[0]));
        let columns = |first| Axis::new(first, width, kw, stride[1], padding.left, dilation[1]);
        rows.flat_map(|y| (0..stride[1].min(width)).map(move |first| [y.clone(), columns(first)])).collect()
    }

    /// The convolution of one phase, from the gradient's map to the phase's.
    fn phase(&self, level: Level, [y, x]: [&Axis; 2], weight: &[f32], from: Map, to: Map) -> Convolution {
        let [outputs, inputs, kh, kw] = self.weight;
        let groups = self.config.groups;
        let per_group = outputs / groups;
        let row = per_group * y.taps.len() * x.taps.len();
        // [channels, outputs / groups, taps, taps]
        let mut turned = vec![0.0; inputs * groups * row];
        turned.par_chunks_exact_mut(row).enumerate().for_each(|(channel, row)| {
            let (group, channel) = (channel / inputs, channel % inputs);
            let mut row = row.iter_mut();
            for out in group * per_group..(group + 1) * per_group {
                let kernel = &weight[(out * inputs + channel) * kh * kw..][..kh * kw];
                for ky in &y.taps {
                    for (kx, number) in x.taps.iter().zip(row.by_ref()) {
                        *number = kernel[ky * kw + kx];
                    }
                }
            }
        });
        let padding =
            Padding { top: y.before(), left: x.before(), bottom: y.after(from.height), right: x.after(from.width) };
        let conv = Conv2dConfig { stride: [1, 1], padding, dilation: [y.dilation, x.dilation], groups };
        let shape = [self.input[0], per_group, y.taps.len(), x.taps.len()];
        let input = from.without([y.skipped(), x.skipped()]);
        let activation = Activation::NONE;
        let layer = Layer { conv, shape, bias: &[], activation, input, output: to, residual: None };
        let algorithm = Algorithm::of(shape, &conv, [to.height, to.width], self.winograd);
        let packed = Arc::new(Convolution::pack(&layer, algorithm, level, &turned));
        Convolution::new(&layer, algorithm, level, packed)
    }
}

/// Writes zeros to the planes.
///
/// # Safety
/// As for [`export`].
unsafe fn zero(to: Planes, [channels, height, width]: [usize; 3]) {
    for channel in 0..channels {
        for y in 0..height {
            for x in 0..width {
                // SAFETY: guaranteed by the caller.
                unsafe { *to.start.add(channel * to.plane + y * to.row + x * to.column) = 0.0 };
            }
        }
    }
}
