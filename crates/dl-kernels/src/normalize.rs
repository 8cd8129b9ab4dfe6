//! Local response normalization, and the softmax of rows.

use crate::across::softmax;
use crate::import::RowSpan;
use crate::map::Map;
use crate::memory::{Memory, with_scratch};
use crate::simd::LANES;

/// Local response normalization: each number over (k + alpha times the mean of the squares around)^beta.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalResponse {
    /// Which numbers are around.
    pub neighbors: Neighbors,
    /// How many, along each axis.
    pub size: usize,
    /// Factor on the mean of their squares.
    pub alpha: f32,
    /// Exponent.
    pub beta: f32,
    /// Added to it.
    pub k: f32,
}

/// The numbers that a local response normalization sums over. Those outside of the map are zeros, and count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neighbors {
    /// The same position of neighboring channels (Krizhevsky et al. 2012, section 3.3; torch's).
    Channels,
    /// A square of positions of the same channel: Caffe's `WITHIN_CHANNEL`.
    Positions,
}

/// The compiled normalization.
pub(crate) struct Lrn {
    pub(crate) config: LocalResponse,
    pub(crate) input: Map,
    pub(crate) output: Map,
}

impl Lrn {
    pub(crate) fn tasks(&self, images: usize) -> usize {
        images * self.input.height
    }

    pub(crate) fn run(&self, task: usize, images: usize, memory: Memory) {
        match self.config.neighbors {
            Neighbors::Channels => with_scratch(self.input.channels, |place| self.row(task, images, memory, place)),
            Neighbors::Positions => {
                let columns = self.input.width * LANES;
                with_scratch(columns, |sums| self.row_of_positions(task, images, memory, sums));
            }
        }
    }

    /// Computes one row of an image from squares of positions; `sums` is scratch memory for a row of a block.
    fn row_of_positions(&self, task: usize, images: usize, memory: Memory, sums: &mut [f32]) {
        let LocalResponse { size, alpha, beta, k, .. } = self.config;
        let (y, image) = (task % self.input.height, task / self.input.height);
        let factor = alpha / (size * size) as f32;
        let around = |at: usize, end: usize| at.saturating_sub(size / 2)..(at + size.div_ceil(2)).min(end);
        // One position of a block; the lanes without channels are zeros and stay so.
        let read = |block: usize, [y, x]: [usize; 2]| {
            let at = self.input.at(images, image, block, [y, x]);
            let mut lanes = [0.0_f32; LANES];
            // SAFETY: `at` checks the bounds; no task writes the input concurrently.
            let there = unsafe { std::slice::from_raw_parts(memory.at(at, self.input.lanes), self.input.lanes) };
            lanes[..self.input.lanes].copy_from_slice(there);
            lanes
        };
        for block in 0..self.output.blocks() {
            // The squares of a column of positions, which its neighbors share.
            for (x, sums) in sums.chunks_exact_mut(LANES).enumerate() {
                sums.fill(0.0);
                for y in around(y, self.input.height) {
                    sums.iter_mut().zip(read(block, [y, x])).for_each(|(sum, number)| *sum += number * number);
                }
            }
            for x in 0..self.input.width {
                let mut total = [0.0_f32; LANES];
                for x in around(x, self.input.width) {
                    total.iter_mut().zip(&sums[x * LANES..][..LANES]).for_each(|(total, sum)| *total += sum);
                }
                let numbers = read(block, [y, x]);
                let at = self.output.at(images, image, block, [y, x]);
                // SAFETY: `at` checks the bounds; only this task writes this row.
                let output = unsafe { std::slice::from_raw_parts_mut(memory.at(at, LANES), LANES) };
                for ((output, number), total) in output.iter_mut().zip(numbers).zip(total) {
                    *output = number / power(k + factor * total, beta);
                }
            }
            self.output.zero_margin(memory, images, image, block, y..y + 1);
        }
    }

    /// Computes one row of an image; `place` is scratch memory for the channels of a position.
    fn row(&self, task: usize, images: usize, memory: Memory, place: &mut [f32]) {
        let LocalResponse { size, alpha, beta, k, .. } = self.config;
        let (y, image) = (task % self.input.height, task / self.input.height);
        let channels = self.input.channels;
        for x in 0..self.input.width {
            for (channel, number) in place.iter_mut().enumerate() {
                let at = self.input.at(images, image, channel / LANES, [y, x]) + channel % LANES;
                // SAFETY: `at` checks the bounds; no task writes the input concurrently.
                *number = unsafe { *memory.at(at, 1) };
            }
            for channel in 0..channels {
                let window = channel.saturating_sub(size / 2)..(channel + size.div_ceil(2)).min(channels);
                let squares: f32 = place[window].iter().map(|number| number * number).sum();
                let at = self.output.at(images, image, channel / LANES, [y, x]) + channel % LANES;
                // SAFETY: `at` checks the bounds; only this task writes this row.
                unsafe { *memory.at(at, 1) = place[channel] / (k + alpha / size as f32 * squares).powf(beta) };
            }
            for channel in channels..self.output.blocks() * LANES {
                let at = self.output.at(images, image, channel / LANES, [y, x]) + channel % LANES;
                // SAFETY: as above.
                unsafe { *memory.at(at, 1) = 0.0 };
            }
        }
        for block in 0..self.output.blocks() {
            self.output.zero_margin(memory, images, image, block, y..y + 1);
        }
    }
}

/// x^exponent; the exponent in all networks by two square roots, which are many times faster.
fn power(x: f32, exponent: f32) -> f32 {
    if exponent == 0.75 {
        let root = x.sqrt();
        return root * root.sqrt();
    }
    x.powf(exponent)
}

/// The compiled softmax of each row.
pub(crate) struct Softmax {
    pub(crate) input: RowSpan,
    pub(crate) output: RowSpan,
}

impl Softmax {
    pub(crate) fn tasks(&self, images: usize) -> usize {
        images
    }

    pub(crate) fn run(&self, task: usize, images: usize, memory: Memory) {
        let length = self.input.length;
        let (from, to) = (self.input.at(images, task), self.output.at(images, task));
        // SAFETY: `at` checks the bounds; only this task accesses the rows of this image, and input and output differ.
        let (from, to) = unsafe {
            let from = std::slice::from_raw_parts(memory.at(from, length), length);
            (from, std::slice::from_raw_parts_mut(memory.at(to, length), length))
        };
        to.copy_from_slice(from);
        softmax(to);
    }
}
