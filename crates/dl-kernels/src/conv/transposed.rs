//! The transposed convolution: the gradient of a convolution as a forward operation.
//!
//! Outputs that are a stride apart use the same part of the kernel, a phase: they are a direct convolution of stride 1
//! with it. No zeros are multiplied, and each phase writes its own rows and columns of the output.

use std::sync::Arc;

use anyhow::{Result, bail, ensure};

use super::{Tiling, channels_of_a_segment};
use crate::activation::Activation;
use crate::map::{Map, Padding};
use crate::memory::{Aligned, Memory};
use crate::packed::Layout;
use crate::simd::{LANES, Level};
use crate::tile::Tile;

/// Options of a transposed convolution; pairs are (height, width).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvTranspose2dConfig {
    /// Outputs per input step.
    pub stride: [usize; 2],
    /// Rows and columns removed from each side of the output.
    pub padding: [usize; 2],
    /// Rows added below and columns added on the right; less than the stride or the dilation.
    pub output_padding: [usize; 2],
    /// Distance between neighbors under the kernel.
    pub dilation: [usize; 2],
    /// Number of independent groups of channels.
    pub groups: usize,
}

impl Default for ConvTranspose2dConfig {
    fn default() -> Self {
        Self { stride: [1, 1], padding: [0, 0], output_padding: [0, 0], dilation: [1, 1], groups: 1 }
    }
}

impl ConvTranspose2dConfig {
    /// Height and width of the output for a weight [inputs, outputs / groups, kh, kw].
    pub(crate) fn output(&self, map: [usize; 2], kernel: [usize; 2]) -> Result<[usize; 2]> {
        let along = |axis: usize| {
            let (stride, dilation, extra) = (self.stride[axis], self.dilation[axis], self.output_padding[axis]);
            ensure!(
                ![map[axis], kernel[axis], stride, dilation].contains(&0) && extra < stride.max(dilation),
                "a transposed convolution of {kernel:?} on a map of {map:?} cannot have stride {:?}, dilation {:?} and \
                 output padding {:?}",
                self.stride,
                self.dilation,
                self.output_padding
            );
            let full = (map[axis] - 1) * stride + dilation * (kernel[axis] - 1) + extra + 1;
            match full.checked_sub(2 * self.padding[axis]).filter(|length| *length > 0) {
                Some(length) => Ok(length),
                None => bail!("the padding {:?} of a transposed convolution leaves nothing", self.padding),
            }
        };
        Ok([along(0)?, along(1)?])
    }

    /// The margin that an input of this size needs to contain everything that the kernel reads.
    pub(crate) fn margin(&self, map: [usize; 2], kernel: [usize; 2], output: [usize; 2]) -> Padding {
        let along = |axis: usize| {
            let phases = self.phases(axis, kernel[axis], output[axis]);
            let reaches = phases.iter().flat_map(|phase| phase.taps.iter().map(|tap| (tap.shift, phase.count)));
            reaches.fold([0, 0], |[before, after], (shift, count)| {
                let past = count as isize + shift - map[axis] as isize;
                [before.max((-shift).max(0) as usize), after.max(past.max(0) as usize)]
            })
        };
        let ([top, bottom], [left, right]) = (along(0), along(1));
        Padding { top, bottom, left, right }
    }

    /// Output `o` uses tap `k` of input `i` where i * stride + k * dilation = o + padding.
    fn phases(&self, axis: usize, kernel: usize, output: usize) -> Vec<Phase> {
        let (stride, dilation, padding) = (self.stride[axis], self.dilation[axis], self.padding[axis]);
        let phase = |first: usize| {
            let used = |tap: &usize| (first + padding) % stride == tap * dilation % stride;
            let shift = |tap: usize| (first as isize + padding as isize - (tap * dilation) as isize) / stride as isize;
            let taps = (0..kernel).filter(used).map(|index| Tap { index, shift: shift(index) }).collect();
            Phase { first, count: (output - first).div_ceil(stride), taps }
        };
        (0..stride.min(output)).map(phase).collect()
    }
}

/// The outputs `first`, `first` + stride, ... of one axis.
struct Phase {
    first: usize,
    count: usize,
    taps: Vec<Tap>,
}

impl Phase {
    fn lowest(&self) -> isize {
        self.taps.iter().map(|tap| tap.shift).min().unwrap_or(0)
    }
}

/// An index into the kernel, and the input that it multiplies, relative to the output's place in its phase.
struct Tap {
    index: usize,
    shift: isize,
}

/// A layer to compile.
pub(crate) struct TransposedLayer<'a> {
    pub(crate) conv: ConvTranspose2dConfig,
    /// The weight's [inputs, outputs / groups, kh, kw].
    pub(crate) shape: [usize; 4],
    /// [outputs], or empty.
    pub(crate) bias: &'a [f32],
    pub(crate) activation: Activation,
    pub(crate) input: Map,
    pub(crate) output: Map,
}

/// A compiled transposed convolution.
pub(crate) struct Transposed {
    conv: ConvTranspose2dConfig,
    input: Map,
    output: Map,
    /// [parts][blocks][k][16]; each part has a k of its own.
    weight: Arc<Aligned>,
    bias: Aligned,
    activation: Activation,
    segment_length: usize,
    /// By rows, then columns.
    parts: Vec<Part>,
    /// Rows of a phase per task.
    rows: usize,
    /// Rows of the longest phase.
    longest: usize,
}

/// Two phases, of the rows and the columns.
struct Part {
    first: [usize; 2],
    count: [usize; 2],
    /// The input's first position, relative to the output's place in its phase.
    corner: [isize; 2],
    /// Offset of each segment from the corner.
    segments: Vec<usize>,
    /// Where its weight starts.
    weight: usize,
    tiling: Tiling,
}

/// Approximate input size of a task, which reads the whole weight.
const INPUT: usize = 1 << 16;
/// Fewest tasks per image, so that no thread waits long for the last one.
const TASKS: usize = 4;

impl Transposed {
    /// The order of the packed weight.
    pub(crate) fn layout(layer: &TransposedLayer) -> Layout {
        let TransposedLayer { conv: ConvTranspose2dConfig { stride, .. }, input, output, .. } = *layer;
        let phases = [stride[0].min(output.height), stride[1].min(output.width)];
        Layout::Transposed { lanes: input.lanes, phases }
    }

    /// [inputs, outputs / groups, kh, kw] -> [parts][blocks][k][16]
    pub(crate) fn pack(layer: &TransposedLayer, weight: &[f32]) -> Aligned {
        let TransposedLayer { conv, input, output, .. } = *layer;
        let [inputs, group_outputs, kh, kw] = layer.shape;
        let group_inputs = (inputs / conv.groups).max(1);
        let run = channels_of_a_segment(inputs, input.lanes);
        // The channel and the kernel's index of each number of a sum.
        let mut sums: Vec<Vec<(usize, usize)>> = Vec::new();
        let columns = conv.phases(1, kw, output.width);
        for row in conv.phases(0, kh, output.height) {
            for column in &columns {
                let mut lines = Vec::new();
                for block in 0..input.blocks() {
                    let channels = block * input.lanes..((block + 1) * input.lanes).min(inputs.next_multiple_of(run));
                    for y in &row.taps {
                        for x in &column.taps {
                            lines.extend(channels.clone().map(|channel| (channel, y.index * kw + x.index)));
                        }
                    }
                }
                sums.push(lines);
            }
        }
        let total: usize = sums.iter().map(Vec::len).sum();
        let mut packed = Aligned::zeros(output.blocks() * total * LANES);
        let mut start = 0;
        for lines in sums {
            for out in 0..group_outputs * conv.groups {
                let (group, of_group) = (out / group_outputs, out % group_outputs);
                let block = &mut packed[start + out / LANES * lines.len() * LANES..][..lines.len() * LANES];
                for ((channel, place), line) in lines.iter().zip(block.chunks_exact_mut(LANES)) {
                    // Channels of other groups have weight 0.
                    if *channel < inputs && channel / group_inputs == group {
                        line[out % LANES] = weight[(channel * group_outputs + of_group) * kh * kw + place];
                    }
                }
            }
            start += output.blocks() * lines.len() * LANES;
        }
        packed
    }

    /// A weight of [`pack`](Self::pack).
    pub(crate) fn new(layer: &TransposedLayer, level: Level, weight: Arc<Aligned>) -> Self {
        let TransposedLayer { conv, input, output, activation, .. } = *layer;
        let [inputs, _, kh, kw] = layer.shape;
        let run = channels_of_a_segment(inputs, input.lanes);
        let mut bias = Aligned::zeros(output.blocks() * LANES);
        bias[..layer.bias.len()].copy_from_slice(layer.bias);
        let columns = conv.phases(1, kw, output.width);
        let (mut parts, mut start) = (Vec::new(), 0);
        for row in conv.phases(0, kh, output.height) {
            for column in &columns {
                let part = part(layer, level, [&row, column], run, start);
                start += output.blocks() * part.segments.len() * run * LANES;
                parts.push(part);
            }
        }
        let longest = output.height.div_ceil(conv.stride[0]);
        let rows = (INPUT / (input.blocks() * input.row()).max(1)).clamp(1, longest.div_ceil(TASKS).max(1));
        Self { conv, input, output, weight, bias, activation, segment_length: run, parts, rows, longest }
    }

    fn strips(&self) -> usize {
        self.longest.div_ceil(self.rows)
    }

    pub(crate) fn tasks(&self, images: usize) -> usize {
        images * self.strips()
    }

    pub(crate) fn run(&self, task: usize, images: usize, memory: Memory) {
        let (strip, image) = (task % self.strips(), task / self.strips());
        let rows = strip * self.rows..(strip + 1) * self.rows;
        for part in &self.parts {
            self.part(part, rows.start..rows.end.min(part.count[0]), [images, image], memory);
        }
        let stride = self.conv.stride[0];
        let written = rows.start * stride..(rows.end * stride).min(self.output.height);
        for block in 0..self.output.blocks() {
            self.output.zero_margin(memory, images, image, block, written.clone());
        }
    }

    fn part(&self, part: &Part, rows: std::ops::Range<usize>, [images, image]: [usize; 2], memory: Memory) {
        let (input, output, stride) = (&self.input, &self.output, self.conv.stride);
        let k = part.segments.len() * self.segment_length;
        for group in part.tiling.groups() {
            let blocks = group.first..group.first + group.blocks;
            let start = Tile {
                input: std::ptr::null(),
                input_step: input.lanes,
                segments: part.segments.as_ptr(),
                segment_count: part.segments.len(),
                segment_length: self.segment_length,
                weight: self.weight[part.weight + blocks.start * k * LANES..part.weight + blocks.end * k * LANES]
                    .as_ptr(),
                weight_step: k * LANES,
                bias: self.bias[blocks.start * LANES..blocks.end * LANES].as_ptr(),
                output: std::ptr::null_mut(),
                output_step: stride[1] * LANES,
                output_block: output.plane(),
                residual: std::ptr::null(),
                residual_step: 0,
                residual_block: 0,
                accumulate: false,
                activation: self.activation,
            };
            for y in rows.clone() {
                for piece in &group.pieces {
                    // The margin keeps the corner within the memory.
                    let place = input.at(images, image, 0, [y, piece.first]) as isize
                        + part.corner[0] * input.row() as isize
                        + part.corner[1] * input.lanes as isize;
                    let to = [part.first[0] + y * stride[0], part.first[1] + piece.first * stride[1]];
                    let tile = Tile {
                        input: memory.at(place.max(0) as usize, 0),
                        output: memory.at(output.at(images, image, blocks.start, to), 1),
                        ..start
                    };
                    // SAFETY: the maps are within the memory; the margins cover everything that the kernel reads; only
                    // this task writes these rows.
                    unsafe { (piece.kernel)(&tile) };
                }
            }
        }
    }
}

fn part(layer: &TransposedLayer, level: Level, [row, column]: [&Phase; 2], run: usize, weight: usize) -> Part {
    let TransposedLayer { input, output, .. } = *layer;
    let inputs = layer.shape[0];
    let corner = [row.lowest(), column.lowest()];
    let mut segments = Vec::new();
    for block in 0..input.blocks() {
        for y in &row.taps {
            for x in &column.taps {
                let offset =
                    (y.shift - corner[0]) as usize * input.row() + (x.shift - corner[1]) as usize * input.lanes;
                let firsts = (0..input.lanes).step_by(run).filter(|first| block * input.lanes + first < inputs);
                segments.extend(firsts.map(|first| block * input.plane() + offset + first));
            }
        }
    }
    let tiling = Tiling::new(level, column.count, output.blocks(), segments.len() * run);
    Part { first: [row.first, column.first], count: [row.count, column.count], corner, segments, weight, tiling }
}
