//! The forward convolution.

use std::sync::Arc;

use super::{ConvShape, Output, in_rounds, place};
use crate::activation::Activation;
use crate::conv::{Algorithm, Convolution, Layer};
use crate::import::{Import, Planes, export};
use crate::map::Map;
use crate::simd::Level;
use crate::team;

/// Images with at most this number of channels are interleaved.
pub(super) const FEW: usize = 4;

impl ConvShape {
    /// The output [n, outputs, h', w'] for x [n, c, h, w]; `bias` may be empty. `relu`: applies ReLU.
    pub fn forward(&self, x: &[f32], weight: &[f32], bias: &[f32], relu: bool) -> Vec<f32> {
        self.forward_at(Level::current(), x, weight, bias, relu)
    }

    pub(super) fn forward_at(&self, level: Level, x: &[f32], weight: &[f32], bias: &[f32], relu: bool) -> Vec<f32> {
        let Self { images, input, weight: shape, config: conv, output: [height, width], winograd } = *self;
        let algorithm = Algorithm::of(shape, &conv, [height, width], winograd);
        let mut from = match algorithm {
            _ if algorithm.is_winograd() => Map::new(input, Default::default()),
            Algorithm::Direct if input[0] <= FEW && conv.groups == 1 => Map::interleaved(input, self.margin()),
            _ => Map::new(input, self.margin()),
        };
        let mut to = Map::new([shape[0], height, width], Default::default());
        let numbers = place([&mut from, &mut to]);
        let activation = if relu { Activation::RELU } else { Activation::NONE };
        let layer = Layer { conv, shape, bias, activation, input: from, output: to, residual: None };
        let packed = Arc::new(Convolution::pack(&layer, algorithm, level, weight));
        let (import, step) = (Import::new(level, from, None), Convolution::new(&layer, algorithm, level, packed));
        let (image, plane) = (input.iter().product::<usize>(), height * width);
        let result = Output::new(images * shape[0] * plane);
        in_rounds(images, numbers, |first, count, memory| {
            let x = &x[first * image..(first + count) * image];
            team::run(&[import.tasks(count), step.tasks(count), count * to.blocks()], |index, task| match index {
                0 => import.run(task, count, memory, x),
                1 => step.run(task, count, memory),
                _ => {
                    let (block, image) = (task % to.blocks(), task / to.blocks());
                    let channels = to.lanes.min(to.channels - block * to.lanes);
                    let start = ((first + image) * shape[0] + block * to.lanes) * plane;
                    let start = result.at(start, channels * plane);
                    // SAFETY: `at` checks the bounds; only this task writes these planes.
                    unsafe {
                        export(
                            level,
                            &to,
                            [count, image, block],
                            memory,
                            Planes { start, plane, row: width, column: 1 },
                        );
                    }
                }
            });
        });
        // SAFETY: every block of every image was exported.
        unsafe { result.finish() }
    }
}
