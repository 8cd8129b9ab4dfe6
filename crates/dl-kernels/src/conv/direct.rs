//! The direct convolution: the micro-kernel reads the map with its margin in place, without an im2col matrix. A 1 x 1
//! convolution is then a plain matrix product.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::{Conv2dConfig, Layer, Tiling, channels_of_a_segment};
use crate::activation::Activation;
use crate::map::Map;
use crate::memory::{Aligned, Memory};
use crate::simd::{LANES, Level};
use crate::tile::Tile;

/// Size of the weight that a task uses: half of a core's second-level cache.
const WEIGHT: usize = 1 << 17;
/// Approximate input size of a task.
const INPUT: usize = 1 << 16;
/// Approximate number of tasks per image, so that no thread waits long for the last one.
const TASKS: usize = 16;
/// Length of the part of a sum that is computed for all rows at a time, so that its weight stays in the cache. Longer sums
/// are continued from the output.
const DEPTH: usize = 512;
/// Positions of a map that are computed as one row, if its rows are contiguous.
const FLAT: usize = 224;

/// A compiled convolution.
pub(crate) struct Direct {
    conv: Conv2dConfig,
    input: Map,
    output: Map,
    residual: Option<Map>,
    /// [blocks][k][16].
    weight: Arc<Aligned>,
    bias: Aligned,
    activation: Activation,
    /// Offset of each segment under the kernel, from the input's position at the kernel's corner.
    segments: Vec<usize>,
    segment_length: usize,
    /// Parts of the sum, as ranges into the segments.
    parts: Vec<Range<usize>>,
    /// The tiling of one group of channels.
    tiling: Tiling,
    /// Input and output blocks per group of channels.
    group: [usize; 2],
    /// Groups of blocks per task, as ranges into the tiling.
    chunks: Vec<Range<usize>>,
    /// Rows per task.
    rows: usize,
}

/// The numbers of the sum of an output, in order: those under the kernel, block by block of channels, then row by row.
struct Lines {
    blocks: usize,
    /// Positions of the kernel.
    places: usize,
    lanes: usize,
    /// Channels of each block, and of the last one.
    channels: [usize; 2],
}

impl Lines {
    fn new(layer: &Layer) -> Self {
        let ([_, inputs, kh, kw], lanes) = (layer.shape, layer.input.lanes);
        let blocks = inputs.div_ceil(lanes);
        // Half of the last block is skipped if it is unused.
        let last = inputs - blocks.saturating_sub(1) * lanes;
        let last = last.next_multiple_of(channels_of_a_segment(inputs, lanes));
        Self { blocks, places: kh * kw, lanes, channels: [lanes, last] }
    }

    fn of_block(&self, block: usize) -> usize {
        self.channels[usize::from(block + 1 == self.blocks)]
    }

    fn k(&self) -> usize {
        (0..self.blocks).map(|block| self.places * self.of_block(block)).sum()
    }

    /// The channel, which may be past the last one, and the kernel's position.
    fn all(&self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.blocks).flat_map(move |block| {
            let lanes = move |place| (0..self.of_block(block)).map(move |lane| (block * self.lanes + lane, place));
            (0..self.places).flat_map(lanes)
        })
    }
}

impl Direct {
    /// [outputs, inputs / groups, kh, kw] -> [blocks][k][16]. The layer must be dense (groups = 1), or its groups whole
    /// blocks of channels.
    pub(crate) fn pack(layer: &Layer, weight: &[f32]) -> Aligned {
        let [outputs, inputs, kh, kw] = layer.shape;
        let lines = Lines::new(layer);
        let mut packed = Aligned::zeros(layer.output.blocks() * lines.k() * LANES);
        let (row, area) = (inputs * kh * kw, kh * kw);
        packed.par_chunks_exact_mut((lines.k() * LANES).max(1)).enumerate().for_each(|(out, block)| {
            let rows = &weight[out * LANES * row..outputs.min((out + 1) * LANES) * row];
            for ((channel, place), line) in lines.all().zip(block.chunks_exact_mut(LANES)) {
                if channel < inputs {
                    let column = rows[channel * area + place..].iter().step_by(row);
                    line.iter_mut().zip(column).for_each(|(line, number)| *line = *number);
                }
            }
        });
        packed
    }

    /// As for [`pack`](Self::pack).
    pub(crate) fn new(layer: &Layer, level: Level, weight: Arc<Aligned>) -> Self {
        let Layer { conv, mut input, mut output, mut residual, activation, .. } = *layer;
        let [outputs, inputs, kh, kw] = layer.shape;
        let pointwise = [kh, kw] == [1, 1] && conv.stride == [1, 1] && conv.padding == Default::default();
        let small = input.height * input.width <= FLAT;
        if small && pointwise && input.is_dense() && output.is_dense() && residual.is_none_or(|map| map.is_dense()) {
            (input, output, residual) = (input.flat(), output.flat(), residual.map(Map::flat));
        }
        let blocks = inputs.div_ceil(input.lanes);
        // What is contiguous: the kernel's row, unless it is dilated or half a block of channels is skipped.
        let run = channels_of_a_segment(inputs, input.lanes);
        let together = if conv.dilation[1] == 1 && run == input.lanes { kw } else { 1 };
        let mut segments = Vec::new();
        for block in 0..blocks {
            for y in 0..kh {
                for x in (0..kw).step_by(together) {
                    let offset = y * conv.dilation[0] * input.row() + x * conv.dilation[1] * input.lanes;
                    for first in (0..input.lanes).step_by(run).filter(|first| block * input.lanes + first < inputs) {
                        segments.push(block * input.plane() + offset + first);
                    }
                }
            }
        }
        let k = Lines::new(layer).k();
        let group = [blocks, (outputs / conv.groups).div_ceil(LANES)];
        let segment_length = together * run;
        let at_once = (DEPTH / segment_length).max(1);
        let parts: Vec<_> =
            (0..segments.len()).step_by(at_once).map(|first| first..segments.len().min(first + at_once)).collect();
        let tiling = Tiling::new(level, output.width, group[1], k.min(at_once * segment_length));
        let count = tiling.groups().len();
        // A single row cannot be split, so the blocks are.
        let fewest = if output.height == 1 { TASKS } else { 1 };
        let most = (group[1] * k * LANES).div_ceil(WEIGHT).max(fewest).min(count.max(1));
        let chunks: Vec<_> = (0..most).map(|chunk| chunk * count / most..(chunk + 1) * count / most).collect();
        let numbers = blocks * input.row() * conv.stride[0] * output.height;
        let strips = (numbers / INPUT).max(TASKS.div_ceil(chunks.len() * conv.groups)).max(1);
        let rows = output.height.div_ceil(strips).max(1);
        let bias = layer.padded_bias();
        Self {
            conv,
            input,
            output,
            residual,
            weight,
            bias,
            activation,
            segments,
            segment_length,
            parts,
            tiling,
            group,
            chunks,
            rows,
        }
    }

    fn strips(&self) -> usize {
        self.output.height.div_ceil(self.rows)
    }

    /// Splits into chunks of the weight, with strips of rows, for every group of channels and every image.
    pub(crate) fn tasks(&self, images: usize) -> usize {
        self.conv.groups * self.chunks.len() * images * self.strips()
    }

    pub(crate) fn run(&self, task: usize, images: usize, memory: Memory) {
        // The weight changes slowest, so that concurrent threads read the same one.
        let (strip, task) = (task % self.strips(), task / self.strips());
        let (image, task) = (task % images, task / images);
        let (chunk, group) = (task % self.chunks.len(), task / self.chunks.len());
        let rows = strip * self.rows..((strip + 1) * self.rows).min(self.output.height);
        let [blocks_in, blocks_out] = self.group;
        let k = self.segments.len() * self.segment_length;
        let (input, output) = (&self.input, &self.output);
        let padding = self.conv.padding;
        for blocks in &self.tiling.groups()[self.chunks[chunk].clone()] {
            let first = group * blocks_out + blocks.first;
            let weight = &self.weight[first * k * LANES..(first + blocks.blocks) * k * LANES];
            for part in &self.parts {
                let (begins, ends) = (part.start == 0, part.end == self.segments.len());
                let start = Tile {
                    input: std::ptr::null(),
                    input_step: self.conv.stride[1] * input.lanes,
                    segments: self.segments[part.clone()].as_ptr(),
                    segment_count: part.len(),
                    segment_length: self.segment_length,
                    weight: weight[part.start * self.segment_length * LANES..].as_ptr(),
                    weight_step: k * LANES,
                    bias: self.bias[first * LANES..(first + blocks.blocks) * LANES].as_ptr(),
                    output: std::ptr::null_mut(),
                    output_step: LANES,
                    output_block: output.plane(),
                    residual: std::ptr::null(),
                    residual_step: LANES,
                    residual_block: self.residual.map_or(0, |map| map.plane()),
                    accumulate: !begins,
                    activation: if ends { self.activation } else { Activation::NONE },
                };
                for (y, piece) in rows.clone().flat_map(|y| blocks.pieces.iter().map(move |piece| (y, piece))) {
                    // The kernel's corner, `padding` before the position; the margin keeps it within the memory.
                    let corner = input.at(
                        images,
                        image,
                        group * blocks_in,
                        [y * self.conv.stride[0], piece.first * self.conv.stride[1]],
                    ) - padding.top * input.row()
                        - padding.left * input.lanes;
                    let at = |map: &Map| map.at(images, image, first, [y, piece.first]);
                    let residual = self.residual.as_ref().filter(|_| ends);
                    let tile = Tile {
                        input: memory.at(corner, 1),
                        output: memory.at(at(output), 1),
                        residual: residual.map_or(std::ptr::null(), |map| memory.at(at(map), 1)),
                        ..start
                    };
                    // SAFETY: the maps are within the memory; the margins cover everything that the kernel reads; only
                    // this task writes these rows of these blocks.
                    unsafe { (piece.kernel)(&tile) };
                }
            }
            for block in first..first + blocks.blocks {
                output.zero_margin(memory, images, image, block, rows.clone());
            }
        }
    }
}
