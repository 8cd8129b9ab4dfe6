//! The locally connected layer, darknet's `[local]`: a convolution with filters of its own at every place.
//!
//! Its weight is read once per run, which is all its time: the images of a batch share the read.

use std::sync::Arc;

use rayon::prelude::*;

use crate::activation::Activation;
use crate::conv::{Conv2dConfig, channels_of_a_segment};
use crate::map::Map;
use crate::memory::{Aligned, Memory};
use crate::packed::Layout;
use crate::simd::{LANES, Level};
use crate::tile::Tile;

/// A layer to compile.
pub(crate) struct LocalLayer {
    /// Without dilation and groups.
    pub(crate) conv: Conv2dConfig,
    /// The weight's [places, filters, channels, kh, kw].
    pub(crate) shape: [usize; 5],
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
    weight: Arc<Aligned>,
    /// [places][blocks][16].
    bias: Aligned,
}

impl Local {
    /// The order of the packed weight.
    pub(crate) fn layout(layer: &LocalLayer) -> Layout {
        Layout::Local { lanes: layer.input.lanes }
    }

    /// [places, filters, channels, kh, kw] -> [places][blocks][k][16]
    pub(crate) fn pack(layer: &LocalLayer, weight: &[f32]) -> Aligned {
        let [places, filters, channels, kh, kw] = layer.shape;
        let (blocks, lanes, area) = (layer.output.blocks(), layer.input.lanes, kh * kw);
        let all = channels.next_multiple_of(channels_of_a_segment(channels, lanes));
        let (k, row) = (all * area, channels * area);
        let mut packed = Aligned::zeros(places * blocks * k * LANES);
        packed.par_chunks_exact_mut((k * LANES).max(1)).enumerate().for_each(|(index, to)| {
            let (place, block) = (index / blocks, index % blocks);
            for filter in block * LANES..filters.min((block + 1) * LANES) {
                let from = &weight[(place * filters + filter) * row..][..row];
                for (channel, kernel) in from.chunks_exact(area.max(1)).enumerate() {
                    // Block by block of channels, position by position.
                    let first = channel / lanes * lanes;
                    let wide = lanes.min(all - first);
                    for (under, number) in kernel.iter().enumerate() {
                        let line = first * area + under * wide + channel % lanes;
                        to[line * LANES + filter % LANES] = *number;
                    }
                }
            }
        });
        packed
    }

    /// A weight of [`pack`](Self::pack); `bias` [filters, h, w], or empty.
    pub(crate) fn new(layer: &LocalLayer, level: Level, weight: Arc<Aligned>, bias: &[f32]) -> Self {
        let LocalLayer { conv, input, output, activation, .. } = *layer;
        let [places, filters, channels, kh, kw] = layer.shape;
        let run = channels_of_a_segment(channels, input.lanes);
        let mut segments = Vec::new();
        for block in 0..input.blocks() {
            for y in 0..kh {
                for x in 0..kw {
                    let corner = block * input.plane() + y * input.row() + x * input.lanes;
                    let firsts = (0..input.lanes).step_by(run).filter(|first| block * input.lanes + first < channels);
                    segments.extend(firsts.map(|first| corner + first));
                }
            }
        }
        let mut packed = Aligned::zeros(places * output.blocks() * LANES);
        for (index, number) in bias.iter().enumerate().take(filters * places) {
            let (filter, place) = (index / places, index % places);
            packed[(place * output.blocks() + filter / LANES) * LANES + filter % LANES] = *number;
        }
        Self { level, conv, input, output, activation, segments, segment_length: run, weight, bias: packed }
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
