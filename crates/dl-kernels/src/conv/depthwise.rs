//! The depthwise convolution: one kernel per channel, sixteen channels at a time.

use std::sync::Arc;

use super::{Conv2dConfig, Layer};
use crate::activation::Activation;
use crate::map::Map;
use crate::memory::{Aligned, Memory};
use crate::simd::{Kernel, LANES, Level, Simd};

/// Approximate output size of a task.
const OUTPUT: usize = 1 << 14;
/// Neighboring positions of a row that are computed together.
const TOGETHER: usize = 7;

/// A compiled depthwise convolution.
pub(crate) struct Depthwise {
    level: Level,
    conv: Conv2dConfig,
    input: Map,
    output: Map,
    residual: Option<Map>,
    /// [blocks][kh * kw][16].
    weight: Arc<Aligned>,
    bias: Aligned,
    activation: Activation,
    /// Offset of each kernel position from the kernel's corner.
    places: Vec<usize>,
    rows: usize,
}

impl Depthwise {
    /// [outputs, 1, kh, kw] -> [blocks][kh * kw][16]
    pub(crate) fn pack(layer: &Layer, weight: &[f32]) -> Aligned {
        let [_, _, kh, kw] = layer.shape;
        let mut packed = Aligned::zeros(layer.output.blocks() * kh * kw * LANES);
        for (channel, kernel) in weight.chunks_exact((kh * kw).max(1)).enumerate() {
            for (place, number) in kernel.iter().enumerate() {
                packed[(channel / LANES * kh * kw + place) * LANES + channel % LANES] = *number;
            }
        }
        packed
    }

    pub(crate) fn new(layer: &Layer, level: Level, weight: Arc<Aligned>) -> Self {
        let Layer { conv, input, output, residual, activation, .. } = *layer;
        let [_, _, kh, kw] = layer.shape;
        let at = |y: usize, x: usize| y * conv.dilation[0] * input.row() + x * conv.dilation[1] * input.lanes;
        let places = (0..kh).flat_map(|y| (0..kw).map(move |x| at(y, x))).collect();
        let rows = (OUTPUT / (output.width * LANES).max(1)).clamp(1, output.height.max(1));
        Self { level, conv, input, output, residual, weight, bias: layer.padded_bias(), activation, places, rows }
    }

    fn strips(&self) -> usize {
        self.output.height.div_ceil(self.rows)
    }

    pub(crate) fn tasks(&self, images: usize) -> usize {
        images * self.output.blocks() * self.strips()
    }

    pub(crate) fn run(&self, task: usize, images: usize, memory: Memory) {
        let (strip, task) = (task % self.strips(), task / self.strips());
        let (block, image) = (task % self.output.blocks(), task / self.output.blocks());
        let rows = strip * self.rows..((strip + 1) * self.rows).min(self.output.height);
        for y in rows.clone() {
            let corner = self.input.at(images, image, block, [y * self.conv.stride[0], 0])
                - self.conv.padding.top * self.input.row()
                - self.conv.padding.left * LANES;
            let at = |map: &Map| map.at(images, image, block, [y, 0]);
            self.level.run(Row {
                input: memory.at(corner, 1),
                step: self.conv.stride[1] * LANES,
                places: &self.places,
                weight: &self.weight[block * self.places.len() * LANES..][..self.places.len() * LANES],
                bias: &self.bias[block * LANES..][..LANES],
                residual: self.residual.as_ref().map_or(std::ptr::null(), |map| memory.at(at(map), 1)),
                output: memory.at(at(&self.output), 1),
                width: self.output.width,
                activation: self.activation,
            });
        }
        self.output.zero_margin(memory, images, image, block, rows);
    }
}

/// A row of one block.
struct Row<'a> {
    input: *const f32,
    step: usize,
    places: &'a [usize],
    weight: &'a [f32],
    bias: &'a [f32],
    residual: *const f32,
    output: *mut f32,
    width: usize,
    activation: Activation,
}

impl Kernel for Row<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: the rows are within the memory, and the input's margin covers everything that the kernel reads.
        unsafe {
            let mut x = 0;
            while x + TOGETHER <= self.width {
                self.some::<S, TOGETHER>(x);
                x += TOGETHER;
            }
            while x < self.width {
                self.some::<S, 1>(x);
                x += 1;
            }
        }
    }
}

impl Row<'_> {
    #[inline(always)]
    unsafe fn some<S: Simd, const N: usize>(&self, x: usize) {
        // SAFETY: guaranteed by the caller.
        unsafe {
            let first = self.input.add(x * self.step);
            let mut sums = [S::load(self.bias.as_ptr()); N];
            for (index, place) in self.places.iter().enumerate() {
                let weight = S::load(self.weight.as_ptr().add(index * LANES));
                for (n, sum) in sums.iter_mut().enumerate() {
                    *sum = S::mul_add(S::load(first.add(place + n * self.step)), weight, *sum);
                }
            }
            let activation = self.activation.vectors::<S>();
            for (n, sum) in sums.into_iter().enumerate() {
                let at = (x + n) * LANES;
                let sum = if self.residual.is_null() { sum } else { S::add(sum, S::load(self.residual.add(at))) };
                S::store(self.output.add(at), activation.apply(sum));
            }
        }
    }
}
