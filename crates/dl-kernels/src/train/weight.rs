//! The gradient of the weight: for each weight, the sum over all positions of its input times the gradient.
//!
//! The inputs under one row of the kernel (the channels at kw neighboring positions) are contiguous. Their products
//! with blocks of sixteen outputs, summed over positions, are one call of the micro-kernel.

use rayon::prelude::*;

use super::forward::FEW;
use super::weight_depthwise::depthwise;
use super::{ConvShape, in_rounds, place};
use crate::activation::Activation;
use crate::conv::{Conv2dConfig, Tiling};
use crate::import::Import;
use crate::map::{Map, Padding};
use crate::memory::{Aligned, Memory};
use crate::simd::{LANES, Level};
use crate::team;
use crate::tile::{Along, Tile};

/// Approximate number of positions that a call sums over: their numbers stay in a core's first-level cache between
/// calls.
const PLACES: usize = 128;

impl ConvShape {
    /// The gradient [outputs, c / groups, kh, kw] of the weight, for x [n, c, h, w] and the output's `gradient`
    /// [n, outputs, h', w'].
    pub fn weight_gradient(&self, x: &[f32], gradient: &[f32]) -> Vec<f32> {
        self.weight_gradient_at(Level::current(), x, gradient)
    }

    pub(super) fn weight_gradient_at(&self, level: Level, x: &[f32], gradient: &[f32]) -> Vec<f32> {
        if self.is_depthwise() {
            return depthwise(self, level, x, gradient);
        }
        let [outputs, inputs, kh, kw] = self.weight;
        let groups = self.config.groups;
        if groups > 1 && (!inputs.is_multiple_of(LANES) || !(outputs / groups).is_multiple_of(LANES)) {
            // The groups are not whole blocks of channels: all pairs of channels are computed, and those within a group
            // are kept.
            let config = Conv2dConfig { groups: 1, ..self.config };
            let full = Self { weight: [outputs, inputs * groups, kh, kw], config, ..*self };
            let full = full.weight_gradient_at(level, x, gradient);
            let row = inputs * kh * kw;
            let group = |out: usize| out / (outputs / groups);
            return (0..outputs).flat_map(|out| full[(out * groups + group(out)) * row..][..row].to_vec()).collect();
        }
        let mut input = if self.input[0] <= FEW && groups == 1 {
            Map::interleaved(self.input, self.margin())
        } else {
            Map::new(self.input, self.margin())
        };
        let mut output = Map::new([outputs, self.output[0], self.output[1]], Padding::default());
        let numbers = place([&mut input, &mut output]);
        let imports = [Import::new(level, input, None), Import::new(level, output, None)];
        let mut sums = Sums::new(self, level, input, output);
        let [from, to] = [self.input.iter().product::<usize>(), self.output_dims()[1..].iter().product()];
        in_rounds(self.images, numbers, |first, count, memory| {
            let (x, gradient) = (&x[first * from..(first + count) * from], &gradient[first * to..(first + count) * to]);
            let all = Memory::new(&mut sums.sums);
            let tasks = [imports[0].tasks(count), imports[1].tasks(count), sums.tasks()];
            team::run(&tasks, |index, task| match index {
                0 => imports[0].run(task, count, memory, x),
                1 => imports[1].run(task, count, memory, gradient),
                _ => sums.add(task, count, memory, all),
            });
        });
        sums.weight(self)
    }
}

/// Contiguous numbers of the input under a row of the kernel.
struct Line {
    /// Their offset from the position under the kernel's corner.
    offset: usize,
    /// The block of channels, and the position under the kernel.
    block: usize,
    tap: [usize; 2],
}

/// The sums of all weights, and how they are divided into tasks.
struct Sums {
    /// [groups][lines][blocks][numbers of a line][16].
    sums: Aligned,
    input: Map,
    output: Map,
    /// Stride between outputs in the input.
    step: [usize; 2],
    /// Distance of the kernel's corner before the input's first position.
    corner: usize,
    groups: usize,
    lines: Vec<Line>,
    /// Contiguous positions in a line.
    together: usize,
    /// The tiling of one group's output blocks; the "width" is that of a line.
    tiling: Tiling,
    /// Output blocks per group.
    blocks: usize,
    /// Rows that are summed in one call, or columns, if a row is long.
    rows: usize,
    columns: usize,
    /// Offsets of the rows of a call.
    segments: Vec<usize>,
}

impl Sums {
    fn new(shape: &ConvShape, level: Level, mut input: Map, mut output: Map) -> Self {
        let Conv2dConfig { stride, dilation, padding, groups } = shape.config;
        let [kh, kw] = shape.kernel();
        if [kh, kw] == [1, 1] && stride == [1, 1] && input.is_dense() {
            (input, output) = (input.flat(), output.flat());
        }
        let together = if dilation[1] == 1 { kw } else { 1 };
        let mut lines = Vec::new();
        for block in 0..shape.weight[1].div_ceil(input.lanes) {
            for y in 0..kh {
                for x in (0..kw).step_by(together) {
                    let offset = y * dilation[0] * input.row() + x * dilation[1] * input.lanes;
                    lines.push(Line { offset: block * input.plane() + offset, block, tap: [y, x] });
                }
            }
        }
        let blocks = (shape.weight[0] / groups).div_ceil(LANES);
        let width = together * input.lanes;
        let tiling = Tiling::along(level, Along::Places, width, blocks, 0);
        let columns = output.width.div_ceil(output.width.div_ceil(2 * PLACES).max(1)).max(1);
        let rows = if columns < output.width { 1 } else { (PLACES / columns).clamp(1, output.height.max(1)) };
        Self {
            sums: Aligned::zeros(groups * lines.len() * blocks * width * LANES),
            input,
            output,
            step: [stride[0] * input.row(), stride[1] * input.lanes],
            corner: padding.top * input.row() + padding.left * input.lanes,
            groups,
            lines,
            together,
            tiling,
            blocks,
            rows,
            columns,
            segments: (0..rows).map(|row| row * stride[0] * input.row()).collect(),
        }
    }

    fn width(&self) -> usize {
        self.together * self.input.lanes
    }

    fn tasks(&self) -> usize {
        self.groups * self.lines.len() * self.tiling.groups().len()
    }

    /// Adds the contribution of these images to the sums of one line and a few blocks.
    fn add(&self, task: usize, images: usize, memory: Memory, sums: Memory) {
        let parts = self.tiling.groups();
        let (part, task) = (&parts[task % parts.len()], task / parts.len());
        let (line, group) = (&self.lines[task % self.lines.len()], task / self.lines.len());
        let (width, output) = (self.width(), &self.output);
        let sum = (task * self.blocks + part.first) * width * LANES;
        let first_input = group * self.lines.last().map_or(0, |last| last.block + 1);
        let first_output = group * self.blocks + part.first;
        for image in 0..images {
            let corner = self.input.at(images, image, first_input, [0, 0]) + line.offset - self.corner;
            for y in (0..output.height).step_by(self.rows) {
                let rows = self.rows.min(output.height - y);
                for x in (0..output.width).step_by(self.columns) {
                    let columns = self.columns.min(output.width - x);
                    let from = corner + y * self.step[0] + x * self.step[1];
                    let gradient = output.at(images, image, first_output, [y, x]);
                    for piece in &part.pieces {
                        let tile = Tile {
                            input: memory.at(from + piece.first, 1),
                            input_step: self.step[1],
                            segments: self.segments.as_ptr(),
                            segment_count: rows,
                            segment_length: columns,
                            weight: memory.at(gradient, 1),
                            weight_step: output.plane(),
                            bias: std::ptr::null(),
                            output: sums.at(sum + piece.first * LANES, 1),
                            output_step: LANES,
                            output_block: width * LANES,
                            residual: std::ptr::null(),
                            residual_step: 0,
                            residual_block: 0,
                            accumulate: true,
                            activation: Activation::NONE,
                        };
                        // SAFETY: the input's margin covers everything that the kernel reads; the gradient's rows are
                        // contiguous, as it has no margin; only this task writes these sums.
                        unsafe { (piece.kernel)(&tile) };
                    }
                }
            }
        }
    }

    /// The sums in the weight's layout.
    fn weight(&self, shape: &ConvShape) -> Vec<f32> {
        let [outputs, inputs, kh, kw] = shape.weight;
        let (width, lanes) = (self.width(), self.input.lanes);
        let per_group = outputs / self.groups;
        let mut weight = vec![0.0; outputs * inputs * kh * kw];
        weight.par_chunks_exact_mut(inputs * kh * kw).enumerate().for_each(|(out, row)| {
            let (group, out) = (out / per_group, out % per_group);
            for (index, line) in self.lines.iter().enumerate() {
                let first =
                    ((group * self.lines.len() + index) * self.blocks + out / LANES) * width * LANES + out % LANES;
                let numbers = self.sums[first..].iter().step_by(LANES).take(width);
                for (number, place) in numbers.zip(0..) {
                    let (x, channel) = (line.tap[1] + place / lanes, line.block * lanes + place % lanes);
                    if channel < inputs {
                        row[(channel * kh + line.tap[0]) * kw + x] = *number;
                    }
                }
            }
        });
        weight
    }
}
