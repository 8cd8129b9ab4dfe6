//! The fully connected layer: rows times a packed weight.
//!
//! A single image costs one read of the weight; several images share the cached part.

use std::sync::Arc;

use crate::activation::Activation;
use crate::import::RowSpan;
use crate::memory::{Aligned, Memory};
use crate::simd::{LANES, Level};
use crate::tile::Tile;

/// Length of the part of a row that is multiplied at a time: with a group's weight it fits the second-level cache.
const DEPTH: usize = 1024;

/// A compiled fully connected layer.
pub(crate) struct Dense {
    level: Level,
    input: RowSpan,
    output: RowSpan,
    /// [blocks][inputs][16].
    weight: Arc<Aligned>,
    bias: Aligned,
    activation: Activation,
}

impl Dense {
    /// [outputs, inputs] -> [blocks][inputs][16]
    pub(crate) fn pack([outputs, inputs]: [usize; 2], weight: &[f32]) -> Aligned {
        let mut packed = Aligned::zeros(outputs.div_ceil(LANES) * inputs * LANES);
        for (out, row) in weight.chunks_exact(inputs.max(1)).enumerate() {
            let block = &mut packed[out / LANES * inputs * LANES..][..inputs * LANES];
            for (line, number) in block.chunks_exact_mut(LANES).zip(row) {
                line[out % LANES] = *number;
            }
        }
        packed
    }

    /// A weight of [`pack`](Self::pack); `bias` [outputs] or empty.
    pub(crate) fn new(
        level: Level,
        input: RowSpan,
        output: RowSpan,
        weight: Arc<Aligned>,
        bias: &[f32],
        activation: Activation,
    ) -> Self {
        let mut padded = Aligned::zeros(output.length.div_ceil(LANES) * LANES);
        padded[..bias.len()].copy_from_slice(bias);
        Self { level, input, output, weight, bias: padded, activation }
    }

    fn blocks(&self) -> usize {
        self.output.length.div_ceil(LANES)
    }

    /// Blocks per task.
    fn together(&self) -> usize {
        if self.level.tile(1, 2).is_some() { 2 } else { 1 }
    }

    pub(crate) fn tasks(&self, _: usize) -> usize {
        self.blocks().div_ceil(self.together())
    }

    pub(crate) fn run(&self, task: usize, images: usize, memory: Memory) {
        let first = task * self.together();
        let blocks = self.together().min(self.blocks() - first);
        let inputs = self.input.length;
        let widest = (1..=LANES).take_while(|places| self.level.tile(*places, blocks).is_some()).last().unwrap_or(1);
        for start in (0..inputs).step_by(DEPTH) {
            let depth = DEPTH.min(inputs - start);
            let last = start + depth == inputs;
            for row in (0..images).step_by(widest) {
                let rows = widest.min(images - row);
                let Some(kernel) = self.level.tile(rows, blocks) else { continue };
                let output = self.output.at(images, row) + first * LANES;
                let tile = Tile {
                    input: memory.at(self.input.at(images, row) + start, (rows - 1) * self.input.step() + depth),
                    input_step: self.input.step(),
                    segments: &0,
                    segment_count: 1,
                    segment_length: depth,
                    weight: self.weight[(first * inputs + start) * LANES..].as_ptr(),
                    weight_step: inputs * LANES,
                    bias: self.bias[first * LANES..(first + blocks) * LANES].as_ptr(),
                    output: memory.at(output, (rows - 1) * self.output.step() + blocks * LANES),
                    output_step: self.output.step(),
                    output_block: LANES,
                    residual: std::ptr::null(),
                    residual_step: 0,
                    residual_block: 0,
                    accumulate: start > 0,
                    activation: if last { self.activation } else { Activation::NONE },
                };
                // SAFETY: the rows were checked to be within the memory; only this task writes these blocks.
                unsafe { kernel(&tile) };
            }
        }
    }
}
