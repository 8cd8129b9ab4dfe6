//! The locally connected layer, darknet's `[local]`: a convolution with filters of its own at every place.
//!
//! Its weight is read once per run, which is all its time: the images of a batch share the read.

use crate::activation::Activation;
use crate::conv::{Conv2dConfig, channels_of_a_segment};
use crate::map::Map;
use crate::memory::{Aligned, Memory};
use crate::simd::{LANES, Level};
use crate::tile::Tile;

/// A layer to compile.
pub(crate) struct LocalLayer<'a> {
    /// Without dilation and groups.
    pub(crate) conv: Conv2dConfig,
    /// [places, filters, channels, kh, kw], row-major.
    pub(crate) weight: &'a [f32],
    pub(crate) shape: [usize; 5],
    /// [filters, h, w], or empty.
    pub(crate) bias: &'a [f32],
    pub(crate) activation: Activation,
    pub(crate) input: Map,
    pub(crate) output: Map,
}

/// A compiled locally connected layer.
pub(crate) struct Local {
    level: Level,
    conv: Conv2dConfig,
    input: Map,
    output: Map,
    activation: Activation,
    /// Offset of each segment from the input's position at the kernel's corner.
    segments: Vec<usize>,
    segment_length: usize,
    /// [places][blocks][k][16].
    weight: Aligned,
    /// [places][blocks][16].
    bias: Aligned,
}

impl Local {
    pub(crate) fn new(layer: &LocalLayer, level: Level) -> Self {
        let LocalLayer { conv, input, output, activation, .. } = *layer;
        let [places, filters, channels, kh, kw] = layer.shape;
        let run = channels_of_a_segment(channels, input.lanes);
        let mut segments = Vec::new();
        // The channel and the kernel's index of each number of each segment.
        let mut lines = Vec::new();
        for block in 0..input.blocks() {
            for y in 0..kh {
                for x in 0..kw {
                    for first in (0..input.lanes).step_by(run).filter(|first| block * input.lanes + first < channels) {
                        segments.push(block * input.plane() + y * input.row() + x * input.lanes + first);
                        lines.extend((first..first + run).map(|lane| (block * input.lanes + lane, y * kw + x)));
                    }
                }
            }
        }
        let (k, row, blocks) = (lines.len(), channels * kh * kw, output.blocks());
        let mut weight = Aligned::zeros(places * blocks * k * LANES);
        let mut bias = Aligned::zeros(places * blocks * LANES);
        for place in 0..places {
            for filter in 0..filters {
                let from = &layer.weight[(place * filters + filter) * row..][..row];
                let block = place * blocks + filter / LANES;
                let to = weight[block * k * LANES..][..k * LANES].chunks_exact_mut(LANES);
                for ((channel, under), line) in lines.iter().zip(to) {
                    if *channel < channels {
                        line[filter % LANES] = from[channel * kh * kw + under];
                    }
                }
                bias[block * LANES + filter % LANES] = layer.bias.get(filter * places + place).copied().unwrap_or(0.0);
            }
        }
        Self { level, conv, input, output, activation, segments, segment_length: run, weight, bias }
    }

    /// One task per place.
    pub(crate) fn tasks(&self, _: usize) -> usize {
        self.output.height * self.output.width
    }

    pub(crate) fn run(&self, task: usize, images: usize, memory: Memory) {
        let [y, x] = [task / self.output.width, task % self.output.width];
        let k = self.segments.len() * self.segment_length;
        let all = self.output.blocks();
        let together = if self.level.tile(1, 2).is_some() { 2 } else { 1 };
        for first in (0..all).step_by(together) {
            let blocks = together.min(all - first);
            let widest = (1..=LANES).take_while(|count| self.level.tile(*count, blocks).is_some()).last().unwrap_or(1);
            let block = task * all + first;
            for image in (0..images).step_by(widest) {
                let count = widest.min(images - image);
                let Some(kernel) = self.level.tile(count, blocks) else { continue };
                let corner = self.input.at(images, image, 0, [y * self.conv.stride[0], x * self.conv.stride[1]])
                    - self.conv.padding.top * self.input.row()
                    - self.conv.padding.left * self.input.lanes;
                let tile = Tile {
                    input: memory.at(corner, 1),
                    input_step: self.input.image,
                    segments: self.segments.as_ptr(),
                    segment_count: self.segments.len(),
                    segment_length: self.segment_length,
                    weight: self.weight[block * k * LANES..(block + blocks) * k * LANES].as_ptr(),
                    weight_step: k * LANES,
                    bias: self.bias[block * LANES..(block + blocks) * LANES].as_ptr(),
                    output: memory.at(self.output.at(images, image, first, [y, x]), 1),
                    output_step: self.output.image,
                    output_block: self.output.plane(),
                    residual: std::ptr::null(),
                    residual_step: 0,
                    residual_block: 0,
                    accumulate: false,
                    activation: self.activation,
                };
                // SAFETY: the maps of all images are within the memory; the margins cover everything that the kernel
                // reads; only this task writes this place.
                unsafe { kernel(&tile) };
            }
        }
        if x == 0 {
            for image in 0..images {
                for block in 0..all {
                    self.output.zero_margin(memory, images, image, block, y..y + 1);
                }
            }
        }
    }
}
